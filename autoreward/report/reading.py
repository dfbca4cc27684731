"""A run folder, finished or not, as one record for the reports."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from autoreward.core.transitions import Transitions
from autoreward.errors import RunDamaged
from autoreward.evaluation.bradley_terry import strengths
from autoreward.evaluation.judging import MeanSimilarity, after_debates, by_principle, by_similarity
from autoreward.evaluation.questions import answers_about, policies
from autoreward.evaluation.ranking import ranked
from autoreward.llm.client import REPLIES, saved_bills
from autoreward.llm.cost import Bill
from autoreward.records import (
    EPISODES,
    Analyses,
    AnsweredWeights,
    Candidates,
    Clip,
    CriticStanding,
    Judgement,
    Judgements,
    Preference,
    RewardDistance,
    Robustness,
    Run,
    Score,
    Screened,
    Standings,
    Strengths,
    Traits,
    Trial,
    policy_file,
)
from autoreward.report.candidates import CandidateView, candidate_views
from autoreward.report.spending import Spending, spending_of
from autoreward.store.book import BASELINES_PAGE, CONFIRM_PAGE, Page, pages_of
from autoreward.store.folder import Folder
from autoreward.store.header import RunHeader, read_header
from autoreward.store.keys import (
    ANALYSES,
    ANSWERED_WEIGHTS,
    CANDIDATES,
    CLIPS,
    CRITIC,
    DEBATED,
    JUDGEMENTS,
    PREFERENCES,
    RESULT,
    ROBUSTNESS,
    SCORES,
    SCREENS,
    STANDINGS,
    TRAITS,
    TRIALS,
)

REPORT = "report.html"
"""File of a run: the page."""


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
    answered: tuple[Preference, ...]
    """What people answered."""
    judgements: tuple[Judgement, ...]
    """What models that judge said."""
    search_scores: tuple[SavedScore, ...]
    """Every score of the rounds."""
    confirm_scores: tuple[SavedScore, ...]
    """Every score of the confirmation."""
    clips: tuple[Clip, ...] = ()
    """The policies that were filmed, or could not be."""
    traits: Traits = field(default_factory=Traits)
    """What is measured of people's words."""
    answered_weights: AnsweredWeights | None = None
    """Weights of a program's parts by what people and judges said."""
    robustness: tuple[Robustness, ...] = ()
    """Whether the winner holds where the environment varies, by each set of ranges that somebody asked about."""
    distances: tuple[RewardDistance, ...] = ()
    """Between the rewards of its programs, by recorded transitions."""
    critic: CriticStanding | None = None
    """What the critic's remarks may do; None where no model designs."""

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

    @property
    def preferences(self) -> tuple[Preference, ...]:
        """What people answered; where nobody did, what models said."""
        return self.answered or tuple(judgement.preference for judgement in self.judgements)

    @property
    def debates(self) -> tuple[Judgement, ...]:
        """What models said after debates."""
        return tuple(judgement for judgement in self.judgements if judgement.debate)

    @cached_property
    def strengths(self) -> Strengths:
        """The candidates by everything that was answered so far; empty without an answer."""
        return strengths(self.preferences)

    @property
    def principles(self) -> dict[str, tuple[float, ...]]:
        """By candidate: the mean score that models gave it by each principle of the card."""
        return by_principle(self.judgements, len(self.header.task.judge.principles))

    @property
    def similarities(self) -> dict[str, dict[str, MeanSimilarity]]:
        """By image-text model that judges, then by candidate: how much its pictures look like what the card says."""
        return by_similarity(self.judgements)

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
    judgements: list[Judgement] = []
    distances: list[RewardDistance] = []
    for page in pages_of(folder):
        candidates, scores = page.lone(CANDIDATES) or Candidates(items=()), page.saved(SCORES)
        analyses = page.lone(ANALYSES) or Analyses()
        view += candidate_views(page, candidates, scores, analyses)
        distances += (page.lone(SCREENS) or Screened(order=())).distances
        races.append([s for s in scores if s.candidate_id])
        search_scores += [SavedScore(page.files.within, s) for s in scores]
        findings += (*candidates.findings, *analyses.findings)
        for batch in page.saved(JUDGEMENTS):
            judgements += batch.items
            findings += batch.findings
        debated = page.lone(DEBATED) or Judgements()
        judgements = after_debates(judgements, debated.items)
        findings += debated.findings
        rungs.append(tuple(sorted(page.saved(STANDINGS), key=lambda standings: standings.number)))
    files = Folder(folder)
    whole, confirm = Page(files), Page(files.at(CONFIRM_PAGE))
    bills = saved_bills(files.at(REPLIES))
    compared = policies(races)
    answered = answers_about(compared, whole.saved(PREFERENCES))
    judged = answers_about(compared, judgements)
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
        answered,
        judged,
        tuple(search_scores),
        tuple(SavedScore(CONFIRM_PAGE, s) for s in confirm.saved(SCORES)),
        whole.saved(CLIPS),
        whole.lone(TRAITS) or Traits(),
        whole.lone(ANSWERED_WEIGHTS),
        whole.saved(ROBUSTNESS),
        tuple(distances),
        whole.lone(CRITIC),
    )
