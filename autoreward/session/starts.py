"""The rewards of a person's own that a search is told to start from: read, and looked at before anything is begun."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoreward.checks.review import gated
from autoreward.checks.samples import written_constants
from autoreward.config import RunConfig
from autoreward.core.contract import NATIVE_REWARD
from autoreward.core.wording import Setting
from autoreward.errors import UsageError
from autoreward.records import Candidate
from autoreward.report.rerun import start_file
from autoreward.rewards.gate.slips import Known
from autoreward.search.confirm import NATIVE, demand_sound
from autoreward.session.reward_file import read_program
from autoreward.session.single_transitions import as_programs
from autoreward.tasks.card import Task
from autoreward.tasks.native import USES_NATIVE

_PAYS_NATIVE = f'''ROLES = {{"native": "main"}}


def compute_reward(state, action, next_state, memory):
    """What the environment itself pays for the step."""
    return {{"native": next_state.{NATIVE_REWARD}}}
'''
_OF_A_SEARCH = re.compile(r"r[0-9]+(c[0-9]+|w)")
"""What the search calls its own programs."""


def read_starts(files: Sequence[str | Path], task: Task, trust: bool = False) -> dict[str, tuple[Candidate, ...]]:
    """The setting that starts a search from these files; none without one.

    One that was written for single transitions is made a program here, which takes the environment and a lock: `trust` the person's
    where nothing locks it in.

    `native` among them is no file, but the environment's own reward; a file of that name is `./native`.

    Raises:
        UsageError: one can't be read, or can't be made a program; or two have the same name; or the card does not hand the
            environment's own reward to programs.
        NotTrusted, TaskError, JailError: for such a one the environment can't be made, or nothing locks it in.
    """
    starts = tuple(_native(task) if file == NATIVE else _named(read_program(Path(file))) for file in files)
    ids = [c.id for c in starts]
    if twice := next((name for name in ids if ids.count(name) > 1), ""):
        raise UsageError(
            f"Two files to start from are both called {twice!r}, which is what results are told by; rename one."
        )
    return {"start": as_programs(starts, task, trust)} if starts else {}


def demand_allowed(config: RunConfig, task: Task) -> None:
    """What can be said of them without running them. Raises UsageError for one that the gate refuses."""
    known = Known.of(tuple(task.state), tuple(task.action), written_constants(task))
    for candidate in config.start:
        demand_sound(candidate, task, gated(candidate, known))


def start_files(config: RunConfig) -> Mapping[str, bytes]:
    """What a run keeps of them, so that another can start from the same."""
    return {start_file(c): _stated(c).encode() for c in config.start}


def _native(task: Task) -> Candidate:
    """A program that pays what the environment does. Raises UsageError where the card does not hand it that."""
    if not task.uses_native:
        raise UsageError(
            Setting("start", NATIVE),
            f" takes the environment's own reward, which task {task.name} does not hand to programs; write {USES_NATIVE} into its "
            "card, above the first table.",
        )
    return Candidate(
        id=NATIVE_REWARD, source=_PAYS_NATIVE, thought="the environment's own reward", origin="human", how="given"
    )


def _named(candidate: Candidate) -> Candidate:
    """The same, with an id that no program of the search can have."""
    if not _OF_A_SEARCH.fullmatch(candidate.id):
        return candidate
    return candidate.model_copy(update={"id": f"{candidate.id}_reward"})


def _stated(candidate: Candidate) -> str:
    """Its program as a file that says how its parts become one number."""
    silent = candidate.composition == "sum" or "COMPOSITION" in candidate.source
    return candidate.source if silent else f"{candidate.source.rstrip()}\n\nCOMPOSITION = {candidate.composition!r}\n"
