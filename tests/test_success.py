"""The success rule on hand-made episodes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.errors import TaskError
from autoreward.evaluation.success_audit import Successes, still_won
from autoreward.roles.episode_tables import holding
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.tasks.tables import Metric, StateField
from autoreward.worker.envs.fields import state_fields
from autoreward.worker.envs.flatten import Layout
from autoreward.worker.rollout.recorder import Recorded
from autoreward.worker.rollout.sources import SparseReward
from autoreward.worker.rollout.training_episodes import TrainingEpisodes
from autoreward.worker.success import ALMOST, SuccessRule


def card(when: str, **rule: object) -> Task:
    task = find_task("mountain-car", (envs_folder(),))
    return Task.model_validate(task.model_dump() | {"success": {"when": when, **rule}})


def states(*positions: float) -> dict[str, np.ndarray]:
    return {"position": np.array(positions), "velocity": np.zeros(len(positions))}


def test_last_step_rule() -> None:
    rule = SuccessRule(card("position >= flag"), max_steps=10)
    assert rule.succeeded(states(0.0, 0.5), terminated=True)
    assert not rule.succeeded(states(0.6, 0.4), terminated=False)
    missed = rule.episode(states(0.6, -0.4), terminated=False, movement=0.1)
    assert missed.reached
    assert missed.held == 0
    # the last state is too far off to count, the best one is there
    assert missed.progress == pytest.approx(0.5 * 0.0 + 0.5 * 1.0)
    assert missed.metric == 2.0


def test_a_rule_and_a_metric_read_actions() -> None:
    task = card("position >= flag and abs(push - 1) < 0.5")
    task = Task.model_validate(task.model_dump() | {"metric": {"value": "push", "better": "lower"}})
    rule = SuccessRule(task, max_steps=10)
    coasting = {**states(0.0, 0.6), "push": np.array([2.0, 1.0])}
    assert rule.succeeded(coasting, terminated=True)
    assert not rule.succeeded({**coasting, "push": np.array([1.0, 2.0])}, terminated=True)
    assert rule.episode(coasting, terminated=True, movement=0.0).metric == 1.0
    assert rule.fields == {"position", "push"}


@given(st.lists(st.integers(0, 2), min_size=2, max_size=20))
def test_training_episodes_and_recorded_ones_are_judged_by_the_actions_in_them(pushes: list[int]) -> None:
    """One action a step, whole numbers as the environment has them; the rule asks that the last one coasts."""
    task = card("push == 1")
    length = len(pushes)
    fields = {name: np.zeros((length, 1)) for name in task.state}
    clock = np.arange(1, length + 1)[:, None]
    batch = Transitions(fields, {"push": np.array(pushes)[:, None]}, fields, clock, clock == length)
    recorded = Recorded(batch, clock == length, np.zeros((length, 1)), *(np.zeros((length, 1), dtype=bool),) * 3)
    rule = SuccessRule(task, max_steps=length)
    judge = TrainingEpisodes(rule, 1)
    judge.see(recorded)
    judged = judge.take()
    assert judged
    wanted = float(pushes[-1] == 1)
    assert judged.success == wanted
    assert SparseReward(rule, 1).parts(recorded)["success"][-1, 0] == wanted
    assert still_won(task, Successes(batch, (True,))) == (bool(wanted),)
    held = holding(task, batch)
    assert held is not None
    assert held[-1] == bool(wanted)


def test_any_step_rule() -> None:
    rule = SuccessRule(card("position >= flag", within="any step"), max_steps=10)
    assert rule.succeeded(states(0.6, 0.0), terminated=False)


def test_window_with_share_and_full_length() -> None:
    task = card("position > 0", within="last 4 steps", share=0.75, full_length=True)
    rule = SuccessRule(task, max_steps=6)
    good = rule.episode(states(-1, -1, 1, 1, -1, 1), terminated=False, movement=0)
    assert (good.success, good.held, good.progress) == (True, 0.75, 1.0)
    assert not rule.succeeded(states(-1, -1, 1, -1, -1, 1), terminated=False)
    assert not rule.succeeded(states(1, 1, 1, 1, 1, 1), terminated=True)
    short = rule.episode(states(1, 1, 1), terminated=True, movement=0)
    assert not short.success
    assert short.progress == pytest.approx(0.5)


def test_not_terminated_with_full_length() -> None:
    rule = SuccessRule(card("not terminated", full_length=True), max_steps=3)
    assert rule.succeeded(states(0, 0, 0), terminated=False)
    assert not rule.succeeded(states(0, 0, 0), terminated=True)
    assert not rule.succeeded(states(0, 0), terminated=False)


def test_progress_without_success_stays_below_one() -> None:
    rule = SuccessRule(card("position > 0", within="last 2 steps", full_length=True), max_steps=2)
    assert rule.episode(states(1, 1), terminated=True, movement=0).progress == ALMOST


@pytest.mark.parametrize("when", ["norm(position) < 0.3", "position[0] > 0.15", "stack(position, velocity) > 0"])
def test_a_rule_of_the_wrong_shape_is_one_sentence(when: str) -> None:
    with pytest.raises(TaskError, match=r"task mountain-car, \[success\] when: "):
        SuccessRule(card(when), max_steps=10).episode(states(0.0, 0.5, 0.2), terminated=False, movement=0.0)


def test_a_metric_of_several_numbers_is_one_sentence() -> None:
    task = card("position > 0").model_copy(update={"metric": Metric(value="stack(position, velocity)", better="lower")})
    with pytest.raises(TaskError, match=r"\[metric\] value: .* gives 2 values a step"):
        SuccessRule(task, max_steps=10).episode(states(0.0, 0.5), terminated=False, movement=0.0)


@pytest.mark.parametrize("source", ["obs[0] + obs[0:2]", "stack(obs[0], obs[0:2])", "norm(obs[0])", "obs[9]"])
def test_a_source_of_the_wrong_shape_is_one_sentence(source: str) -> None:
    """NumPy would add two rows' numbers to two columns' where there are two environments."""
    fields = {"x": StateField(source=source, about="it")}
    task = find_task("mountain-car", (envs_folder(),)).model_copy(update={"state": fields})
    with pytest.raises(TaskError, match=r"\[state.x\] source: "):
        state_fields(task, Layout(4), np.zeros((2, 4)))
