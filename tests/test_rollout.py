"""Rewards asked once per rollout equal rewards given at every step: in the buffer, in the advantages, in the weights."""

import socket
from typing import Any

import numpy as np
import pytest
import torch
from in_process import in_legs, train
from numpy.typing import NDArray
from safetensors.torch import load
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.logger import KVWriter, Logger
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnvWrapper, VecNormalize

from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.records import LOGGED, Logged, LoggedPoint, Setup, TrialJob
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.envs.vector import VectorEnv
from autoreward.worker.rollout.buffers import RewardedReplay, RewardedRollout
from autoreward.worker.rollout.late_rewards import LateRewards, Normaliser
from autoreward.worker.rollout.logger import Logbook
from autoreward.worker.rollout.recorder import Recorded, Recorder
from autoreward.worker.rollout.training_state import restore, training_state


def task(envs: int, max_steps: int = 12, name: str = "mountain-car") -> Task:
    found = find_task(name, (envs_folder(),))
    return found.model_copy(
        update={"max_steps": max_steps, "train": found.train.model_copy(update={"envs": envs, "net": (8,)})}
    )


def reward(position: NDArray[np.float64], velocity: NDArray[np.float64]) -> NDArray[np.float32]:
    return (np.abs(velocity) * 10 + position).astype(np.float32)


class Known:
    """A source that computes the known reward on whole rollouts."""

    def parts(self, recorded: Recorded) -> dict[str, NDArray[np.float64]]:
        after = recorded.transitions.next_state
        return {"known": reward(after["position"], after["velocity"]).astype(np.float64)}


class EveryStep(VecEnvWrapper):
    """The reference: the same reward, given by the environments at every step."""

    def reset(self) -> Any:
        return self.venv.reset()

    def step_wait(self) -> Any:
        observations, _, dones, infos = self.venv.step_wait()
        after = np.array([i.get("terminal_observation", o) for i, o in zip(infos, observations, strict=True)])
        return observations, reward(after[:, 0].astype(np.float64), after[:, 1].astype(np.float64)), dones, infos


def venv(card: Task) -> VectorEnv:
    torch.set_num_threads(1)
    return make.vectorised(card, card.train.envs, seed=3)


SETTINGS: dict[str, Any] = {"n_steps": 16, "batch_size": 16, "n_epochs": 2, "seed": 5, "device": "cpu"}


@pytest.mark.parametrize("envs", [1, 8])
@pytest.mark.parametrize("normalise", [True, False])
def test_late_rewards_train_the_same_policy_bit_for_bit(envs: int, normalise: bool) -> None:
    card = task(envs)
    plain = VecNormalize(EveryStep(venv(card)), norm_reward=normalise, gamma=0.99)
    reference = PPO("MlpPolicy", plain, policy_kwargs={"net_arch": [8]}, **SETTINGS)
    reference.learn(16 * envs * 3)

    recorder = Recorder(venv(card), card)
    rewards = LateRewards(
        recorder, Known(), Normaliser(envs, 0.99, normalise), None, COMPOSITIONS["sum"].start(envs, 0.99, Setup())
    )
    late = PPO(
        "MlpPolicy",
        VecNormalize(recorder, norm_reward=False),
        policy_kwargs={"net_arch": [8]},
        rollout_buffer_class=RewardedRollout,
        rollout_buffer_kwargs={"late_rewards": rewards},
        **SETTINGS,
    )
    late.learn(16 * envs * 3)
    assert np.array_equal(late.rollout_buffer.rewards, reference.rollout_buffer.rewards)
    assert np.array_equal(late.rollout_buffer.advantages, reference.rollout_buffer.advantages)
    theirs = reference.policy.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in late.policy.state_dict().items())


def test_replay_rows_get_their_own_rewards_before_a_sample() -> None:
    card = find_task("inverted-pendulum-offset", (envs_folder(),))
    card = card.model_copy(update={"max_steps": 10, "train": card.train.model_copy(update={"envs": 2})})

    class Position:
        def parts(self, recorded: Recorded) -> dict[str, NDArray[np.float64]]:
            return {"position": recorded.transitions.next_state["position"]}

    recorder = Recorder(venv(card), card)
    rewards = LateRewards(
        recorder, Position(), Normaliser(2, 0.99, on=False), None, COMPOSITIONS["sum"].start(2, 0.99, Setup())
    )
    model = SAC(
        "MlpPolicy",
        recorder,
        learning_starts=20,
        train_freq=5,
        batch_size=8,
        policy_kwargs={"net_arch": [8]},
        replay_buffer_class=RewardedReplay,
        replay_buffer_kwargs={"late_rewards": rewards},
        buffer_size=1000,
        seed=0,
    )
    model.learn(40)
    assert isinstance(model.replay_buffer, RewardedReplay)
    rows = model.replay_buffer.pos
    expected = model.replay_buffer.next_observations[:rows, :, 0].astype(np.float32)
    assert np.allclose(model.replay_buffer.rewards[:rows], expected, atol=1e-6)


