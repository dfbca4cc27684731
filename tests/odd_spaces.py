"""Environments whose spaces are as they are in the wild: choices from -1 on, watts, map coordinates, one array for all steps."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.tasks.card import Task


class Lever(gymnasium.Env[Any, Any]):
    """Goes a notch down, stays, or goes a notch up: the middle action is `middle`. It begins at 3 and belongs at -3."""

    observation_space = spaces.Box(-20, 20, (1,), np.float32)

    def __init__(self, middle: int = 0) -> None:
        self.middle = middle
        self.action_space = spaces.Discrete(3, start=middle - 1)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.x = 3
        return np.array([self.x], np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        self.x = int(np.clip(self.x + int(action) - self.middle, -20, 20))
        return np.array([self.x], np.float32), -1.0, self.x == -3, False, {}


class Heater(gymnasium.Env[Any, Any]):
    """Power, `low` to `high`, warms a tank from 20 degrees; at all of it the tank would come to 270."""

    observation_space = spaces.Box(0, 400, (1,), np.float32)

    def __init__(self, low: float = 0.0, high: float = 1000.0) -> None:
        self.action_space = spaces.Box(low, high, (1,), np.float32)
        self.low, self.high = low, high

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.t = 20.0
        return np.array([self.t], np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        share = (float(action[0]) - self.low) / (self.high - self.low)
        self.t += 5.0 * share - 0.02 * (self.t - 20.0)
        return np.array([self.t], np.float32), -abs(self.t - 60), False, False, {}


class Belt(gymnasium.Env[Any, Any]):
    """Moves a box by 1 a step. It writes into the same arrays at every step, and into the action."""

    action_space = spaces.Discrete(2)

    def __init__(self, kind: str = "box", spoil: bool = False) -> None:
        box = spaces.Box(-100, 100, (2,), np.float32)
        self.seen = np.zeros(2, np.float32)
        self.given: Any = {"box": self.seen, "dict": {"a": {"b": self.seen}}, "tuple": (self.seen,)}[kind]
        self.observation_space = {
            "box": box, "dict": spaces.Dict({"a": spaces.Dict({"b": box})}), "tuple": spaces.Tuple((box,)),
        }[kind]  # fmt: skip
        self.about = {"seen": self.seen, "log": [self.seen]}
        self.spoil = spoil
        if spoil:
            self.action_space = spaces.Box(-1, 1, (1,), np.float32)  # type: ignore[assignment]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.seen[:] = 0
        return self.given, self.about

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.seen[0] += 1 if np.all(action > 0) else -1
        self.seen[1] += 1
        if self.spoil:
            action[:] = 0.0
        return self.given, 0.0, False, False, self.about


class Survey(gymnasium.Env[Any, Any]):
    """A rover in map coordinates, in metres, which moves 0.1 m a step; and a counter of millions."""

    action_space = spaces.Discrete(3)
    observation_space = spaces.Dict(
        {"north": spaces.Box(0, 1e7, (1,), np.float64), "tick": spaces.Box(0, 2**40, (1,), np.int64)}
    )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.n = self.t = 0
        return self._now(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.n, self.t = self.n + int(action) - 1, self.t + 1
        return self._now(), 0.0, False, False, {}

    def _now(self) -> dict[str, NDArray[Any]]:
        return {"north": np.array([5_400_000.0 + 0.1 * self.n]), "tick": np.array([2**25 + self.t])}


class Sensors(gymnasium.Env[Any, Any]):
    """Sensors whose names differ by punctuation alone, and others that no formula can say."""

    action_space = spaces.Discrete(2)
    keys = ("arm/pos", "arm-pos", "arm_pos", "Größe", "1x", "class", "step", "a b", "位置")

    def __init__(self) -> None:
        one = spaces.Box(-1000, 1000, (1,), np.float32)
        self.observation_space = spaces.Dict({**dict.fromkeys(self.keys, one), "arm": spaces.Dict({"pos": one})})  # type: ignore[arg-type]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.t = 0
        return self._now(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.t += 1
        return self._now(), 0.0, False, False, {}

    def _now(self) -> dict[str, Any]:
        values = {key: np.array([100 * i + self.t], np.float32) for i, key in enumerate(self.keys)}
        return {**values, "arm": {"pos": np.array([900 + self.t], np.float32)}}


class Told(gymnasium.Env[Any, Any]):
    """Takes every action of a space, and remembers what it was given."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)

    def __init__(self, space: spaces.Space[Any]) -> None:
        self.action_space = space
        self.given: list[Any] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.given.append(action)
        return np.zeros(2, np.float32), 0.0, False, len(self.given) % 3 == 0, {}


for made in (Lever, Heater, Belt, Survey, Sensors, Told):
    limit = 50 if made is Heater else 20
    gymnasium.register(f"Odd{made.__name__}-v0", entry_point=made, max_episode_steps=limit)


def card(env: str, state: dict[str, str], when: str = "terminated", **more: Any) -> Task:
    """A card for one of them: its fields by their sources, and what is a success."""
    train = {"algorithm": "PPO", "steps": 512, "envs": 4, "hyperparameters": {"n_steps": 64, "batch_size": 64}}
    return Task.model_validate(
        {
            "name": env.lower(),
            "env": f"odd_spaces:Odd{env}-v0",
            "goal": "Bring it there.",
            "state": {name: {"source": source, "about": name} for name, source in state.items()},
            "action": {"move": {"about": "what is done"}},
            "success": {"when": when},
            **more,
            "train": {**train, **more.get("train", {})},
        }
    )


LEVER = card("Lever", {"x": "obs[0]"}, "x <= -3")
HEATER = card("Heater", {"t": "obs[0]"}, "abs(t - 60) < 3", train={"steps": 16_384})
