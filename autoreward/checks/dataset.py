"""Recorded episodes of one task side by side: what rewards are judged on before they are trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.checks import laps
from autoreward.checks.informativeness import Parting, partings
from autoreward.core.transitions import Transitions
from autoreward.records import ReferenceEpisode
from autoreward.tasks.tables import Direction, direction_sign

Array = NDArray[np.float64]
APART = 0.1
"""Difference of graded progress from which one episode counts as better than another."""
NEARER = 0.25
"""Share of the way from doing nothing to a success by which an episode must be ahead of the middle one to be clearly better."""


@dataclass(frozen=True)
class EpisodeDataset:
    """E recorded episodes of one task, one column each; rows after an episode's end have step 0."""

    transitions: Transitions
    episodes: tuple[ReferenceEpisode, ...]
    better: Direction
    """Which metrics the task prefers."""

    @property
    def size(self) -> int:
        """Transitions in it."""
        return int((self.transitions.step > 0).sum())

    @property
    def solved(self) -> bool:
        """Whether a success is among them."""
        return any(e.episode.success for e in self.episodes)

    @property
    def ended(self) -> bool:
        """Whether any of them ended by itself."""
        return bool(self.transitions.terminated[self.transitions.step > 0].any())

    @property
    def goodness(self) -> Array:
        """(E,): 1 and more for a success, graded progress below that."""
        return np.array([e.episode.progress + e.episode.success for e in self.episodes])

    @property
    def better_ones(self) -> NDArray[np.bool_]:
        """(E,): the episodes that are clearly better than the middle one: successes, where it is none, and those NEARER to one."""
        goodness = self.goodness
        return np.asarray(goodness >= min(float(np.median(goodness)) + NEARER, 1.0 + NEARER))

    @cached_property
    def laps(self) -> tuple[int, ...]:
        """How often each episode came back to where it was."""
        return laps.laps(self.transitions)

    @cached_property
    def partings(self) -> tuple[Parting, ...]:
        """Where episodes of different worth part."""
        return partings(self.transitions, self.goodness, APART)

    @property
    def merit(self) -> Array:
        """(E,): the metric, its sign turned so that larger is better. Says something of successes."""
        return direction_sign(self.better) * np.array([e.episode.metric for e in self.episodes])


def join(pieces: Sequence[tuple[Transitions, Sequence[ReferenceEpisode]]], better: Direction) -> EpisodeDataset:
    """Several recordings as one dataset."""
    joined = side_by_side([batch for batch, _ in pieces])
    return EpisodeDataset(joined, tuple(e for _, episodes in pieces for e in episodes), better)


def side_by_side(batches: Sequence[Transitions]) -> Transitions:
    """Episodes of several batches, one column each: shorter ones are filled up with their last row at step 0."""
    longest = max(batch.shape[0] for batch in batches)

    def column(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        filled = [np.concatenate([a, np.repeat(a[-1:], longest - len(a), axis=0)]) for a in arrays]
        return np.concatenate(filled, axis=1)

    def clock(batch: Transitions) -> NDArray[np.int64]:
        return np.pad(batch.step, ((0, longest - len(batch.step)), (0, 0)))

    first = batches[0]
    return Transitions(
        state={k: column([b.state[k] for b in batches]) for k in first.state},
        action={k: column([b.action[k] for b in batches]) for k in first.action},
        next_state={k: column([b.next_state[k] for b in batches]) for k in first.next_state},
        step=np.concatenate([clock(b) for b in batches], axis=1),
        terminated=column([b.terminated for b in batches]),
    )
