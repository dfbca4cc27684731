"""A run folder, finished or not, as one record for the reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from autoreward.checks.hunting import as_screen
from autoreward.core.transitions import Transitions
from autoreward.errors import RunDamaged
from autoreward.evaluation.bradley_terry import answers_about, policies, strengths
from autoreward.evaluation.legs import scored, trainings
from autoreward.evaluation.limits import over_trainings
from autoreward.evaluation.metrics import metrics_over_trainings
from autoreward.evaluation.ranking import ranked
from autoreward.evaluation.stages import stages_over_trainings
from autoreward.llm.client import REPLIES, saved_bills
from autoreward.llm.cost import Bill
from autoreward.records import (
    EPISODES,
    Analyses,
    Candidate,
    Candidates,
    Cause,
    Clip,
    Diagnosis,
    LimitReading,
    Preference,
    Run,
    Score,
    Screen,
    Screened,
    StageReading,
    Standings,
    Strengths,
    Trial,
    Verdict,
    policy_file,
)
from autoreward.report.spending import Spending, spending_of
from autoreward.store.book import BASELINES_PAGE, CONFIRM_PAGE, Page, pages_of
from autoreward.store.folder import Folder
from autoreward.store.header import RunHeader, read_header
from autoreward.store.keys import (
    ANALYSES,
    CANDIDATES,
    CLIPS,
    DIAGNOSES,
    HUNTS,
    PREFERENCES,
    RESULT,
    SCORES,
    SCREENS,
    STANDINGS,
    TRIALS,
    VERDICTS,
)

REPORT = "report.html"
"""File of a run: the page."""


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


class SavedScore(NamedTuple):
    """A score as it was saved: of one leg."""

    page: str
    """Folder of its page within the run's."""
    score: Score


