"""What is in an observation, a reward or an info, and whether it is what the environment declared."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.worker.envs.border import copied
from autoreward.worker.envs.numeric import UnusableObservation, flag, real_numbers
from autoreward.worker.envs.parts import numbers_of, numeric_parts, part_of

_PLAIN = (bool, int, float, complex, str, bytes, np.generic, np.ndarray, type(None))
_DEEPEST = 6
EXACT = 2**24
"""Whole numbers up to this size are exact as float32, which is what policies are given."""


class Piece(NamedTuple):
    """One array or number of an observation."""

    name: str
    """`obs`, `obs['arm']`, `obs[0]`."""
    value: Any
    space: spaces.Space[Any]


def pieces(observation: Any, space: spaces.Space[Any], name: str = "obs") -> Iterator[Piece]:
    """The pieces that there are, of those that the space names."""
    if isinstance(space, spaces.Dict):
        for key, inner in space.spaces.items():
            if isinstance(observation, Mapping) and key in observation:
                yield from pieces(observation[key], inner, f"{name}[{key!r}]")
    elif isinstance(space, spaces.Tuple):
        for i, inner in enumerate(space.spaces):
            if isinstance(observation, tuple | list) and i < len(observation):
                yield from pieces(observation[i], inner, f"{name}[{i}]")
    else:
        yield Piece(name, observation, space)


def misshapen(observation: Any, space: spaces.Space[Any], name: str = "obs") -> str:
    """What is missing in an observation, or is of another kind or shape than declared; empty where nothing is."""
    if isinstance(space, spaces.Dict):
        if not isinstance(observation, Mapping):
            return f"{name} is {_kind(observation)}, not a dict"
        missing = [key for key in space.spaces if key not in observation]
        inner = (misshapen(observation[k], s, f"{name}[{k!r}]") for k, s in space.spaces.items() if k in observation)
        return f"{name} has no {missing[0]!r}" if missing else next(filter(None, inner), "")
    if isinstance(space, spaces.Tuple):
        if not isinstance(observation, tuple | list) or len(observation) != len(space.spaces):
            return f"{name} is {_kind(observation)}, not a tuple of {len(space.spaces)}"
        return next(
            filter(None, (misshapen(o, s, f"{name}[{i}]") for i, (o, s) in enumerate(zip(observation, space.spaces)))),  # noqa: B905 - as long as each other
            "",
        )
    if isinstance(space, spaces.Discrete):
        value = _numbers(observation)
        if value is None or value.size != 1:
            return f"{name} is {_kind(observation)}, not an integer"
        whole = float(value.reshape(()))
        last = int(space.start) + int(space.n) - 1
        return "" if int(space.start) <= whole <= last else f"{name} is {whole:g}, not one of {space.start} to {last}"
    if isinstance(space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
        value = _numbers(observation)
        if value is None:
            return f"{name} is {_kind(observation)}, not an array of numbers"
        if value.shape != space.shape:
            return f"{name} has the shape {value.shape}, declared is {space.shape}"
    return ""


def not_held(observation: Any, space: spaces.Space[Any]) -> str:
    """Which number the type of its space does not hold, and what to do; empty where they all are."""
    for part in numeric_parts(space):
        try:
            numbers_of(part, copied(part_of(part, observation)))
        except UnusableObservation as error:
            return str(error)
    return ""


def nan_or_infinite(observation: Any, space: spaces.Space[Any]) -> str:
    """Where there is a number that is none, or is infinite; empty where there is none."""
    for piece in pieces(observation, space):
        value = _numbers(piece.value)
        if value is not None and not np.isfinite(value).all():
            place = int(np.argmin(np.isfinite(value.reshape(-1))))
            return f"{piece.name} has {value.reshape(-1)[place]:g}" + (f" at {place}" if value.size > 1 else "")
    return ""


def beyond(observation: Any, space: spaces.Space[Any]) -> str:
    """Where a number is outside of what the space declares; empty where none is."""
    for piece in pieces(observation, space):
        value = _numbers(piece.value)
        if not isinstance(piece.space, spaces.Box) or value is None or value.shape != piece.space.shape:
            continue
        outside = (value < piece.space.low) | (value > piece.space.high)
        if outside.any():
            place = int(np.argmax(outside.reshape(-1)))
            low, high = (bound.reshape(-1)[place] for bound in (piece.space.low, piece.space.high))
            at = f" at {place}" if value.size > 1 else ""
            return f"{piece.name} is {value.reshape(-1)[place]:g}{at}, declared are {low:g} to {high:g}"
    return ""


def wide(observation: Any, space: spaces.Space[Any]) -> tuple[str, str]:
    """Parts that are float64 as declared, and pieces with whole numbers that float32 can't hold."""
    found = [(p, v) for p in pieces(observation, space) if (v := _numbers(p.value)) is not None]
    doubles = [p.name for p, v in found if v.dtype == p.space.dtype == np.float64 and v.ndim]
    large = [p.name for p, v in found if v.dtype.kind in "iu" and v.size and np.abs(v.astype(float)).max() > EXACT]
    return ", ".join(doubles[:3]), ", ".join(large[:3])


def arrays(observation: Any, space: spaces.Space[Any]) -> list[NDArray[Any]]:
    """Its arrays, which an environment might write into again."""
    return [piece.value for piece in pieces(observation, space) if isinstance(piece.value, np.ndarray)]


def wrong_number(value: Any) -> str:
    """What is wrong with a reward; empty where it is one finite number, whatever holds it."""
    number = _numbers(value) if not isinstance(value, list | tuple) else None
    if number is None or number.size != 1:
        return f"it is {_kind(value)}, not one number"
    return "" if np.isfinite(number).all() else f"it is {float(number.reshape(())):g}"


def wrong_flag(value: Any) -> str:
    """What is wrong with `terminated` or `truncated`; empty where it is true or false, whatever holds it."""
    if flag(copied(value)) is not None:
        return ""
    return wrong_number(value) or f"it is {float(np.asarray(value).reshape(())):g}, neither true nor false"


def not_plain(info: Mapping[Any, Any], name: str = "info", deep: int = 0) -> str:
    """The first thing in an info that is more than numbers, texts, arrays and containers of them; empty without one."""
    for key, value in info.items():
        place = f"{name}[{key!r}]"
        if isinstance(value, Mapping):
            if deep < _DEEPEST and (found := not_plain(value, place, deep + 1)):
                return found
        elif isinstance(value, list | tuple | set):
            if odd := [one for one in value if not isinstance(one, (*_PLAIN, list, tuple, Mapping))]:
                return f"{place} holds {_kind(odd[0])}"
        elif not isinstance(value, _PLAIN) or (isinstance(value, np.ndarray) and value.dtype == object):
            return f"{place} is {_kind(value)}"
    return ""


def _numbers(value: Any) -> NDArray[Any] | None:
    """It as an array of numbers; None if it is none."""
    if value is None or isinstance(value, str | bytes | Mapping):
        return None
    try:
        return real_numbers(copied(value))
    except Exception:  # whatever an object of the environment's does when it is asked
        return None


def _kind(value: Any) -> str:
    """What a thing is, for people."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of the shape {value.shape} of {value.dtype}"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
