"""What an environment says of itself: its docstring without its reward, and how long a step is."""

import re
import sys
from typing import Any, NamedTuple

import gymnasium

_LONGEST_DOC = 12_000
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
    inner = env.unwrapped
    own = [getattr(inner, name, None) for name in _SECONDS]
    seconds = next((float(s) for s in own if _is_duration(s)), None)
    rate = getattr(sys.modules.get(type(inner).__module__), "FPS", None)  # Box2D: steps a second, for the whole module
    if seconds is None and _is_duration(rate):
        seconds = 1.0 / float(rate)
    return Stated(documentation(env), seconds)


def documentation(env: gymnasium.Env[Any, Any]) -> str:
    """The docstring without its sections on reward: whoever writes a reward must not read the environment's own."""
    text = type(env.unwrapped).__doc__ or ""
    lines = [line.strip() for line in text.splitlines()]
    return _REWARD.sub("", "\n".join(lines)).strip()[:_LONGEST_DOC]


def _is_duration(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and 0.0 < float(value) < 1e6
    except (TypeError, ValueError):
        return False
