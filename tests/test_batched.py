"""Simulators that step many environments at once: how their episodes end, and whether they are the task's own environment."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import pytest
from batched_envs import CART_FACTS, CARTS, CartSimulator
from gymnasium import spaces
from minigrid.core.world_object import Key
from numpy.typing import NDArray

from autoreward.core.resources import envs_folder
from autoreward.errors import EnvironmentFault, TaskError
from autoreward.records import TASKS_OWN, TrainingSimulator
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.worker.batched import conformance
from autoreward.worker.batched.choice import chosen_simulator, training_envs
from autoreward.worker.batched.envpool_plan import CannotServe, envpool_installed, envpool_plan
from autoreward.worker.batched.envs import BatchedEnvs
from autoreward.worker.batched.grid_view import GridWorld
from autoreward.worker.batched.same_state import state_setter
from autoreward.worker.batched.simulator import Facts, Places, Stepped, facts_of
from autoreward.worker.envs import make
from autoreward.worker.envs.tolerant import LOST_EPISODE

needs_envpool = pytest.mark.skipif(not envpool_installed(), reason="EnvPool is not installed: pip install -e '.[fast]'")
steps_on = pytest.mark.filterwarnings("ignore:.*You are calling 'step:UserWarning")
"""A simulator of many steps on where one episode has ended, which CartPole warns of."""
PUSHES = np.full(3, 2)
EPISODES = 24
"""Fewer than where it matters: what is wrong here is plain."""


def card(name: str, **changed: Any) -> Task:
    return find_task(name, (envs_folder(),)).model_copy(update=changed)


def carts(limit: int, **how: Any) -> BatchedEnvs:
    facts = CART_FACTS._replace(time_limit=limit)
    envs = BatchedEnvs(CARTS, facts, lambda seeds: CartSimulator(seeds, **how), 3, draws_in_steps=False)
    envs.seed(4)
    envs.reset()
    return envs


def test_an_episode_that_ends_by_itself_in_its_last_step_is_not_cut() -> None:
    ends = next(t for t in range(1, 60) if carts(100) and _steps(carts(100), t)[2][0])
    cut, by_itself = (_steps(carts(limit), limit)[3][0] for limit in (ends - 1, ends))
    assert (cut["TimeLimit.truncated"], by_itself["TimeLimit.truncated"]) == (True, False)
    assert by_itself["terminal_observation"][0] >= 0.5


def _steps(envs: BatchedEnvs, count: int) -> Any:
    for _ in range(count - 1):
        envs.step(PUSHES)
    return envs.step(PUSHES)


def test_an_episode_whose_numbers_are_not_finite_is_thrown_away_and_the_next_one_begins() -> None:
    envs, sound = carts(50, fails_in=4), carts(50)
    before = _steps(envs, 3)[0]
    assert np.array_equal(before, _steps(sound, 3)[0])
    after, rewards, dones, infos = envs.step(PUSHES)
    assert dones.all()
    assert (rewards == 0.0).all()
    assert [info[LOST_EPISODE] for info in infos] == [True] * 3
    assert np.array_equal([info["terminal_observation"] for info in infos], before), "its last sound observation"
    assert all(info["TimeLimit.truncated"] for info in infos)
    assert np.isfinite(after).all()
    assert not np.array_equal(after, before)
    assert envs.lost_episodes == 3


def test_a_reward_that_is_not_finite_loses_the_episode_too_until_they_are_too_many() -> None:
    with pytest.raises(EnvironmentFault, match=r"a reward of nan.*It is not the first: 4 of"):
        _steps(carts(50, rewards=np.nan), 2)


def test_what_is_not_needed_to_bring_episodes_back_is_forgotten() -> None:
    envs = carts(5)
    for _ in range(1_300):
        envs.step(PUSHES)
    assert len(envs.in_progress()["batched.actions"]) < 5
    assert len(envs._rows) <= 1_024 + 5


class ManyGymnasium:
    """Implements `BatchSimulator` with Gymnasium environments: what EnvPool is when it is right, and wrong in one thing."""

    def __init__(
        self, seeds: Sequence[int], task: Task, shift: float = 0.0, scale: float = 1.0, ends: int = 10**6
    ) -> None:
        self._seeds: list[int | None] = list(seeds)
        self._envs = [make.make_env(task) for _ in seeds]
        self._shift, self._scale, self._ends = shift, scale, ends
        self._ages = np.zeros(len(seeds), np.int64)

    @property
    def action_space(self) -> spaces.Space[Any]:
        return self._envs[0].action_space

    def reset(self, which: Places) -> NDArray[Any]:
        rows = [self._envs[i].reset(seed=self._seeds[i])[0] + self._shift for i in which]
        self._seeds = [None] * len(self._envs)
        self._ages[which] = 0
        return np.stack(rows)

    def step(self, which: Places, actions: NDArray[Any]) -> Stepped:
        self._ages[which] += 1
        both = zip(which, actions, strict=True)
        rows, rewards, terminated, truncated, _ = zip(*(self._envs[i].step(a) for i, a in both), strict=True)
        ended = np.array(terminated) | (self._ages[which] >= self._ends)
        return Stepped(np.stack(rows) + self._shift, self._scale * np.array(rewards), ended, np.array(truncated))

    def close(self) -> None:
        """Nothing is open."""


def compared(task: Task, other: Task, **wrong: Any) -> str:
    env = make.make_env(task)
    return conformance.mismatch(
        env, lambda seeds: ManyGymnasium(seeds, other, **wrong), facts_of(env, task), 3, EPISODES
    )


@pytest.mark.slow
@steps_on
@pytest.mark.parametrize("name", ["cartpole-hold", "reacher", "inverted-double-pendulum"])
def test_the_same_environment_is_found_to_be_the_same(name: str) -> None:
    assert state_setter(make.make_env(card(name))) is not None
    assert compared(card(name, max_steps=20), card(name, max_steps=20)) == ""


@pytest.mark.slow
@steps_on
def test_another_environment_is_named_by_what_is_different_in_it() -> None:
    task = card("cartpole-hold", max_steps=40)
    assert compared(task, card("mountain-car")) == "it observes 2 numbers, and CartPole-v1 4"
    assert compared(card("mountain-car-continuous"), card("mountain-car")) == (
        "it takes actions of Discrete(3), and Gymnasium's of Box(-1.0, 1.0, (1,), float32)"
    )
    assert compared(task, task, scale=2.0) == (
        "from the same state, after 1 of the same actions, the reward is 2, and in Gymnasium 1"
    )
    assert compared(task, task, ends=3) == "from the same state, after 3 of the same actions, it alone ends the episode"
    heavy = card("pendulum", max_steps=20, kwargs={"g": 11.0})
    assert compared(card("pendulum", max_steps=20), heavy).startswith(
        "from the same state, after 1 of the same actions, number"
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # as an error it kills Box2D as it is imported
def test_where_no_state_can_be_set_distributions_tell() -> None:
    task = card("lunar-lander", max_steps=30)
    assert state_setter(make.make_env(task)) is None
    assert compared(task, task) == ""
    words = compared(task, task, shift=0.3)
    assert "of the observation" in words
    assert "is distributed otherwise: a mean of" in words
    assert "Kolmogorov-Smirnov distance 1.00 over 24 episodes each, where 0.74 may be" in words
    assert "the length of an episode" in compared(task, task, ends=20)


def test_distance_of_samples() -> None:
    ten = np.arange(10.0)
    assert conformance.sample_distance(ten, ten) == 0.0
    assert conformance.sample_distance(ten, ten + 3.0) == pytest.approx(0.3)
    assert conformance.sample_distance(ten, ten + 100.0) == 1.0
    assert conformance.sample_distance(ten, ten + 1e-3) == 0.0, "nearly the same are the same"
    assert conformance.sample_distance(np.zeros(9), np.full(9, 1e-9)) == 0.0
    assert conformance.sample_distance(np.repeat([0.0, 1.0], [3, 7]), np.repeat([0.0, 1.0], [5, 5])) == pytest.approx(
        0.2
    )


def test_chance_alone_seldom_tells_two_samples_apart() -> None:
    chance = np.random.default_rng(0)
    drawn = [{"x": chance.normal(size=conformance.COMPARED_EPISODES)} for _ in range(400)]
    found = [conformance._of_distributions(one, other) for one, other in zip(drawn[::2], drawn[1::2], strict=True)]
    assert found == [""] * 200


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"terminates": False}, "goes on where the environment ends an episode"),
        ({"state_program": "def observe(env, observation, info): return {'x': 0.0}"}, "state.py reads an object"),
    ],
)
def test_what_envpool_can_not_serve_is_said(changed: dict[str, Any], why: str) -> None:
    task = card("cartpole-hold", **changed)
    with pytest.raises(CannotServe, match=why):
        envpool_plan(task, make.make_env(task), 500)


def test_an_environment_of_the_persons_own_is_not_looked_for() -> None:
    gymnasium.register("MyCarts-v0", "batched_envs:Carts")
    try:
        task = card("cartpole-hold")
        with pytest.raises(CannotServe, match="MyCarts-v0 is none of the environments that EnvPool has anew"):
            envpool_plan(task.model_copy(update={"env": "MyCarts-v0"}), make.make_env(task), 500)
    finally:
        del gymnasium.registry["MyCarts-v0"]


def test_the_tasks_own_environment_where_nothing_else_was_asked_for() -> None:
    assert chosen_simulator("gymnasium", CARTS, 0) == TASKS_OWN
    assert TASKS_OWN.sentence == ""
    sentence = TrainingSimulator(version="1.2.5", reason="it has no brakes").sentence
    assert sentence == "Policies are trained in the task's own environment, not in EnvPool 1.2.5: it has no brakes."


@pytest.mark.skipif(envpool_installed(), reason="EnvPool is installed")
def test_without_envpool_auto_is_quiet_and_envpool_says_how_to_get_it() -> None:
    assert chosen_simulator("auto", card("mountain-car"), 0) == TASKS_OWN
    with pytest.raises(
        TaskError, match=r"task mountain-car: its trainings need EnvPool, .* pip install 'autoreward-rl\[fast\]'"
    ):
        chosen_simulator("envpool", card("mountain-car"), 0)


@pytest.mark.slow
@needs_envpool
def test_with_envpool_auto_takes_it_where_it_is_the_same_and_says_why_where_not() -> None:
    assert chosen_simulator("auto", card("mountain-car", max_steps=30), 0).name == "envpool"
    endless = chosen_simulator("auto", card("acrobot-hold"), 0)
    assert (endless.name, bool(endless.version), "goes on" in endless.reason) == ("gymnasium", True, True)
    with pytest.raises(TaskError, match="can't stand in for its environment: EnvPool's Pendulum-v1 takes no g"):
        chosen_simulator("envpool", card("pendulum", kwargs={"g": 9.0}), 0)


class Told:
    """A MiniGrid environment as EnvPool tells of one."""

    def __init__(self, world: Any) -> None:
        kinds = world.grid.encode()  # columns, rows, 3
        self.width, self.height = world.width, world.height
        self.grid = kinds.reshape(-1).tolist()
        self.agent_pos, self.agent_dir = tuple(map(int, world.agent_pos)), int(world.agent_dir)
        self.max_steps, self.mission = world.max_steps, world.mission
        carried = world.carrying
        self.has_carrying = carried is not None
        self.carrying_type, self.carrying_color, self.carrying_state = carried.encode() if carried else (1, 0, 0)


@pytest.mark.parametrize("name", ["doorkey-6x6", "key-corridor"])
def test_a_state_program_reads_the_same_of_a_grid_as_of_minigrid(name: str) -> None:
    task = card(name)
    env: Any = make.make_env(task)
    namespace: dict[str, Any] = {}
    exec(task.state_program, namespace)
    carried = 0
    for seed in range(3):
        env.reset(seed=seed)
        for action in np.random.default_rng(seed).integers(0, 6, 40):
            env.step(action)
            world = env.unwrapped
            if seed == 2:
                world.carrying = Key("blue")
            here, there = (namespace["observe"](w, None, {}) for w in (world, GridWorld(Told(world))))
            assert here.keys() == there.keys()
            assert all(np.array_equal(here[key], there[key]) for key in here)
            carried += world.carrying is not None
    assert carried


def test_outside_of_the_grid_nothing_is_told() -> None:
    env: Any = make.make_env(card("doorkey-6x6"))
    env.reset(seed=0)
    grid = GridWorld(Told(env.unwrapped)).grid
    assert grid.get(0, 0) == ("wall", "grey", 0)
    assert grid.get(1, 1) is None or grid.get(1, 1).type == "key"  # type: ignore[union-attr]
    with pytest.raises(AssertionError):
        grid.get(6, 0)


@needs_envpool
def test_flattened_observations_are_those_of_gymnasium() -> None:
    """Dicts with integers and images, without the words: the grid world as it observes itself."""
    task = card("doorkey-6x6", state_program="", observe="state.py")
    own = make.vectorised(task, 2, 0)
    fast = training_envs(task, TrainingSimulator(name="envpool"), 2, 0)
    assert fast.layout == own.layout
    assert fast.observation_space == own.observation_space
    seen = np.array(fast.reset())
    for _ in range(30):
        row = np.array([fast.action_space.sample() for _ in range(2)])
        seen = np.concatenate([seen, fast.step(row)[0]])
    (direction,) = (leaf for leaf in fast.layout.leaves if leaf.key == "direction")
    assert set(direction.read(seen)) <= {0, 1, 2, 3}
    assert (seen[:, direction.start : direction.stop].sum(axis=1) == 1).all()
    facts: Facts = facts_of(make.make_env(task), task)
    assert seen.shape[1] == facts.layout.size == 4 + 147
