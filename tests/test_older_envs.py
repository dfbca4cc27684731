"""Environments of the older interface are adapted, whatever of it they have; today's are left as they are."""

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from exports import load, written
from gymnasium import spaces
from in_process import HERE

from autoreward.errors import TaskError
from autoreward.export.build import reward_files
from autoreward.tasks.files import parse_task, placeholder_task
from autoreward.worker.checking.check import Asked, all_checks
from autoreward.worker.envs import make
from autoreward.worker.envs.older import Foreign, Older
from autoreward.worker.jobs.records import SurveyJob
from autoreward.worker.jobs.survey import survey

ARRAY = np.zeros(2, np.float32)


class Today(gymnasium.Env[Any, Any]):
    observation_space: Any = spaces.Box(-1, 1, (2,), np.float32)
    action_space: Any = spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        return self.np_random.uniform(size=2).astype(np.float32), {}

    def step(self, action: Any) -> Any:
        return ARRAY.copy(), 1.0, False, False, {}


class FourTuples(Today):
    def step(self, action: Any) -> Any:
        return ARRAY.copy(), 1.0, True, {"TimeLimit.truncated": bool(action)}


class ObservationAlone(Today):
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        gymnasium.Env.reset(self, seed=seed)
        return self.np_random.uniform(size=2).astype(np.float32)


class NoOptions(Today):
    def reset(self, seed: int | None = None) -> Any:
        gymnasium.Env.reset(self, seed=seed)
        return self.np_random.uniform(size=2).astype(np.float32), {}


class NoSeed(FourTuples):
    def reset(self) -> Any:
        return self.np_random.uniform(size=2).astype(np.float32)


class OfGym:
    """As a class of gym 0.21 is: no `gymnasium.Env`, spaces of another package, `seed`, four-tuples."""

    observation_space = type(
        "Box", (), {"low": -np.ones(2, np.float32), "high": np.ones(2, np.float32), "dtype": np.float32}
    )()
    action_space = type("Discrete", (), {"n": 3})()

    def seed(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def reset(self) -> Any:
        return self.random.uniform(size=2).astype(np.float32)

    def step(self, action: Any) -> Any:
        return ARRAY.copy(), 1.0, True, {"TimeLimit.truncated": bool(action)}


OLDER = (FourTuples, ObservationAlone, NoOptions, NoSeed, OfGym)
for kind in (Today, *OLDER):
    gymnasium.register(f"{kind.__name__}-v0", kind, max_episode_steps=20)


@pytest.fixture
def gym() -> Iterator[None]:
    """The package gym, with one environment that is registered there alone."""
    spec = types.SimpleNamespace(entry_point=OfGym, max_episode_steps=15, kwargs={})
    sys.modules["gym"] = types.ModuleType("gym")
    sys.modules["gym"].envs = types.SimpleNamespace(registry={"InGym-v0": spec})  # type: ignore[attr-defined]
    yield
    del sys.modules["gym"]


def made(name: str) -> Any:
    return make.registered(placeholder_task(f"{name}-v0", {}, "older"))


@pytest.mark.parametrize("name", [kind.__name__ for kind in OLDER])
def test_each_takes_and_returns_what_is_usual_today(name: str) -> None:
    env = made(name)
    one, info = env.reset(seed=3, options={})
    two, _ = env.reset(seed=3)
    other, _ = env.reset(seed=4)
    assert (one.tolist(), info) == (two.tolist(), {})
    assert one.tolist() != other.tolist()
    assert isinstance(env.action_space, spaces.Discrete)
    ends = [env.reset(seed=1) and env.step(action)[2:4] for action in (0, 1)]
    four = issubclass(dict(zip([k.__name__ for k in OLDER], OLDER, strict=True))[name], FourTuples | OfGym)
    assert ends == ([(True, False), (False, True)] if four else [(False, False)] * 2)
    assert env.spec.max_episode_steps == 20


def test_the_limit_of_a_card_holds_there_too() -> None:
    env = make.registered(placeholder_task("NoOptions-v0", {}, "older").model_copy(update={"max_steps": 3}))
    env.reset(seed=0)
    assert [env.step(0)[3] for _ in range(3)] == [False, False, True]


def layers(env: Any) -> list[type[Any]]:
    found = [type(env)]
    while isinstance(env, gymnasium.Wrapper):
        env = env.env
        found.append(type(env))
    return found


@pytest.mark.parametrize(
    "env", ["Today-v0", "CartPole-v1", "Pendulum-v1", "MountainCar-v0", "FrozenLake-v1", "Reacher-v5"]
)
def test_an_environment_of_today_is_left_as_it_is(env: str) -> None:
    assert layers(make.registered(placeholder_task(env, {}, "older"))) == layers(gymnasium.make(env))


def test_what_is_registered_with_gym_alone_is_found(gym: None) -> None:
    env = made("InGym")
    assert env.spec.max_episode_steps == 15
    assert {Older, Foreign} <= set(layers(env))
    found, _ = survey(SurveyJob(task=placeholder_task("InGym-v0", {}, "older")), {}, HERE)
    assert (found.max_steps, found.choices) == (15, (3,))


CARD = """
env = "{env}"
max_steps = 5
goal = "Go."
[state.x]
source = "obs[0]"
about = "x"
[action.a]
about = "a"
[success]
when = "x > 0"
[train]
algorithm = "PPO"
steps = 100
"""
PROGRAM = """def compute_reward(state, action, next_state, memory):
    return {"late": 1.0 * next_state.step, "x": state.x}
"""


@pytest.mark.parametrize("name", [*(kind.__name__ for kind in OLDER), "Today", "InGym"])
def test_an_exported_reward_makes_them_as_the_training_did(name: str, gym: None, tmp_path: Path) -> None:
    task = parse_task(CARD.format(env=f"{name}-v0"), tmp_path / "older" / "task.toml")
    module = load(tmp_path / "out", reward_files(task, written(PROGRAM)))
    env, trained_in = module.make(), made(name)
    assert (name != "Today") == (module.Older in layers(env))
    for act in (0, 1):
        one, _ = env.reset(seed=3)
        assert one.tolist() == trained_in.reset(seed=3)[0].tolist()
        _, paid, *flags, _ = env.step(act)
        assert flags == list(trained_in.step(act)[2:4])
        assert paid == 1.0 + one[0]
    many = module.make_vec(2)
    many.reset(seed=3)
    assert [int(paid) for _, paid, *_ in [many.step(np.array([0, 0]))] for paid in paid] == [1, 1]
    if name in ("Today", "NoOptions", "ObservationAlone"):
        env.reset(seed=1)
        assert [env.step(0)[3] for _ in range(5)] == [False] * 4 + [True]


def test_they_pass_their_check() -> None:
    task = placeholder_task("NoSeed-v0", {}, "older")
    assert all_checks(Asked(task, lambda: make.registered(task), steps=50)).failed == ()


def test_what_can_be_no_environment_is_said() -> None:
    gymnasium.registry.pop("OlderNothing-v0", None)
    gymnasium.register("OlderNothing-v0", lambda: object())
    with pytest.raises(TaskError, match="object is no environment: it has no observation_space"):
        made("OlderNothing")
    gymnasium.registry.pop("Lacks-v0", None)
    gymnasium.register("Lacks-v0", "gym.nothing:Lacks")
    with pytest.raises(TaskError, match="write `import gymnasium as gym` in it"):
        made("Lacks")
