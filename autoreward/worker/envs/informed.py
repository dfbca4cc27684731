"""What the environment says in `info` and the card's fields read, behind the numbers of the observation; its reward, too.

It goes where observations go (recordings, success rule, reward), and `PolicyView` keeps it from policies.
"""

import math
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.core.contract import NATIVE_REWARD
from autoreward.errors import TaskError
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.names import info_keys
from autoreward.worker.envs.actions import resting
from autoreward.worker.envs.faults import UnusableInfo
from autoreward.worker.envs.flatten import LARGEST, Leaf, layout_of
from autoreward.worker.envs.numeric import one_number

_Values = NDArray[np.float64]


class Informed(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Observes the vector of the environment, and after it the values of `info` that fields read, each of one shape for ever."""

    def __init__(self, env: gymnasium.Env[Any, Any], task: Task) -> None:
        """The shapes are those of a first step. Raises TaskError where that has no such value, or no numbers in it."""
        super().__init__(env)
        self._at_reset = task.info_at_reset
        self._native = task.uses_native
        self._keys = {path: info_keys(path) for path in self._at_reset}
        self._readers = {
            path: ", ".join(f"[state.{n}]" for n, source in task.state_sources.items() if path in source.names)
            for path in self._at_reset
        }
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._shapes = self._looked_up(task)
        within = layout_of(env)
        leaves, start = [], within.size
        for path, shape in self._shapes.items():
            size = int(np.prod(shape))
            leaves.append(Leaf(path, start, start + size, single=shape == ()))
            start += size
        if start - within.size > LARGEST:
            raise TaskError(
                f"task {task.name}: fields read {start - within.size:,} numbers of info, more than {LARGEST:,}."
            )
        own = env.observation_space
        if not isinstance(own, spaces.Box):
            raise TypeError(f"{own} is no vector")
        beyond = np.full(start - within.size, np.inf)
        self.layout = within._replace(size=start, info=tuple(leaves), kind=own.dtype)
        low, high = np.concatenate([own.low, -beyond]), np.concatenate([own.high, beyond])
        self.observation_space = spaces.Box(low, high, dtype=np.float64)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset; what the card says of a reset holds, whatever `info` says there."""
        observation, info = self.env.reset(seed=seed, options=options)
        values = [
            self._value(info, path) if said is None else np.full(self._shapes[path], said)
            for path, said in self._at_reset.items()
        ]
        return _joined(observation, values), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        told = self._told(info, reward)
        return (
            _joined(observation, [self._value(told, path) for path in self._at_reset]),
            reward,
            terminated,
            truncated,
            info,
        )

    def _looked_up(self, task: Task) -> dict[str, tuple[int, ...]]:
        """The shape of each value. Raises TaskError where a first episode does not have them as the card says."""
        _, begun = self.env.reset(seed=0)
        _, reward, _, _, info = self.env.step(resting(self.env.action_space))
        info = self._told(info, reward)
        shapes = {}
        for path, said in self._at_reset.items():
            try:
                shapes[path] = self._value(info, path).shape
            except UnusableInfo as error:
                raise TaskError(f"task {task.name}: the first step returned {error}.") from None
            if said is not None:
                continue
            way_out = "say in the card what it is there, such as at_reset = 0.0"
            try:
                shape = self._value(begun, path).shape
            except UnusableInfo as error:
                raise TaskError(f"task {task.name}: a reset returned {error}; {way_out}.") from None
            if shape != shapes[path]:
                raise TaskError(
                    f"task {task.name}: {path}, which {self._readers[path]} reads, has the shape {shape} at a reset and "
                    f"{shapes[path]} after a step; {way_out}."
                )
        return shapes

    def _told(self, info: Any, reward: Any) -> Any:
        """What fields may read after a step: `info`, with the reward beside it where the card asks for that."""
        if not (self._native and isinstance(info, Mapping)):
            return info
        number = one_number(reward)
        # one that is no finite number is named by Guarded, which is around this, with the step
        return {**info, NATIVE_REWARD: number if number is not None and math.isfinite(number) else 0.0}

    def _value(self, info: Mapping[str, Any], path: str) -> _Values:
        """One value, float64. Raises UnusableInfo unless it is there, and finite numbers of the shape that it had at first."""
        value: Any = info
        for key in self._keys[path]:
            if not isinstance(value, Mapping) or key not in value:
                has = (
                    f"there is {', '.join(map(str, value)) or 'nothing'}"
                    if isinstance(value, Mapping)
                    else "it is no dict"
                )
                raise UnusableInfo(f"info without {path}, which {self._readers[path]} reads: no {key!r}, {has[:200]}")
            value = value[key]
        try:
            array = np.asarray(value)
        except (TypeError, ValueError, RuntimeError):  # lists of unequal lengths; tensors elsewhere
            array = np.asarray(None)
        reads = f"which {self._readers[path]} reads"
        if array.dtype.kind not in "biuf":
            shown = "None" if value is None else f"{repr(value)[:60]} ({type(value).__name__})"
            raise UnusableInfo(f"{path} = {shown}, {reads}; a field is made of numbers")
        numbers = array.astype(np.float64)
        if not np.isfinite(numbers).all():
            raise UnusableInfo(f"{path} = {np.array2string(numbers, threshold=6)}, {reads}; it must be finite")
        if numbers.shape != self._shapes.get(path, numbers.shape):
            raise UnusableInfo(f"{path} with the shape {numbers.shape} after {self._shapes[path]} before, {reads}")
        return numbers


def _joined(observation: Any, values: list[_Values]) -> NDArray[np.float64]:
    return np.concatenate([np.asarray(observation, dtype=np.float64), *(value.reshape(-1) for value in values)])
