"""What the loop relies on in whoever does the work of its steps: the tests' fake ones, and the real ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from fake_steps import FakeSteps

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.protection import Tier
from autoreward.core.resources import envs_folder
from autoreward.records import (
    EPISODES,
    TRAINING_STATE,
    Candidate,
    Description,
    Round,
    Screened,
    TrialJob,
    Verdict,
    policy_file,
)
from autoreward.search.halving import leg, search_job
from autoreward.search.steps import Steps
from autoreward.session.real_steps import open_steps
from autoreward.store.book import Book, RunHeader
from autoreward.store.keys import CANDIDATES, DESCRIPTION, SCORES, TRIALS, VERDICTS
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
CONFIG = RunConfig(candidates=3, steps=4096, episodes=2, workers=2)
CLOCKS = {"seconds", "steps_per_second"}
"""Fields of a trial that no result depends on."""


class Played(NamedTuple):
    """A first round, step by step."""

    steps: Steps
    book: Book
    description: Description
    round: Round
    legs: tuple[TrialJob, TrialJob]
    """Both halves of one training."""

    @property
    def candidate(self) -> Candidate:
        """The one that was trained."""
        return next(c for c in self.round.candidates if c.id == self.legs[0].candidate_id)

    @property
    def state(self) -> bytes:
        """What the first half ended in."""
        return self.book.page(0).file(TRIALS.of(self.legs[0].id), TRAINING_STATE)


@contextmanager
def fake(book: Book) -> Iterator[Steps]:
    yield FakeSteps()


@contextmanager
def real(book: Book) -> Iterator[Steps]:
    with open_steps(TASK, CONFIG, book, lambda event: None) as (steps, _):
        yield steps


@pytest.fixture(scope="module", params=[fake, pytest.param(real, marks=[pytest.mark.slow, pytest.mark.timeout(300)])])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder: Path = tmp_path_factory.mktemp("steps") / "run"
    with Book.create(folder, RunHeader.of(TASK, CONFIG)) as book, request.param(book) as steps:
        yield first_round(book, steps)


def first_round(book: Book, steps: Steps) -> Played:
    """As the loop goes about it, with one candidate trained, in two legs."""
    page, description = book.page(0), book.once(DESCRIPTION, steps.describe)
    candidates = page.once(CANDIDATES, lambda: steps.design(description, ())).items
    verdicts = page.each(VERDICTS, candidates, steps.review, steps.executor)
    screened = steps.screen(candidates, verdicts, ())
    chosen, verdict = next((c, v) for c, v in zip(candidates, verdicts, strict=True) if c.id in screened.order)
    whole = search_job(CONFIG, TASK, chosen, verdict)
    half = whole.steps // 2
    legs = (leg(whole, 0, 0, half), leg(whole, 1, half, whole.steps))
    (begun,) = page.each(TRIALS, legs[:1], steps.train, steps.executor)
    state = page.file(TRIALS.of(begun.id), TRAINING_STATE)
    (ended,) = page.each(TRIALS, legs[1:], lambda job: steps.train(job, state), steps.executor)
    trials = (begun, ended)
    scores = page.each(SCORES, trials, lambda trial: steps.score(page, trial, "search"), steps.executor)
    diagnoses = tuple(steps.diagnose(c, *(trials, scores) if c is chosen else ((), ())) for c in candidates)
    played = Round(number=0, candidates=candidates, verdicts=verdicts, screened=screened, trials=trials, scores=scores,
                   diagnoses=diagnoses)  # fmt: skip
    analyses = steps.analyze(page, played).items
    return Played(steps, book, description, played.model_copy(update={"analyses": analyses}), legs)


def test_the_pool_does_each_item_once(played: Played) -> None:
    squares = dict(played.steps.executor.map(lambda number: number**2, range(5)))
    assert squares == {0: 0, 1: 1, 2: 4, 3: 9, 4: 16}


def test_the_tier_is_one_that_there_is(played: Played) -> None:
    assert played.steps.tier in get_args(Tier)


def test_an_environment_is_described_the_same_way_again(played: Played) -> None:
    again = played.steps.describe()
    assert again.record == played.description
    assert all(played.book.file(DESCRIPTION, name) == data for name, data in again.files.items())


def test_the_first_round_has_as_many_candidates_as_asked_and_no_parents(played: Played) -> None:
    candidates = played.round.candidates
    assert [c.id for c in candidates] == [f"r000c{i}" for i in range(CONFIG.candidates)]
    assert not any(c.parents for c in candidates)


def test_a_design_depends_on_the_rounds_alone(played: Played) -> None:
    assert played.steps.design(played.description, ()).items == played.round.candidates
    one, two = (played.steps.design(played.description, (played.round,)) for _ in range(2))
    assert one == two
    assert [c.id for c in one.items] == [f"r001c{i}" for i in range(CONFIG.candidates)]
    assert {p for c in one.items for p in c.parents} <= {c.id for c in played.round.candidates}


def test_a_verdict_is_of_its_candidate_and_does_not_change(played: Played) -> None:
    for candidate, verdict in zip(played.round.candidates, played.round.verdicts, strict=True):
        assert verdict.candidate_id == candidate.id
        assert verdict.accepted == verdict.outcome.ok
        assert played.steps.review(candidate) == verdict


def test_what_is_screened_is_accepted_and_comes_once(played: Played) -> None:
    screened: Screened = played.round.screened
    accepted = [v.candidate_id for v in played.round.verdicts if v.accepted]
    assert set(screened.order) <= set(accepted)
    assert len(set(screened.order)) == len(screened.order)
    assert {item.candidate_id for item in screened.items} <= {c.id for c in played.round.candidates}
    later = played.steps.screen(played.round.candidates, played.round.verdicts, (played.round,))
    assert set(later.order) <= set(accepted)


def test_nothing_accepted_is_nothing_to_train(played: Played) -> None:
    refused = tuple(
        Verdict(candidate_id=c.id, accepted=False, outcome=Outcome.BROKE_CONTRACT) for c in played.round.candidates
    )
    assert played.steps.screen(played.round.candidates, refused, ()).order == ()


def test_a_trial_is_what_its_job_asks_for(played: Played) -> None:
    for job, trial in zip(played.legs, played.round.trials, strict=True):
        assert trial.outcome is Outcome.COMPLETED
        assert (trial.id, trial.candidate_id, trial.seed) == (job.id, job.candidate_id, job.seed)
        assert (trial.begin, trial.steps) == (job.begin, job.steps)
        assert list(trial.checkpoints) == sorted(set(trial.checkpoints))
        assert job.begin < trial.checkpoints[0]
        assert trial.checkpoints[-1] == job.steps
        page = played.book.page(0)
        assert all(page.file(TRIALS.of(trial.id), policy_file(step)) for step in trial.checkpoints)


def test_the_same_job_is_the_same_training(played: Played) -> None:
    job, trial = played.legs[1], played.round.trials[1]
    again = played.steps.train(job, played.state)
    assert again.record.model_dump(exclude=CLOCKS) == trial.model_dump(exclude=CLOCKS)
    policies = [policy_file(step) for step in trial.checkpoints]
    assert all(again.files[name] == played.book.page(0).file(TRIALS.of(trial.id), name) for name in policies)


def test_a_score_is_of_its_trial_and_keeps_one_of_its_checkpoints(played: Played) -> None:
    page = played.book.page(0)
    for trial, score in zip(played.round.trials, played.round.scores, strict=True):
        assert score.outcome is Outcome.COMPLETED
        assert (score.trial_id, score.candidate_id, score.seed) == (trial.id, trial.candidate_id, trial.seed)
        assert score.steps == trial.steps
        assert score.kept in trial.checkpoints
        assert [point.step for point in score.checkpoints] == list(trial.checkpoints)
        assert all(
            0.0 <= rate <= 1.0 for rate in (score.success, score.progress, score.mean_success, score.mean_progress)
        )
        assert page.file(SCORES.of(trial.id), EPISODES)
        assert played.steps.score(page, trial, "search").record == score


def test_a_diagnosis_is_of_its_candidate_and_finds_nothing_where_nothing_was_trained(played: Played) -> None:
    for candidate, diagnosis in zip(played.round.candidates, played.round.diagnoses, strict=True):
        assert diagnosis.candidate_id == candidate.id
        assert not diagnosis.symptoms or candidate is played.candidate
    again = played.steps.diagnose(played.candidate, played.round.trials, played.round.scores)
    assert again in played.round.diagnoses


def test_what_is_explained_are_candidates_of_the_round(played: Played) -> None:
    assert {a.candidate_id for a in played.round.analyses} <= {c.id for c in played.round.candidates}
