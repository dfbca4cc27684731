"""A person's own reward file: read as a candidate, checked as candidates are."""

import ast
import io
import re
import tokenize
from pathlib import Path
from typing import NamedTuple, get_args

from autoreward.checks.review import review_on
from autoreward.checks.samples import Practice, task_setup, written_constants
from autoreward.config import RunConfig
from autoreward.core.resources import exact_text
from autoreward.core.transitions import Transitions
from autoreward.core.wording import Phrase, Setting
from autoreward.errors import ConfigError, UsageError, shortened
from autoreward.export.build import PROGRAM
from autoreward.records import SAMPLES, Candidate, CompositionName, Finding, Verdict
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.rewards.gate.slips import Known
from autoreward.rewards.gate.text import plain
from autoreward.sandbox.jail import Jail
from autoreward.search.confirm import Baseline
from autoreward.session.single_transitions import as_programs, converted
from autoreward.settings import MOST_SEEDS
from autoreward.store.trust import demand, of_card
from autoreward.tasks.card import Task
from autoreward.training.workers import Workers

LONGEST_NAME = 60
"""Characters of a file's name that its candidate's id has."""


def read_program(path: Path, composition: CompositionName | None = None) -> Candidate:
    """A person's own reward file, or the program of an exported one.

    Args:
        path: the file. Its name makes the candidate's id, which stands in ids of trainings, where `-` divides.
        composition: how its parts become one number; None leaves that to the file, and `sum` to one that says nothing.

    Raises:
        UsageError: it can't be read, or its COMPOSITION is none, or not the one that was asked for.
    """
    given = _read(path)
    stated = given.composition
    own = composition_named(stated, f"{path}: COMPOSITION = {stated!r}") if stated is not None else None
    if own and composition and own != composition:
        raise UsageError(
            f"{path} says COMPOSITION = {own!r}, not ",
            Setting("composition", composition),
            ": leave that out, or change the file.",
        )
    name = re.sub(r"[^A-Za-z0-9_]", "_", path.stem)[:LONGEST_NAME]
    return Candidate(
        id=f"{name}_reward" if name in get_args(Baseline) else name,
        source=given.source,
        thought=f"given as {path.name}",
        origin="human",
        how="given",
        composition=own or composition or "sum",
    )


def given_settings(
    reward: str, seeds: int, task: Task, composition: str | None = None, trust: bool = False
) -> dict[str, object]:
    """Settings of a run that trains a file's program, or a baseline by its name, on so many seeds; see `given_reward`."""
    return {"given": given_reward(reward, task, composition, trust), "confirm_seeds": demanded_seeds(seeds)}


def demanded_seeds(seeds: int) -> int:
    """A number of training seeds. Raises ConfigError if it can't be."""
    if not 1 <= seeds <= MOST_SEEDS:
        raise ConfigError(Setting("seeds", seeds), f": write a number from 1 to {MOST_SEEDS}.")
    return seeds


def given_reward(reward: str, task: Task, composition: str | None = None, trust: bool = False) -> Candidate | Baseline:
    """A file's program, or a baseline by its name.

    One that was written for single transitions is made a program here, which takes the environment and a lock: `trust` the person's
    where nothing locks it in.

    Raises:
        UsageError: it can't be read, or can't be made a program.
        NotTrusted, TaskError, JailError: for such a one the environment can't be made, or nothing locks it in.
    """
    how = None if composition is None else composition_named(composition, Setting("composition", composition))
    for baseline in get_args(Baseline):
        if reward == baseline and composition:
            raise UsageError(f"The reward {reward} has no parts to combine; leave ", Setting("composition"), " out.")
        if reward == baseline:
            return baseline  # type: ignore[no-any-return]
    return as_programs((read_program(Path(reward), how),), task, trust)[0]


def composition_named(name: str, where: Phrase) -> CompositionName:
    """The composition of that name. Raises UsageError, with where it was given, if there is none."""
    for known in COMPOSITIONS:
        if name == known:
            return known
    raise UsageError(where, f": write one of {', '.join(COMPOSITIONS)}.")


def demand_learnable(task: Task, config: RunConfig) -> None:
    """Raises UsageError if a run's programs are to be combined in a way that learns from what the task has not."""
    how = config.given.composition if isinstance(config.given, Candidate) else config.composition
    if how == "lagrange" and (fault := COMPOSITIONS[how].fault(task_setup(task), {})):
        raise UsageError(Setting("composition", how), f": {fault}.")


def program_file(path: Path) -> Path:
    """The file that a reward file's program is in: itself, or the program.py beside an exported reward.py. Raises UsageError."""
    return _read(path).path


def check_file(path: Path, task: Task, trust: bool = False) -> Verdict:
    """Check a person's own reward file the way candidates are checked; `trust` it where nothing protects the machine.

    Lines in the verdict are those of `program_file`.
    """
    demand(of_card(task), f"task {task.name}")
    with Jail(trust) as jail, Workers(jail) as workers:
        given, alone = converted(read_program(path), task, jail, workers)

        def practise() -> Practice:
            description, files = workers.describe(task, seed=0)
            return Practice.of(task, description, Transitions.from_bytes(files[SAMPLES]))

        known = Known.of(tuple(task.state), tuple(task.action), written_constants(task))
        verdict = review_on(given, jail, practise, known)
    note = Finding(
        rule="rows", message=f"reward is asked row by row: {alone} recorded transitions are paid the same alone"
    )
    return verdict.model_copy(update={"findings": (*verdict.findings, note)}) if alone else verdict


class _Given(NamedTuple):
    """What a reward file holds."""

    path: Path
    source: str
    composition: str | None
    """What it says of it, whatever that is."""


def _read(path: Path) -> _Given:
    text = plain(_text(path))
    statements = _statements(text)
    if statements.get("PROGRAM") == PROGRAM and "class AutoReward" in statements:  # made by an export
        path = path.with_name(PROGRAM)
        text = _beside(path)  # as it was trained, to the byte
    return _Given(path, text, statements.get("COMPOSITION"))


def _statements(text: str) -> dict[str, str]:
    """What a file's module sets its names to: a text as it is, anything else as its source; and its `class NAME`s.

    Read token by token, as far as there are any: what is wrong with a file is the gate's to say, and nothing in a text counts.
    """
    statements: dict[str, str] = {}
    line: list[tokenize.TokenInfo] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
                _note(line, statements)
                line = []
            elif token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT):
                line.append(token)
    except (tokenize.TokenError, SyntaxError):
        return statements
    return statements


def _note(line: list[tokenize.TokenInfo], statements: dict[str, str]) -> None:
    """Add what one statement of the module says."""
    words = [token.string for token in line]
    if not line or line[0].start[1]:
        return
    if words[0] == "class":
        statements.setdefault(" ".join(words[:2]), "")
    elif "=" in words[1:-1] and words[1] in ("=", ":"):
        value = words[words.index("=") + 1 :]
        text = len(value) == 1 and line[-1].type == tokenize.STRING and value[0][:1] in "\"'"
        statements[words[0]] = ast.literal_eval(value[0]) if text else " ".join(value)


def _beside(path: Path) -> str:
    """The same of a file that nobody has named: one that would be waited for, such as a FIFO, is none. Raises UsageError."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} can't be read: it is no plain file.")
    return _text(path)


def _text(path: Path) -> str:
    """A file's text as it stands. Raises UsageError."""
    try:
        return exact_text(path)
    except OSError as error:
        raise UsageError(f"{shortened(path)} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"{shortened(path)} can't be read: {error}.") from None
