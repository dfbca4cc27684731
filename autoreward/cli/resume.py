"""`autoreward resume RUN`."""

from pathlib import Path

import typer

from autoreward.cli.places import RUNS, TENSORBOARD, find_run
from autoreward.cli.watch import watch


def command(
    run: str = typer.Argument(help="A run's folder, its name, the beginning of it, or `latest`."),
    runs: Path = RUNS,
    tensorboard: Path | None = TENSORBOARD,
    as_json: bool = typer.Option(False, "--json", help="Tell what happens as JSON lines."),
) -> None:
    """Go on with a run that was stopped; nothing finished is done again."""
    from autoreward.session import resume

    folder = find_run(run, runs)
    watch(lambda tell: resume(folder, tell, tensorboard), as_json, lambda: folder)
