"""Which candidate is best: by what people prefer where they judge, else by held-out scores alone."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from autoreward.evaluation.legs import newest
from autoreward.evaluation.limits import over_trainings, violation
from autoreward.records import Round, Score, Strengths
from autoreward.tasks.card import Task
from autoreward.tasks.tables import direction_sign

SOLVED = 0.9
"""From this mean success on, the metric decides between two candidates."""
UNSEEN = 0.05
"""Below this mean success of both, graded progress decides between two candidates."""
ENOUGH = 2
"""Training seeds from which on a success rate is no single training's luck: more of them make it no better by themselves."""
UNASKED = Strengths()
"""Nobody was asked: the measurement decides."""


class Standing(NamedTuple):
    """One candidate over all training seeds it had; sorts by itself, larger is better."""

    seeds: int
    """Seeds up to ENOUGH first: who has them is never beaten by the luck of a single training."""
    steps: int
    """Then longer trainings: who was eliminated early was worse at the same length."""
    limits: float
    """Then who breaks no limit (0), and of those who do the one that breaks them least: minus `limits.violation`."""
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
    """How a candidate stands, from its latest score of each training seed (at least one)."""
    success = fmean(s.mean_success for s in scores)
    metrics = [s.metric for s in scores if s.metric is not None]
    return Standing(
        seeds=min(len(scores), ENOUGH),
        steps=max(s.steps for s in scores),
        limits=-violation(over_trainings(scores)),
        success=round(min(success, SOLVED), 6),
        metric=direction_sign(task.metric.better) * fmean(metrics) if success >= SOLVED and metrics else float("-inf"),
        kept=fmean(s.success for s in scores),
        progress=fmean(s.mean_progress for s in scores),
    )


def latest(scores: Sequence[Score]) -> dict[str, list[Score]]:
    """Usable scores by candidate: of each training seed the one after the most steps."""
    by_candidate: dict[str, list[Score]] = {}
    for score in newest(scores).values():
        by_candidate.setdefault(score.candidate_id, []).append(score)
    return by_candidate


def ranked(scores: Sequence[Score], task: Task, liked: Strengths = UNASKED) -> list[str]:
    """Candidate ids, best first; the earlier one on a tie. What people prefer comes before what was measured."""
    by_candidate = latest(scores)
    return sorted(by_candidate, key=lambda c: (liked.place(c), standing(by_candidate[c], task)), reverse=True)


def best(rounds: Sequence[Round], task: Task) -> str:
    """Id of the best candidate so far; empty if none was scored.

    It is the one that people prefer, where they judge. Else one that is in place stays, unless beaten beyond noise.
    """
    scores = [s for r in rounds for s in r.scores]
    if rounds and rounds[-1].liked.items:
        return next(iter(ranked(scores, task, rounds[-1].liked)), "")
    by_candidate = latest(scores)
    incumbent = ""
    for past in rounds:
        challenger = next(iter(ranked(past.scores, task)), "")
        if challenger and (not incumbent or beats(by_candidate[challenger], by_candidate[incumbent], task)):
            incumbent = challenger
    return incumbent


def runner_up(rounds: Sequence[Round], task: Task) -> str:
    """Id of the best candidate but one; empty if there is none that trained as long."""
    scores = [s for r in rounds for s in r.scores]
    winner = best(rounds, task)
    reached = {c: max(s.steps for s in own) for c, own in latest(scores).items()}
    order = ranked(scores, task, rounds[-1].liked) if rounds else []
    return next((c for c in order if c != winner and reached[c] == reached[winner]), "")


def beats(challenger: Sequence[Score], incumbent: Sequence[Score], task: Task) -> bool:
    """Whether one candidate's latest scores are better than another's by more than one standard error of the difference."""
    one, other = standing(challenger, task), standing(incumbent, task)
    if (one.seeds, one.steps) < (other.seeds, other.steps) or one <= other:
        return False
    if one.limits != other.limits:
        return one.limits > other.limits
    if min(one.success, other.success) >= SOLVED:
        up = direction_sign(task.metric.better)
        ours, theirs = ([up * s.metric for s in scores if s.metric is not None] for scores in (challenger, incumbent))
        return _beyond(ours, theirs)
    if max(one.success, other.success) < UNSEEN:
        return _beyond([s.mean_progress for s in challenger], [s.mean_progress for s in incumbent])
    return _beyond([s.mean_success for s in challenger], [s.mean_success for s in incumbent])


def _beyond(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """One training seed has no error to go by: any difference counts."""
    if not ours or not theirs:
        return bool(ours)
    error = math.sqrt(sum(stdev(v) ** 2 / len(v) for v in (ours, theirs) if len(v) > 1))
    return fmean(ours) - fmean(theirs) > error
