"""EnvPool: thousands of environments written again in C++, stepped in one call."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.worker.batched.envpool_plan import EnvPoolPlan
from autoreward.worker.batched.grid_view import GridWorld
from autoreward.worker.batched.simulator import Opener, Places, Stepped
from autoreward.worker.envs.flatten import Flat, Sensed

_Read = Callable[[Any, Places, Any], NDArray[Any]]
"""What EnvPool observed of k environments, which, and itself -> vectors (k, d) as the task's Gymnasium environment observes."""


class EnvPoolSimulator:
    """Implements `BatchSimulator`. In one thread of its own: trainings run side by side, one a core."""

    def __init__(self, plan: EnvPoolPlan, seeds: Sequence[int], read: _Read) -> None:
        self._read = read
        self._pool: Any = importlib.import_module("envpool").make_gymnasium(
            plan.id,
            num_envs=len(seeds),
            seed=list(seeds),
            num_threads=1,
            max_episode_steps=plan.cut_after,
            **plan.settings,
        )

    @property
    def action_space(self) -> spaces.Space[Any]:
        """As EnvPool states it."""
        space: spaces.Space[Any] = self._pool.action_space
        return space

    def reset(self, which: Places) -> NDArray[Any]:
        """Begin an episode in k of them."""
        ids = which.astype(np.int32)
        observations, info = self._pool.reset(ids)
        self._demand_order(ids, info)
        return self._read(observations, which, self._pool)

    def step(self, which: Places, actions: NDArray[Any]) -> Stepped:
        """Step k of them."""
        ids = which.astype(np.int32)
        observations, rewards, terminated, truncated, info = self._pool.step(np.asarray(actions), ids)
        self._demand_order(ids, info)
        return Stepped(self._read(observations, which, self._pool), rewards, terminated, truncated)

    def close(self) -> None:
        """Its threads end when nobody holds it."""
        self._pool = None

    def _demand_order(self, ids: NDArray[np.int32], info: dict[str, Any]) -> None:
        if not np.array_equal(info["env_id"], ids):
            raise RuntimeError(f"EnvPool answered for environments {info['env_id']} when it was asked for {ids}")


def envpool_opener(plan: EnvPoolPlan, env: gymnasium.Env[Any, Any]) -> Opener:
    """What makes EnvPool's environments of a plan, observed as the task's Gymnasium environment is."""
    read = _reader(plan, env)
    return lambda seeds: EnvPoolSimulator(plan, seeds, read)


def draws_in_steps(opened: Opener, action: NDArray[Any]) -> bool:
    """Whether an episode depends on how many steps came before it: the second one of a seed, after none and after a few."""
    alone = np.arange(1)
    second: list[NDArray[Any]] = []
    for steps in (0, 3):
        simulator = opened([1])
        simulator.reset(alone)
        for _ in range(steps):
            simulator.step(alone, action[None])
        second.append(simulator.reset(alone))
        simulator.close()
    return not np.array_equal(second[0], second[1])


def _reader(plan: EnvPoolPlan, env: gymnasium.Env[Any, Any]) -> _Read:
    """How EnvPool's observations become the task's vectors."""
    kind = env.observation_space.dtype
    inner: Any = env
    while isinstance(inner, gymnasium.Wrapper):
        if isinstance(inner, Sensed):
            return _by_state_program(inner)
        if isinstance(inner, Flat):
            flat = inner
            return lambda observations, which, pool: flat.vectors(observations, len(which))
        inner = inner.env
    return lambda observations, which, pool: np.asarray(observations, dtype=kind)


def _by_state_program(sensed: Sensed) -> _Read:
    def read(observations: Any, which: Places, pool: Any) -> NDArray[Any]:
        told = pool.debug_states(which.astype(np.int32))
        rows = [{name: values[k] for name, values in observations.items()} for k in range(len(which))]
        for row, world in zip(rows, told, strict=True):
            row["mission"] = world.mission
        return np.stack([sensed.vector(GridWorld(w), row, {}) for w, row in zip(told, rows, strict=True)])

    return read
