"""Rewards, ends of episodes and infos of odd types."""

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import torch

from zoo.kit import Plain, register

_COUNT = count()


def rewarding(name: str, reward: Callable[[Plain], Any]) -> None:
    """Register an environment with such rewards."""

    class Rewarding(Plain):
        def reward(self) -> Any:
            return reward(self)

    register(f"Reward{name}", Rewarding)


def ending(name: str, ended: Callable[[Plain], Any]) -> None:
    """Register an environment whose episodes end by such flags."""

    class Ending(Plain):
        def ended(self) -> Any:
            return ended(self)

    register(f"Flag{name}", Ending)


def telling(name: str, info: Callable[[Plain], Any]) -> None:
    """Register an environment with such infos."""

    class Telling(Plain):
        def info(self) -> Any:
            return info(self)

    register(f"Info{name}", Telling)


class LikeSB3(Plain):
    """Uses keys that Stable-Baselines3 uses for itself."""

    def info(self) -> Any:
        return {"terminal_observation": 7, "TimeLimit.truncated": True, "episode": "none", "_final_info": 1}


class Both(NamedTuple("Both", [("a", int), ("b", int)])):
    """A record that is made of one thing."""

    def __new__(cls, pair: Any) -> Any:
        return super().__new__(cls, *pair)


class Itself(Plain):
    """Has an info that holds itself."""

    def info(self) -> Any:
        told: dict[str, Any] = {}
        told["told"] = [told]
        return told


class SixValues(Plain):
    """Returns one value too many."""

    def step(self, action: Any) -> Any:
        return (*super().step(action), None)


class NothingBack(Plain):
    """Forgets to return anything."""

    def reset(self, **given: Any) -> Any:
        super().reset(**given)


register("InfoItself", Itself)
register("StepSix", SixValues)
register("ResetNothing", NothingBack)
register("InfoLikeSB3", LikeSB3)
rewarding("Int", lambda e: int(e.x))
rewarding("Bool", lambda e: e.x > 0)
rewarding("Float64", lambda e: np.float64(e.x**2))
rewarding("Tensor", lambda e: torch.tensor(e.x**2, requires_grad=True))
rewarding("Scalar", lambda e: np.array(e.x**2))
rewarding("Array", lambda e: np.array([e.x**2]))
rewarding("List", lambda e: [e.x])
rewarding("Two", lambda e: np.array([e.x, 1.0]))
rewarding("None", lambda e: None)
rewarding("Text", lambda e: "1.0")
rewarding("TextOfWords", lambda e: "good")
rewarding("NaN", lambda e: float("nan"))
rewarding("Huge", lambda e: 1e30 * e.x**2)
ending("Int", lambda e: int(e.x > 2))
ending("Bool", lambda e: np.bool_(e.x > 2))
ending("Tensor", lambda e: torch.tensor(e.x > 2))
ending("Array", lambda e: np.array([e.x > 2]))
telling("Objects", lambda e: {"env": e, "draw": lambda: None, "lock": iter(()), 7: {1, 2}})
telling("Arrays", lambda e: {"a": np.zeros((3, 3)), "b": np.array(["x"], object)})
telling("Huge", lambda e: {"image": np.zeros((512, 512), np.uint8)})
telling("Changing", lambda e: {f"key{next(_COUNT)}": 1})
telling("Nested", lambda e: {"a": {"b": [{"c": None}]}, "is_success": "yes"})
telling("None", lambda e: None)
telling("Record", lambda e: {"both": Both((1, 2))})
rewarding("Masked", lambda e: np.ma.masked)
ending("NaN", lambda e: float("nan"))
ending("Reward", lambda e: 0.3 * e.x)
