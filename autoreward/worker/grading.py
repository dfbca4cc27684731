"""How simple policies stand to the success rule: what graded progress is measured by."""

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

from autoreward.records import UNGRADED, Grading
from autoreward.tasks.card import Task
from autoreward.worker.envs.fields import NamedArrays
from autoreward.worker.success import SuccessRule

LEAST_WEIGHT = 0.1
"""What a condition counts that simple policies always meet: a policy that breaks it must lose something."""
MOST_IDLE = 0.9
"""The most closeness that is taken off: where doing nothing is all but a success, there must be something left to grade."""


class SimpleEpisode(NamedTuple):
    """One episode of random or constant actions."""

    kind: str
    """`random`, `constant 0`, ...; the first that is constant is doing nothing."""
    states: NamedArrays
    """The fields after each of its L steps and the actions, (L,) or (L, k)."""
    terminated: bool


def graded_by(task: Task, max_steps: int, episodes: Sequence[SimpleEpisode]) -> Grading:
    """What these episodes of a task miss its rule by. Empty without episodes.

    All means are over kinds of policies, each with the same weight. A condition's scale is the mean miss over its stage's window,
    or the largest range of the fields that it reads (else 1) for one that is always met; its weight is the share of those
    steps at which it fails.
    """
    if not episodes:
        return UNGRADED
    rule = SuccessRule(task, max_steps)
    misses = [rule.misses(e.states, e.terminated) for e in episodes]
    scales = _over_kinds(episodes, [_means(np.where(np.isfinite(m), m, 0.0) for m in own) for own in misses])
    weights = _over_kinds(episodes, [_means(m > 0.0 for m in own) for own in misses])
    grading = Grading(
        scales=tuple(np.where(scales > 0.0, scales, rule.ranges).tolist()),
        weights=tuple(np.maximum(weights, LEAST_WEIGHT).tolist()),
    )
    measured = SuccessRule(task, max_steps, grading)
    near: dict[str, list[float]] = {}
    for episode in episodes:
        near.setdefault(episode.kind, []).append(measured.closeness(episode.states, episode.terminated))
    constant = next((kind for kind in near if kind != "random"), "random")
    idle = max(fmean(near[kind]) for kind in {"random", constant} if kind in near)
    return grading.model_copy(update={"idle": min(idle, MOST_IDLE)})


def _means(stages: Iterable[np.ndarray]) -> np.ndarray:
    """Means over the steps, of the conditions of all stages."""
    return np.concatenate([stage.mean(axis=1) for stage in stages])


def _over_kinds(episodes: Sequence[SimpleEpisode], rows: Iterable[np.ndarray]) -> np.ndarray:
    kinds: dict[str, list[np.ndarray]] = {}
    for episode, row in zip(episodes, rows, strict=True):
        kinds.setdefault(episode.kind, []).append(row)
    return np.asarray(np.mean([np.mean(own, axis=0) for own in kinds.values()], axis=0))
