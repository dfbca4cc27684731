"""Task cards as files: `envs/<name>/task.toml` -> Task. Reading a card never imports environment code."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from autoreward.core.resources import plain_text
from autoreward.core.wording import Command, did_you_mean
from autoreward.errors import TaskError, shortened
from autoreward.tasks.card import STATE_PROGRAM, Task, is_script_file


def read_state_program(card: Path, name: str = STATE_PROGRAM) -> str:
    """The text of a card's state program; empty if none is named and there is no state.py. Raises TaskError."""
    return _beside(card, "observe", name, needed=name != STATE_PROGRAM)


def _beside(card: Path, key: str, name: str, needed: bool = True) -> str:
    """The text of a program that a card names; empty where none is there and none is `needed`. Raises TaskError."""
    path = card.parent / name
    try:
        if not needed and not path.exists():
            return ""
        near = Path(name).suffix == ".py" and not Path(name).is_absolute()
        if not near or card.parent.resolve().parent not in path.resolve().parents:
            raise ValueError("it must be a .py file in the card's folder or in one beside it")
        return plain_text(path)
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise TaskError(f"{shortened(card)}: {key} = {shortened(repr(name))} can't be read: {why}.") from None


def placeholder_task(env: str, kwargs: Mapping[str, Any], name: str, program: str = "") -> Task:
    """A task that names an environment and nothing else, to look at it with."""
    return validated_task(
        {
            "name": name,
            "env": env,
            "kwargs": dict(kwargs),
            "goal": "see what it is",
            "state": {"observation": {"source": "obs", "about": "all of it"}},
            "action": {},
            "success": {"when": "terminated"},
            "train": {"algorithm": "PPO", "steps": 1},
            "state_program": program,
        },
        f"environment {shortened(env)!r}",
    )


def validated_task(values: Mapping[str, Any], where: str) -> Task:
    """The task of such values. Raises TaskError, naming `where`, if they are none."""
    try:
        return Task.model_validate(values)
    except ValidationError as error:
        raise TaskError(f"{where}: {_first_wrong(error)}") from None


def read_task(path: Path) -> Task:
    """Read and check one task.toml.

    Raises:
        TaskError: the file is missing or malformed, has an unknown or missing key, or a formula that names nothing.
    """
    try:
        text = plain_text(path)
    except FileNotFoundError:
        raise TaskError(f"{path}: no such task file.") from None
    except OSError as error:
        raise TaskError(f"{shortened(path)} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise TaskError(f"{shortened(path)} can't be read: {error}.") from None
    return parse_task(text, path)


def parse_task(text: str, path: Path) -> Task:
    """The task that a card's text says, as if it stood at `path`. Raises TaskError."""
    try:
        data = tomllib.loads(text)
    except ValueError as error:  # a number of too many digits is one too
        raise TaskError(f"{path}: {error}.") from None
    except RecursionError:
        raise TaskError(f"{path}: it is nested too deeply.") from None
    if taken := {"name", "state_program", "script_program"} & data.keys():
        raise TaskError(f"{path}: unknown key {min(taken)!r}; see envs/README.md for the keys of a task card.")
    task = validated_task({**data, "name": path.absolute().parent.name}, str(path))
    try:
        process = task.process.seen_from(path.parent)
    except TaskError as error:
        raise TaskError(f"{path}: {error}") from None
    programs = {
        "state_program": read_state_program(path, task.observe),
        "script_program": _beside(path, "script", task.script) if is_script_file(task.script) else "",
    }
    return task.model_copy(update={**programs, "process": process})


def task_names(folders: tuple[Path, ...]) -> dict[str, Path]:
    """All tasks found in the folders, name -> task.toml; earlier folders win."""
    cards: dict[str, Path] = {}
    for folder in folders:
        for card in sorted(folder.glob("*/task.toml")):
            cards.setdefault(card.parent.name, card)
    return cards


def find_task(name: str, folders: tuple[Path, ...]) -> Task:
    """The task of that name, or at that path (a task.toml or its folder). Raises TaskError as `find_card` and `read_task`."""
    return read_task(find_card(name, folders))


OWN_CARDS = Path("envs")
"""Where cards are written if no folder is named."""


def find_card(name: str, folders: tuple[Path, ...]) -> Path:
    """The task.toml of that name, or at that path (itself or its folder).

    Raises:
        TaskError: there is none; the message names the nearest one.
    """
    path = Path(name)
    try:
        card = path if path.name == "task.toml" else path / "task.toml"
        if path.name == "task.toml" or card.is_file():
            return card.resolve()
    except OSError as error:
        raise TaskError(f"task {shortened(name)} can't be read: {error.strerror}.") from None
    names = task_names(folders)
    if name in names:
        return names[name]
    if path.suffix == ".toml":
        there = "a card is FOLDER/task.toml, and its folder's name is the task's; move it there, and name the folder"
        raise TaskError(f"{shortened(name)}: {there if path.is_file() else 'no such task file'}.")
    own = OWN_CARDS / path
    if path.name == name and (own / "task.toml").is_file():
        raise TaskError(f"There is no task {name!r} among those that come along; you have one: write `{own}`.")
    raise TaskError(
        f"There is no task {name!r}.{did_you_mean(name, names)} `", Command("tasks"), f"` lists all {len(names)}."
    )


def place_of(name: str, folders: tuple[Path, ...], shipped: Path) -> str:
    """How a task that `find_task` finds so is named from anywhere: empty if its name says it, else the path of its folder."""
    path = Path(name)
    card = path if path.name == "task.toml" else path / "task.toml"
    found = card if path.name == "task.toml" or card.is_file() else task_names(folders)[name]
    return "" if found.resolve().parent.parent == shipped.resolve() else str(found.parent)


def _first_wrong(error: ValidationError) -> str:
    """The first thing wrong with a card, in one sentence."""
    problem = error.errors(include_url=False)[0]
    steps = [str(part)[:60] for part in problem["loc"] if part not in ("[key]", "function-before[_value()]")]
    place = ".".join(
        step if (step.isascii() and step.isidentifier()) or step.isdigit() else repr(step) for step in steps
    )
    if problem["type"] == "extra_forbidden":
        return f"unknown key {'.'.join(steps)!r}; see envs/README.md for the keys of a task card."
    if problem["type"] == "missing":
        return f"the key {'.'.join(steps)!r} is missing."
    message = problem["msg"].removeprefix("Value error, ").rstrip(".")
    end = "" if message.endswith("?") else "."
    return f"{place}: {message[0].lower()}{message[1:]}{end}" if place else f"{message}{end}"
