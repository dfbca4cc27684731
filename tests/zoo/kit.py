"""The plain environment that the others differ from in one thing, and how they are registered."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

LIMIT = 12
"""Steps of an episode, where nothing else is said."""


class Plain(gymnasium.Env[Any, Any]):
    """A cart on a line: action 1 moves it on by a half, 0 back."""

    observation_space: spaces.Space[Any] = spaces.Box(-10, 10, (1,), np.float32)
    action_space: spaces.Space[Any] = spaces.Discrete(2)

    def __init__(self) -> None:
        self.x = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """At a place that the seed says."""
        super().reset(seed=seed)
        self.x = float(self.np_random.uniform(-2, 2))
        return self.observed(), self.info()

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        """On, and what it looks like there."""
        self.x = float(np.clip(self.x + self.moved(action), -9, 9))
        return self.observed(), self.reward(), self.ended(), False, self.info()

    def moved(self, action: Any) -> float:
        """How far an action moves it."""
        return 0.5 if action else -0.5

    def observed(self) -> Any:
        """The observation."""
        return self.vector()

    def vector(self, *more: float) -> NDArray[np.float32]:
        """Its place, and more numbers."""
        return np.array([self.x, *more], np.float32)

    def reward(self) -> Any:
        """Less, the farther it is from 1; not straight, so that no field gives it away."""
        return -((self.x - 1.0) ** 2)

    def ended(self) -> Any:
        """Whether it left."""
        return self.x > 8.0

    def info(self) -> Any:
        """What goes with an observation."""
        return {}


Entry = str | Callable[..., gymnasium.Env[Any, Any]]


def register(name: str, entry: Entry, limit: int | None = LIMIT, **more: Any) -> None:
    """Register `name`-v0, once however often its module is imported."""
    gymnasium.register(f"{name}-v0", entry, max_episode_steps=limit, disable_env_checker=True, **more)


def observing(name: str, space: spaces.Space[Any], observe: Callable[[Plain], Any]) -> None:
    """Register an environment that observes itself so."""

    class Observing(Plain):
        __doc__ = f"Observes {space}."
        observation_space = space

        def observed(self) -> Any:
            return observe(self)

    register(name, Observing)


def acting(name: str, space: spaces.Space[Any], move: Callable[[Any], float]) -> None:
    """Register an environment that takes such actions, and is moved by them so."""

    class Acting(Plain):
        __doc__ = f"Takes {space}."
        action_space = space

        def moved(self, action: Any) -> float:
            assert self.action_space.contains(action), f"{action!r} is no action of {self.action_space}"
            return move(action)

    register(name, Acting)
