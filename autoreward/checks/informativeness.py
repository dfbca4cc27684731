"""Where recorded episodes of different worth part, and whether a reward pays for the better way on from there."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.contract import NATIVE_REWARD
from autoreward.core.transitions import Transitions

NEAR = 0.1
"""Largest difference of any number of two states that count as one, in its standard deviations over the recorded states."""
STEPS_ON = 100
"""Steps from the parting on whose pay is compared, at most: about the horizon of the usual discount of 0.99."""
FEWEST_STEPS = 5
"""Steps that both must be known for, at least."""
_PAIRS = 1_000
"""Pairs of episodes that are looked at, at most; evenly spaced among all."""
_STATES = 128
"""States of an episode that are compared with another's, at most; evenly spaced."""
_SAME = 1e-9
"""Share of what is paid at all below which a difference is rounding."""
Array = NDArray[np.float64]
Rows = NDArray[np.int64]


class Parting(NamedTuple):
    """How two episodes went on from a state that they had in common, for as many steps."""

    better: slice
    """Of the one that came nearer to the goal: where these transitions are among all recorded ones, episode after episode."""
    worse: slice
    """Of the other one. One of the two is shorter where its episode ended by itself: nothing was to be had after that."""


def partings(batch: Transitions, goodness: Array, apart: float) -> tuple[Parting, ...]:
    """Where pairs of episodes part of which one is better by `apart`; a pair without a state in common has none.

    It is the last state of the better one that the other was in, too, when it first was there. `goodness` (E,), of the episodes,
    one a column.
    """
    steps, episodes = batch.shape
    fields = batch.without(NATIVE_REWARD).state.values()
    states = np.concatenate([v.reshape(steps, episodes, -1) for v in fields], axis=2).astype(np.float64)
    there = batch.step > 0
    spread = states[there].std(axis=0)
    moving = spread > 1e-9 * np.abs(states[there]).max(axis=0, initial=1.0)
    states = states[:, :, moving] / spread[moving]
    lengths = there.sum(axis=0)
    ended = batch.terminated[lengths - 1, np.arange(episodes)]
    return tuple(_parted(states, lengths, ended, _pairs(goodness, apart)))


def paid_share(rewards: Array, found: Sequence[Parting]) -> float:
    """Share of the partings after which the better episode is paid more; equal pay counts half.

    `rewards` (M,), of all recorded transitions, episode after episode.
    """
    sums, sizes = (np.concatenate([[0.0], np.cumsum(r)]) for r in (rewards, np.abs(rewards)))
    ahead = np.array([_paid(sums, p.better) - _paid(sums, p.worse) for p in found])
    at_all = np.array([_paid(sizes, p.better) + _paid(sizes, p.worse) for p in found])
    return float(np.mean(np.where(np.abs(ahead) <= _SAME * at_all, 0.5, ahead > 0.0)))


def _paid(sums: Array, steps: slice) -> float:
    return float(sums[steps.stop] - sums[steps.start])


def _pairs(goodness: Array, apart: float) -> Rows:
    """(P, 2): the better and the worse one of each."""
    pairs = np.argwhere(goodness[:, None] - goodness[None, :] >= apart)
    return pairs[np.unique(np.linspace(0, len(pairs) - 1, min(_PAIRS, len(pairs))).astype(np.int64))]


def _parted(states: Array, lengths: Rows, ended: NDArray[np.bool_], pairs: Rows) -> Iterator[Parting]:
    """`states` (T, E, d) in units of their spread, `lengths` and `ended` (E,): steps, and whether it ended by itself."""
    starts = np.concatenate([[0], np.cumsum(lengths)])
    for pair in pairs:
        # thinned alike, so that one that replays the other's beginning keeps the very states of it
        stride = -(-int(lengths[pair].max()) // _STATES)
        rows, columns = _in_common(*(states[: lengths[i] : stride, i] for i in pair))
        if not len(rows):
            continue
        begins = np.array([rows.max(), columns[rows == rows.max()].min()]) * stride
        left = lengths[pair] - begins
        known = min(STEPS_ON, *np.where(ended[pair], STEPS_ON, left))
        if known >= FEWEST_STEPS:
            first = starts[pair] + begins
            yield Parting(*(slice(int(i), int(i + min(known, n))) for i, n in zip(first, left, strict=True)))


def _in_common(one: Array, other: Array) -> tuple[Rows, Rows]:
    """The states, by their rows, in which two episodes, (L, d) each, are near each other."""
    rows, columns = np.nonzero(np.abs(one[:, :1] - other[:, 0]) <= NEAR)
    for number in range(1, one.shape[1]):
        near = np.abs(one[rows, number] - other[columns, number]) <= NEAR
        rows, columns = rows[near], columns[near]
    return rows, columns
