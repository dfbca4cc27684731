"""What an environment says of itself: its docstring without its reward, how long a step is, its attributes."""

import math
import re
import sys
from typing import Any, NamedTuple

import gymnasium
import numpy as np

_LONGEST_DOC = 40_000
"""Letters; Humanoid-v5's, the longest of Gymnasium's, has 28,420."""
_REWARD = re.compile(r"^#+ *[^\n]*(?:reward|return)[^\n]*\n.*?(?=^#+ |\Z)", re.IGNORECASE | re.MULTILINE | re.DOTALL)
_SECONDS = ("dt", "tau")
"""Where an environment keeps the seconds of a step: MuJoCo's and Pendulum's `dt`, CartPole's `tau`."""


class Stated(NamedTuple):
    """What is known from the environment alone; nothing of it was measured."""

    doc: str = ""
    """Its docstring; empty without one."""
    dt: float | None = None
    """Seconds of one step; None where it states none."""


def stated(env: gymnasium.Env[Any, Any]) -> Stated:
    """The documentation of an environment, and the seconds of its step."""
    seconds = next((s for name in _SECONDS if (s := _positive(attribute(env, name)))), None)
    # Box2D: steps a second, for the whole module
    rate = _positive(getattr(sys.modules.get(type(env.unwrapped).__module__), "FPS", None))
    return Stated(documentation(env), seconds or (1.0 / rate if rate else None))


def attribute(env: gymnasium.Env[Any, Any], name: str) -> Any:
    """What it has under a name; None where there is nothing, or where a property of its own fails: that states nothing."""
    try:
        return getattr(env.unwrapped, name, None)
    except Exception:  # any of the environment's: it may ask a simulator that is not connected
        return None


def own_limit(env: gymnasium.Env[Any, Any]) -> int | None:
    """Steps of an episode, by its attribute `max_steps`; None where that is no number of steps, such as -1 for no limit."""
    steps = attribute(env, "max_steps")
    if isinstance(steps, bool) or not isinstance(steps, int | float | np.integer | np.floating):
        return None
    return int(steps) if 1 <= steps < math.inf and steps == int(steps) else None


def documentation(env: gymnasium.Env[Any, Any]) -> str:
    """The docstring without its sections on reward: whoever writes a reward must not read the environment's own."""
    text = type(env.unwrapped).__doc__ or ""
    lines = [line.strip() for line in text.splitlines()]
    return _REWARD.sub("", "\n".join(lines)).strip()[:_LONGEST_DOC]


def _positive(value: Any) -> float | None:
    """The number, where it is one that can be a duration or a rate."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    return float(value) if 0.0 < value < 1e6 else None
