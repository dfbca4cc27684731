"""`autoreward export RUN`."""

from pathlib import Path

import typer

from autoreward.cli.places import RUNS, find_run
from autoreward.cli.say import say

POLICY_ONNX = """\
- `policy.onnx`: the policy as one graph. In: `observation`, as the environment gives it, one row each. Out: `action`, as the
  environment takes it, the most likely one
"""
"""A line of card.md, last in its list of files."""


def command(
    run: str = typer.Argument("latest", help="A run's folder, its name, the beginning of it, or `latest`."),
    to: Path | None = typer.Option(None, "--to", help="Folder to make; TASK-reward here if not given."),
    onnx: bool = typer.Option(False, "--onnx", help="Add policy.onnx, the policy as one graph for ONNX Runtime."),
    runs: Path = RUNS,
) -> None:
    """Copy what a run leaves to be kept: reward.py, policy.zip, train.py and card.md; it needs no autoreward."""
    import shlex
    import shutil

    from autoreward.errors import UsageError, paste
    from autoreward.store.book import read_header

    folder = find_run(run, runs)
    best = folder / "best"
    if not (best / "manifest.json").is_file():
        raise UsageError(f"{folder} has nothing to keep yet; finish it with `{paste('resume', folder)}`.")
    target = to or Path(f"{read_header(folder).task.name}-reward")
    if target.exists():
        raise UsageError(f"{target} is there already; choose another folder with --to.")
    more = _onnx(folder) if onnx else {}
    shutil.copytree(best, target)
    for name, data in more.items():
        (target / name).write_bytes(data)
    card = target / "card.md"
    if more and card.is_file():
        card.write_text(card.read_text(encoding="utf-8") + POLICY_ONNX, encoding="utf-8")
    say(f"written  {target}: {', '.join(sorted(p.name for p in target.iterdir()))}")
    say(f"use      pip install {shlex.quote(install_path(target))}, then: from reward import AutoReward")


def _onnx(folder: Path) -> dict[str, bytes]:
    from autoreward.session import onnx_policy

    return onnx_policy(folder)


def install_path(target: Path) -> str:
    """The folder as pip knows that it is one, and not the name of a package."""
    return str(target) if target.is_absolute() else f"./{target}"
