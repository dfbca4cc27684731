"""Limits that an environment has of its own are found, not guessed, and held against what a card says."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from in_process import HERE

from autoreward.errors import TaskError
from autoreward.tasks.card import Task
from autoreward.tasks.draft.guess import draft_task
from autoreward.tasks.draft.write import card_text
from autoreward.tasks.files import placeholder_task
from autoreward.worker.envs.time_limits import cut_after
from autoreward.worker.jobs.audit import audit
from autoreward.worker.jobs.describe import describe
from autoreward.worker.jobs.records import AuditJob, DescribeJob, SurveyJob
from autoreward.worker.jobs.survey import survey


class Shift(gymnasium.Env[Any, Any]):
    """Ends as it is told: after so many steps by `truncated`, or sooner with some chance, or by `terminated`."""

    observation_space = spaces.Box(-1e4, 1e4, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, cut: int = 0, end: int = 0, chance: float = 0.0) -> None:
        self.cut, self.end, self.chance = cut, end, chance

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        early = self.np_random.uniform() < self.chance
        observation = np.array([self.steps], np.float32)
        return observation, 0.0, self.steps == self.end, early or self.steps == self.cut, {}


gymnasium.register("Shift-v0", Shift)
gymnasium.register("LimitedShift-v0", Shift, max_episode_steps=200)


def card(kwargs: dict[str, Any], env: str = "Shift-v0", **changes: Any) -> Task:
    return placeholder_task(env, kwargs, "shift").model_copy(update=changes)


@pytest.mark.parametrize(
    ("kwargs", "env", "limit", "remark"),
    [
        ({"cut": 37}, "Shift-v0", 37, "# FOUND: the environment cuts every episode after 37 steps itself"),
        ({"cut": 37}, "LimitedShift-v0", 37, "# FOUND: the environment cuts every episode after 37 steps itself"),
        ({"cut": 1500}, "Shift-v0", 1500, "# FOUND: the environment cuts every episode after 1500 steps itself"),
        ({}, "LimitedShift-v0", 200, ""),
        ({"end": 1}, "LimitedShift-v0", 200, ""),
        ({}, "Shift-v0", 1000, "# GUESS: the environment states no time limit"),
        ({"end": 1}, "Shift-v0", 10, "# GUESS: the environment states no time limit"),
        ({"cut": 90, "chance": 0.05}, "Shift-v0", 900, "# GUESS: the environment states no time limit"),
    ],
)  # fmt: skip
def test_a_card_has_the_limit_that_there_is(kwargs: dict[str, Any], env: str, limit: int, remark: str) -> None:
    found, _ = survey(SurveyJob(task=card(kwargs, env)), {}, HERE)
    drafted = draft_task(found, "shift", "Last.", kwargs)
    assert drafted.task.max_steps == limit
    above = card_text(drafted).split("max_steps = ")[0].splitlines()[-1]
    assert above.startswith(remark) if remark else not above.startswith("#")


@pytest.mark.parametrize(
    ("lengths", "cut", "found"),
    [
        ((37, 37), (True, True), 37),
        ((12, 37), (False, True), 37),
        ((40, 37), (False, True), None),
        ((36, 37), (True, True), None),
        ((5, 6), (False, False), None),
        ((), (), None),
    ],
)
def test_it_is_one_limit_or_none(lengths: tuple[int, ...], cut: tuple[bool, ...], found: int | None) -> None:
    assert cut_after(lengths, cut) == found


@pytest.mark.slow
def test_a_check_says_that_the_card_waits_for_steps_that_never_come() -> None:
    checked, _ = audit(AuditJob(task=card({"cut": 37}, max_steps=60)), {}, HERE)
    assert [item.message for item in checked.items if item.name == "time limit"] == [
        "the environment cuts every episode after 37 steps itself, before the limit of 60: max_steps = 37"
    ]
    checked, _ = audit(AuditJob(task=card({"cut": 37}, max_steps=37)), {}, HERE)
    assert "time limit" not in [item.name for item in checked.items]


def test_a_full_length_that_can_never_be_is_refused_before_anything_trains() -> None:
    whole = card({"cut": 37}, max_steps=60)
    full = whole.model_copy(update={"success": whole.success.model_copy(update={"full_length": True})})
    with pytest.raises(
        TaskError, match=r"full length of 60 steps, and Shift-v0 cuts every episode after 37 itself; set"
    ):
        describe(DescribeJob(task=full, seed=0, demonstrated=False), {}, HERE)


@pytest.mark.parametrize(
    ("space", "says"),
    [
        (spaces.Discrete(4096), "observes one of 4,096 states, each a number for a policy, which is given 2,000 at most"),
        (spaces.Box(0, 1, (10_000,)), "observes 10,000 numbers, more than the 2,000 that a policy is given at most"),
        (spaces.Box(0, 255, (64, 64, 3), np.uint8), "observes 12,288 numbers, such as an image; put a state.py"),
        (
            spaces.Dict({"a": spaces.Box(0, 1, (3,)), "map": spaces.Discrete(9_000)}),
            "observes one of 9,000 states, most of them in 'map', each a number for a policy",
        ),
        (spaces.Text(5), "observes nothing that is a number; put"),
    ],
)  # fmt: skip
def test_what_is_too_much_for_a_policy_is_called_what_it_is(space: spaces.Space[Any], says: str) -> None:
    class Large(Shift):
        observation_space = space

    gymnasium.registry.pop("Large-v0", None)
    gymnasium.register("Large-v0", Large, max_episode_steps=5)
    with pytest.raises(TaskError) as raised:
        survey(SurveyJob(task=card({}, "Large-v0")), {}, HERE)
    assert says in str(raised.value)
