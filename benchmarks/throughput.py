"""Environment steps a second of a search's training, with a candidate reward in its own process, against plain Stable-Baselines3
with DummyVecEnv and the environment's own reward; the search's in Gymnasium, and in EnvPool.

    python benchmarks/throughput.py measure [--tasks a,b] [--repeats 5]    adds lines to benchmarks/data/throughput.jsonl
    python benchmarks/throughput.py table

All sides have the card's own settings, VecNormalize of observations and rewards as the card has it, one thread, and take turns in
one process, in an order that moves on with every repetition. The unit is the CPU second, of the training process and of the
reward's process together: other work on the machine takes time from the clock and less from that. A line is one repetition.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

torch.set_num_threads(1)

import stable_baselines3  # noqa: E402
from lines import DATA, Lines  # noqa: E402
from stable_baselines3.common.logger import Logger  # noqa: E402
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize  # noqa: E402

from autoreward.core.resources import envs_folder  # noqa: E402
from autoreward.records import Setup, TrainingSimulator, TrialJob  # noqa: E402
from autoreward.rewards.compose import COMPOSITIONS  # noqa: E402
from autoreward.sandbox.jail import Jail  # noqa: E402
from autoreward.tasks.card import Task  # noqa: E402
from autoreward.tasks.files import find_task  # noqa: E402
from autoreward.worker import policies  # noqa: E402
from autoreward.worker.batched.choice import training_envs  # noqa: E402
from autoreward.worker.envs import make  # noqa: E402
from autoreward.worker.rollout.buffers import RewardedRollout  # noqa: E402
from autoreward.worker.rollout.late_rewards import LateRewards, Normaliser  # noqa: E402
from autoreward.worker.rollout.recorder import Recorder  # noqa: E402
from autoreward.worker.rollout.sources import CandidateReward  # noqa: E402
from autoreward.worker.success import SuccessRule  # noqa: E402

FILE = Lines(DATA / "throughput.jsonl")
TASKS = (
    "acrobot,bipedal-walker,cartpole-hold,doorkey-6x6,doorkey-8x8,half-cheetah,half-cheetah-rear,hopper,hopper-jump,"
    "inverted-double-pendulum,inverted-pendulum-offset,key-corridor,lunar-lander,lunar-lander-hover,mountain-car,"
    "mountain-car-continuous,mountain-car-softstop,pendulum,pusher,reacher,swimmer,walker"
)
"""Those whose packages install beside each other, and that EnvPool can serve."""
STEPS = 6_000
"""Environment steps of one measurement, up to the end of a rollout and its update."""


def program(task: Task) -> str:
    """A reward of four parts over all real-valued fields of a card."""
    sizes = " + ".join(
        f"np.square(next_state.{name}).reshape(len(next_state.step), -1).sum(axis=-1)" for name in task.state
    )
    moved = " + ".join(
        f"np.square(next_state.{name} - state.{name}).reshape(len(next_state.step), -1).sum(axis=-1)"
        for name in task.state
    )
    return f"""
def compute_reward(state, action, next_state, memory):
    size = np.sqrt({sizes})
    return {{
        "near": np.exp(-np.minimum(size, 50.0)),
        "slow": -0.1 * np.minimum({moved}, 50.0),
        "alive": 1.0 - next_state.terminated,
        "bonus": 1.0 * (size < 0.1),
    }}
