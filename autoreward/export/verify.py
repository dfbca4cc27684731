"""The proof that exported files are the reward that was trained: asked about recorded transitions, they give the same numbers."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.errors import AutorewardError
from autoreward.records import Candidate, Record
from autoreward.records.base import Line
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.rewards.gate import gate
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.room import Room

ROWS = 10_000
"""Most recorded transitions that are asked about, beside the samples."""
COLUMNS = 8
_TOLERANCE = 1e-12
"""Largest difference, relative to the largest number of its kind, that still counts as equal."""
_SECONDS = 60.0
"""Longest that one answer about all of them may take, in seconds of wall clock."""
Array = NDArray[np.float64]


class Batch(NamedTuple):
    """Recorded transitions, and where they are from."""

    of: str
    transitions: Transitions
    costs: Mapping[str, Array] = MappingProxyType({})
    """Of each step under the card's limits (`limit_costs`), where a composition prices them."""


class ExportProof(Record):
    """What exported files were compared on, and how near they came."""

    rows: int
    """Recorded transitions."""
    episodes: int
    """Episodes that begin among them."""
    parts: int
    """Named parts of the reward."""
    of: tuple[Line, ...]
    """Where the transitions are from."""
    largest: float
    """Largest difference of a part or a reward; 0: equal to the bit."""


class NotEqual(AutorewardError):
    """Exported files would not give the numbers of the training."""


def replayed_episodes(episodes: Transitions) -> Transitions | None:
    """Episodes one after the other in a few columns, ROWS transitions at most; None without one.

    `episodes` has an episode in each column, with step 0 in the rows after its end.
    """
    lengths = (episodes.step > 0).sum(axis=0)
    lanes: list[list[tuple[int, int]]] = [[] for _ in range(min(COLUMNS, int((lengths > 0).sum())))]
    if not lanes:
        return None
    size = [0] * len(lanes)
    for column in np.flatnonzero(lengths):
        lane = int(np.argmin(size))
        lanes[lane] += [(t, int(column)) for t in range(lengths[column])]
        size[lane] += int(lengths[column])
    steps = min(ROWS // len(lanes), *size) if len(size) > 1 else min(ROWS, size[0])
    places = np.array([lane[:steps] for lane in lanes])
    return episodes.cut(places[:, :, 0].T, places[:, :, 1].T)


def prove(
    jail: Jail, winner: Candidate, files: Mapping[str, str], batches: Sequence[Batch], gamma: float
) -> ExportProof:
    """Hold the Python files of an export against the program that was trained, in two locked processes.

    Args:
        jail: where both run.
        winner: the program, and how its parts are combined.
        files: the files' texts, by name.
        batches: recorded transitions, their columns in step order.
        gamma: the discount of the training.

    Raises:
        NotEqual: they differ, or one of them fails.
        JailError: no room can be made for them.
    """
    stepped = gate.examine(winner.source).uses_memory
    comparisons: list[tuple[int, float]] = []
    try:
        with (
            jail.open(winner.source, seconds_per_call=_SECONDS) as trained,
            jail.open(files, seconds_per_call=_SECONDS) as exported,
        ):
            for batch in batches:
                comparisons.append(_compared(trained, exported, batch, stepped, winner, gamma))
    except RewardFailed as failed:
        raise _refused(winner, f"they could not be compared: {failed.message}") from None
    except _Differs as differs:
        raise _refused(winner, str(differs)) from None
    return ExportProof(
        rows=sum(b.transitions.step.size for b in batches),
        episodes=sum(int((b.transitions.step == 1).sum()) for b in batches),
        parts=max((count for count, _ in comparisons), default=0),
        of=tuple(b.of for b in batches),
        largest=max((difference for _, difference in comparisons), default=0.0),
    )


class _Differs(Exception):
    """In which part or reward, and where."""


def _compared(
    trained: Room, exported: Room, batch: Batch, stepped: bool, winner: Candidate, gamma: float
) -> tuple[int, float]:
    """How many parts there are, and the largest difference. Raises _Differs, RewardFailed."""
    seen = batch.transitions
    for room in (trained, exported):
        room.client.forget()
    expected, got = (room.client.evaluate(seen, stepped) for room in (trained, exported))
    if list(expected) != list(got):
        raise _Differs(f"the parts are {list(got)} instead of {list(expected)}")
    largest = max(_difference(f"part {name!r}", expected[name], got[name], batch.of) for name in expected)
    if not stepped:  # step by step, as an environment is: the same number of rows at once on both sides
        trained.client.forget()
        expected = trained.client.evaluate(seen, stepped=True)
    reward = COMPOSITIONS[winner.composition].start(seen.shape[1], gamma, winner.setup)(
        {**expected, **batch.costs}, seen
    )
    return len(expected), max(largest, _difference("the reward", reward, exported.client.rewards(seen), batch.of))


def _difference(what: str, expected: Array, got: Array, of: str) -> float:
    """The largest difference. Raises _Differs if it is too large."""
    if np.array_equal(expected, got):
        return 0.0
    with np.errstate(all="ignore"):
        differences = np.abs(expected - got)
    worst = np.nanmax(np.where(np.isfinite(differences), differences, np.inf))
    if not worst <= _TOLERANCE * max(1.0, float(np.abs(expected).max())):
        step, column = np.unravel_index(int(np.nanargmax(np.nan_to_num(differences, nan=np.inf))), expected.shape)
        raise _Differs(
            f"{what} is {got[step, column]:.10g} instead of {expected[step, column]:.10g} at one of the transitions of the {of}"
        )
    return float(worst)


def _refused(winner: Candidate, why: str) -> NotEqual:
    return NotEqual(
        f"The reward of {winner.id} is not exported, as its files would not be the reward that was trained: {why}. The policy and "
        "all records are kept; please report this with the program."
    )
