"""What a race goes by, and whether more steps are what a training needs."""

from pathlib import Path

import pytest
from fake_steps import FakeSteps, alike

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.evaluation.prospects import improving, noise, prospect, prospects
from autoreward.loop import improve
from autoreward.records import Candidate, CheckpointScore, CurvePoint, Longer, Run, Score, Trial, TrialJob, Verdict
from autoreward.report.phrases import budget_sentence, describe_event
from autoreward.search.study import Study
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))


def training(progress: list[float | None], success: list[float], leg: int = 0, begin: int = 0) -> tuple[Trial, Score]:
    """One leg whose training episodes made that progress, and its checkpoints that success."""
    end = begin + 100
    points = tuple(CurvePoint(step=end, episode_return=0.0, episode_length=9, progress=p) for p in progress)
    name = f"a-s0-leg{leg}"
    trial = Trial(
        id=name, candidate_id="a", outcome=Outcome.COMPLETED, seed=0, begin=begin, steps=end, curve=points, checkpoints=(end,)
    )  # fmt: skip
    checkpoints = tuple(CheckpointScore(step=end, success=s, progress=0.3, metric=None, length=9) for s in success)
    return trial, Score(
        trial_id=name,
        candidate_id="a",
        outcome=Outcome.COMPLETED,
        steps=end,
        checkpoints=checkpoints,
        mean_progress=0.3,
    )


def test_the_whole_curve_counts_and_success_wherever_it_was_seen() -> None:
    one, two = training([0.1, 0.2], [0.0, 0.5]), training([0.3, 0.4], [0.0, 0.0], leg=1, begin=100)
    found = prospects((one[0], two[0]), (one[1], two[1]))["a"]
    assert (found.progress, found.success) == (pytest.approx(0.25), 0.5)
    assert found.value == pytest.approx(0.75)


def test_a_leg_that_was_not_scored_is_no_prospect() -> None:
    one, two = training([0.1], [0.0]), training([0.3], [0.0], leg=1, begin=100)
    assert prospects((one[0], two[0]), (one[1],)) == {}


def test_where_no_training_episode_was_judged_held_out_ones_speak() -> None:
    assert prospect(*training([None, None], [0.0, 0.0])).progress == 0.3


def test_a_score_of_another_training_is_refused() -> None:
    trial, score = training([0.1], [0.0])
    with pytest.raises(ValueError, match="is no score of"):
        prospect(trial, score.model_copy(update={"trial_id": "b-s0-leg0"}))


def test_noise_is_what_a_trend_does_not_explain() -> None:
    assert noise([0.0, 0.1, 0.2, 0.3]) == pytest.approx(0.1 / 2**0.5)
    assert noise([0.5] * 4) == noise([0.5]) == 0.0
    assert noise([0.0, 1.0, 0.0, 1.0]) == pytest.approx(1 / 2**0.5)


