"""Any observation as one vector with names: every space, a state.py of one's own, and a clear sentence where there is none."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from autoreward.errors import TaskError
from autoreward.tasks.card import Task
from autoreward.tasks.files import placeholder_task
from autoreward.worker.envs import make
from autoreward.worker.envs.fields import state_fields
from autoreward.worker.envs.flatten import Flat, Layout, Sensed, flat, layout_of
from autoreward.worker.envs.make import Reseeded

TASK = placeholder_task("Toy-v0", {}, "toy")


class Toy(gymnasium.Env[Any, Any]):
    """Observes samples of a space."""

    def __init__(self, space: spaces.Space[Any]) -> None:
        self.observation_space = space
        self.action_space = spaces.Discrete(2)
        self.clock = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.clock = 0.0
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.clock += 1.0
        return self.observation_space.sample(), 0.0, False, False, {}


BOX = spaces.Box(-1.0, 1.0, (3,))


def values(space: spaces.Space[Any], observation: Any) -> dict[str, list[Any]]:
    env = flat(Toy(space), TASK)
    assert isinstance(env, Flat)
    vector = env.observation(observation)
    assert vector.shape == env.observation_space.shape
    return {k: v.tolist() for k, v in env.layout.values(vector[None].astype(np.float64)).items() if k != "obs"}


def test_a_vector_stays_as_it_is() -> None:
    env = Toy(BOX)
    assert flat(env, TASK) is env
    assert layout_of(env) == Layout(3)


def test_dicts_have_named_stretches() -> None:
    space = spaces.Dict({"arm": BOX, "inner": spaces.Dict({"mode": spaces.Discrete(3, start=1)})})
    found = values(space, {"arm": np.array([1, 2, 3], np.float32), "inner": {"mode": 2}})
    assert found == {"obs.arm": [[1.0, 2.0, 3.0]], "obs.inner_mode": [2]}


def test_tuples_have_numbered_stretches() -> None:
    found = values(spaces.Tuple((spaces.Discrete(5), BOX)), (4, np.zeros(3, np.float32)))
    assert found == {"obs.item0": [4], "obs.item1": [[0.0, 0.0, 0.0]]}


@pytest.mark.parametrize("value", [0, 3])
def test_integers_are_read_back(value: int) -> None:
    assert values(spaces.Discrete(4), value) == {"obs.value": [value]}


def test_several_integers_and_switches() -> None:
    assert values(spaces.MultiDiscrete([3, 4]), np.array([2, 1])) == {"obs.value": [[2, 1]]}
    assert values(spaces.MultiBinary(3), np.array([1, 0, 1])) == {"obs.value": [[1.0, 0.0, 1.0]]}


def test_small_arrays_are_flattened() -> None:
    small = spaces.Box(0, 255, (2, 2), np.uint8)
    assert values(small, np.array([[1, 2], [3, 4]], np.uint8)) == {"obs.value": [[1.0, 2.0, 3.0, 4.0]]}


def test_texts_are_left_out_and_said() -> None:
    env = flat(Toy(spaces.Dict({"arm": BOX, "order": spaces.Text(5)})), TASK)
    assert layout_of(env).left_out == ("order",)


@pytest.mark.parametrize("space", [spaces.Box(0, 255, (96, 96, 3), np.uint8), spaces.Text(5)])
def test_images_and_texts_alone_are_one_sentence_with_the_way_out(space: spaces.Space[Any]) -> None:
    with pytest.raises(TaskError, match=r"put a state\.py beside task\.toml") as caught:
        flat(Toy(space), TASK)
    assert "\n" not in str(caught.value)
    assert f"TO/{TASK.name}/state.py" in str(caught.value)


PROGRAM = """
def observe(env, observation, info):
    return {"clock": env.clock, "pair": [env.clock, -env.clock]}
"""


def test_a_state_program_observes_instead() -> None:
    env = flat(Toy(spaces.Box(0, 255, (96, 96, 3), np.uint8)), TASK.model_copy(update={"state_program": PROGRAM}))
    assert isinstance(env, Sensed)
    env.reset(seed=1)
    observation = env.step(0)[0]
    assert observation.tolist() == [1.0, 1.0, -1.0]
    assert layout_of(env).values(observation[None])["obs.pair"].tolist() == [[1.0, -1.0]]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("x = 1", "define observe(env, observation, info)"),
        ("def observe(env, observation, info):\n    return 1 / 0", "ZeroDivisionError"),
        ("def observe(env, observation, info):\n    return {'x': env.nothing}", "nothing"),
        ("def observe(:", "SyntaxError"),
        (
            "n = 0\ndef observe(env, observation, info):\n    return {'x': [0.0] * int(1 + env.clock)}",
            "2 numbers after 1",
        ),
    ],
)
def test_a_broken_state_program_is_one_sentence(program: str, said: str) -> None:
    with pytest.raises(TaskError, match=r"state\.py") as caught:
        flat(Toy(BOX), TASK.model_copy(update={"state_program": program})).step(0)
    assert said in str(caught.value)


def test_a_formula_that_names_a_missing_key_says_which_there_are() -> None:
    fields = {"x": TASK.state["observation"].model_copy(update={"source": "obs.nope"})}
    task = TASK.model_copy(update={"state": fields})
    env = flat(Toy(spaces.Dict({"arm": BOX})), task)
    with pytest.raises(TaskError, match=r"there is no 'obs.nope'; there is obs, obs.arm"):
        state_fields(task, layout_of(env), np.zeros((2, 3)))


def test_the_seeds_of_older_environments_count() -> None:
    class Old(Toy):
        drawn: int | None = None

        def seed(self, seed: int) -> None:
            self.drawn = seed

    env = Reseeded(Old(BOX))
    env.reset(seed=7)
    assert env.unwrapped.drawn == 7


@pytest.mark.parametrize(
    ("algorithm", "env", "said"),
    [("SAC", "CartPole-v1", "SAC chooses Box"), ("DQN", "Pendulum-v1", "DQN chooses Discrete")],
)
def test_an_algorithm_that_can_not_choose_such_actions_is_said_early(algorithm: str, env: str, said: str) -> None:
    plain: Task = placeholder_task(env, {}, "toy")
    task = plain.model_copy(update={"train": plain.train.model_copy(update={"algorithm": algorithm})})
    with pytest.raises(TaskError, match=said):
        make.make_env(task)


def test_a_missing_package_is_one_sentence_with_the_command() -> None:
    with pytest.raises(TaskError, match=r"pip install 'autoreward-rl\[metaworld\]'"):
        make.make_env(placeholder_task("metaworld:Nothing-v0", {}, "toy"))
