"""The dry run: call a program on sampled transitions, in the jail, in ways that tell a contract-keeper from a pretender."""

import time
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from autoreward.jail.client import HASH_SEEDS, Jail, RewardFailed, Room
from autoreward.outcomes import Outcome
from autoreward.records import Finding
from autoreward.transitions import Transitions

TOLERANCE = 1e-6
"""Largest relative difference between two answers about the same row."""
FEW = 3
"""Environments asked about one at a time."""
SECONDS = 2.0
"""Longest that one call may take on the samples, in seconds of wall clock."""
SECONDS_IN_ALL = 4.0
"""Longest that all calls together may take. A program within it needs less than half a second for a call."""
_BY_ITSELF = (
    "compute each row from itself, without means, maxima, norms, sorts or differences over the rows; reduce fields of "
    "shape (n, k) with axis=-1, and scale by constants"
)

Parts = dict[str, NDArray[np.float64]]


def dry_run(
    jail: Jail,
    source: str,
    samples: Transitions,
    uses_memory: bool,
    seconds: float = SECONDS,
    seconds_in_all: float = SECONDS_IN_ALL,
) -> tuple[Outcome, tuple[Finding, ...], tuple[str, ...]]:
    """Run a program on recorded transitions.

    Args:
        jail: where it runs.
        source: the program, already past the gate.
        samples: recorded transitions, shape (T, n).
        uses_memory: whether it must be stepped through time.
        seconds: longest that loading it, or one call on all samples, may take, of wall clock.
        seconds_in_all: longest that all calls together may take.

    Returns:
        The outcome, what was found (a refusal or a note), and the names of the parts.
    """
    budget = _Budget(seconds_in_all)
    try:
        with jail.open(source, seconds_per_call=seconds) as room:
            parts = budget.ask(room, samples, uses_memory)
            again = budget.ask(room, samples, uses_memory)
            mirrored = budget.ask(room, samples.cut(columns=slice(None, None, -1)), uses_memory)
        names = tuple(parts)
        if name := _differs(parts, again):
            return _broken("repeatable", f"part {name!r} differs between two calls on the same transitions: "
                           "keep state in memory alone, and draw no random numbers", names)  # fmt: skip
        if name := _differs(parts, {n: p[:, ::-1] for n, p in mirrored.items()}):
            return _broken("row-independence", f"part {name!r} of a row depends on the order of the rows: "
                           f"{_BY_ITSELF}", names)  # fmt: skip
        with jail.open(source, hash_seed=HASH_SEEDS[1], seconds_per_call=seconds) as other:
            if found := _elsewhere(other, budget, parts, samples, uses_memory):
                return _broken(*found, names)
    except RewardFailed as failed:
        return failed.outcome, (Finding(rule=failed.outcome.value, message=failed.message, line=failed.line),), ()
    return Outcome.COMPLETED, _notes(parts), names


def _elsewhere(
    other: Room, budget: "_Budget", parts: Parts, samples: Transitions, stepped: bool
) -> tuple[str, str] | None:
    """What is wrong with the answers of another process, with another order of sets, about pieces of the samples."""
    for rows, columns in _cuts(samples, stepped):
        piece = budget.ask(other, samples.cut(rows, columns), stepped)
        if tuple(piece) != tuple(parts):
            budget.ask(other, samples, stepped)  # fails if it is the number of rows that changes the names
            one, two = next((a, b) for a, b in zip_longest(parts, piece, fillvalue="missing") if a != b)
            return "repeatable", (f"a part is {one!r} in one process and {two!r} in another: name the parts one by one "
                                  "or in a list, not in a set, whose order changes")  # fmt: skip
        if name := _differs({n: p[rows, columns] for n, p in parts.items()}, piece):
            if _differs(parts, budget.ask(other, samples, stepped)):
                return "repeatable", (f"part {name!r} differs from one process to the next: use lists or sorted(...) "
                                      "instead of the order of a set, and no addresses of objects")  # fmt: skip
            return "row-independence", f"part {name!r} of a row changes with the number of rows: {_BY_ITSELF}"
    return None


class _Budget:
    """Wall clock that one dry run may take."""

    def __init__(self, seconds: float) -> None:
        self._in_all = seconds
        self._spent = 0.0

    def ask(self, room: Room, samples: Transitions, stepped: bool) -> Parts:
        """The parts, from an empty memory. Raises RewardFailed, also when the budget is spent."""
        began = time.monotonic()
        room.client.forget()
        parts = room.client.evaluate(samples, stepped)
        self._spent += time.monotonic() - began
        if self._spent > self._in_all:
            raise RewardFailed(
                Outcome.TIMED_OUT,
                f"a few calls on {samples.step.size} transitions took longer than {self._in_all:g} s in all",
            )
        return parts


def _notes(parts: Parts) -> tuple[Finding, ...]:
    flat = [name for name, part in parts.items() if np.ptp(part) == 0.0]
    return tuple(
        Finding(rule="constant", message=f"part {name!r} had the same value on every sampled transition")
        for name in flat
    )


def _broken(rule: str, message: str, names: tuple[str, ...]) -> tuple[Outcome, tuple[Finding, ...], tuple[str, ...]]:
    return Outcome.BROKE_CONTRACT, (Finding(rule=rule, message=message),), names


def _differs(one: Parts, other: Parts) -> str:
    """Name of the first part in which two answers differ, or nothing."""
    for name, part in one.items():
        scale = max(1.0, float(np.abs(part).max(initial=0.0)))
        if not np.allclose(part, other[name], rtol=TOLERANCE, atol=TOLERANCE * scale):
            return name
    return ""


def _cuts(samples: Transitions, stepped: bool) -> list[tuple[slice, slice]]:
    """Pieces (time steps, environments) to ask about alone, in an order unlike the first.

    A program with memory must see every environment from its start; any other is also asked about the later half before
    the earlier one, and about one single row.
    """
    steps, envs = samples.shape
    everything = slice(None)
    narrow = [(everything, slice(i, i + 1)) for i in range(min(FEW, envs))]
    if stepped:
        return narrow
    halves = [(slice(steps // 2, None), everything), (slice(0, steps // 2), everything)]
    return [(slice(0, 1), slice(0, 1)), *(halves if steps > 1 else []), *narrow]
