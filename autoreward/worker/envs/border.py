"""The border to code that is not ours: what an environment hands out and is given is copied here, once, and nowhere else.

Environments may write into one array at every step, or change the action they are given; what was recorded would change with it.
"""

from typing import Any

import gymnasium
import numpy as np
import torch


class Border(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Around the environment itself, below everything of ours."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset; the observation and the info are the caller's."""
        observation, info = self.env.reset(seed=seed, options=options)
        return copied(observation), copied(info)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step; the action stays as it was given, and what comes back is the caller's."""
        observation, reward, terminated, truncated, info = self.env.step(copied(action))
        return copied(observation), copied(reward), terminated, truncated, copied(info)

    def render(self) -> Any:
        """What the environment looks like; the picture is the caller's."""
        return copied(self.env.render())


def copied(value: Any) -> Any:
    """The value with arrays of its own, through dicts, lists and tuples; tensors as arrays, other objects as they are."""
    if isinstance(value, np.ndarray):
        return np.array(value)
    if isinstance(value, torch.Tensor):
        return np.array(value.detach().cpu())
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        parts = map(copied, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return [copied(inner) for inner in value] if isinstance(value, list) else value
