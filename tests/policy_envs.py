"""Small environments that plain policies do badly in: one needs memory, one masks its actions."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.tasks.card import Task


class Cue(gymnasium.Env[Any, Any]):
    """Shows 1 or -1 in its first observation alone, and asks for it `delay` steps later: 1 for 1, 0 for -1."""

    action_space = spaces.Discrete(2)
    observation_space = spaces.Box(-2, 2, (3,), np.float32)

    def __init__(self, delay: int = 4) -> None:
        self.delay = delay

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.cue = 1.0 if self.np_random.random() < 0.5 else -1.0
        self.clock = 0
        return self._seen(self.cue, 0.0), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.clock += 1
        over = self.clock > self.delay
        right = float(over and (int(action) == 1) == (self.cue > 0))
        return self._seen(0.0, right), right, over, False, {}

    def _seen(self, cue: float, right: float) -> NDArray[np.float32]:
        return np.array([cue, self.clock / self.delay, right], np.float32)


class Lock(gymnasium.Env[Any, Any]):
    """A lock of `turns` digits, each one of `choices`: at each turn two may be tried, and the higher one goes on.

    It raises where `strict` and another one is tried; else that does nothing. `masks` is what is wrong with those that it gives.
    """

    def __init__(self, choices: int = 6, turns: int = 4, strict: bool = True, first: int = 0, masks: str = "") -> None:
        self.choices, self.turns, self.strict, self.first, self.masks = choices, turns, strict, first, masks
        self.action_space = spaces.Discrete(choices, start=first)
        self.observation_space = spaces.Box(0, turns, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = 0
        self.low = int(self.np_random.integers(self.choices - 1))
        return np.array([self.at], np.float32), {}

    def action_masks(self) -> NDArray[np.bool_]:
        both = np.zeros(self.choices, np.bool_)
        both[self.low : self.low + 2] = True
        return {"": both, "short": both[1:], "none": np.zeros_like(both)}[self.masks]

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        chosen = int(action) - self.first
        if self.strict and not self.action_masks()[chosen]:
            raise ValueError(f"{action} is not allowed")
        right = chosen == self.low + 1
        self.at += right
        self.low = int(self.np_random.integers(self.choices - 1))
        return np.array([self.at], np.float32), float(right), self.at == self.turns, False, {}


gymnasium.register("Cue-v0", Cue, max_episode_steps=8)
gymnasium.register("Lock-v0", Lock, max_episode_steps=6)

CUE = Task.model_validate(
    {
        "name": "cue",
        "goal": "Say at the end what was shown at first.",
        "env": "policy_envs:Cue-v0",
        "state": {
            "cue": {"source": "obs[0]", "about": "1 or -1 at the start, then 0", "range": [-1, 1]},
            "clock": {"source": "obs[1]", "about": "share of the wait that is over", "range": [0, 2]},
            "right": {"source": "obs[2]", "about": "1 where it was said", "range": [0, 1], "policy": False},
        },
        "action": {"said": {"about": "1 or 0"}},
        "success": {"when": "right > 0.5", "within": "last step"},
        "metric": {"value": "length", "better": "lower"},
        "train": {"algorithm": "RecurrentPPO", "steps": 400, "envs": 3, "net": [8]},
    }
)
LOCK = Task.model_validate(
    {
        "name": "lock",
        "goal": "Open the lock.",
        "env": "policy_envs:Lock-v0",
        "state": {"at": {"source": "obs[0]", "about": "digits that are right", "range": [0, 4]}},
        "action": {"digit": {"about": "the digit that is tried"}},
        "success": {"when": "at > 3.5", "within": "last step"},
        "metric": {"value": "length", "better": "lower"},
        "train": {"algorithm": "MaskablePPO", "steps": 400, "envs": 3, "net": [8]},
    }
)
