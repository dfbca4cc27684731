"""`autoreward tune`: what is tried, what it is compared by, and that nothing is trained twice."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from autoreward.cli import app
from autoreward.config import make_config
from autoreward.core.executor import ThreadExecutor
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import AutorewardError, UsageError
from autoreward.records import Score, TrialId
from autoreward.search.settings_space import DRAWN_SETTINGS, FEWEST_ROLLOUTS, SettingsSpace
from autoreward.session.tuning import FRESH, TRYING, Tuning, _Bench
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, validated_task

TASK = find_task("mountain-car", (envs_folder(),))
STEPS = TASK.train.steps


class FakeTrainings:
    """Trainings that come to the more the nearer the learning rate is to 1e-3; stands in for `KeptTrainings`."""

    def __init__(self, task: Task, purpose: str = "", asked: list[Any] | None = None, outcome: Any = None) -> None:
        self.task, self.purpose, self.asked, self.outcome = task, purpose, [] if asked is None else asked, outcome

    def like(self, task: Task, purpose: str) -> "FakeTrainings":
        return FakeTrainings(task, purpose, self.asked, self.outcome)

    def sound(self, side: Any) -> None:
        return None

    def training(self, side: Any, verdict: Any, i: int) -> Any:
        return SimpleNamespace(job=SimpleNamespace(id=str(TrialId(side, i))), known=None)

    def scored(self, one: Any) -> Score:
        rate = float(self.task.train.hyperparameters["learning_rate"])
        self.asked.append((self.purpose, one.job.id, rate))
        if self.outcome:
            return Score(trial_id=one.job.id, candidate_id="native", outcome=self.outcome, message="it diverged")
        near = max(0.0, 1.0 - abs(rate - 1e-3) / 1e-3)
        return Score(
            trial_id=one.job.id, candidate_id="native", outcome=Outcome.COMPLETED, success=near, progress=near,
            mean_success=near, mean_progress=near,
        )  # fmt: skip


def bench(rate: float, tries: int = 12, outcome: Any = None) -> tuple[Any, FakeTrainings]:
    settings = {**TASK.train.hyperparameters, "learning_rate": rate}
    task = TASK.model_copy(update={"train": TASK.train.model_copy(update={"hyperparameters": settings})})
    trainings = FakeTrainings(task, outcome=outcome)
    config = make_config({"given": "native"})
    one = _Bench(Tuning(task, "native", tries, 2, 5), config, trainings, ThreadExecutor(2))  # type: ignore[arg-type]
    return one.tuned(SettingsSpace(task, STEPS, seed=1)), trainings


def test_a_bad_learning_rate_is_found_out_and_the_best_is_held_against_it_on_fresh_seeds() -> None:
    found, trainings = bench(rate=1e-5)
    assert found.best > 0
    assert 3e-4 < float(found.tried[found.best].hyperparameters["learning_rate"]) < 2e-3
    assert found.tried[found.best].value == max(one.value for one in found.tried)
    assert (found.verdict, found.improvement.value, len(found.ours)) == ("keep", 1.0, 5)
    purposes = [purpose for purpose, _, _ in trainings.asked]
    assert (purposes.count(TRYING), purposes.count(FRESH)) == (24, 10)
    assert found.env_steps == 34 * STEPS
    assert found.tried[0].hyperparameters["learning_rate"] == 1e-5, "the card's own come first"


def test_where_the_card_s_own_are_the_best_nothing_more_is_trained() -> None:
    found, trainings = bench(rate=1e-3)
    assert (found.best, found.verdict, found.ours) == (0, "revert", ())
    assert all(purpose == TRYING for purpose, _, _ in trainings.asked)
    assert found.why == "none of 11 others did better on the same seeds"


def test_nothing_that_can_be_trained_is_said_with_its_reason() -> None:
    with pytest.raises(AutorewardError, match="Nothing could be trained with any settings: it diverged"):
        bench(rate=1e-3, outcome=Outcome.NOT_FINITE)


@pytest.mark.parametrize("name", ["mountain-car", "reacher", "pendulum"])
@pytest.mark.parametrize("algorithm", DRAWN_SETTINGS)
def test_every_draw_is_a_card_s_and_leaves_rollouts_to_learn_from(name: str, algorithm: str) -> None:
    card = find_task(name, (envs_folder(),))
    task = card.model_copy(
        update={"train": card.train.model_copy(update={"algorithm": algorithm, "hyperparameters": {}})}
    )
    space = SettingsSpace(task, card.train.steps, seed=0)
    space.ask()
    for _ in range(30):
        asked = space.ask()
        drawn: dict[str, Any] = asked.hyperparameters
        train = {**task.train.model_dump(), "hyperparameters": drawn}
        validated_task({**task.model_dump(exclude_unset=True), "train": train}, "a draw")
        assert 0.9 <= drawn["gamma"] < 1.0
        if algorithm == "PPO":
            assert drawn["n_steps"] * task.train.envs * FEWEST_ROLLOUTS <= max(
                card.train.steps, 8 * FEWEST_ROLLOUTS * task.train.envs
            )
            assert drawn["batch_size"] <= drawn["n_steps"] * task.train.envs
        asked.tell(0.0)


def test_the_same_values_told_give_the_same_settings() -> None:
    def drawn(best: float) -> list[Any]:
        space, found = SettingsSpace(TASK, STEPS, seed=4), []
        for _ in range(15):
            asked = space.ask()
            asked.tell(-abs(float(asked.hyperparameters["learning_rate"]) - best))
            found.append(asked.hyperparameters)
        return found

    assert drawn(1e-3) == drawn(1e-3)
    assert drawn(1e-3)[-1] != drawn(1e-5)[-1], "what was told counts"


def test_an_algorithm_of_which_nothing_is_known_is_refused() -> None:
    task = TASK.model_copy(update={"train": TASK.train.model_copy(update={"algorithm": "DQN"})})
    with pytest.raises(UsageError, match="trains by DQN, of which no settings are tuned; PPO and SAC are"):
        SettingsSpace(task, STEPS, seed=0)


@pytest.mark.parametrize(
    ("option", "said"), [("--tries 1", "--tries 1: write a number from 2."), ("--seeds 0", "--seeds 0")]
)
def test_numbers_that_can_t_be_are_refused(option: str, said: str, tmp_path: Path) -> None:
    asked = CliRunner().invoke(app, ["tune", "mountain-car", "--runs", str(tmp_path / "runs"), *option.split()])
    assert isinstance(asked.exception, UsageError)
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_real_trainings_are_tuned_and_the_same_command_trains_nothing_again(tmp_path: Path) -> None:
    wish = "tune mountain-car-continuous --tries 2 --seeds 1 --fresh 1 --steps 2048 --episodes 2 --json --simulator gymnasium"
    first, again = (
        json.loads(CliRunner().invoke(app, [*wish.split(), "--runs", str(tmp_path)]).stdout) for _ in range(2)
    )
    assert first["env_steps"] >= 2 * 2048
    assert again == first | {"env_steps": 0}
    assert len(first["tried"]) == 2
