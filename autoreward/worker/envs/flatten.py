"""Observations of any Gymnasium space as one vector with named stretches.

A policy needs one flat vector, a task card needs names. `Layout` says which stretch of the vector is `obs.KEY`, and reads
one-hot stretches back as the integers that they stand for.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import getitem
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.core.stretch_names import stretch_names, vector_type
from autoreward.errors import TaskError
from autoreward.tasks.card import Task
from autoreward.worker.envs.handlers import by_a_handler
from autoreward.worker.envs.parts import NumericPart, numbers_of, numeric_parts, other_parts, part_of

LARGEST = 2_000
"""Numbers of an observation that a policy of plain layers is given; images have more."""
_DOUBLE = 8
"""Bytes of the longest numbers that torch knows."""
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
    """One number, not a vector of them."""
    said: str = ""
    """Where it is in the observation, as the environment writes it; empty where that is its key, or all of it."""

    @property
    def entries(self) -> list[range]:
        """Entries of the vector that each of its numbers, or integers, is in."""
        widths = self.choices or (1,) * (self.stop - self.start)
        ends = [self.start + sum(widths[: i + 1]) for i in range(len(widths))]
        return [range(end - width, end) for end, width in zip(ends, widths, strict=True)]

    def read(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """Its values in vectors of shape (..., d): numbers of shape (..., k), or integers."""
        stretch = vectors[..., self.start : self.stop]
        if not self.choices:
            return stretch[..., 0] if self.single else stretch
        ends = np.cumsum(self.choices)[:-1]
        columns = [g.argmax(axis=-1) + f for g, f in zip(np.split(stretch, ends, axis=-1), self.first, strict=True)]
        return np.asarray(columns[0] if self.single else np.stack(columns, axis=-1))


class Layout(NamedTuple):
    """What the entries of a task's observation vector are."""

    size: int
    leaves: tuple[Leaf, ...] = ()
    left_out: tuple[str, ...] = ()
    """Keys of the observation that are not numbers, such as texts."""
    info: tuple[Leaf, ...] = ()
    """Values of `info` that fields read, behind all numbers of the observation."""
    kind: Any = None
    """Type of the observation's numbers, where those of `info` made another one of the vector's; None: the vector's own."""
    masks: int = 0
    """Choices of an action, behind all else: 1 for each that is allowed, 0 for each that is not; none where it masks none."""

    @property
    def observed(self) -> int:
        """How many entries are of the observation itself."""
        return self.info[0].start if self.info else self.size - self.masks

    def values(self, vectors: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """What formulas may name: `obs`, `obs.KEY` for each stretch, and values of `info`."""
        named = {f"obs.{leaf.key}": leaf.read(vectors) for leaf in self.leaves}
        return {"obs": vectors[..., : self.observed], **named} | {leaf.key: leaf.read(vectors) for leaf in self.info}


def layout_of(env: gymnasium.Env[Any, Any]) -> Layout:
    """The layout of a task's environment."""
    inner = env
    while isinstance(inner, gymnasium.Wrapper):
        if isinstance(layout := vars(inner).get("layout"), Layout):
            return layout
        inner = inner.env
    return Layout(int(np.prod(env.observation_space.shape or ())))


def flat(env: gymnasium.Env[Any, Any], task: Task) -> gymnasium.Env[Any, Any]:
    """The environment with observations of one vector. Raises TaskError where there is none, saying the way out."""
    if task.state_program:
        return Sensed(env, task)
    space = env.observation_space
    vector = isinstance(space, spaces.Box) and len(space.shape) == 1 and space.dtype.itemsize <= _DOUBLE
    return env if vector and np.prod(space.shape or ()) <= LARGEST else Flat(env, task)


class Flat(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Flattens dicts, tuples, integers and small arrays, without rounding any of their numbers."""

    def __init__(self, env: gymnasium.Env[Any, Any], task: Task) -> None:
        super().__init__(env)
        self._parts = list(numeric_parts(env.observation_space))
        places, start = [], 0
        names = stretch_names([part.words or (VALUE,) for part in self._parts])
        for name, part in zip(names, self._parts, strict=True):
            size = spaces.utils.flatdim(part.space)
            places.append(_leaf(name, start, start + size, part))
            start += size
        words = tuple("_".join(path) for path in other_parts(env.observation_space))
        if not self._parts or start > LARGEST:
            what = _too_much(self._parts, start)
            raise TaskError(
                f"task {task.name}: {task.env} observes {what}; put a state.py beside task.toml (`autoreward init` looks for "
                f"TO/{task.name}/state.py), with `def observe(env, observation, info)` returning named numbers of the simulator "
                "(`autoreward help environments` shows one)."
            )
        self.layout = Layout(start, tuple(places), words)
        self.parts = {name: part.space for name, part in zip(names, self._parts, strict=True)}
        kind = vector_type(part.space.dtype for part in self._parts if isinstance(part.space, spaces.Box))
        self.observation_space = spaces.Box(-np.inf, np.inf, (start,), kind)

    def observation(self, observation: Any) -> NDArray[Any]:
        """The flat vector. Raises UnusableObservation."""
        pieces = [numbers_of(part, part_of(part, observation)) for part in self._parts]
        kind = self.observation_space.dtype
        return np.concatenate([np.asarray(piece, dtype=kind).reshape(-1) for piece in pieces])

    def vectors(self, observations: Any, count: int) -> NDArray[Any]:
        """The flat vectors (k, d) of `count` observations at once, each part an array over them."""
        kind = self.observation_space.dtype
        pieces = []
        for part in self._parts:
            values = np.asarray(reduce(getitem, part.steps, observations))
            if isinstance(part.space, spaces.Discrete):
                values = values.reshape(count, 1) - part.space.start == np.arange(part.space.n)
            elif isinstance(part.space, spaces.MultiDiscrete):
                values = np.stack([np.asarray(spaces.utils.flatten(part.space, row)) for row in values])
            pieces.append(values.reshape(count, -1).astype(kind))
        return np.concatenate(pieces, axis=1)


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
        answer = self._ask(env.unwrapped, *env.reset(seed=0))
        if not answer:
            raise TaskError(f"{self._where}: observe returned no numbers.")
        self._sizes = {key: len(values) for key, values in answer.items()}
        places, start = [], 0
        for (key, size), name in zip(self._sizes.items(), stretch_names([(key,) for key in answer]), strict=True):
            places.append(Leaf(name, start, start + size, said="" if name == key else repr(key)))
            start += size
        self.layout = Layout(start, tuple(places))
        self.observation_space = spaces.Box(-np.inf, np.inf, (start,), np.float64)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset and observe."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self.vector(self.env.unwrapped, observation, info), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step and observe."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self.vector(self.env.unwrapped, observation, info), reward, terminated, truncated, info

    def vector(self, world: Any, observation: Any, info: dict[str, Any]) -> NDArray[np.float64]:
        """What is observed of an environment, or of what is to be read like it. Raises TaskError."""
        answer = self._ask(world, observation, info)
        sizes = {key: len(values) for key, values in answer.items()}
        if (count := sum(sizes.values())) != self.layout.size:
            raise TaskError(f"{self._where}: it returned {count} numbers after {self.layout.size} before.")
        if sizes != self._sizes:
            raise TaskError(
                f"{self._where}: it returned {_counts(sizes)} after {_counts(self._sizes)} before; return the same always."
            )
        return np.concatenate([answer[key] for key in self._sizes])

    def _ask(self, world: Any, observation: Any, info: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
        try:
            fields = self._observe(world, observation, info)
            return {str(k): np.atleast_1d(np.asarray(v, dtype=np.float64)).reshape(-1) for k, v in fields.items()}
        except Exception as error:
            if by_a_handler(error):
                raise
            raise TaskError(f"{self._where}: observe raised {type(error).__name__}: {error}") from None


def _counts(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} of {key!r}" for key, count in sizes.items())


def _too_much(parts: Sequence[NumericPart], size: int) -> str:
    """What an observation is that has too many numbers for a policy of plain layers, or none."""
    if not parts:
        return "nothing that is a number"
    largest = max(parts, key=lambda part: int(spaces.utils.flatdim(part.space)))
    where = "" if not largest.words else f", most of them in {'_'.join(largest.words)!r}"
    if isinstance(largest.space, spaces.Discrete):
        states = f"one of {int(largest.space.n):,} states{where}"
        return f"{states}, each a number for a policy, which is given {LARGEST:,} at most"
    if isinstance(largest.space, spaces.Box) and len(largest.space.shape) > 1:
        return f"{size:,} numbers{where}, such as an image"
    return f"{size:,} numbers{where}, more than the {LARGEST:,} that a policy is given at most"


def _leaf(name: str, start: int, stop: int, part: NumericPart) -> Leaf:
    space = part.space
    said = "" if part.words in ((), (name,)) else "".join(f"[{step!r}]" for step in part.steps)
    if isinstance(space, spaces.Discrete):
        return Leaf(name, start, stop, (int(space.n),), (int(space.start),), single=True, said=said)
    if isinstance(space, spaces.MultiDiscrete):
        counts, lowest = tuple(map(int, space.nvec.ravel())), tuple(map(int, space.start.ravel()))
        return Leaf(name, start, stop, counts, lowest, said=said)
    return Leaf(name, start, stop, said=said)
