"""The border to code that is not ours: what an environment hands out and is given is copied here, once, and nowhere else.

Environments may write into one array at every step, or change the action they are given; what was recorded would change with it.
"""

import array
import ctypes
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import torch


class Border(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Around the environment itself, below everything of ours."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset; the observation and the info are the caller's."""
        observation, info = self.env.reset(seed=seed, options=options)
        return _observed(observation), copied(info)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step; the action stays as it was given, and what comes back is the caller's."""
        observation, reward, terminated, truncated, info = self.env.step(copied(action))
        return _observed(observation), copied(reward), terminated, truncated, copied(info)

    def render(self) -> Any:
        """What the environment looks like; the picture is the caller's."""
        return copied(self.env.render())


def _observed(observation: Any) -> Any:
    """An observation that is the caller's, also where it is an object that is read as an array, such as stacked frames."""
    if type(observation) is np.ndarray:
        return np.array(observation)
    known = isinstance(observation, np.ndarray | np.generic | torch.Tensor)
    return copied(np.asarray(observation) if hasattr(observation, "__array__") and not known else observation)


_PLAIN = frozenset({bool, int, float, str, bytes, type(None), np.bool_, np.int64, np.int32, np.float64, np.float32})
"""Types of which most values are that are copied at every step, and that nobody can write into."""
_BUFFERS: Any = array.array | memoryview | ctypes.Array
_Copies = dict[int, tuple[Any, Any]]
"""By the identity of what was copied, which is held with it: what is in its place later is not that."""


def copied(value: Any, so_far: _Copies | None = None) -> Any:
    """The value with arrays of its own, through dicts, lists and tuples, one that holds itself as well.

    Tensors and buffers become arrays, what a mask hides becomes NaN, and other objects are as they are.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is np.ndarray:
        return np.array(value)
    if kind is dict and not value:
        return {}
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        return np.ma.filled(value.astype(np.float64), np.nan)
    if isinstance(value, np.ndarray | _BUFFERS):
        return np.array(value)
    if isinstance(value, torch.Tensor):
        return np.array(value.detach().cpu())
    if not isinstance(value, Mapping | tuple | list):
        return value
    so_far = {} if so_far is None else so_far
    if id(value) in so_far:
        return so_far[id(value)][1]
    if isinstance(value, tuple):
        parts = [copied(inner, so_far) for inner in value]
        return getattr(value, "_make", tuple)(parts)  # named tuples may be made in a way of their own
    copy: Any = {} if isinstance(value, Mapping) else []
    so_far[id(value)] = value, copy
    if isinstance(value, Mapping):
        copy.update((key, copied(inner, so_far)) for key, inner in value.items())
    else:
        copy.extend(copied(inner, so_far) for inner in value)
    return copy
