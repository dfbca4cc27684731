"""Small environments with one fault each, for the checker; `awkward_envs:NAME` imports them from a folder of modules."""

import asyncio
import ctypes
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

LIMIT = 30
_SHARED = np.zeros(2, np.float32)
_BELT = [0.0]
_PORT: list[object] = []


class Plain(gymnasium.Env[Any, Any]):
    """Nothing is wrong with it; others change one thing."""

    observation_space: spaces.Space[Any] = spaces.Box(-10, 10, (2,), np.float32)
    action_space: spaces.Space[Any] = spaces.Discrete(2)

    def __init__(self) -> None:
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        self.place = float(self.np_random.uniform(-1, 1))
        return self.observe(), self.info()

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        self.steps += 1
        self.happens()
        return self.observe(), self.reward(), self.steps >= 25, False, self.info()

    def observe(self) -> Any:
        return np.array([self.place, self.steps / 10], np.float32)

    def reward(self) -> Any:
        return 1.0

    def info(self) -> Any:
        return {}

    def happens(self) -> None:
        """What else a step does."""


FAULTS: dict[str, type[Plain]] = {"Plain": Plain}


def fault(limit: int | None = LIMIT, passed: bool = False, **members: Any) -> Callable[[str], None]:
    """A class that differs from Plain in these members; `passed`: Gymnasium's own checker is kept from it."""

    def named(name: str) -> None:
        FAULTS[name] = type(name, (Plain,), members)
        gymnasium.register(f"Awkward{name}-v0", FAULTS[name], max_episode_steps=limit, disable_env_checker=passed)

    return named


def _at(step: int, do: Callable[[], object]) -> Callable[[Plain], None]:
    return lambda self: None if self.steps != step else do() and None


