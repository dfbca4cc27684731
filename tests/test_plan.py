"""What a run would take: counted by hand, never less than a run that no screen and no target shortens, and measured for real."""

import io
from pathlib import Path

import pytest
from fake_steps import FakeSteps

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.loop import improve
from autoreward.records import Description, LegPlan, Score, Speed, Trial
from autoreward.report.plan_table import show_plan
from autoreward.report.terminal import Terminal
from autoreward.search.halving import Budget, env_steps
from autoreward.search.study import Study
from autoreward.session import run as session
from autoreward.session.plan import legs, plan
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.store.keys import TRIALS
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
DESCRIPTION = Description(state=(), action=(), max_steps=200, terminates=True, random_length=200)
SPEED = Speed(workers=2, start=1.0, training=1000.0, scoring=4000.0)


def test_a_field_of_eight_is_halved_to_two_and_noise_may_keep_more() -> None:
    config = RunConfig(steps=16_000)
    least = legs(config, TASK, 8, Budget(10**6, 0))
    assert [(leg.trainings, leg.begin, leg.end) for leg in least] == [
        (8, 0, 1000), (4, 1000, 2000), (2, 2000, 4000), (2, 4000, 8000), (2, 8000, 16_000)
    ]  # fmt: skip
    usual = legs(config, TASK, 8, Budget(256_000, 256_000 // 3))
    assert [leg.trainings for leg in usual] == [8, 8, 4, 3, 2]


def test_a_single_candidate_runs_alone_and_off_policy_trainings_race_as_others_do() -> None:
    share = Budget(10**6, 10**6)
    assert {leg.trainings for leg in legs(RunConfig(), TASK, 1, share)} == {1}
    sac = TASK.model_copy(update={"train": TASK.train.model_copy(update={"algorithm": "SAC"})})
    assert legs(RunConfig(steps=10), sac, 3, share) == legs(RunConfig(steps=10), TASK, 3, share)


def test_minutes_of_one_training_by_hand() -> None:
    """One candidate, SAC: 5 legs of 2 starts, and one to four times the end; 24,000 steps at 1,000 a second; and episodes of 200
    steps at 4,000 a second, 20 a checkpoint, of which the legs have 2, 2, 2, 2, 5 and 30, and 20 more each. A confirmation: 19 s.
    """
    sac = TASK.model_copy(update={"train": TASK.train.model_copy(update={"algorithm": "SAC"})})
    config = RunConfig(candidates=1, rounds=1, steps=6000, finalist_seeds=0, confirm_seeds=2)
    made = plan(sac, config, DESCRIPTION, SPEED)
    assert made.round_minutes == pytest.approx((6 * 2 * 1.0 + 24.0 + (3 + 3 + 3 + 3 + 6 + 31) * 1.0) / 60)
    assert made.search_minutes == pytest.approx(made.round_minutes)
    assert made.confirm == LegPlan(trainings=10, begin=0, end=6000, kind="confirm")
    assert made.confirm_minutes == pytest.approx(5 * 19.0 / 60)


def test_the_budget_bounds_the_search() -> None:
    made = plan(TASK, RunConfig(budget=2.0, rounds=3), DESCRIPTION, SPEED)
    assert made.search_steps == 2 * TASK.train.steps
    assert made.search_minutes == pytest.approx(made.round_minutes * made.search_steps / made.round_steps)


class Alike(FakeSteps):
    """All candidates do alike, so every rung that may end in a tie does."""

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        record, files = super().score(page, trial, purpose)
        return WithFiles(record.model_copy(update={"mean_success": 0.1, "mean_progress": 0.1, "success": 0.1}), files)


@pytest.mark.parametrize("steps", [FakeSteps, Alike])
@pytest.mark.parametrize("config", [RunConfig(rounds=2, candidates=3, target=1.0), RunConfig(rounds=1, candidates=9)])
def test_a_run_takes_no_more_than_was_planned(config: RunConfig, steps: type[FakeSteps], tmp_path: Path) -> None:
    with Book.create(tmp_path / "run", RunHeader.of(TASK, config)) as book:
        run = improve(Study(TASK, config, steps(width=config.candidates), book, lambda event: None))
        confirmed = env_steps(book.confirm_page().saved(TRIALS))
    made = plan(TASK, config, DESCRIPTION, SPEED)
    assert made.confirm
    assert 0 < run.env_steps - confirmed <= made.search_steps
    assert confirmed <= made.confirm.trainings * made.confirm.end


def test_the_first_prompt_is_as_a_model_will_get_it() -> None:
    """With the rule, unless it is hidden from models; and with the run's own steps."""
    shown = plan(TASK, RunConfig(steps=123_000, model="manual"), DESCRIPTION, SPEED).prompt
    hidden = plan(TASK, RunConfig(steps=123_000, model="manual", hide_rule=True), DESCRIPTION, SPEED).prompt
    assert "for 123,000 environment steps" in shown
    assert ["- The condition, on the state after a step:" in prompt for prompt in (shown, hidden)] == [True, False]


def test_how_it_looks() -> None:
    out = io.StringIO()
    Terminal(out, width=100).print(show_plan(plan(TASK, RunConfig(steps=16_000, budget=100), DESCRIPTION, SPEED)))
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert ["race,", "leg", "2", "8", "1,000", "2,000", "8,000"] in lines
    assert ["finalists,", "more", "seeds", "4", "0", "16,000", "64,000"] in lines
    assert ["the", "best", "one,", "longer", "1", "16,000", "64,000", "48,000"] in lines
    assert ["a", "round", "240,000"] in [line[:3] for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["PPO", "SAC"])
def test_the_probe_measures_and_writes_nothing(algorithm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    task = find_task("mountain-car-continuous" if algorithm == "SAC" else "mountain-car", (envs_folder(),))
    if algorithm == "SAC":
        task = task.model_copy(
            update={"train": task.train.model_copy(update={"algorithm": "SAC", "hyperparameters": {}, "envs": 1})}
        )
    made = session.plan_run(task, RunConfig(workers=2, episodes=2), tmp_path / "run")
    assert made.speed.workers == 2
    assert made.speed.training > 10
    assert made.speed.scoring > 10
    assert made.round_minutes > 0
    assert task.goal in made.prompt
    assert not list(tmp_path.iterdir())
