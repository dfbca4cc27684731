"""How environments are registered, made, drawn and wrapped."""

import getpass
import importlib
import os
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from zoo.kit import LIMIT, Plain, register


class Scaled(Plain):
    """Has to be told how far a step goes."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def moved(self, action: Any) -> float:
        return self.by * super().moved(action)


class Modes(Plain):
    """Insists on a way to be drawn, and has an odd list of them."""

    metadata = {"render_modes": None}  # type: ignore[dict-item]  # noqa: RUF012

    def __init__(self, render_mode: str = "human") -> None:
        super().__init__()
        self.render_mode = render_mode


class NoMetadata(Plain):
    """Its metadata is nothing."""

    metadata = None  # type: ignore[assignment]


class BrokenDrawing(Plain):
    """Says that it can be drawn, and cannot."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": "fast"}  # type: ignore[dict-item]  # noqa: RUF012

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__()
        self.render_mode = render_mode

    def render(self) -> Any:
        raise RuntimeError("no display")


class Spaceless(Plain):
    """Says what its spaces are at the first reset."""

    observation_space = None  # type: ignore[assignment]

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        self.observation_space = spaces.Box(-10, 10, (1,), np.float32)
        return super().reset(**given)


class NoSuper(Plain):
    """Never seeds its generator through gymnasium."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.x = (seed or 0) % 7 / 2.0
        return self.observed(), {}


class Unclosable(Plain):
    """Fails when it is closed."""

    def close(self) -> None:
        raise RuntimeError("closed twice")


class Cautious(Plain):
    """Refuses to be made."""

    def __init__(self) -> None:
        raise ValueError("the licence file is missing")


class Needs(Plain):
    """Needs a package that nobody has."""

    def __init__(self) -> None:
        import a_package_that_nobody_has  # noqa: F401


class NeedsPart(Plain):
    """Needs a part of a package that another release of it has."""

    def __init__(self) -> None:
        importlib.import_module("numpy.a_part_that_is_gone")


class NeedsBehind(Plain):
    """Needs a package that nobody has, and says so as Gymnasium does, in an error of its own."""

    def __init__(self) -> None:
        try:
            importlib.import_module("a_package_that_nobody_has")
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(f"{error}. Environment registration via importing a module failed.") from error


class NeedsOlder(Plain):
    """Needs a package whose name begins as that of one which is there."""

    def __init__(self) -> None:
        raise gymnasium.error.DependencyNotInstalled(
            "No module named 'mujoco_py'. (HINT: you need to install mujoco_py)"
        )


class Shape:
    """Looks like an environment, and is none."""

    observation_space = Plain.observation_space
    action_space = Plain.action_space


class Team(Plain):
    """Several agents, each with a space of its own."""

    def observation_space(self, agent: str) -> Any:  # type: ignore[override]
        return Plain.observation_space

    def action_space(self, agent: str) -> Any:  # type: ignore[override]
        return Plain.action_space


class Unconnected(Plain):
    """Has properties that fail before its simulator is there."""

    @property
    def max_steps(self) -> int:
        raise RuntimeError("not connected")

    @property
    def tolerance(self) -> float:
        raise RuntimeError("not connected")

    @property
    def dt(self) -> float:
        raise RuntimeError("not connected")


class Unseedable(Plain):
    """Fails when it is asked for what environments of the older kind have."""

    @property
    def seed(self) -> Any:
        raise RuntimeError("not connected")


class Agents(Plain):
    """Several agents, whose spaces are in a dict that is no space."""

    observation_space = {"first": Plain.observation_space}  # type: ignore[assignment]  # noqa: RUF012


class Variable(Plain):
    """Is told by a variable of the shell where its scene is."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = os.environ["ZOO_SCENE"]


class Who(Plain):
    """Asks who it is run by."""

    def __init__(self) -> None:
        super().__init__()
        self.who = getpass.getuser()


class Elements(gymnasium.vector.VectorEnv[Any, Any, Any]):
    """Only several at once."""

    def __init__(self, num_envs: int = 1) -> None:
        self.num_envs = num_envs


class Rescaled(gymnasium.RewardWrapper[Any, Any]):
    """A wrapper of its own that multiplies rewards."""

    def reward(self, reward: Any) -> float:
        return 2.0 * float(reward)


class Undocumented(Plain):
    __doc__ = None


def made(**given: Any) -> gymnasium.Env[Any, Any]:
    """An entry point that is a function, and wraps."""
    return Rescaled(Plain())


def normalised(**given: Any) -> gymnasium.Env[Any, Any]:
    """Normalises by what it has seen so far."""
    return gymnasium.wrappers.NormalizeObservation(Plain())


def scaled(by: float) -> Callable[..., gymnasium.Env[Any, Any]]:
    """An entry point that closes over a number."""
    return lambda **given: Scaled(by)


for kind in (
    Modes,
    NoMetadata,
    BrokenDrawing,
    Spaceless,
    NoSuper,
    Unclosable,
    Cautious,
    Needs,
    NeedsPart,
    NeedsBehind,
    NeedsOlder,
    Undocumented,
    Team,
    Unconnected,
    Unseedable,
    Agents,
    Variable,
    Who,
):
    register(kind.__name__, kind)
register("Registered", Scaled, kwargs={"by": 0.5})
register("Asking", Scaled)
register("Function", made)
register("Normalised", normalised)
register("Closure", scaled(0.5))
register("Text", "zoo.making:NoSuper")
register("BadText", "zoo.making:NoSuch")
register("BadModule", "zoo.nowhere:Plain")
register("NoEnv", Shape)  # type: ignore[arg-type]
register("Zoo/Named", Plain)
register("Unordered", Plain, order_enforce=False)
gymnasium.register("NoVersion", Plain, max_episode_steps=LIMIT)
gymnasium.register("Checked-v0", Plain, max_episode_steps=LIMIT)
gymnasium.register("Numbered-v17", Plain, max_episode_steps=LIMIT)
gymnasium.register("Together-v0", None, vector_entry_point=Elements, max_episode_steps=LIMIT)
