"""Candidates as the reports see them: all that a round's page says of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from autoreward.checks.hunting import as_screen
from autoreward.evaluation.legs import scored, trainings
from autoreward.evaluation.limits import over_trainings
from autoreward.evaluation.metrics import metrics_over_trainings
from autoreward.evaluation.stages import stages_over_trainings
from autoreward.records import (
    Analyses,
    Candidate,
    Candidates,
    Cause,
    Diagnosis,
    LimitReading,
    Score,
    Screen,
    Screened,
    StageReading,
    Trial,
    Verdict,
)
from autoreward.store.book import Page
from autoreward.store.keys import DIAGNOSES, HUNTS, SCREENS, TRIALS, VERDICTS


@dataclass(frozen=True)
class CandidateView:
    """All that is known of one candidate."""

    round: int
    """Number of the round that it was designed in."""
    candidate: Candidate
    verdict: Verdict | None
    trials: tuple[Trial, ...]
    scores: tuple[Score, ...]
    diagnosis: Diagnosis | None
    causes: tuple[Cause, ...]
    """Why it failed, as the analyzer sees it."""
    screens: tuple[Screen, ...]
    """What recorded episodes said of it before it was trained."""

    @property
    def ruled(self) -> bool:
        """Whether a rule judged it; without one, or a score, success and progress say nothing."""
        return bool(self.scores) and all(s.ruled for s in self.scores)

    @property
    def success(self) -> float:
        """Mean success over seeds and over the second half of training; -1 if it was not scored."""
        return fmean(s.mean_success for s in self.scores) if self.scores else -1.0

    @property
    def progress(self) -> float:
        """Mean graded progress over the same; -1 if it was not scored."""
        return fmean(s.mean_progress for s in self.scores) if self.scores else -1.0

    @property
    def metric(self) -> float | None:
        """Mean metric of successful episodes, over seeds that have one."""
        metrics = [s.metric for s in self.scores if s.metric is not None]
        return fmean(metrics) if metrics else None

    @property
    def metrics(self) -> dict[str, float]:
        """The card's further metrics, in the same way."""
        return metrics_over_trainings(self.scores)

    @property
    def limits(self) -> tuple[LimitReading, ...]:
        """The card's limits over its trainings."""
        return over_trainings(self.scores)

    @property
    def stages(self) -> tuple[StageReading, ...]:
        """The stages of the rule over the held-out episodes of its trainings."""
        return stages_over_trainings(self.scores)


def candidate_views(
    page: Page, candidates: Candidates, scores: Sequence[Score], analyses: Analyses
) -> list[CandidateView]:
    """Each candidate of a round."""
    verdicts = {v.candidate_id: v for v in page.saved(VERDICTS)}
    trials = page.saved(TRIALS)
    diagnoses = {d.candidate_id: d for d in page.saved(DIAGNOSES)}
    causes = {a.candidate_id: a.causes for a in analyses.items}
    screened = page.lone(SCREENS) or Screened(order=())
    hunts = {h.candidate_id: (as_screen(h),) for h in page.saved(HUNTS)}
    screens = {item.candidate_id: item.screens for item in screened.items}
    return [
        CandidateView(
            page.round,
            c.reviewed(verdicts[c.id]) if c.id in verdicts else c,
            verdicts.get(c.id),
            trainings([t for t in trials if t.candidate_id == c.id]),
            scored([s for s in scores if s.candidate_id == c.id]),
            diagnoses.get(c.id),
            causes.get(c.id, ()),
            (*screens.get(c.id, ()), *hunts.get(c.id, ())),
        )
        for c in candidates.items
    ]
