"""What every VectorEnv does, ours of Gymnasium environments and one that has no single environment; and that this is enough."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from batched_envs import CART_FACTS, CARTS, LIMIT, Carts, CartSimulator
from numpy.typing import NDArray
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from autoreward.core.resources import envs_folder
from autoreward.errors import TaskError
from autoreward.records import UNGRADED, Setup, TrainingSimulator
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.worker import policies
from autoreward.worker.batched.choice import training_envs
from autoreward.worker.batched.envpool_plan import envpool_installed
from autoreward.worker.batched.envs import BatchedEnvs
from autoreward.worker.envs import make
from autoreward.worker.envs.vector import EpisodeRows, VectorEnv
from autoreward.worker.rollout.buffers import RewardedRollout
from autoreward.worker.rollout.episodes import as_transitions, evaluated_episodes
from autoreward.worker.rollout.late_rewards import LateRewards, Normaliser
from autoreward.worker.rollout.recorder import Recorder
from autoreward.worker.rollout.sources import NativeReward, SparseReward
from autoreward.worker.rollout.training_state import go_on, training_state
from autoreward.worker.success import SuccessRule

Make = Callable[[int, int], VectorEnv]
"""Number of environments and seed -> environments."""


def card(name: str, max_steps: int) -> Task:
    return find_task(name, (envs_folder(),)).model_copy(update={"max_steps": max_steps})


def of_gymnasium(name: str, max_steps: int) -> Make:
    return lambda count, seed: make.vectorised(card(name, max_steps), count, seed)


def of_envpool(name: str, max_steps: int) -> Make:
    return lambda count, seed: training_envs(card(name, max_steps), TrainingSimulator(name="envpool"), count, seed)


def of_carts(draws_in_steps: bool) -> Make:
    def made(count: int, seed: int) -> VectorEnv:
        envs = BatchedEnvs(CARTS, CART_FACTS, lambda seeds: CartSimulator(seeds, draws_in_steps), count, draws_in_steps)
        envs.seed(seed)
        return envs

    return made


KINDS: dict[str, Make] = {
    "cut by the time limit": of_gymnasium("mountain-car", 12),
    "ending by itself": of_gymnasium("cartpole-hold", 30),
    "pushed by a vector": of_gymnasium("pendulum", 9),
    "batched": Carts,
    "one simulator, chance at resets": of_carts(False),
    "one simulator, chance in steps": of_carts(True),
}
ENVPOOL: dict[str, Make] = {
    "EnvPool, cut by the time limit": of_envpool("mountain-car", 12),
    "EnvPool, ending by itself": of_envpool("cartpole-hold", 30),
    "EnvPool, pushed by a vector": of_envpool("pendulum", 9),
}
if envpool_installed():
    KINDS |= ENVPOOL


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Make:
    return KINDS[request.param]


def actions_for(venv: VectorEnv, steps: int) -> NDArray[Any]:
    """The same every time, shape (T, n) or (T, n, a)."""
    venv.action_space.seed(4)
    return np.stack([[venv.action_space.sample() for _ in range(venv.num_envs)] for _ in range(steps)])


def observed(venv: VectorEnv, actions: NDArray[Any]) -> NDArray[Any]:
    return np.stack([np.array(venv.step(row)[0]) for row in actions])


def test_observations_are_one_vector_and_an_episodes_end_is_its_own(kind: Make) -> None:
    venv = kind(3, 5)
    before = np.array(venv.reset())
    assert before.shape == (3, venv.layout.size) == (3, *(venv.observation_space.shape or ()))
    assert before.dtype == venv.observation_space.dtype
    ages, ends = np.zeros(3, int), 0
    for row in actions_for(venv, 70):
        after, rewards, dones, infos = venv.step(row)
        copy = np.array(after)
        assert copy.shape == before.shape
        assert rewards.shape == dones.shape == (3,)
        ages += 1
        for i in np.flatnonzero(dones):
            assert infos[i]["terminal_observation"].shape == (venv.layout.size,)
            assert not np.array_equal(infos[i]["terminal_observation"], copy[i]), "the next episode began"
            assert infos[i]["TimeLimit.truncated"] == (ages[i] == venv.time_limit), (
                "no episode here ends in its last step"
            )
            ages[i], ends = 0, ends + 1
        assert ages.max() < venv.time_limit
        before = copy
    assert ends >= 3
    venv.close()


def test_the_same_seed_gives_the_same_episodes_and_each_environment_its_own(kind: Make) -> None:
    one, two, other = kind(3, 5), kind(3, 5), kind(3, 6)
    start, again, shifted = np.array(one.reset()), np.array(two.reset()), np.array(other.reset())
    assert np.array_equal(start, again)
    assert np.array_equal(start[1:], shifted[:-1]), "environment i has the seed + i"
    assert not np.array_equal(start[0], start[1])
    actions = actions_for(one, 40)
    assert np.array_equal(observed(one, actions), observed(two, actions))
    one.seed(5)
    assert np.array_equal(one.reset(), start)


def test_played_episodes_are_whole_and_depend_on_their_seeds_alone(kind: Make) -> None:
    venv = kind(3, 0)
    middle = np.zeros(venv.action_space.shape or (), venv.action_space.dtype)
    asked: list[int] = []
    turns: list[EpisodeRows] = []

    def choose(observations: NDArray[Any], turn: EpisodeRows) -> list[Any]:
        asked.append(len(observations))
        turns.append(turn)
        return [middle if middle.shape else middle + (o[0] > 0) for o in observations]

    together = venv.play(choose, [2**40 + 1, 2, 3])
    assert asked == [sum(len(e.actions) > t for e in together) for t in range(max(len(e.actions) for e in together))]
    assert [t.places.tolist() for t in turns] == [
        [i for i, e in enumerate(together) if len(e.actions) > t] for t in range(len(turns))
    ]
    assert [t.starts.all() for t in turns] == [t.starts.any() for t in turns] == [t == 0 for t in range(len(turns))]
    for seed, episode in zip([2**40 + 1, 2, 3], together, strict=True):
        assert episode.observations.shape == (len(episode.actions) + 1, venv.layout.size)
        assert len(episode.actions) <= venv.time_limit
        assert episode.terminated or len(episode.actions) == venv.time_limit
        (alone,) = venv.play(choose, [seed])
        assert np.array_equal(alone.observations, episode.observations)
        assert np.array_equal(alone.actions, episode.actions)
    venv.seed(2)
    assert np.array_equal(np.array(venv.reset())[:2], [e.observations[0] for e in together[1:]]), "as a reset begins"
    with pytest.raises(ValueError, match=r"."):
        venv.play(choose, [1, 2, 3, 4])


def test_episodes_in_progress_are_brought_back_and_go_on(kind: Make) -> None:
    one, two = kind(3, 5), kind(3, 90)
    now = np.array(one.reset())
    actions = actions_for(one, 60)
    for row in actions[:20]:
        now = np.array(one.step(row)[0])
    tensors = {"another's": torch.zeros(1), **one.in_progress()}
    episodes = two.bring_back(tensors)
    assert tensors.keys() == {"another's"}
    assert np.array_equal(np.stack([e.observations[-1] for e in episodes]), now)
    for i, episode in enumerate(episodes):
        age = len(episode.actions)
        assert (len(episode.observations), len(episode.native)) == (age + 1, age)
        assert np.array_equal(episode.actions, actions[20 - age : 20, i])
    assert np.array_equal(observed(one, actions[20:]), observed(two, actions[20:])), "chance goes on too"
    with pytest.raises(KeyError):
        two.bring_back({})
    with pytest.raises(ValueError, match=r"."):
        kind(2, 0).bring_back(one.in_progress())


def test_without_a_time_limit_the_way_out_is_said() -> None:
    gymnasium.register("Free-v0", "gymnasium.envs.classic_control:CartPoleEnv")
    try:
        venv = make.vectorised(CARTS.model_copy(update={"name": "free", "env": "Free-v0"}), 1, seed=0)
    finally:
        del gymnasium.registry["Free-v0"]
    with pytest.raises(TaskError, match=r"task free: Free-v0 has no time limit; set max_steps in task\.toml\."):
        _ = venv.time_limit


def learn(envs: VectorEnv, source: Any, steps: int, unfinished: bytes) -> tuple[bytes, bytes]:
    """As worker/jobs/train.py does it, on any environments: weights and state after so many steps."""
    torch.set_num_threads(1)
    recorder = Recorder(envs, CARTS)
    venv = policies.normalised(CARTS, recorder)
    normaliser = Normaliser(envs.num_envs, CARTS.train.gamma, on=True)
    rewards = LateRewards(
        recorder, source, normaliser, None, COMPOSITIONS["sum"].start(recorder.num_envs, 0.99, Setup())
    )
    model = policies.build(
        CARTS, venv, 1, rollout_buffer_class=RewardedRollout, rollout_buffer_kwargs={"late_rewards": rewards}
    )
    assert isinstance(model, OnPolicyAlgorithm)
    if unfinished:
        go_on(model, venv, recorder, rewards, normaliser, unfinished)
    model.learn(steps, reset_num_timesteps=False)
    return policies.to_bytes(model, venv), training_state(model, venv, normaliser.stats, envs.in_progress())


def test_ppo_trains_through_recorder_and_rewards_where_there_is_no_single_environment() -> None:
    envs = Carts(4, seed=1)
    weights, _ = learn(envs, SparseReward(SuccessRule(CARTS, envs.time_limit), 4), 128, b"")
    assert weights != learn(Carts(4, seed=1), SparseReward(SuccessRule(CARTS, LIMIT), 4), 64, b"")[0], "it learned"
    played = envs.play(lambda observations, turn: np.full(len(observations), 2), [1, 2, 3])
    episodes = evaluated_episodes(CARTS, envs, played, np.ones(2), UNGRADED)
    assert [e.success for e in episodes] == [True] * 3
    columns = as_transitions(CARTS, envs, played)
    assert columns.step.max() == max(e.length for e in episodes)
    assert columns.terminated.sum() == 3


def test_there_too_a_training_in_legs_is_the_training_in_one_piece() -> None:
    whole, _ = learn(Carts(4, seed=1), NativeReward(), 128, b"")
    _, state = learn(Carts(4, seed=1), NativeReward(), 64, b"")
    resumed, _ = learn(Carts(4, seed=70), NativeReward(), 64, state)
    assert resumed == whole
