"""Which candidate is best, by held-out scores alone."""

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from autoreward.records import Round, Score
from autoreward.tasks import Task

SOLVED = 0.9
"""From this mean success on, the metric decides between two candidates."""


class Standing(NamedTuple):
    """One candidate over all training seeds it had; sorts by itself, larger is better."""

    seeds: int
    """More seeds first: a finalist is never beaten by the luck of a single training."""
    success: float
    """Mean over seeds of the mean success in the second half of training (never the maximum: runs lose their solution);
    cut off at SOLVED, where the metric takes over."""
    metric: float
    """Mean metric with its sign turned so that larger is better; -inf unless solved."""
    kept: float
    """Mean success of the kept checkpoints."""
    progress: float
    """Mean graded progress."""


def standing(scores: Sequence[Score], task: Task) -> Standing:
    """How a candidate stands, from its scores (one per training seed, at least one)."""
    success = fmean(s.mean_success for s in scores)
    metrics = [s.metric for s in scores if s.metric is not None]
    sign = 1.0 if task.metric.better == "higher" else -1.0
    return Standing(
        seeds=len(scores),
        success=round(min(success, SOLVED), 6),
        metric=sign * fmean(metrics) if success >= SOLVED and metrics else float("-inf"),
        kept=fmean(s.success for s in scores),
        progress=fmean(s.mean_progress for s in scores),
    )


def ranked(scores: Sequence[Score], task: Task) -> list[str]:
    """Candidate ids, best first; the earlier one on a tie."""
    of: dict[str, list[Score]] = {}
    for score in scores:
        if score.outcome.ok:
            of.setdefault(score.candidate_id, []).append(score)
    return sorted(of, key=lambda c: standing(of[c], task), reverse=True)


def best(rounds: Sequence[Round], task: Task) -> str:
    """Id of the best candidate so far; empty if none was scored."""
    return next(iter(ranked([s for r in rounds for s in r.scores], task)), "")
