"""Task cards: `envs/<name>/task.toml` -> Task. Reading a card never imports environment code."""

import difflib
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field as Bounded
from pydantic import ValidationError, model_validator

from autoreward.core.resources import small_text
from autoreward.errors import TaskError, shortened
from autoreward.records import Record
from autoreward.records.base import (
    Argument,
    Environment,
    Folder,
    Formula,
    Line,
    Name,
    Program,
    Prose,
    Range,
    Setting,
    Unit,
)
from autoreward.tasks.consistency import check, first_wrong
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.process import Process

STATE = "state.py"
_formula = lru_cache(1024)(Expression)
"""A formula, parsed once: by its text, since a copy of a task may say something else."""


class StateField(Record):
    """A named view of the observation."""

    source: Formula
    """A formula over `obs`, such as `obs[0]` or `obs[4:6] + obs[8:10]`."""
    about: Line
    unit: Unit = ""
    range: Range | None = None


class ActionField(Record):
    """A named view of the action, as the environment executes it (clipped to its bounds)."""

    about: Line
    source: Formula = "action"
    unit: Unit = ""
    range: Range | None = None


class Constant(Record):
    """A number the goal speaks of; designers see it by name."""

    value: float
    about: Line
    unit: Unit = ""
    field: Line = ""
    """The state field it is a value of, if it is one."""


class Success(Record):
    """When an episode counts as a success."""

    when: Formula
    within: Line = "last step"
    """`last step`, `any step`, or `last N steps`."""
    share: float = Bounded(default=1.0, gt=0.0, le=1.0)
    """Share of the window in which `when` must hold."""
    full_length: bool = False
    """The episode must also reach the time limit; a shorter one counts as a failure."""

    @property
    def window(self) -> int:
        """Steps of the window: 1 for the last step, 0 for any step."""
        words = self.within.split()
        if words == ["last", "step"]:
            return 1
        if words == ["any", "step"]:
            return 0
        if len(words) == 3 and words[0] == "last" and words[2] == "steps" and words[1].isdigit() and int(words[1]) > 0:
            return int(words[1])
        raise TaskError(f"[success] within = {self.within!r}: use 'last step', 'any step' or 'last N steps'.")


NO_RULE = Success(when="0 > 1")
"""Where a card has no [success]: no episode meets it, and people compare policies instead."""


Better = Literal["lower", "higher"]


def sign(better: Better) -> float:
    """What a metric is multiplied by so that larger is better."""
    return 1.0 if better == "higher" else -1.0


class Metric(Record):
    """What ranks two policies that both succeed."""

    value: Formula
    """`length` (steps), or a formula averaged over the success window."""
    better: Better
    unit: Unit = ""


class Train(Record):
    """Tuned settings of one full training."""

    algorithm: Literal["PPO", "SAC", "TD3", "DQN", "A2C"]
    steps: int = Bounded(gt=0, le=10**12)
    envs: int = Bounded(default=16, gt=0, le=256)
    normalize_observations: bool = True
    normalize_rewards: bool = True
    net: tuple[Annotated[int, Bounded(gt=0, le=65_536)], ...] = Bounded(default=(64, 64), max_length=16)
    hyperparameters: dict[Name, Setting] = Bounded(default_factory=dict)

    @property
    def gamma(self) -> float:
        """The discount factor; Stable-Baselines3's own where the card names none."""
        return float(self.hyperparameters.get("gamma", 0.99))


