"""The dry run: call a program on sampled transitions, in the jail, in ways that tell a contract-keeper from a pretender."""

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

Parts = dict[str, NDArray[np.float64]]


def dry_run(
    jail: Jail, source: str, samples: Transitions, uses_memory: bool, seconds: float = SECONDS
) -> tuple[Outcome, tuple[Finding, ...], tuple[str, ...]]:
    """Run a program on recorded transitions.

    Args:
        jail: where it runs.
        source: the program, already past the gate.
        samples: recorded transitions, shape (T, n).
        uses_memory: whether it must be stepped through time.
        seconds: longest that one call on all samples may take, of wall clock.

    Returns:
        The outcome, what was found (a refusal or a note), and the names of the parts.
    """
    try:
        with jail.open(source, seconds_per_call=seconds) as room:
            parts = room.client.evaluate(samples, stepped=uses_memory)
            again = _fresh(room, samples, uses_memory)
            mirrored = _fresh(room, samples.cut(columns=slice(None, None, -1)), uses_memory)
        with jail.open(source, hash_seed=HASH_SEEDS[1], seconds_per_call=seconds) as other:
            pieces = [(cut, _fresh(other, samples.cut(*cut), uses_memory)) for cut in _cuts(samples, uses_memory)]
    except RewardFailed as failed:
        return failed.outcome, (Finding(rule=failed.outcome.value, message=failed.message, line=failed.line),), ()
    names = tuple(parts)
    if name := _differs(parts, again):
        return _broken("repeatable", f"part {name!r} differs between two calls on the same transitions: "
                       "keep state in memory alone, and draw no random numbers", names)  # fmt: skip
    if name := _differs(parts, {n: p[:, ::-1] for n, p in mirrored.items()}):
        return _broken("row-independence", f"part {name!r} of a row depends on the other rows: "
                       "don't take means, maxima or sorts over the rows (use axis=-1)", names)  # fmt: skip
    for (rows, columns), piece in pieces:
        if name := _differs({n: p[rows, columns] for n, p in parts.items()}, piece):
            return _broken("row-independence", f"part {name!r} of a row changes with the number of rows, or from one "
                           "process to the next: compute each row from itself", names)  # fmt: skip
    return Outcome.COMPLETED, _notes(parts), names


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


def _fresh(room: Room, samples: Transitions, stepped: bool) -> Parts:
    room.client.forget()
    return room.client.evaluate(samples, stepped)


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
