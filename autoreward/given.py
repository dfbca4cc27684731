"""A person's own reward file: read as a candidate, checked as candidates are."""

import re
from pathlib import Path
from typing import get_args

from autoreward.check.practice import Practice
from autoreward.check.review import review_on
from autoreward.compose import COMPOSITIONS
from autoreward.contest import Baseline
from autoreward.errors import UsageError
from autoreward.export.folder import composition_in, program_in
from autoreward.jail.client import Jail
from autoreward.records import Candidate, Composition, Verdict
from autoreward.store.trust import demand, of_card
from autoreward.tasks import Task
from autoreward.train.workers import Workers
from autoreward.transitions import Transitions

LONGEST_NAME = 60
"""Characters of a file's name that its candidate's id has."""


def read_program(path: Path, composition: Composition | None = None) -> Candidate:
    """A person's own reward file, or the program in an exported one.

    Args:
        path: the file. Its name makes the candidate's id, which stands in ids of trainings, where `-` divides.
        composition: how its parts become one number; None leaves that to the file, and `sum` to one that says nothing.

    Raises:
        UsageError: it can't be read, or its COMPOSITION is none, or not the one that was asked for.
    """
    text = _text(path)
    said = composition_in(text)
    own = composition_named(said, f"{path}: COMPOSITION = {said!r}") if said is not None else None
    if own and composition and own != composition:
        raise UsageError(
            f"{path} says COMPOSITION = {own!r}, and --composition {composition}: leave the option out, or change the file."
        )
    name = re.sub(r"[^A-Za-z0-9_]", "_", path.stem)[:LONGEST_NAME]
    return Candidate(
        id=f"{name}_reward" if name in get_args(Baseline) else name,
        source=program_in(text),
        thought=f"given as {path.name}",
        origin="human",
        how="given",
        composition=own or composition or "sum",
    )


def composition_named(name: str, where: str) -> Composition:
    """The composition of that name. Raises UsageError, with where it was given, if there is none."""
    for known in COMPOSITIONS:
        if name == known:
            return known
    raise UsageError(f"{where}: write one of {', '.join(COMPOSITIONS)}.")


def check_file(path: Path, task: Task, trust: bool = False) -> Verdict:
    """Check a person's own reward file the way candidates are checked; `trust` it where nothing protects the machine.

    Lines in the verdict are the file's, also where the program is only a part of it.
    """
    demand(of_card(task), f"task {task.name}")
    given, text = read_program(path), _text(path)
    above = text[: text.find(given.source.rstrip("\n"))].count("\n")
    with Jail(trust) as jail, Workers(jail) as workers:

        def practise() -> Practice:
            description, files = workers.describe(task, seed=0)
            return Practice.of(task, description, Transitions.from_bytes(files["samples.npz"]))

        verdict = review_on(given, jail, practise)
    moved = (f.model_copy(update={"line": f.line + above}) if f.line else f for f in verdict.findings)
    return verdict.model_copy(update={"findings": tuple(moved)})


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}") from None