def test_the_next_state_of_an_episodes_end_is_its_true_last_one() -> None:
    card = task(envs=2, max_steps=5)
    recorder = Recorder(venv(card), card)
    recorder.reset()
    seen = []
    for _ in range(12):
        observations, rewards, dones, infos = recorder.step(np.array([2, 0]))
        assert not rewards.any()
        last = [i["terminal_observation"] if d else o for i, d, o in zip(infos, dones, observations, strict=True)]
        seen.append([o[0] for o in last])
    recorded = recorder.take()
    after, before = recorded.transitions.next_state["position"], recorded.transitions.state["position"]
    assert np.array_equal(after, np.array(seen, dtype=np.float64))
    assert np.flatnonzero(recorded.done[:, 0]).tolist() == [4, 9]
    assert recorded.transitions.step[:, 0].tolist() == [1, 2, 3, 4, 5] * 2 + [1, 2]
    assert not recorded.transitions.terminated.any()
    # the state after a reset is not the state the episode ended in
    assert before[5, 0] != after[4, 0]
    inside = ~recorded.done[:-1]
    assert np.array_equal(before[1:][inside], after[:-1][inside])


def test_candidates_never_see_the_native_reward_or_success() -> None:
    card = task(envs=2)
    recorder = Recorder(venv(card), card)
    recorder.reset()
    recorder.step(np.array([2, 0]))
    transitions = recorder.take().transitions
    assert set(transitions.next_state) == set(card.state)
    assert set(transitions.action) == set(card.action)


@pytest.mark.parametrize("kind", ["native", "sparse"])
def test_a_tiny_training_reports_its_curve_and_checkpoints(kind: Any) -> None:
    card = task(envs=2)
    card = card.model_copy(
        update={
            "train": card.train.model_copy(update={"hyperparameters": {"n_steps": 16, "batch_size": 16, "n_epochs": 1}})
        }
    )
    steps: list[int] = []
    job = TrialJob(id="x-s0", candidate_id="", reward=kind, seed=1, steps=320)
    trial, files = train(card, job, b"", None, steps.append)
    assert trial.outcome.ok
    assert trial.steps == steps[-1] == trial.checkpoints[-1] == 320
    assert len(trial.checkpoints) == 10
    assert set(files) == {LOGGED, *(f"policy-{s}.safetensors" for s in trial.checkpoints)}
    assert trial.curve[-1].episode_length == 12
    again, others = train(card, job, b"", None, lambda step: None)
    assert again.curve == trial.curve
    assert files.pop(LOGGED)  # it tells the speed
    assert others.pop(LOGGED)
    assert others == files


class Kept(KVWriter):
    """Remembers what SB3 logs, and leaves out what it keeps from TensorBoard."""

    def __init__(self) -> None:
        self.dumps: list[tuple[int, dict[str, float]]] = []

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        self.dumps.append((step, {k: float(v) for k, v in key_values.items() if "tensorboard" not in key_excluded[k]}))

    def close(self) -> None: ...


def test_a_training_logs_what_plain_sb3_logs() -> None:
    card = task(envs=2)
    settings = {"n_steps": 16, "batch_size": 16, "n_epochs": 1}
    card = card.model_copy(update={"train": card.train.model_copy(update={"hyperparameters": settings})})
    _, files = train(
        card,
        TrialJob(id="x-s0", candidate_id="", reward="native", seed=1, steps=160),
        b"",
        None,
        lambda step: None,
    )
    points = Logged.model_validate_json(files[LOGGED]).points

    plain = DummyVecEnv([lambda: Monitor(make.make_env(card)) for _ in range(2)])
    plain.seed(1)
    normalise = card.train.normalize_observations
    reference = policies.build(card, VecNormalize(plain, norm_obs=normalise, gamma=card.train.gamma), seed=1)
    kept = Kept()
    reference.set_logger(Logger(folder=None, output_formats=[kept]))
    reference.learn(160)
    assert [point.step for point in points] == [step for step, _ in kept.dumps] == [32, 64, 96, 128, 160]
    for point, (_, theirs) in zip(points, kept.dumps, strict=True):
        assert point.values.keys() == theirs.keys()
        for name in theirs.keys() - {"time/fps"}:
            assert point.values[name] == theirs[name], name
    assert points[-1].values["rollout/ep_rew_mean"] == -12.0
    assert points[-1].values["train/value_loss"] > 0


def test_numbers_that_are_none_and_words_are_not_logged() -> None:
    book = Logbook()
    logger = Logger(folder=None, output_formats=[book])
    logger.record("train/loss", np.float32(0.5))
    logger.record("train/explained_variance", np.nan)
    logger.record("words", "none")
    logger.record("time/total_timesteps", 32, exclude="tensorboard")
    logger.dump(32)
    assert Logged.model_validate_json(book.to_bytes()).points == (LoggedPoint(step=32, values={"train/loss": 0.5}),)