class Task(Record):
    """Everything about a task. `name` is its folder's name."""

    name: Folder
    env: Environment
    kwargs: dict[Name, Argument] = Bounded(default_factory=dict)
    max_steps: int | None = Bounded(default=None, gt=0, le=10**9)
    """Overrides the environment's time limit, in steps."""
    terminates: bool = True
    """False: episodes go on to the time limit, also where the environment would end them."""
    goal: Prose
    tier: Literal["smoke", "quick", "standard"] = "quick"
    state: dict[Name, StateField]
    action: dict[Name, ActionField]
    constants: dict[Name, Constant] = Bounded(default_factory=dict)
    success: Success = NO_RULE
    metric: Metric = Metric(value="length", better="lower")
    train: Train
    process: Process = Process()
    script: Formula = ""
    """A formula for the whole action over fields and constants: a policy that a person would write down. Its episodes join the
    recorded ones that rewards are judged by."""
    observe: Line = STATE
    """The file with the program that replaces the observation, as seen from the card's folder; cards may share one."""
    state_program: Program = ""
    """Its text, if there is one; it runs where the environment runs."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        check(self)
        return self

    @property
    def ruled(self) -> bool:
        """Whether a rule says what a success is."""
        return self.success != NO_RULE

    @property
    def success_rule(self) -> Expression:
        """The parsed condition of `[success]`."""
        return _formula(self.success.when, f"task {self.name}, [success] when")

    @property
    def metric_formula(self) -> Expression | None:
        """The parsed metric, or None for `length`."""
        if self.metric.value == "length":
            return None
        return _formula(self.metric.value, f"task {self.name}, [metric] value")

    @property
    def script_formula(self) -> Expression | None:
        """The parsed script, if there is one."""
        return _formula(self.script, f"task {self.name}, script") if self.script else None

    @property
    def state_sources(self) -> dict[str, Expression]:
        """The parsed source of each state field."""
        return {n: _formula(f.source, f"task {self.name}, [state.{n}] source") for n, f in self.state.items()}

    @property
    def action_sources(self) -> dict[str, Expression]:
        """The parsed source of each action field."""
        return {n: _formula(f.source, f"task {self.name}, [action.{n}] source") for n, f in self.action.items()}


def state_program(card: Path, name: str = STATE) -> str:
    """The text of a card's state program; empty if none is named and there is no state.py. Raises TaskError."""
    path = card.parent / name
    try:
        if name == STATE and not path.exists():
            return ""
        near = Path(name).suffix == ".py" and not Path(name).is_absolute()
        if not near or card.parent.resolve().parent not in path.resolve().parents:
            raise ValueError("it must be a .py file in the card's folder or in one beside it")
        return small_text(path)
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise TaskError(f"{shortened(card)}: observe = {shortened(repr(name))} can't be read: {why}.") from None


def blank(env: str, kwargs: Mapping[str, Any], name: str, program: str = "") -> Task:
    """A task that names an environment and nothing else, to look at it with."""
    return task_of(
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


def task_of(said: Mapping[str, Any], where: str) -> Task:
    """The task of such values. Raises TaskError, naming `where`, if they are none."""
    try:
        return Task.model_validate(said)
    except ValidationError as error:
        raise TaskError(f"{where}: {first_wrong(error)}") from None


def read_task(path: Path) -> Task:
    """Read and check one task.toml.

    Raises:
        TaskError: the file is missing or malformed, has an unknown or missing key, or a formula that names nothing.
    """
    try:
        written = small_text(path)
    except FileNotFoundError:
        raise TaskError(f"{path}: no such task file.") from None
    except OSError as error:
        raise TaskError(f"{shortened(path)} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise TaskError(f"{shortened(path)} can't be read: {error}.") from None
    return parse_task(written, path)


def parse_task(written: str, path: Path) -> Task:
    """The task that a card's text says, as if it stood at `path`. Raises TaskError."""
    try:
        data = tomllib.loads(written)
    except ValueError as error:  # a number of too many digits is one too
        raise TaskError(f"{path}: {error}.") from None
    except RecursionError:
        raise TaskError(f"{path}: it is nested too deeply.") from None
    if told := {"name", "state_program"} & data.keys():
        raise TaskError(f"{path}: unknown key {min(told)!r}; see envs/README.md for the keys of a task card.")
    task = task_of({**data, "name": path.absolute().parent.name}, str(path))
    try:
        process = task.process.seen_from(path.parent)
    except TaskError as error:
        raise TaskError(f"{path}: {error}") from None
    return task.model_copy(update={"state_program": state_program(path, task.observe), "process": process})


def task_names(folders: tuple[Path, ...]) -> dict[str, Path]:
    """All tasks found in the folders, name -> task.toml; earlier folders win."""
    found: dict[str, Path] = {}
    for folder in folders:
        for card in sorted(folder.glob("*/task.toml")):
            found.setdefault(card.parent.name, card)
    return found


def find_task(name: str, folders: tuple[Path, ...]) -> Task:
    """The task of that name, or at that path (a task.toml or its folder).

    Raises:
        TaskError: there is none; the message names the nearest one.
    """
    given = Path(name)
    try:
        card = given if given.name == "task.toml" else given / "task.toml"
        if given.name == "task.toml" or card.is_file():
            return read_task(card.resolve())
    except OSError as error:
        raise TaskError(f"task {shortened(name)} can't be read: {error.strerror}.") from None
    names = task_names(folders)
    if name in names:
        return read_task(names[name])
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise TaskError(f"There is no task {name!r}.{hint} `autoreward tasks` lists all {len(names)}.")
