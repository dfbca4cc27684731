"""The parts of an observation that are numbers: where each is, and its numbers as its space has them."""

from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from autoreward.worker.envs.numeric import UnusableObservation, as_declared, real_numbers, value_shown


class NumericPart(NamedTuple):
    """One of them, and the way to it."""

    steps: tuple[Any, ...]
    """Keys and places, one a level."""
    words: tuple[str, ...]
    """What these are called."""
    space: spaces.Space[Any]

    @property
    def where(self) -> str:
        """As a person would write it: `obs['arm'][0]`."""
        return "obs" + "".join(f"[{step!r}]" for step in self.steps)


def numeric_parts(
    space: spaces.Space[Any], steps: tuple[Any, ...] = (), words: tuple[str, ...] = ()
) -> Iterator[NumericPart]:
    """The parts that are numbers, in the order of the space."""
    if isinstance(space, spaces.Dict):
        for key, inner in space.spaces.items():
            yield from numeric_parts(inner, (*steps, key), (*words, str(key)))
    elif isinstance(space, spaces.Tuple):
        for i, inner in enumerate(space.spaces):
            yield from numeric_parts(inner, (*steps, i), (*words, f"item{i}"))
    elif isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        yield NumericPart(steps, words, space)


def other_parts(space: spaces.Space[Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The keys of the parts that are not."""
    if isinstance(space, spaces.Dict | spaces.Tuple):
        inner = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        for key, part in inner:
            yield from other_parts(part, (*path, str(key)))
    elif not isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        yield path


def part_of(part: NumericPart, observation: Any) -> Any:
    """The part of an observation. Raises UnusableObservation where it is not there."""
    try:
        return reduce(getitem, part.steps, observation)
    except (LookupError, TypeError):
        raise UnusableObservation(f"an observation without {part.where}: it is {value_shown(observation)}") from None


def numbers_of(part: NumericPart, value: Any) -> Any:
    """The numbers of a part. Raises UnusableObservation: integers out of their range would be read as others."""
    space, shape = part.space, part.space.shape or ()
    numbers = real_numbers(value, part.where)
    if numbers.shape != shape and not numbers.size == 1 == int(np.prod(shape)):  # one number, wrapped or not
        raise UnusableObservation(f"{part.where} of shape {numbers.shape}, where its space has {shape}")
    if isinstance(space, spaces.Box):
        return as_declared(numbers, space.dtype, part.where)
    if not isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        if ((numbers != 0) & (numbers != 1)).any():
            raise UnusableObservation(f"{part.where} = {numbers.tolist()}, which is none of {space}")
        return numbers
    counts = np.reshape(space.n if isinstance(space, spaces.Discrete) else space.nvec, -1)
    places = numbers.reshape(-1) - np.reshape(space.start, -1)
    if ((places < 0) | (places >= counts) | (places % 1 != 0)).any():
        raise UnusableObservation(f"{part.where} = {numbers.tolist()}, which is none of {space}")
    ones = np.zeros(counts.sum())
    ones[(np.cumsum(counts) - counts + places).astype(np.int64)] = 1.0
    return ones
