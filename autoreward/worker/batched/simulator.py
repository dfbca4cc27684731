"""What a simulator of many environments does."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.tasks.card import Task
from autoreward.worker.envs.flatten import Layout, layout_of
from autoreward.worker.envs.stated import Stated, stated
from autoreward.worker.envs.time_limits import time_limit

Places = NDArray[np.intp]
"""Which of the environments, rising."""


class Stepped(NamedTuple):
    """What one step of k environments gave."""

    observations: NDArray[Any]
    """Shape (k, d); of an episode that ended its own last one."""
    rewards: NDArray[Any]
    """Shape (k,): the environment's own."""
    terminated: NDArray[np.bool_]
    """Shape (k,): the episode ended by itself."""
    truncated: NDArray[np.bool_]
    """Shape (k,): the simulator cut it."""


class BatchSimulator(Protocol):
    """Environments with a stream of chance each. One whose episode ended is stepped again after a reset alone."""

    @property
    def action_space(self) -> spaces.Space[Any]:
        """The actions of one environment, as the simulator takes them."""
        ...

    def reset(self, which: Places) -> NDArray[Any]:
        """Begin an episode in k of them: observations (k, d). The first reset is of all."""
        ...

    def step(self, which: Places, actions: NDArray[Any]) -> Stepped:
        """Step k of them; the others stay as they are."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


Opener = Callable[[Sequence[int]], BatchSimulator]
"""A seed an environment, in [0, 2^31) -> new environments, of which none is reset yet."""


class Facts(NamedTuple):
    """What is known of the Gymnasium environment of a task, as trainings see it."""

    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    layout: Layout
    time_limit: int
    stated: Stated


def facts_of(env: gymnasium.Env[Any, Any], task: Task) -> Facts:
    """Those of an environment that was made for the task. Raises TaskError where it has no time limit."""
    return Facts(env.observation_space, env.action_space, layout_of(env), time_limit(task, env), stated(env))
