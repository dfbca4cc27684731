"""Keep a change or revert it? From two rewards trained on the same seeds."""

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev
from typing import Literal, NamedTuple

from autoreward.evaluation.pairs import better_by_chance
from autoreward.evaluation.ranking import SOLVED, UNSEEN
from autoreward.records import Measure, Score
from autoreward.settings import MOST_SEEDS
from autoreward.tasks.card import Task
from autoreward.tasks.tables import direction_sign

LEVEL = 0.05
"""Chance below which a difference is taken to be one."""
FEWEST = math.ceil(-math.log2(LEVEL))
"""Seeds below which no difference can be told from chance: n seeds that all agree have a chance of 1 / 2^n."""
_QUANTILE = NormalDist().inv_cdf(1.0 - LEVEL)


class Ruling(NamedTuple):
    """What to do with a change."""

    verdict: Literal["keep", "revert", "not enough seeds"]
    more: int
    """How many more seeds would probably tell; 0 where the verdict is clear."""
    why: str
    by_chance: float
    """See `better_by_chance`."""


def keep_or_revert(ours: Sequence[float], theirs: Sequence[float], level: float = LEVEL) -> Ruling:
    """Keep what is better by more than chance; revert what is worse, or what nobody could tell from what is there.

    The test is the paired sign-flip test of `better_by_chance`, one-sided, each way. How many more seeds it takes is a guess: the n
    at which a mean gap m of standard deviation s reaches m sqrt(n) / s = z(1 - level), were further seeds like these.
    Deciding again and again until it says keep inflates the level: choose the number of seeds before looking.

    Args:
        ours: one number a training seed, larger is better; at least one.
        theirs: those of the same seeds.
        level: chance below which a difference is taken to be one.
    """
    chance, other_way = better_by_chance(ours, theirs), better_by_chance(theirs, ours)
    gaps = [a - b for a, b in zip(ours, theirs, strict=True)]
    n, mean = len(gaps), fmean(gaps)
    if chance <= level:
        return Ruling(
            "keep", 0, f"better on average by {mean:.3g}; chance alone does that {chance:.1%} of the time", chance
        )
    if other_way <= level:
        return Ruling(
            "revert", 0, f"worse on average by {-mean:.3g}; chance alone does that {other_way:.1%} of the time", chance
        )
    if n < FEWEST:
        why = f"{n} {'pair' if n == 1 else 'pairs'} can't tell any difference from chance; it takes {FEWEST}"
        return Ruling("not enough seeds", FEWEST - n, why, chance)
    needed = _needed(gaps)
    if needed is None:
        return Ruling(
            "revert", 0, f"{MOST_SEEDS} seeds would hardly tell them apart, and what is there is there", chance
        )
    more = max(needed - n, 1)
    return Ruling("not enough seeds", more, f"a gap of {mean:.3g} on average is within the noise of {n} pairs", chance)


def compared_by(
    ours: Sequence[Score], theirs: Sequence[Score], task: Task
) -> tuple[Measure, tuple[tuple[float, ...], tuple[float, ...]]]:
    """What two programs are compared by, and their numbers, larger is better: as `evaluation/ranking.py` orders candidates.

    Success; progress where neither is seen to succeed; the metric where both are solved.

    Args:
        ours: scores of one program, one a training seed; at least one.
        theirs: those of the other on the same seeds.
        task: whose metric says which way is better.
    """
    means = [fmean(s.success for s in side) for side in (ours, theirs)]
    if max(means) < UNSEEN:
        return "progress", (tuple(s.progress for s in ours), tuple(s.progress for s in theirs))
    metrics = [[s.metric for s in side] for side in (ours, theirs)]
    if min(means) >= SOLVED and all(m is not None for side in metrics for m in side):
        up = direction_sign(task.metric.better)
        one, other = (tuple(up * m for m in side if m is not None) for side in metrics)
        return "metric", (one, other)
    return "success", (tuple(s.success for s in ours), tuple(s.success for s in theirs))


def _needed(gaps: Sequence[float]) -> int | None:
    """Seeds, if MOST_SEEDS hold them."""
    mean = abs(fmean(gaps))
    needed = (_QUANTILE * stdev(gaps) / mean) ** 2 if mean > 0.0 else math.inf
    return math.ceil(needed) if needed <= MOST_SEEDS else None
