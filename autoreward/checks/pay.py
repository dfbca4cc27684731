"""What a program pays in recorded episodes, part by part; and which of two programs they speak for."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.checks.dataset import EpisodeDataset
from autoreward.checks.relabel import Relabelled
from autoreward.evaluation.rank_correlation import spearman
from autoreward.records import Candidate, Verdict

_FEW = 8
"""Episodes below which two programs are not compared."""
_MARGIN = 0.3
"""Difference of rank correlation from which one of two programs is clearly better."""
_ERRORS = 2.0
"""And at least so many standard errors (1 / sqrt(n - 1)) of the correlation of unrelated ranks."""


class OfflineData(NamedTuple):
    """Recorded episodes, and how to have a program judge them."""

    dataset: EpisodeDataset
    relabel: Callable[[Candidate, Verdict], Relabelled | None]
    """What the program makes of them; None where it fails on them."""


class Pay(NamedTuple):
    """What a program pays in a few kinds of episodes."""

    kinds: tuple[str, ...]
    steps: tuple[float, ...]
    """Mean length, by kind."""
    parts: dict[str, tuple[float, ...]]
    """Mean of each part per step, by kind."""
    rewards: tuple[float, ...]
    """Mean of the composed reward per step, by kind."""
    returns: tuple[float, ...]
    """Mean of its sum over an episode, by kind."""


def pay(dataset: EpisodeDataset, relabelled: Relabelled) -> Pay:
    """What a program pays for the constant action 0, for random actions, in the best failure, and in the best success."""
    groups = {name: columns for name, columns in _kinds(dataset).items() if columns}
    lengths = np.array([known.episode.length for known in dataset.episodes], dtype=np.float64)

    def per_step(sums: NDArray[np.float64]) -> tuple[float, ...]:
        return tuple(float(sums[columns].sum() / lengths[columns].sum()) for columns in groups.values())

    def mean(values: NDArray[np.float64]) -> tuple[float, ...]:
        return tuple(float(values[columns].mean()) for columns in groups.values())

    return Pay(
        kinds=tuple(groups),
        steps=mean(lengths),
        parts={name: per_step(sums) for name, sums in relabelled.parts.items()},
        rewards=per_step(relabelled.returns),
        returns=mean(relabelled.returns),
    )


def clearly_prefer(dataset: EpisodeDataset, one: Relabelled, other: Relabelled) -> int:
    """1 if the episodes clearly speak for the first program, -1 for the other, 0 if they don't say.

    By Spearman's correlation of returns with the task's own judgement. Failures alone say nothing: a success must be recorded.
    """
    goodness = dataset.goodness
    if not dataset.solved or len(goodness) < _FEW or np.ptp(goodness) == 0.0:
        return 0
    ahead = spearman(one.returns, goodness) - spearman(other.returns, goodness)
    margin = max(_MARGIN, _ERRORS / np.sqrt(len(goodness) - 1))
    return 0 if abs(ahead) < margin else int(np.sign(ahead))


def _kinds(dataset: EpisodeDataset) -> dict[str, list[int]]:
    kinds = [known.kind for known in dataset.episodes]
    won = [known.episode.success for known in dataset.episodes]
    failures = [i for i, success in enumerate(won) if not success]
    successes = [i for i, success in enumerate(won) if success]
    return {
        "constant action 0": [i for i, kind in enumerate(kinds) if kind == "constant 0"],
        "random actions": [i for i, kind in enumerate(kinds) if kind == "random"],
        "best failure": _largest(failures, dataset.goodness),
        "best success": _largest(successes, dataset.merit),
    }


def _largest(columns: Sequence[int], worth: NDArray[np.float64]) -> list[int]:
    return [max(columns, key=lambda i: worth[i])] if columns else []
