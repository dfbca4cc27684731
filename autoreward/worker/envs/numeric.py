"""What an environment returns, as numbers: observations in the types that its space declares, rewards and flags as one."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


class UnusableObservation(Exception):
    """What an observation has that its space has not, in words: another shape, or numbers that it does not hold."""


def real_numbers(value: Any, what: str = "an observation") -> NDArray[Any]:
    """The array that it is. Raises UnusableObservation for texts, complex numbers, what is missing and other objects."""
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O" and not any(one is None for one in array.flat):  # which would become NaN
            array = array.astype(np.float64)
    except (TypeError, ValueError):  # rows of unequal lengths, and objects that are no numbers
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise UnusableObservation(f"{what} that is no array of numbers ({value_shown(value)})")
    return array


def as_declared(numbers: NDArray[Any], kind: Any, where: str) -> NDArray[Any]:
    """The numbers in the type of their space; NaN and infinite ones as they are, which is said elsewhere.

    Raises UnusableObservation where that type does not hold them: as whole numbers, 0.7 becomes 0, and as a byte 300 becomes 44.
    What a float has fewer digits for is rounded: see `rounding`.
    """
    if numbers.dtype == kind or not np.isfinite(numbers).all():
        return numbers
    with np.errstate(all="ignore"):
        held = numbers.astype(kind)
        lost = ~np.isfinite(held) if held.dtype.kind == "f" else held != numbers
    if not lost.any():
        return held
    place = tuple(int(i) for i in np.argwhere(lost)[0])
    at = f"[{', '.join(map(str, place))}]" if place else ""
    raise UnusableObservation(
        f"{where}{at} = {numbers[place]:g}, of which the type that its space declares, {held.dtype}, makes {held[place]:g}; "
        f"declare dtype=np.{numbers.dtype} in observation_space"
    )


def one_number(value: Any) -> float | None:
    """The one real number that a value is, or an array or a tensor of any library; None if it is none, or several."""
    if type(value) is float:
        return value
    if hasattr(value, "__array__") and not isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(())[()]
    if not isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def flag(value: Any) -> bool | None:
    """Whether it is true, of a bool or what stands for one: 0 and 1 in any type of numbers. None of all else, such as 0.3."""
    if value is True or value is False:
        return bool(value)
    number = one_number(value)
    return None if number not in (0.0, 1.0) else number == 1.0


def value_shown(value: Any) -> str:
    """A value, short, with its type."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and {value.dtype}"
    return "None" if value is None else f"{repr(value)[:60]} ({type(value).__name__})"
