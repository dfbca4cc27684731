"""`autoreward export RUN`."""

from pathlib import Path

import typer

from autoreward.cli.options import AS_JSON, NAMED_RUN, RUNS, find_run
from autoreward.cli.say import say, say_line
from autoreward.cli.trust import TRUST, settle_run

POLICY_ONNX = """\
- `policy.onnx`: the policy as one graph. In: `observation`, as `make()` of reward.py gives it, one row each. Out: `action`, as the
  environment takes it, the most likely one
"""
"""A line of card.md, last in its list of files."""


def command(
    run: str = NAMED_RUN,
    to: Path | None = typer.Option(None, "--to", help="Folder to make; TASK-reward here if not given."),
    second: bool = typer.Option(
        False, "--second", help="Take second/: the other program, where the confirmation contests the search."
    ),
    onnx: bool = typer.Option(False, "--onnx", help="Add policy.onnx, the policy as one graph for ONNX Runtime."),
    runs: Path = RUNS,
    trust: bool = TRUST,
    as_json: bool = AS_JSON,
) -> None:
    """Copy what a run leaves to be kept: reward.py, policy.zip, train.py and card.md; it needs no autoreward."""
    import shlex

    from autoreward.errors import UsageError
    from autoreward.session.export import is_as_made, take
    from autoreward.store.header import read_header

    folder = find_run(run, runs)
    task = read_header(folder).task
    within = "second" if second else "best"
    if onnx or not is_as_made(folder, within):
        settle_run(folder, trust)
    files, anew = take(folder, within)
    target = to or Path(f"{task.name}-reward{'-second' * second}")
    if target.exists():
        raise UsageError(f"{target} is there already; choose another folder with --to.")
    if onnx:
        files |= _onnx(folder, within)
        if "card.md" in files:
            files["card.md"] += POLICY_ONNX.encode()
    write_whole(files, target)
    if as_json:
        say_line("Exported", {"run": str(folder), "folder": str(target), "files": sorted(files), "anew": anew})
        return
    if anew:
        say(f"{folder} was not made on this machine, or was changed: all of this is made anew from its records.")
    say(f"written  {target}: {', '.join(sorted(files))}")
    if "reward.py" in files:
        say(f"use      pip install {shlex.quote(install_path(target))}, then: from reward import AutoReward")
    else:  # the environment's own reward, or none, is no program
        load = f"{task.train.algorithm}.load({str(target / 'policy.zip')!r})"
        say(f"use      {load} of {task.train.spec.package}, on observations normalised by vecnormalize.pkl")


def write_whole(files: dict[str, bytes], target: Path) -> None:
    """Make a folder with these files, or none at all. Raises UsageError."""
    import tempfile

    from autoreward.errors import UsageError

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as beside:
            folder = Path(beside) / target.name
            folder.mkdir()
            for name, data in files.items():
                (folder / name).write_bytes(data)
            folder.rename(target)
    except OSError as error:
        raise UsageError(f"{target} can't be written: {error.strerror}. Choose another folder with --to.") from None


def _onnx(folder: Path, within: str) -> dict[str, bytes]:
    from autoreward.session.run import onnx_policy

    return onnx_policy(folder, within)


def install_path(target: Path) -> str:
    """The folder as pip knows that it is one, and not the name of a package."""
    return str(target) if target.is_absolute() else f"./{target}"