def test_a_training_improves_if_it_rises_beyond_its_noise() -> None:
    steady, rising = [0.3, 0.31, 0.3, 0.31, 0.3, 0.31], [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    nothing = [0.0] * 6
    assert improving(*training(rising, nothing))
    assert not improving(*training(steady, nothing))
    assert improving(*training(steady, rising)), "by success alone"
    assert not improving(*training([0.0, 0.0, 0.0, 0.9, 0.0, 0.9], nothing)), "up and down is no rise"
    assert not improving(*training([0.0, 0.9], [0.0])), "too short to tell"


class Slow(FakeSteps):
    """Its policies get better with every step; success comes after `needed` of them."""

    def __init__(self, needed: int, grows: float = 1.0) -> None:
        super().__init__(width=2)
        self._needed = needed
        self._grows = grows

    def review(self, candidate: Candidate) -> Verdict:
        return Verdict(candidate_id=candidate.id, accepted=True, outcome=Outcome.COMPLETED)

    def train(self, job: TrialJob, begun: bytes = b"") -> WithFiles[Trial]:
        trial, files = super().train(job, begun)
        along = [job.begin + (job.steps - job.begin) * (i + 1) // 8 for i in range(8)]
        curve = tuple(
            CurvePoint(step=s, episode_return=0.0, episode_length=9, progress=min(self._grows * s / 100_000, 0.9)) for s in along
        )  # fmt: skip
        return WithFiles(trial.model_copy(update={"curve": curve}), files)

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        success = 0.8 if trial.steps >= self._needed else 0.0
        return alike(super().score(page, trial, purpose), success, 0.2)


def run(folder: Path, steps: FakeSteps, **change: object) -> tuple[Run, Longer]:
    plain = {"rounds": 1, "candidates": 2, "confirm_seeds": 0, "finalist_seeds": 0, "steps": 8000}
    config = RunConfig.model_validate(plain | change)
    with Book.create(folder, RunHeader.of(TASK, config)) as book:
        result = improve(Study(TASK, config, steps, book, lambda event: None))
    with Book.open(folder) as book:
        again = Slow(0)
        assert improve(Study(TASK, config, again, book, lambda event: None)) == result
        assert not [name for name in again.done if name.startswith("train")], "nothing trains again"
    return result, result.longer


def test_the_budget_is_named_where_more_steps_were_what_was_missing(tmp_path: Path) -> None:
    result, longer = run(tmp_path / "r", Slow(needed=30_000))
    assert longer.steps == (8000, 16_000, 32_000)
    assert longer.success == (0.0, 0.0, 0.8)
    assert result.env_steps == 2 * 8000 + 24_000
    assert "success of 0.00 after 8,000, 0.00 after 16,000, 0.80 after 32,000" in budget_sentence(result)
    assert "steps = 32,000" in budget_sentence(result)


def test_a_training_that_is_flat_goes_on_once_where_nothing_has_succeeded(tmp_path: Path) -> None:
    result, longer = run(tmp_path / "r", Slow(needed=10**9, grows=0.0))
    assert longer == Longer(), "it did not help"
    assert result.env_steps == 2 * 8000 + 8000
    assert budget_sentence(result) == ""


def test_what_succeeds_and_is_flat_does_not_go_on(tmp_path: Path) -> None:
    assert run(tmp_path / "r", Slow(needed=0, grows=0.0))[0].env_steps == 2 * 8000


def test_what_is_good_enough_does_not_go_on(tmp_path: Path) -> None:
    assert run(tmp_path / "r", Slow(needed=0), target=0.7)[0].env_steps == 2 * 8000


def test_there_is_no_going_on_without_steps_in_the_budget(tmp_path: Path) -> None:
    assert run(tmp_path / "r", Slow(needed=30_000), budget=2.5)[0].env_steps == 2 * 8000
    assert run(tmp_path / "s", Slow(needed=30_000), budget=4.0)[0].env_steps == 3 * 8000


@pytest.mark.parametrize("luck", [0.0, 0.05])
def test_who_stopped_goes_on_where_nobody_succeeded(tmp_path: Path, luck: float) -> None:
    """Only r000c3 can do it, and it is slow: the race drops it, and then has steps left. One lucky checkpoint is nothing."""

    class Late(Slow):
        def __init__(self) -> None:
            super().__init__(needed=10**9, grows=0.0)
            self._width = 6

        def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
            number = int(trial.candidate_id[-1])
            success = (
                0.9 if number == 3 and trial.steps >= 8000 else luck if trial.steps == 500 and number == 1 else 0.0
            )
            return alike(FakeSteps.score(self, page, trial, purpose), success, 0.5)

        def train(self, job: TrialJob, begun: bytes = b"") -> WithFiles[Trial]:
            trial, files = FakeSteps.train(self, job, begun)
            better = 0.3 - int(job.candidate_id[-1]) / 20
            curve = (CurvePoint(step=job.steps, episode_return=0.0, episode_length=9, progress=better),)
            return WithFiles(trial.model_copy(update={"curve": curve}), files)

    steps = Late()
    config = RunConfig(rounds=1, candidates=6, confirm_seeds=0, finalist_seeds=1, steps=8000, budget=9.0)
    with Book.create(tmp_path / "r", RunHeader.of(TASK, config)) as book:
        heard: list[events.Event] = []
        result = improve(Study(TASK, config, steps, book, heard.append))
    assert result.best == "r000c3"
    lines = [describe_event(event) for event in heard if isinstance(event, events.GoesOn)]
    assert "  r000c3-s0 goes on from 500 to 8,000 steps: none of those before it has succeeded" in lines
    assert result.env_steps <= 9 * 8000
