"""Observations of any Gymnasium space as one vector with named stretches.

A policy needs one flat vector, a task card needs names. `Layout` says which stretch of the vector is `obs.KEY`, and reads
one-hot stretches back as the integers that they stand for.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.errors import TaskError
from autoreward.tasks.card import Task

LARGEST = 2_000
"""Numbers of an observation that a policy of plain layers is given; images have more."""
VALUE = "value"
"""`obs.value`: a whole observation that is an integer, or several."""


class Leaf(NamedTuple):
    """One stretch of the vector."""

    key: str
    start: int
    stop: int
    choices: tuple[int, ...] = ()
    """Widths of its one-hot groups; empty for plain numbers."""
    first: tuple[int, ...] = ()
    """The integer that each group's first entry stands for."""
    single: bool = False
    """One integer, not a vector of them."""

    def read(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """Its values in vectors of shape (..., d): numbers of shape (..., k), or integers."""
        stretch = vectors[..., self.start : self.stop]
        if not self.choices:
            return stretch
        ends = np.cumsum(self.choices)[:-1]
        columns = [g.argmax(axis=-1) + f for g, f in zip(np.split(stretch, ends, axis=-1), self.first, strict=True)]
        return np.asarray(columns[0] if self.single else np.stack(columns, axis=-1))


class Layout(NamedTuple):
    """What the entries of a task's observation vector are."""

    size: int
    leaves: tuple[Leaf, ...] = ()
    left_out: tuple[str, ...] = ()
    """Keys of the observation that are not numbers, such as texts."""

    def values(self, vectors: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """What formulas may name: `obs`, and `obs.KEY` for each stretch."""
        return {"obs": vectors} | {f"obs.{leaf.key}": leaf.read(vectors) for leaf in self.leaves}


def layout_of(env: gymnasium.Env[Any, Any]) -> Layout:
    """The layout of a task's environment."""
    inner = env
    while isinstance(inner, gymnasium.Wrapper):
        if isinstance(inner, Flat | Sensed):
            return inner.layout
        inner = inner.env
    return Layout(int(np.prod(env.observation_space.shape or ())))


def flat(env: gymnasium.Env[Any, Any], task: Task) -> gymnasium.Env[Any, Any]:
    """The environment with observations of one vector. Raises TaskError where there is none, saying the way out."""
    if task.state_program:
        return Sensed(env, task)
    space = env.observation_space
    if isinstance(space, spaces.Box) and len(space.shape) == 1 and space.shape[0] <= LARGEST:
        return env
    return Flat(env, task)


class Flat(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Flattens dicts, tuples, integers and small arrays."""

    def __init__(self, env: gymnasium.Env[Any, Any], task: Task) -> None:
        super().__init__(env)
        self._paths_and_spaces = list(_numbers(env.observation_space, ()))
        places, start = [], 0
        for path, space in self._paths_and_spaces:
            size = spaces.utils.flatdim(space)
            places.append(_leaf("_".join(path) or VALUE, start, start + size, space))
            start += size
        words = tuple("_".join(path) for path in _others(env.observation_space, ()))
        if not self._paths_and_spaces or start > LARGEST:
            what = _too_much(self._paths_and_spaces, start)
            raise TaskError(
                f"task {task.name}: {task.env} observes {what}; put a state.py beside task.toml (`autoreward init` looks for "
                f"TO/{task.name}/state.py), with `def observe(env, observation, info)` returning named numbers of the simulator "
                "(docs/environments.md shows one)."
            )
        self.layout = Layout(start, tuple(places), words)
        self.observation_space = spaces.Box(-np.inf, np.inf, (start,), np.float32)

    def observation(self, observation: Any) -> NDArray[np.float32]:
        """The flat vector."""
        pieces = [spaces.utils.flatten(space, _at(observation, path)) for path, space in self._paths_and_spaces]
        return np.concatenate([np.asarray(p, dtype=np.float32).reshape(-1) for p in pieces])


class Sensed(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Observes what the task's state.py says instead."""

    def __init__(self, env: gymnasium.Env[Any, Any], task: Task) -> None:
        super().__init__(env)
        self._where = f"task {task.name}, state.py"
        space: dict[str, Any] = {}
        try:
            exec(compile(task.state_program, "state.py", "exec"), space)  # noqa: S102 - the task author's own program
            self._observe = space["observe"]
        except KeyError:
            raise TaskError(f"{self._where}: define observe(env, observation, info).") from None
        except Exception as error:
            raise TaskError(f"{self._where}: {type(error).__name__}: {error}") from None
        observation, info = env.reset(seed=0)
        places, start = [], 0
        for key, values in self._ask(observation, info).items():
            places.append(Leaf(key, start, start + len(values)))
            start += len(values)
        self.layout = Layout(start, tuple(places))
        self.observation_space = spaces.Box(-np.inf, np.inf, (start,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset and observe."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._vector(observation, info), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step and observe."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._vector(observation, info), reward, terminated, truncated, info

    def _vector(self, observation: Any, info: dict[str, Any]) -> NDArray[np.float32]:
        vector = np.concatenate(list(self._ask(observation, info).values()))
        if len(vector) != self.layout.size:
            raise TaskError(f"{self._where}: it returned {len(vector)} numbers after {self.layout.size} before.")
        return vector

    def _ask(self, observation: Any, info: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
        try:
            fields = self._observe(self.env.unwrapped, observation, info)
            return {str(k): np.atleast_1d(np.asarray(v, dtype=np.float32)).reshape(-1) for k, v in fields.items()}
        except Exception as error:
            raise TaskError(f"{self._where}: observe raised {type(error).__name__}: {error}") from None


def _too_much(parts: Sequence[tuple[tuple[str, ...], spaces.Space[Any]]], size: int) -> str:
    """What an observation is that has too many numbers for a policy of plain layers, or none."""
    if not parts:
        return "nothing that is a number"
    path, largest = max(parts, key=lambda part: int(spaces.utils.flatdim(part[1])))
    where = "" if not path else f", most of them in {'_'.join(path)!r}"
    if isinstance(largest, spaces.Discrete):
        return f"one of {int(largest.n):,} states{where}, more than a policy of plain layers is given one by one ({LARGEST:,})"
    if isinstance(largest, spaces.Box) and len(largest.shape) > 1:
        return f"{size:,} numbers{where}, such as an image"
    return f"{size:,} numbers{where}, more than a policy of plain layers is given ({LARGEST:,})"


def _numbers(space: spaces.Space[Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], spaces.Space[Any]]]:
    if isinstance(space, spaces.Dict):
        for key, inner in space.spaces.items():
            yield from _numbers(inner, (*path, str(key)))
    elif isinstance(space, spaces.Tuple):
        for i, inner in enumerate(space.spaces):
            yield from _numbers(inner, (*path, f"item{i}"))
    elif isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        yield path, space


def _others(space: spaces.Space[Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(space, spaces.Dict | spaces.Tuple):
        inner = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        for key, part in inner:
            yield from _others(part, (*path, str(key)))
    elif not isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        yield path


def _leaf(key: str, start: int, stop: int, space: spaces.Space[Any]) -> Leaf:
    name = "".join(c if c.isalnum() else "_" for c in key)
    if isinstance(space, spaces.Discrete):
        return Leaf(name, start, stop, (int(space.n),), (int(space.start),), single=True)
    if isinstance(space, spaces.MultiDiscrete):
        return Leaf(name, start, stop, tuple(map(int, space.nvec.ravel())), tuple(map(int, space.start.ravel())))
    return Leaf(name, start, stop)


def _at(observation: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        observation = (
            observation[int(step.removeprefix("item"))] if isinstance(observation, tuple) else observation[step]
        )
    return observation
