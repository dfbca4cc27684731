"""Going round in circles: an episode that comes back to where it was, again and again."""

import numpy as np
from numpy.typing import NDArray

from autoreward.core.contract import NATIVE_REWARD
from autoreward.core.transitions import Transitions

BACK, AWAY = 0.15, 0.5
"""Back at a state: every number within this share of what the episode spans in it. Away from it: one further than that."""
MOVES = 0.05
"""Share of the recorded episodes' span that a number has to move by in an episode to count there."""
STARTS = 16
"""States of an episode from which laps are counted, evenly spaced."""
Array = NDArray[np.float64]


def laps(batch: Transitions) -> tuple[int, ...]:
    """How often each episode (a column) came back to a state after it had been away from it: the most of any of its states."""
    steps, envs = batch.shape
    places = batch.without(NATIVE_REWARD).next_state.values()
    states = np.concatenate([v.reshape(steps, envs, -1) for v in places], axis=2).astype(np.float64)
    there = batch.step > 0
    whole = np.ptp(states[there], axis=0)
    return tuple(_laps(states[there[:, i], i], whole) for i in range(envs))


def _laps(states: Array, whole: Array) -> int:
    """`states` (L, d) of one episode, `whole` (d,) the span of each number over all."""
    span = np.ptp(states, axis=0)
    moving = span > MOVES * whole
    if not moving.any():
        return 0
    places = states[:, moving] / span[moving]
    starts = range(0, len(places), max(1, len(places) // STARTS))
    return max(_returns(np.abs(places[i:] - places[i]).max(axis=1)) for i in starts)


def _returns(gaps: Array) -> int:
    """How often a gap is small after it was large."""
    sides = np.where(gaps < BACK, 1, np.where(gaps > AWAY, -1, 0))
    sides = sides[sides != 0]
    return int(((sides[1:] == 1) & (sides[:-1] == -1)).sum())
