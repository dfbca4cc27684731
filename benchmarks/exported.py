"""Steps per second of processor time of a vector environment with an exported reward, AutoRewardVec, against the bare one.

    python benchmarks/exported.py [--repeats 7] [--envs 16]

Both sides step the same number of environments with the same random actions, one after the other, in alternating order; the
ratio of each pair is one sample.
"""

import argparse
import importlib.util
import statistics
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium

from autoreward.export.build import reward_files
from autoreward.records import Candidate
from autoreward.tasks.card import Task

SOURCE = """
def compute_reward(state, action, next_state, memory):
    return {
        "forward": next_state.all[:, 0],
        "smooth": -0.1 * np.square(next_state.all - state.all).sum(axis=-1),
        "alive": 1.0 - next_state.terminated,
    }
"""
CASES = (("HalfCheetah-v5", 300), ("Walker2d-v5", 300), ("LunarLander-v3", 1_000), ("CartPole-v1", 2_000))


def exported(env: str, folder: Path) -> ModuleType:
    card = Task.model_validate(
        {
            "name": env,
            "env": env,
            "goal": "Benchmark.",
            "state": {"all": {"source": "obs", "about": "everything"}},
            "action": {"act": {"about": "everything"}},
            "success": {"when": "terminated"},
            "train": {"algorithm": "PPO", "steps": 1},
        }
    )
    candidate = Candidate(id="c", source=SOURCE, thought="", origin="human", how="given")
    for name, text in reward_files(card, candidate).items():
        (folder / name).write_text(text)
    spec = importlib.util.spec_from_file_location("exported_reward", folder / "reward.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def speed(envs: Any, steps: int) -> float:
    """Environment steps per second of processor time."""
    envs.action_space.seed(0)
    envs.reset(seed=0)
    actions = [envs.action_space.sample() for _ in range(steps)]
    began = time.process_time()
    for action in actions:
        envs.step(action)
    return steps * envs.num_envs / (time.process_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--envs", type=int, default=16)
    given = parser.parse_args()
    print(
        f"medians of {given.repeats} pairs, {given.envs} environments\n{'':16} {'bare':>10} {'rewarded':>10} {'share':>7}"
    )
    for env, steps in CASES:
        with tempfile.TemporaryDirectory() as folder:
            module = exported(env, Path(folder))
            bare = gymnasium.make_vec(env, given.envs, "sync")
            rewarded = module.AutoRewardVec(gymnasium.make_vec(env, given.envs, "sync"))
            pairs = []
            speed(bare, steps // 10), speed(rewarded, steps // 10)
            for i in range(given.repeats):
                first, second = (bare, rewarded) if i % 2 else (rewarded, bare)
                found = {id(first): speed(first, steps), id(second): speed(second, steps)}
                pairs.append((found[id(bare)], found[id(rewarded)]))
            share = statistics.median(one / other for other, one in pairs)
            one, other = (statistics.median(side) for side in zip(*pairs, strict=True))
            print(f"{env:16} {one:10,.0f} {other:10,.0f} {share:7.3f}")


if __name__ == "__main__":
    main()