@pytest.mark.parametrize("name", ["mountain-car", "cartpole-hold", "pendulum", "reacher", "doorkey-6x6"])
def test_a_training_in_legs_is_the_training_in_one_piece(name: str) -> None:
    """To the bit: episodes, random numbers, optimiser and statistics go on where the leg before ended."""
    card = task(envs=3, max_steps=60, name=name)
    settings = {"n_steps": 16, "batch_size": 16, "n_epochs": 1}
    card = card.model_copy(update={"train": card.train.model_copy(update={"hyperparameters": settings})})
    legs, weights = in_legs(card, (100, 130, 150, 400))
    (whole,), expected = in_legs(card, (400,))
    assert weights == expected
    assert legs[-1].curve[0].step > legs[-1].begin
    assert [(t.begin, t.steps) for t in legs] == [(0, 144), (144, 144), (144, 192), (192, 432)]
    assert whole.steps == 432
    assert legs[-1].curve[-1].value_loss == whole.curve[-1].value_loss


OFF_POLICY: dict[str, tuple[str, dict[str, Any]]] = {
    "SAC": ("pendulum", {"learning_starts": 60, "gradient_steps": 1}),
    "SAC with a full buffer": ("pendulum", {"learning_starts": 60, "buffer_size": 90}),
    "SAC with a fixed temperature": ("pendulum", {"learning_starts": 60, "ent_coef": 0.2}),
    "TD3": ("pendulum", {"learning_starts": 60, "policy_delay": 3}),
    "DQN": ("mountain-car", {"learning_starts": 60, "train_freq": 2, "target_update_interval": 30, "exploration_fraction": 0.5}),
}  # fmt: skip


@pytest.mark.parametrize("named", OFF_POLICY)
def test_an_off_policy_training_in_legs_is_the_training_in_one_piece(named: str) -> None:
    """Its first leg ends in the warm-up, where rewards are still to be asked for."""
    name, settings = OFF_POLICY[named]
    card = task(envs=3, max_steps=60, name=name)
    change = {"algorithm": named.split()[0], "hyperparameters": {"batch_size": 8, **settings}, "net": (8,)}
    card = card.model_copy(update={"train": card.train.model_copy(update=change)})
    legs, weights = in_legs(card, (30, 100, 150, 210))
    (whole,), expected = in_legs(card, (210,))
    assert weights == expected
    assert [(t.begin, t.steps) for t in legs][1:] == [(30, 102), (102, 150), (150, 210)]
    assert legs[-1].curve[-1].value_loss == whole.curve[-1].value_loss


def test_of_a_replay_buffer_that_is_too_large_the_latest_transitions_go_on() -> None:
    card = task(envs=3, max_steps=60, name="pendulum")
    change = {"algorithm": "SAC", "hyperparameters": {"learning_starts": 500, "buffer_size": 60}, "net": (8,)}
    card = card.model_copy(update={"train": card.train.model_copy(update=change)})
    venv = policies.normalised(card, make.vectorised(card, 3, 1))
    model = policies.build(card, venv, 1)
    model.learn(90)
    whole, half = (
        load(training_state(model, venv, RunningMeanStd(shape=()), {}, cap)) for cap in (1 << 20, 15 * 3 * 10 * 4)
    )
    assert whole["replay.place"].tolist() == [10, 20], "it went round once and a half"
    latest = np.arange(10 - 15, 10) % 20  # a row has 3 + 3 numbers of observations, an action, a reward, and two ends
    for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
        assert torch.equal(half["replay." + name], whole["replay." + name][latest])
    other = policies.build(card, venv, 2)
    restore(other, venv, RunningMeanStd(shape=()), half)
    assert isinstance(other, SAC)
    assert other.replay_buffer is not None
    assert (other.replay_buffer.pos, other.replay_buffer.full) == (15, False)
    assert np.array_equal(other.replay_buffer.actions[:15], whole["replay.actions"].numpy()[latest])


def test_a_leg_that_cannot_go_on_took_no_steps() -> None:
    """Its reward fails on the episodes in progress, before the model has the steps of the leg before."""
    card = task(envs=3, max_steps=60)
    settings = {"n_steps": 16, "batch_size": 16, "n_epochs": 1}
    card = card.model_copy(update={"train": card.train.model_copy(update={"hyperparameters": settings})})
    job = TrialJob(id="x-s0-leg0", candidate_id="", reward="native", seed=1, steps=100, unfinished=True, checkpoints=1)
    _, files = train(card, job, b"", None, lambda step: None)
    ours, theirs = socket.socketpair()
    theirs.close()
    dead = job.model_copy(update={"id": "x-s0-leg1", "reward": "candidate", "leg": 1, "begin": 144, "steps": 300})
    with ours:
        trial, _ = train(card, dead, files["state.safetensors"], ours, lambda step: None)
    assert trial.outcome is Outcome.CRASHED
    assert (trial.begin, trial.steps) == (144, 144)
