"""`autoreward export RUN`."""

from pathlib import Path

import typer

from autoreward.cli.places import RUNS, find_run


def command(
    run: str = typer.Argument("latest", help="A run's folder, its name, the beginning of it, or `latest`."),
    to: Path | None = typer.Option(None, "--to", help="Folder to make; TASK-reward here if not given."),
    runs: Path = RUNS,
) -> None:
    """Copy what a run leaves to be kept: reward.py, policy.zip, train.py and card.md; it needs no autoreward."""
    import shutil

    from autoreward.errors import UsageError
    from autoreward.store.book import read_header

    folder = find_run(run, runs)
    best = folder / "best"
    if not (best / "manifest.json").is_file():
        raise UsageError(f"{folder} has nothing to keep yet; finish it with `autoreward resume {folder}`.")
    target = to or Path(f"{read_header(folder).task.name}-reward")
    if target.exists():
        raise UsageError(f"{target} is there already; choose another folder with --to.")
    shutil.copytree(best, target)
    typer.echo(f"written  {target}: {', '.join(sorted(p.name for p in target.iterdir()))}")
    typer.echo(f"use      pip install {target}, then: from reward import AutoReward")
