"""Steps per second of training with a candidate reward in its own process, against plain SB3 with the native reward.

Spot checks are included.

    python benchmarks/overhead.py [--repeats 7]

Both sides use the same environment, algorithm and settings, VecNormalize of observations and rewards, one thread, and run one after
the other in the same worker process, in alternating order; the ratio of each pair is one sample.
"""

import argparse
import statistics
import time
from typing import Any

import torch

torch.set_num_threads(1)

import stable_baselines3  # noqa: E402
from stable_baselines3.common.logger import Logger  # noqa: E402
from stable_baselines3.common.vec_env import VecNormalize  # noqa: E402

from autoreward.records import Setup, TrialJob  # noqa: E402
from autoreward.rewards.compose import COMPOSITIONS  # noqa: E402
from autoreward.sandbox.jail import Jail  # noqa: E402
from autoreward.tasks.card import Task  # noqa: E402
from autoreward.worker import policies  # noqa: E402
from autoreward.worker.envs import make  # noqa: E402
from autoreward.worker.rollout.buffers import RewardedReplay, RewardedRollout  # noqa: E402
from autoreward.worker.rollout.late_rewards import LateRewards, Normaliser  # noqa: E402
from autoreward.worker.rollout.recorder import Recorder  # noqa: E402
from autoreward.worker.rollout.sources import CandidateReward  # noqa: E402
from autoreward.worker.success import SuccessRule  # noqa: E402

SOURCE = """
def compute_reward(state, action, next_state, memory):
    size = np.linalg.norm(next_state.all, axis=-1)
    return {
        "near": np.exp(-size),
        "slow": -0.1 * np.square(next_state.all - state.all).sum(axis=-1),
        "alive": 1.0 - next_state.terminated,
        "bonus": 1.0 * (size < 0.1),
    }
"""
PPO_SETTINGS = {"n_steps": 128, "batch_size": 256}
SAC_SETTINGS = {"learning_starts": 100, "train_freq": 1, "gradient_steps": 1, "batch_size": 256}
NETS = {"PPO": (64, 64), "SAC": (256, 256)}
"""SB3's defaults."""
CASES = (
    ("CartPole-v1", "PPO", 16, PPO_SETTINGS, 40_000),
    ("Reacher-v5", "PPO", 16, PPO_SETTINGS, 40_000),
    ("CartPole-v1", "PPO", 8, PPO_SETTINGS, 40_000),
    ("Reacher-v5", "PPO", 8, PPO_SETTINGS, 40_000),
    ("Pendulum-v1", "SAC", 1, SAC_SETTINGS, 1_500),
)


def card(env: str, algorithm: str, envs: int, settings: dict[str, Any]) -> Task:
    return Task.model_validate(
        {
            "name": env,
            "env": env,
            "goal": "Benchmark.",
            "state": {"all": {"source": "obs", "about": "everything"}},
            "action": {"act": {"about": "everything"}},
            "success": {"when": "terminated"},
            "metric": {"value": "length", "better": "lower"},
            "train": {
                "algorithm": algorithm,
                "steps": 1,
                "envs": envs,
                "net": NETS[algorithm],
                "hyperparameters": settings,
            },
        }
    )


def plain(task: Task, steps: int) -> float:
    venv = VecNormalize(make.vectorised(task, task.train.envs, seed=0), gamma=0.99)
    net = list(task.train.net)
    kind = getattr(stable_baselines3, task.train.algorithm)
    model = kind("MlpPolicy", venv, seed=0, device="cpu", policy_kwargs={"net_arch": net}, **task.train.hyperparameters)
    return timed(model, steps)


def ours(task: Task, steps: int, jail: Jail, source: str = SOURCE) -> float:
    with jail.open(source) as room:
        envs = make.vectorised(task, task.train.envs, seed=0)
        recorder = Recorder(envs, task)
        job = TrialJob(
            id="b-s0", candidate_id="b", reward="candidate", seed=0, steps=steps, uses_memory="memory[" in source
        )
        source_of = CandidateReward(room.client._socket, job, task.train.envs, seconds=600.0)
        rule = SuccessRule(task, envs.time_limit)
        rewards = LateRewards(
            recorder,
            source_of,
            Normaliser(task.train.envs, 0.99, on=True),
            rule,
            COMPOSITIONS["sum"].start(task.train.envs, 0.99, Setup()),
        )
        extra: dict[str, Any] = {
            "rollout_buffer_class": RewardedRollout,
            "rollout_buffer_kwargs": {"late_rewards": rewards},
        }
        if task.train.algorithm == "SAC":
            extra = {"replay_buffer_class": RewardedReplay, "replay_buffer_kwargs": {"late_rewards": rewards}}
        return timed(policies.build(task, policies.normalised(task, recorder), seed=0, **extra), steps)


def timed(model: Any, steps: int) -> float:
    model.set_logger(Logger(folder=None, output_formats=[]))
    began = time.perf_counter()
    model.learn(steps)
    return float(model.num_timesteps / (time.perf_counter() - began))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    print("| environment | algorithm | envs | plain steps/s | ours steps/s | ratio, median | ratios |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with Jail() as jail:
        for env, algorithm, envs, settings, steps in CASES:
            task = card(env, algorithm, envs, settings)
            plain(task, steps // 10), ours(task, steps // 10, jail)
            pairs = []
            for i in range(options.repeats):
                order = (plain, ours) if i % 2 == 0 else (ours, plain)
                speed = {f: f(task, steps, jail) if f is ours else f(task, steps) for f in order}
                pairs.append((speed[plain], speed[ours]))
            ratios = [b / a for a, b in pairs]
            a, b = (statistics.median(p[i] for p in pairs) for i in (0, 1))
            print(f"| {env} | {algorithm} | {envs} | {a:,.0f} | {b:,.0f} | {statistics.median(ratios):.3f} | "
                  f"{', '.join(f'{r:.3f}' for r in sorted(ratios))} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
