"""Exports of small programs, for tests: the files on disk, imported as anybody imports them."""

import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv

from autoreward.export.build import reward_files
from autoreward.export.verify import ExportProof
from autoreward.records import Candidate, CompositionName, PartRole, Reference, Setup
from autoreward.tasks.card import Task

PROOF = ExportProof(rows=10, episodes=1, parts=1, of=("samples",), largest=0.0)
"""Of a comparison that a test does not make."""
ROLES: dict[str, PartRole] = {"a": "main", "first": "main", "b": "potential", "phi": "potential", "second": "potential"}
"""Of parts by the names that the tests' programs give them."""


def unproven(winner: Candidate, files: Mapping[str, str]) -> ExportProof:
    """An export's comparison where a test is about something else."""
    return PROOF


def written(source: str, composition: CompositionName = "sum", thought: str = "") -> Candidate:
    """A candidate with that program, reviewed: its parts have the roles of their names, and random actions are paid 0.5 by each."""
    usual = Reference(mean=0.5, std=0.25)
    parts = [
        *re.findall(r"\b[A-Za-z_]\w{0,39}\b", source),
        *(f"p{i}" for i in range(40)),
    ]  # some are named by f-strings
    setup = Setup(roles=ROLES, reference=usual, references=dict.fromkeys(parts, usual), cap=2.0)
    return Candidate(
        id="c", source=source, thought=thought, origin="model", how="fresh", composition=composition, setup=setup
    )


def load(folder: Path, files: dict[str, str]) -> ModuleType:
    """The files in a folder, and its reward.py imported."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    spec = importlib.util.spec_from_file_location("exported_reward", folder / "reward.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def task(fields: tuple[str, ...] = ("x", "v"), actions: tuple[str, ...] = ("push",), **more: object) -> Task:
    """A card with such fields: `v` has two numbers, the others one."""
    state = {n: {"source": "obs[1:3]" if n == "v" else "obs[0]", "about": n} for n in fields}
    card = {
        "name": "toy",
        "env": "CartPole-v1",
        "goal": "Go.",
        "state": state,
        "action": {n: {"about": n} for n in actions},
        "success": {"when": "terminated"},
        "train": {"algorithm": "PPO", "steps": 64},
    }
    return Task.model_validate({**card, **more})


def files(source: str, composition: str = "sum") -> dict[str, str]:
    """The Python files of a program for `task()`."""
    return reward_files(task(), written(source, composition))


def alike_in_vectors_of_sb3(
    module: ModuleType, actions: NDArray[np.int64], seen: NDArray[Any], expected: NDArray[np.float64]
) -> None:
    """Three of the exported environments side by side in Stable-Baselines3 observe and pay what is given, row of actions by row."""
    venv = DummyVecEnv([module.make] * 3)
    venv.seed(3)
    observed: list[Any] = [venv.reset()]
    paid = []
    for row in actions:
        observation, reward, _, _ = venv.step(row)
        observed.append(observation)
        paid.append(reward)
    assert np.array_equal(np.stack(observed), seen)
    assert np.stack(observed).dtype == seen.dtype
    assert np.allclose(np.stack(paid), expected, rtol=1e-6, atol=1e-6), "DummyVecEnv rounds rewards to 32 bits"


def pays_as_each_alone(
    envs: Any,
    alone: Sequence[Any],
    mode: AutoresetMode,
    rows: NDArray[np.int64],
    looked: Callable[[Any, list[int]], None],
) -> None:
    """A vector of environments pays each of them what it pays alone, along more than nine episodes.

    `looked` is given `infos` of each step, and the environments that only began anew in it.
    """
    envs.reset(seed=5)
    for i, env in enumerate(alone):
        env.reset(seed=5 + i)
    over, resets = np.zeros(len(alone), np.bool_), 0
    for row in rows:
        if mode is AutoresetMode.DISABLED and over.any():
            envs.reset(options={"reset_mask": over})
            over[:] = False
        _, rewards, terminated, truncated, infos = envs.step(row)
        began = [i for i in range(len(alone)) if mode is AutoresetMode.NEXT_STEP and over[i]]
        looked(infos, began)
        for i, env in enumerate(alone):
            if i in began:
                assert rewards[i] == 0.0
                resets += 1
                continue
            _, reward, ended, cut, _ = env.step(row[i])
            assert (ended, cut) == (terminated[i], truncated[i])
            assert abs(reward - rewards[i]) <= 1e-12
            if ended or cut:
                env.reset()
                resets += 1
        over = terminated | truncated
    assert resets > 9
