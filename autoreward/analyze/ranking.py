"""Which candidate is best, by held-out scores alone."""

from collections.abc import Sequence

from autoreward.records import Round, Score
from autoreward.tasks import Task

SOLVED = 0.95
"""From this mean success on, the metric decides between two candidates."""


def rank_key(score: Score, task: Task) -> tuple[float, float, float, float]:
    """Sort key of a score, larger is better.

    First the mean success over the checkpoints of the second half of training (never the maximum: runs lose their
    solution), then the metric if both are solved, then the kept checkpoint's success, then graded progress.
    """
    solved = score.mean_success >= SOLVED and score.metric is not None
    sign = 1.0 if task.metric.better == "higher" else -1.0
    metric = sign * score.metric if solved and score.metric is not None else float("-inf")
    return (round(min(score.mean_success, SOLVED), 6), metric, score.success, score.mean_progress)


def best(rounds: Sequence[Round], task: Task) -> str:
    """Id of the best candidate so far; the earlier one on a tie; empty if none was scored."""
    scores = [s for r in rounds for s in r.scores if s.outcome.ok]
    winner = max(scores, key=lambda s: rank_key(s, task), default=None)
    return winner.candidate_id if winner else ""
