"""How well a judge judges: whether it agrees with the rule where there is one, and with itself."""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, variance
from typing import NamedTuple

from autoreward.records import Answer, Episode, JudgeExam, Judgement, Question, Score

CLEARLY_BETTER = 0.3
"""Difference in graded progress from which on the rule tells two failures apart."""
ENOUGH_AGREEMENT = 0.7
"""Agreement with rules below which a judge is not believed."""
_NORMAL = 1.959964
"""The 97.5 % point of the normal distribution."""
_SAME = 1e-6
"""Difference of similarities that arithmetic makes."""
_CONTRADICTED = 0.5
"""Share of questions that a judge answers by their order from which on it can't tell."""


class Agreement(NamedTuple):
    """How often a judge and a rule say the same of pairs that the rule tells apart."""

    agreed: float
    """Pairs; one that the judge calls a tie counts half."""
    pairs: int

    @property
    def share(self) -> float:
        """Of the pairs; 0 without one."""
        return self.agreed / self.pairs if self.pairs else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share."""
        return share_interval(self.agreed, self.pairs)

    @property
    def said(self) -> str:
        """In words."""
        low, high = self.interval
        return f"{self.share:.2f} [{low:.2f}, {high:.2f}] of {self.pairs} pairs"


def exam_agreement(exam: JudgeExam) -> Agreement:
    """Over all tasks of an exam."""
    return Agreement(sum(task.agreed for task in exam.tasks), sum(task.pairs for task in exam.tasks))


def share_interval(hits: float, of: int) -> tuple[float, float]:
    """95 % interval of a share, after Wilson 1927; 0 to 1 of nothing."""
    if not of:
        return 0.0, 1.0
    share, z = hits / of, _NORMAL
    middle = (share + z**2 / (2 * of)) / (1 + z**2 / of)
    half = z * math.sqrt(share * (1 - share) / of + z**2 / (4 * of**2)) / (1 + z**2 / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def by_the_rule(a: Episode, b: Episode) -> Answer | None:
    """Which of two episodes of one start the rule prefers: a success, or clearly more progress; None: it can't tell them apart."""
    if a.success != b.success:
        return "a" if a.success else "b"
    if a.success or abs(a.progress - b.progress) < CLEARLY_BETTER:
        return None
    return "a" if a.progress > b.progress else "b"


def answer_of_the_rule(scores: Mapping[str, Score], question: Question) -> Answer | None:
    """Which of a question's policies the rule prefers, by their scores; None: it can't tell, or the episode was not played."""
    a, b = (scores[trial].episodes for trial in (question.a_trial, question.b_trial))
    if question.episode >= min(len(a), len(b)):
        return None
    return by_the_rule(a[question.episode], b[question.episode])


def agreement_with(judgements: Sequence[Judgement], rule: Callable[[Question], Answer | None]) -> Agreement:
    """Over the pairs of which the rule says which is better."""
    agreed, pairs = 0.0, 0
    for judgement in judgements:
        if (right := rule(judgement.question)) is None:
            continue
        pairs += 1
        agreed += 0.5 if judgement.answer == "tie" else float(judgement.answer == right)
    return Agreement(agreed, pairs)


def after_debates(said: Sequence[Judgement], debated: Sequence[Judgement]) -> list[Judgement]:
    """What was said, in its order, with what was debated in the place of what its judge said of the question before."""
    anew = {(judgement.question.id, judgement.by): judgement for judgement in debated}
    return [anew.get((judgement.question.id, judgement.by), judgement) for judgement in said]


def cannot_tell(judgements: Sequence[Judgement]) -> str:
    """Why a judge's answers say nothing, in words; empty where they say something."""
    by_place = sum(judgement.by_place for judgement in judgements)
    if judgements and by_place / len(judgements) >= _CONTRADICTED:
        return (
            f"it can't tell: in {by_place} of {len(judgements)} pairs it chose by the order in which they were shown, "
            "which counts as a tie"
        )
    return ""


def preferred_share(judgements: Sequence[Judgement], candidate_id: str) -> tuple[float, int]:
    """In how many comparisons a candidate was preferred, ties as halves, and how many there were of it."""
    about = [j for j in judgements if candidate_id in (j.question.a, j.question.b)]
    won = sum(0.5 if j.answer == "tie" else float(getattr(j.question, j.answer) == candidate_id) for j in about)
    return won, len(about)


def more_similar(a: Sequence[float], b: Sequence[float]) -> Answer:
    """Which of two episodes has the larger mean of its frames' similarities: a tie within one standard error of the difference.

    Frames are taken as independent draws, so that this is the least that noise may make.
    """
    noise = math.sqrt(sum(variance(side) / len(side) for side in (a, b) if len(side) > 1))
    ahead = fmean(a) - fmean(b)
    return "tie" if abs(ahead) <= max(noise, _SAME) else "a" if ahead > 0.0 else "b"


class MeanSimilarity(NamedTuple):
    """How much a candidate's pictures look like the goal."""

    value: float
    """Mean over the episodes that were looked at, each of which is the mean of its frames."""
    error: float
    """Standard error over these; 0 of one episode."""
    episodes: int

    @property
    def said(self) -> str:
        """In words."""
        if self.episodes == 1:
            return f"{self.value:.4f} in 1 episode"
        return f"{self.value:.4f} \u00b1 {self.error:.4f} in {self.episodes} episodes"


def by_similarity(judgements: Sequence[Judgement]) -> dict[str, dict[str, MeanSimilarity]]:
    """By image-text model, then by candidate; episodes of all trainings of a candidate count, each once."""
    seen: dict[str, dict[str, dict[tuple[str, int], float]]] = {}
    for said in judgements:
        asked = said.question
        sides = zip((asked.a, asked.b), (asked.a_trial, asked.b_trial), said.similarities or (), strict=False)
        for candidate, trial, value in sides:
            seen.setdefault(said.by, {}).setdefault(candidate, {})[trial, asked.episode] = value
    return {by: {name: _mean(list(own.values())) for name, own in of.items()} for by, of in seen.items()}


def _mean(values: Sequence[float]) -> MeanSimilarity:
    error = math.sqrt(variance(values) / len(values)) if len(values) > 1 else 0.0
    return MeanSimilarity(fmean(values), error, len(values))


def by_principle(judgements: Sequence[Judgement], count: int) -> dict[str, tuple[float, ...]]:
    """By candidate: its mean score by each of `count` principles, where it was scored."""
    given: dict[str, list[tuple[float, ...]]] = {}
    for judgement in judgements:
        if len(judgement.principles) == count > 0:
            given.setdefault(judgement.question.a, []).append(tuple(a for a, _ in judgement.principles))
            given.setdefault(judgement.question.b, []).append(tuple(b for _, b in judgement.principles))
    return {name: tuple(fmean(column) for column in zip(*rows, strict=True)) for name, rows in given.items()}
