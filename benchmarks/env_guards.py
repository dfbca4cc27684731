"""What the guards around environments cost a training: steps per second with them, against without.

    python benchmarks/env_guards.py [--repeats 7] [--steps 20000] [--env CartPole-v1]

Without: faults, lost episodes and what environments change for their process are not looked at. Both run after each other in one
process, in turn: PPO on 8 environments, one thread, processor time; the ratio of each pair is one sample. The steps of the
environments alone are timed as well.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import torch

torch.set_num_threads(1)

import numpy as np  # noqa: E402
from stable_baselines3 import PPO  # noqa: E402
from stable_baselines3.common.logger import Logger  # noqa: E402
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecNormalize  # noqa: E402

from autoreward.tasks.card import Task  # noqa: E402
from autoreward.worker.envs import make  # noqa: E402
from autoreward.worker.envs.flatten import flat  # noqa: E402
from autoreward.worker.envs.replay import Replayable  # noqa: E402

ENVS = 8


def card(env: str) -> Task:
    return Task.model_validate(
        {
            "name": "bench",
            "env": env,
            "goal": "none",
            "state": {"x": {"source": "obs[0]", "about": "x"}},
            "action": {"a": {"about": "a"}},
            "success": {"when": "x > 1e9"},
            "train": {"algorithm": "PPO", "steps": 1_000, "envs": ENVS, "net": [64, 64]},
        }
    )


def guarded(task: Task) -> VecEnv:
    return make.vectorised(task, ENVS, seed=0)


def bare(task: Task) -> VecEnv:
    return DummyVecEnv([lambda: Replayable(flat(gymnasium.make(task.env), task)) for _ in range(ENVS)])


def training(envs: VecEnv, steps: int) -> float:
    venv = VecNormalize(envs, norm_reward=False)
    model = PPO("MlpPolicy", venv, n_steps=128, batch_size=256, seed=0, device="cpu")
    model.set_logger(Logger(folder=None, output_formats=[]))
    began = time.process_time()
    model.learn(steps)
    return (time.process_time() - began) / model.num_timesteps


def stepping(envs: VecEnv, steps: int) -> float:
    envs.reset()
    actions = np.stack([envs.action_space.sample() for _ in range(ENVS)])
    began = time.process_time()
    for _ in range(steps // ENVS):
        envs.step(actions)
    return (time.process_time() - began) / (steps // ENVS * ENVS)


def pairs(task: Task, what: Callable[[VecEnv, int], float], steps: int, repeats: int) -> None:
    sides: tuple[Callable[[Any], VecEnv], ...] = (bare, guarded)
    for side in sides:
        what(side(task), steps // 4)
    ratios, seconds = [], []
    for i in range(repeats):
        took = {side: what(side(task), steps) for side in (sides if i % 2 else sides[::-1])}
        ratios.append(took[guarded] / took[bare])
        seconds.append((took[bare], took[guarded]))
    without, with_them = (1e6 * statistics.median(column) for column in zip(*seconds, strict=True))
    print(
        f"{task.env} {what.__name__}: {without:.1f} us a step without, {with_them:.1f} with; ratio {statistics.median(ratios):.3f} "
        f"[{min(ratios):.3f}, {max(ratios):.3f}]"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--env", default="CartPole-v1")
    chosen = parser.parse_args()
    task = card(chosen.env)
    pairs(task, stepping, chosen.steps, chosen.repeats)
    pairs(task, training, chosen.steps, chosen.repeats)


if __name__ == "__main__":
    main()
