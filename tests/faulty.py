"""An environment with the faults that are met in the wild, one at a time, and a task for it.

In a worker of its own, which does not import tests, the same faults are put into CartPole by a `state.py`.
"""

import os
import random
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces

from autoreward.tasks.card import Task

LIMIT = 20


class Faulty(gymnasium.Env[Any, Any]):
    """A cart on a line; `fault` is what `step` and `reset` do wrong, every `every` steps of all."""

    observation_space = spaces.Box(-10, 10, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, fault: str = "none", every: int = 1) -> None:
        self.fault, self.every, self.made = fault, every, 0
        self.x = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.x = float(self.np_random.uniform(-0.1, 0.1))
        GLOBAL.get(self.fault, _nothing)()
        if self.fault == "reset" and self._now():
            raise TimeoutError("the simulator did not start")
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        self.x += 0.5 if action else -0.5
        result: list[Any] = [self._observation(), 0.0, self.x > 4, False, {}]
        GLOBAL.get(self.fault, _nothing)()
        if self.fault == "raises" and self._now():
            raise ConnectionResetError("the simulator closed the connection")
        if self.fault == "exits" and self._now():
            raise SystemExit("no display")
        if self.fault in RETURNED and self._now():
            place, value = RETURNED[self.fault]
            result[place] = value
        return tuple(result)  # type: ignore[return-value]

    def close(self) -> None:
        if self.fault == "close":
            raise OSError("it was closed before")

    def _observation(self) -> Any:
        return np.array([self.x, self.x / 2], np.float32)

    def _now(self) -> bool:
        self.made += 1
        return self.made % self.every == 0


RETURNED: dict[str, tuple[int, Any]] = {
    "nan": (0, np.array([0.0, np.nan], np.float32)),
    "infinite": (0, np.array([-np.inf, np.inf], np.float32)),
    "words": (0, "nothing"),
    "none reward": (1, None),
    "list reward": (1, [0.1]),
    "two rewards": (1, np.array([0.1, 0.2])),
    "complex reward": (1, 1j),
    "nan reward": (1, float("nan")),
    "huge reward": (1, 10**400),
    "array reward": (1, np.array([0.25])),
    "scalar reward": (1, np.array(0.25)),
    "half reward": (1, np.float16(0.25)),
    "int reward": (1, np.int64(2)),
    "bool reward": (1, np.bool_(True)),
    "array flag": (2, np.array([False])),
    "int flag": (3, 0),
    "none flag": (3, None),
    "two flags": (2, np.array([False, True])),
    "none info": (4, None),
}
"""Fault -> place in what `step` returns, value."""


def _nothing() -> None: ...


def _raise_at_underflow() -> None:
    np.seterr(all="raise")


def _change_torch() -> None:
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float64)


GLOBAL: dict[str, Callable[[], object]] = {
    "numpy's generator": lambda: np.random.seed(0),
    "numpy's numbers": np.random.random,
    "python's generator": lambda: random.seed(0),
    "torch's generator": lambda: torch.manual_seed(0),
    "torch's numbers": lambda: torch.rand(3),
    "numpy's errors": _raise_at_underflow,
    "torch's settings": _change_torch,
    "the folder": lambda: os.chdir("/"),
}
"""What environments change for their whole process."""
gymnasium.register("Faulty-v0", Faulty, max_episode_steps=LIMIT, disable_env_checker=True)


def faulty(fault: str = "none", every: int = 1, **change: Any) -> Task:
    """A task of that environment, which trains in a moment."""
    card: dict[str, Any] = {
        "name": "faulty",
        "env": "Faulty-v0",
        "kwargs": {"fault": fault, "every": every},
        "goal": "Bring x to the mark.",
        "state": {
            "x": {"source": "obs[0]", "about": "where it is"},
            "half": {"source": "obs[1]", "about": "half of it"},
        },
        "action": {"move": {"about": "0 left, 1 right"}},
        "success": {"when": "x > 4"},
        "train": {
            "algorithm": "PPO",
            "steps": 128,
            "envs": 2,
            "net": [8],
            "hyperparameters": {"n_steps": 32, "batch_size": 32, "n_epochs": 1},
        },
    }
    return Task.model_validate(card | change)