"""


def plain(task: Task, steps: int) -> tuple[Any, Callable[[], None]]:
    """Stable-Baselines3 as its own documentation has it."""
    envs = DummyVecEnv([lambda: make.make_env(task) for _ in range(task.train.envs)])
    venv = VecNormalize(
        envs,
        norm_obs=task.train.normalize_observations,
        norm_reward=task.train.normalize_rewards,
        gamma=task.train.gamma,
    )
    net = {"pi": list(task.train.net), "vf": list(task.train.net)}
    kind = getattr(stable_baselines3, task.train.algorithm)
    settings: dict[str, Any] = dict(task.train.hyperparameters)
    return kind("MlpPolicy", venv, seed=0, device="cpu", policy_kwargs={"net_arch": net}, **settings), envs.close


def ours(task: Task, steps: int, simulator: str, room: Any) -> tuple[Any, Callable[[], None]]:
    """As worker/jobs/train.py does it."""
    envs = training_envs(task, TrainingSimulator.model_validate({"name": simulator}), task.train.envs, seed=0)
    recorder = Recorder(envs, task)
    job = TrialJob(id="b-s0", candidate_id="b", reward="candidate", seed=0, steps=steps)
    source = CandidateReward(room.client._socket, job, task.train.envs, seconds=600.0)
    rewards = LateRewards(
        recorder,
        source,
        Normaliser(task.train.envs, task.train.gamma, on=task.train.normalize_rewards),
        SuccessRule(task, envs.time_limit) if task.ruled else None,
        COMPOSITIONS["sum"].start(task.train.envs, task.train.gamma, Setup()),
    )
    extra = {"rollout_buffer_class": RewardedRollout, "rollout_buffer_kwargs": {"late_rewards": rewards}}
    return policies.build(task, policies.normalised(task, recorder), seed=0, **extra), envs.close


def cpu_of(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(side: str, task: Task, steps: int, jail: Jail) -> float:
    """Environment steps a CPU second of one side's training, after one rollout and update that are not counted."""
    rollout = int(task.train.hyperparameters.get("n_steps", 2048)) * task.train.envs
    with jail.open(program(task)) as room:
        model, close = plain(task, steps) if side == "plain" else ours(task, steps, side, room)
        model.set_logger(Logger(folder=None, output_formats=[]))
        model.learn(rollout)
        pid = room.pid
        began = time.process_time() + cpu_of(pid)
        before = model.num_timesteps
        model.learn(steps, reset_num_timesteps=False)
        seconds = time.process_time() + cpu_of(pid) - began
        close()
    return float((model.num_timesteps - before) / seconds)


def measure(names: Sequence[str], repeats: int) -> None:
    with Jail() as jail:
        for repeat in range(repeats):
            for name in names:
                task = find_task(name, (envs_folder(),))
                if FILE.has({"task": name, "repeat": repeat}):
                    continue
                sides = ["plain", "gymnasium", "envpool"]
                sides = sides[repeat % 3 :] + sides[: repeat % 3]
                speeds = {side: round(measured(side, task, STEPS, jail), 1) for side in sides}
                FILE.add({"task": name, "repeat": repeat, "envpool_version": metadata.version("envpool"), **speeds})


def table() -> None:
    print(
        "| task | plain SB3 | search, Gymnasium | search, EnvPool | Gymnasium / plain | EnvPool / plain | repetitions |"
    )
    print("|---|---|---|---|---|---|---|")
    lines = FILE.read()
    medians = []
    for name in dict.fromkeys(line["task"] for line in lines):
        rows = [line for line in lines if line["task"] == name]
        speed = [statistics.median(row[side] for row in rows) for side in ("plain", "gymnasium", "envpool")]
        ratio = [statistics.median(row[side] / row["plain"] for row in rows) for side in ("gymnasium", "envpool")]
        medians.append(ratio)
        print(
            f"| {name} | {' | '.join(f'{s:,.0f}' for s in speed)} | {' | '.join(f'{r:.2f}' for r in ratio)} | {len(rows)} |"
        )
    for number, side in enumerate(("Gymnasium", "EnvPool")):
        ratios = [ratio[number] for ratio in medians]
        if ratios:
            print(f"\n{side}: median {statistics.median(ratios):.2f}, least {min(ratios):.2f}, most {max(ratios):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("measure", "table"))
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if options.do == "measure":
        measure(options.tasks.split(","), options.repeats)
    else:
        table()


if __name__ == "__main__":
    main()