@dataclass(frozen=True)
class RunView:
    """All that is known of one run."""

    folder: Path
    header: RunHeader
    candidates: tuple[CandidateView, ...]
    baselines: tuple[Trial, ...]
    """What the search trained besides its candidates, to find out whether any reward can help."""
    confirm_trials: tuple[Trial, ...]
    run: Run | None
    """None while the run is not finished."""
    bills: tuple[Bill, ...]
    """What each model call cost."""
    findings: tuple[str, ...]
    """What was wrong with the models' answers."""
    rungs: tuple[tuple[Standings, ...], ...]
    """The race of each round, rung by rung."""
    preferences: tuple[Preference, ...]
    """What people answered."""
    search_scores: tuple[SavedScore, ...]
    """Every score of the rounds."""
    confirm_scores: tuple[SavedScore, ...]
    """Every score of the confirmation."""
    clips: tuple[Clip, ...] = ()
    """The policies that were filmed, or could not be."""

    @property
    def finished(self) -> Run:
        """Its result. Raises ValueError while there is none."""
        if self.run is None:
            raise ValueError(f"{self.folder} is not finished")
        return self.run

    @property
    def files(self) -> Folder:
        """What is in it."""
        return Folder(self.folder)

    def page(self, within: str) -> Page:
        """One of its pages, to read."""
        return Page(self.files.at(within))

    def weights(self, page: str, score: Score) -> bytes:
        """The kept policy of a scored training. Raises RunDamaged."""
        return self.page(page).file(TRIALS.of(score.trial_id), policy_file(score.kept))

    @property
    def trainings(self) -> int:
        """How many trainings the run has made; the legs of one are one."""
        return sum(not trial.taken_from for trial in self.trials)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every training of the run."""
        return (*(trial for t in self.candidates for trial in t.trials), *self.baselines, *self.confirm_trials)

    @property
    def broken(self) -> tuple[Trial, ...]:
        """The trainings on fresh seeds that failed; the scores count them as 0."""
        return tuple(trial for trial in self.confirm_trials if not trial.outcome.ok)

    @property
    def env_steps(self) -> int:
        """Environment steps that it has taken for them."""
        return sum(t.steps - t.begin for t in self.trials if not t.taken_from)

    @property
    def lost_episodes(self) -> int:
        """Episodes of trainings and scorings that were thrown away since the environment failed in them."""
        scores = (saved.score for saved in (*self.search_scores, *self.confirm_scores))
        return sum(trial.lost_episodes for trial in self.trials) + sum(score.lost_episodes for score in scores)

    def candidate(self, candidate_id: str) -> CandidateView | None:
        """One candidate, or None."""
        return next((t for t in self.candidates if t.candidate.id == candidate_id), None)

    @cached_property
    def strengths(self) -> Strengths:
        """The candidates as people rank them, by everything that was answered so far; empty without an answer."""
        return strengths(self.preferences)

    @property
    def measured(self) -> tuple[str, ...]:
        """The same candidates as the measurement ranks them; empty where no rule says what to measure."""
        if not self.header.task.ruled:
            return ()
        order = ranked([s for t in self.candidates for s in t.scores], self.header.task)
        return tuple(c for c in order if self.strengths.of(c))

    def measured_place(self, candidate_id: str) -> str:
        """A compared candidate's place among them by measurement, from 1."""
        return str(self.measured.index(candidate_id) + 1) if self.measured else "-"

    def episodes(self, clip: Clip) -> Transitions:
        """The held-out episodes that a clip's policy was scored on, one a column. Raises RunDamaged."""
        page = self.page(clip.page)
        episodes = page.transitions(SCORES.of(clip.trial_id), EPISODES)
        if lacking := sorted(self.header.task.state.keys() - episodes.next_state.keys()):
            raise RunDamaged(f"{page.folder}: episodes of {clip.trial_id} are without {lacking[0]!r}; start a new run.")
        return episodes

    @property
    def money(self) -> str:
        """What all model calls cost, in words."""
        known = sum(s.dollars or 0.0 for s in self.spending)
        unpriced = any(s.dollars is None for s in self.spending)
        return f"${known:.2f}{' and calls of unknown price' if unpriced else ''}"

    @property
    def spending(self) -> tuple[Spending, ...]:
        """Calls, tokens and dollars by role and model."""
        return spending_of(self.bills)


def read_run(folder: Path) -> RunView:
    """Read what a run folder holds; takes no lock, so a running one can be read. Raises UsageError, RunChanged, RunDamaged."""
    header = read_header(folder)
    view: list[CandidateView] = []
    findings: list[str] = []
    rungs: list[tuple[Standings, ...]] = []
    races: list[list[Score]] = []
    search_scores: list[SavedScore] = []
    for page in pages_of(folder):
        candidates, scores = page.lone(CANDIDATES) or Candidates(items=()), page.saved(SCORES)
        analyses = page.lone(ANALYSES) or Analyses()
        view += _page(page, candidates, scores, analyses)
        races.append([s for s in scores if s.candidate_id])
        search_scores += [SavedScore(page.files.within, s) for s in scores]
        findings += (*candidates.findings, *analyses.findings)
        rungs.append(tuple(sorted(page.saved(STANDINGS), key=lambda standings: standings.number)))
    files = Folder(folder)
    whole, confirm = Page(files), Page(files.at(CONFIRM_PAGE))
    bills = saved_bills(files.at(REPLIES))
    preferences = answers_about(policies(races), whole.saved(PREFERENCES))
    return RunView(
        folder,
        header,
        tuple(view),
        Page(files.at(BASELINES_PAGE)).saved(TRIALS),
        confirm.saved(TRIALS),
        whole.lone(RESULT),
        bills,
        tuple(findings),
        tuple(rungs),
        preferences,
        tuple(search_scores),
        tuple(SavedScore(CONFIRM_PAGE, s) for s in confirm.saved(SCORES)),
        whole.saved(CLIPS),
    )


def _page(page: Page, candidates: Candidates, scores: Sequence[Score], analyses: Analyses) -> list[CandidateView]:
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
