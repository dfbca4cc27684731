"""A Gymnasium environment, put into the state that an observation of EnvPool's stands for, where the observation says all of it.

Angles come as cosines and sines, and a position along which nothing changes is not observed: it is taken to be 0.
"""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

_Set = Callable[[Any, NDArray[np.float64]], None]
"""The innermost environment, just reset, and an observation at a reset."""


def state_setter(env: gymnasium.Env[Any, Any]) -> _Set | None:
    """What puts such an environment into the state of an observation; None where observations say less."""
    inner: Any = env.unwrapped
    if (known := _KNOWN.get(type(inner).__name__)) is not None:
        return known
    model = getattr(inner, "model", None)
    if model is None or not hasattr(inner, "set_state"):
        return None
    unseen = model.nq + model.nv - int(np.prod(env.observation_space.shape or ()))
    return _positions_and_velocities if 0 <= unseen <= 2 else None


def _positions_and_velocities(inner: Any, observation: NDArray[np.float64]) -> None:
    """MuJoCo's: all positions but the first ones, then all velocities."""
    positions = observation[: len(observation) - inner.model.nv]
    unseen = inner.model.nq - len(positions)
    inner.set_state(np.concatenate([np.zeros(unseen), positions]), observation[len(positions) :])


def _as_observed(inner: Any, observation: NDArray[np.float64]) -> None:
    inner.state = observation.copy()


def _pendulum(inner: Any, observation: NDArray[np.float64]) -> None:
    cos, sin, speed = observation
    inner.state = np.array([np.arctan2(sin, cos), speed])


def _acrobot(inner: Any, observation: NDArray[np.float64]) -> None:
    cos, sin = observation[[0, 2]], observation[[1, 3]]
    inner.state = np.concatenate([np.arctan2(sin, cos), observation[4:]])


def _reacher(inner: Any, observation: NDArray[np.float64]) -> None:
    cos, sin, target, speed = observation[:2], observation[2:4], observation[4:6], observation[6:8]
    inner.set_state(np.concatenate([np.arctan2(sin, cos), target]), np.concatenate([speed, np.zeros(2)]))


def _double_pendulum(inner: Any, observation: NDArray[np.float64]) -> None:
    sin, cos = observation[1:3], observation[3:5]
    inner.set_state(np.concatenate([observation[:1], np.arctan2(sin, cos)]), observation[5:8])


_KNOWN: dict[str, _Set] = {
    "CartPoleEnv": _as_observed,
    "MountainCarEnv": _as_observed,
    "Continuous_MountainCarEnv": _as_observed,
    "PendulumEnv": _pendulum,
    "AcrobotEnv": _acrobot,
    "ReacherEnv": _reacher,
    "InvertedDoublePendulumEnv": _double_pendulum,
}
