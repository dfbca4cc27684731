"""The options that commands share, and where runs and tasks are by them."""

import difflib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from autoreward.cli.completion import complete_runs
from autoreward.core.wording import Command, Setting
from autoreward.errors import UsageError, shortened

KWARGS = typer.Option("{}", "--kwargs", help='Arguments for gymnasium.make as JSON: \'{"env_name": "reach-v3"}\'.')
ALLOWING = typer.Option(
    [],
    "--allow",
    help="What the environment may do beyond computing: programs, network, read=PATH, write=PATH; may be repeated.",
)
NAMED_RUN = typer.Argument(
    "latest", help="A run's folder, its name, the beginning of it, or `latest`.", autocompletion=complete_runs
)
RUNS = typer.Option(Path("runs"), "--runs", envvar="AUTOREWARD_RUNS", help="Folder of run folders.")
EnvsOption = typer.Option(None, "--envs", help="A folder with tasks of your own; they win over shipped ones.")

TENSORBOARD = typer.Option(
    None, "--tensorboard", help="Folder to write each training's curves to, for TensorBoard; remembered on resume."
)

NAME = typer.Option(None, help="Name of the run folder; made from date and task if not given.")
JSON = typer.Option(False, "--json", help="Tell what happens as JSON lines.")
AS_JSON = typer.Option(False, "--json", help="As JSON lines.")


def arguments(kwargs: str) -> dict[str, Any]:
    """What is written for `--kwargs`. Raises UsageError."""
    try:
        given: Any = json.loads(kwargs)
    except ValueError as error:
        raise UsageError(f"--kwargs {kwargs}: not JSON ({error}).") from None
    if not isinstance(given, dict):
        raise UsageError(f"--kwargs {kwargs}: write a JSON object.")
    return given


def dollars(text: str | float) -> float:
    """What is written for `--max-cost`; infinity for `none`, see `limit`."""
    if str(text) == "none":
        return math.inf
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text}: write dollars, or none.") from None


def steps_or_auto(text: str | int) -> int | str:
    """What is written for `--steps`."""
    if str(text) == "auto":
        return "auto"
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text}: write a number of environment steps, or auto.") from None


def max_cost_option(
    default: float | None, help: str = "Most that model calls may cost, in dollars; none: no limit."
) -> Any:
    """`--max-cost`: a number of dollars, or `none`; see `limit`."""
    return typer.Option(default, parser=dollars, metavar="<dollars|none>", help=help)


def limit(max_cost: float) -> float | None:
    """A given `--max-cost`; None: no limit."""
    return None if max_cost == math.inf else max_cost


MORE_COST = max_cost_option(
    None, "From now on, the most that all model calls of the run may cost, in dollars; none: no limit."
)
MORE_CALLS = typer.Option(None, help="From now on, the most model calls of the run.")
MORE_SILENCE = typer.Option(
    None, "--model-silence", help="From now on, the longest that a model may say nothing, in seconds."
)
MORE_TIME = typer.Option(None, "--model-timeout", help="From now on, the longest that one answer may take, in seconds.")


def raised(max_cost: float | None, **others: float | None) -> dict[str, float | None]:
    """The limits that were given, by name."""
    given: dict[str, float | None] = {} if max_cost is None else {"max_cost": limit(max_cost)}
    return given | {name: value for name, value in others.items() if value is not None}


def task_folders(envs: Path | None) -> tuple[Path, ...]:
    """The person's folder first, then the shipped tasks. Raises UsageError if the given folder does not exist."""
    from autoreward.core.resources import envs_folder

    with reading(f"--envs {envs}"):
        if envs is not None and not envs.is_dir():
            raise UsageError(f"--envs {envs}: there is no such folder.")
    return (envs, envs_folder()) if envs else (envs_folder(),)


def file_bytes(what: str, path: Path, longest: int = 1 << 20) -> bytes:
    """What is in a file that a person named by an option. Raises UsageError."""
    from autoreward.core.resources import plain_bytes

    try:
        return plain_bytes(path, longest)
    except OSError as error:
        raise UsageError(f"{what} {path} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"{what} {path} can't be read: {error}.") from None


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Where a place that a person named is looked at. Raises UsageError if that can't be done."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{shortened(what)} can't be read: {error.strerror}.") from None


def find_run(name: str, runs: Path) -> Path:
    """A run by path, by name, by a unique beginning of its name, or `latest`. Raises UsageError naming the nearest."""
    from autoreward.store.files import is_run, run_folders

    with reading(f"run {name}"):
        if is_run(Path(name)):
            return Path(name)
    with reading(f"--runs {runs}"):
        known = run_folders(runs)
    if not known:
        raise UsageError(
            f"There are no runs in {runs}; start one with `",
            Command("run", ("TASK",)),
            "`, or name another ",
            Setting("runs"),
            " folder.",
        )
    if name == "latest":
        return known[-1]
    matching = [p for p in known if p.name == name] or [p for p in known if p.name.startswith(name)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UsageError(
            f"{shortened(name)!r} could be {', '.join(shortened(p.name) for p in matching[:4])}; write more of it."
        )
    close = difflib.get_close_matches(name, [p.name for p in known], n=1, cutoff=0.3)
    other = f"The nearest is {close[0]!r}" if close else f"The latest is {known[-1].name!r}"
    raise UsageError(f"There is no run {shortened(name)!r} in {runs}. {other}.")