def _seedless(self: Plain, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
    self.steps, self.place = 0, float(np.random.default_rng().uniform(-1, 1))
    gymnasium.Env.reset(self, seed=seed)
    return self.observe(), {}


def _leaky(self: Plain, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
    drift = getattr(self, "drift", 0.0)
    found = Plain.reset(self, seed=seed, options=options)
    self.drift = drift + 0.01
    self.place += drift
    return self.observe(), found[1]


def _seeds_all(self: Plain, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
    np.random.seed(0)
    return Plain.reset(self, seed=seed, options=options)


def _draws(self: Plain, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
    found = Plain.reset(self, seed=seed, options=options)
    self.place = float(np.random.uniform())
    return self.observe(), found[1]


def _at_close(do: Callable[[], object]) -> Any:
    """A close that does this, too."""

    def close(self: Plain) -> None:
        do()

    return close


def _started(do: Callable[[], object]) -> Any:
    def reset(self: Plain, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        do()
        return Plain.reset(self, seed=seed, options=options)

    return reset


def _chooses_more(self: Plain, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
    self.action_space = spaces.Discrete(3)
    return Plain.reset(self, seed=seed, options=options)


def _opened() -> None:
    with socket.create_server(("127.0.0.1", 0)):
        pass


def _window() -> None:
    raise RuntimeError("pyglet: cannot open display None")


def _quietly_opened() -> None:
    try:
        _opened()
    except PermissionError:
        return


def _same(self: Plain) -> Any:
    _SHARED[:] = self.place, self.steps / 10
    return _SHARED


def _broken(self: Plain) -> None:
    if self.steps == 3:
        raise ConnectionResetError("the simulator is gone")


def _laid(self: Plain, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
    found = Plain.reset(self, seed=seed, options=options)
    _BELT[0] = self.place
    return found


def _moved(self: Plain) -> None:
    """By a belt that all of them lie on."""
    _BELT[0] += 0.1
    self.place = _BELT[0]


def _ages(self: Plain) -> None:
    self.age = getattr(self, "age", 0) + 1
    self.place = 5.0 if self.age == 80 else self.place


def _listens(self: Plain) -> None:
    Plain.__init__(self)
    if _PORT:
        raise OSError("port 2000 is taken")
    _PORT.append(self)


def _step_as(**changes: Any) -> Any:
    def step(self: Plain, action: Any) -> tuple[Any, ...]:
        found = dict(zip(("observation", "reward", "ended", "cut", "info"), Plain.step(self, action), strict=True))
        return tuple((found | {k: v(self) for k, v in changes.items()}).values())

    return step


fault()("Plain")
fault(action_space=spaces.Discrete(3, start=-1))("Origin")
fault(action_space=spaces.Box(0, 1000, (1,)))("Far")
fault(action_space=spaces.Box(-np.inf, np.inf, (1,)))("Unbounded")
fault(reset=_seedless)("Seedless")
fault(happens=lambda self: setattr(self, "place", random.SystemRandom().random()))("Chance")
fault(reset=_leaky)("Leaky")
fault(observe=lambda self: np.array([self.place, np.nan if self.steps == 4 else 0], np.float32))("ObservesNan")
fault(observe=lambda self: np.array([self.place, self.steps * 100], np.float32))("Beyond")
fault(observe=lambda self: np.zeros(3, np.float32))("Shape")
fault(observe=lambda self: None)("Nothing")
fault(observation_space=spaces.Box(-10, 10, (2,), np.float64), observe=lambda self: np.array([self.place, 0.0]))(
    "Double"
)
fault(
    observation_space=spaces.Box(0, 2**40, (1,), np.int64), observe=lambda self: np.array([2**30 + self.steps])
)("Large")  # fmt: skip
fault(observe=_same)("Same")
fault(reward=lambda self: None)("NoReward")
fault(reward=lambda self: float("nan"))("NanReward")
fault(reward=lambda self: np.ones(1))("ArrayReward")
fault(reward=lambda self: np.ones(2))("TwoRewards")
fault(step=_step_as(ended=lambda self: int(self.steps >= 25)))("Number")
fault(step=_step_as(ended=lambda self: None))("NoEnd")
fault(reset=_draws)("Global")
fault(info=lambda self: {"sim": object()})("Odd")
fault(step=_step_as(info=lambda self: None))("NoInfo")
fault(
    observation_space=spaces.Dict({"a b": spaces.Box(-1, 1, (1,)), "a-b": spaces.Box(-1, 1, (1,))}),
    observe=lambda self: {"a b": np.zeros(1, np.float32), "a-b": np.ones(1, np.float32)},
)("Alike")
fault(None, step=_step_as(ended=lambda self: False, cut=lambda self: self.steps >= 37))("Cut")
fault(None, step=_step_as(ended=lambda self: False))("Endless")
fault(1, step=_step_as(ended=lambda self: True))("One")
fault(100_000, step=_step_as(ended=lambda self: False))("Long")
fault(happens=lambda self: time.sleep(0.03))("Slow")
fault(happens=lambda self: os.write(2, b"x" * 2047 + b"\n") and None)("Loud")
fault(happens=_broken)("Broken")
fault(reset=_started(lambda: subprocess.run([sys.executable, "-S", "-c", "pass"], check=True)))("Program")
fault(reset=_started(_opened))("Socket")
fault(reset=_started(_quietly_opened))("QuietSocket")
fault(reset=_started(_window))("Window")
fault(close=_at_close(lambda: 1 / 0))("Unclosable")
fault(close=_at_close(lambda: time.sleep(1000)))("NeverCloses")
fault(reset=_started(lambda: os.chdir(Path(__file__).anchor)))("Folder")
fault(happens=lambda self: np.seterr(all="raise") and None)("Errors")
fault(reset=_seeds_all)("SeedsAll")
fault(happens=_at(5, lambda: time.sleep(1000)))("Hangs")
fault(happens=_at(5, lambda: (os.write(2, b"bad mesh\n"), ctypes.string_at(0))))("Crashes")
fault(happens=_at(5, lambda: os._exit(3)))("Exits")
fault(happens=_at(5, lambda: sys.exit("over")))("Quits")
fault(
    step=_step_as(observation=lambda self: ctypes.string_at(0) if self.spec_steps() > 60 else self.observe()),
    spec_steps=lambda self: setattr(self, "all_steps", getattr(self, "all_steps", 0) + 1) or self.all_steps,
    action_space=spaces.Box(0, 1000, (1,)),
)("FarThenCrashes")  # fmt: skip
fault(reset=_laid, happens=_moved)("Belt")
fault(__init__=_listens, close=lambda self: _PORT.clear())("Alone")
fault(happens=_ages)("Ages")
fault(observation_space=spaces.Box(0, 255, (2,), np.uint8), observe=lambda self: np.array([self.steps, 0.5]))(
    "Fraction"
)
fault(step=_step_as(ended=lambda self: 0.3 if self.steps >= 25 else False))("Third")
fault(reset=_chooses_more)("ChoosesMore")
fault(step=lambda self, action: (*Plain.step(self, action), None))("SixValues")
fault(action_space=2)("NumberForSpace")
fault(passed=True, action_space=2)("NumberForSpacePassed")
fault(passed=True, info=lambda self: MappingProxyType({"n": 1}), reset=_started(lambda: asyncio.run(asyncio.sleep(0))))(
    "InOrder"
)
fault(
    passed=True,
    observation_space=spaces.Dict({"a": spaces.Box(-10, 10, (1,))}),
    observe=lambda self: {"a": np.array([self.place], np.float32), "lock": threading.Lock()},
)("Lock")
fault(__init__=lambda self: sys.exit(2))("Leaves")
