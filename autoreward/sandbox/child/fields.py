"""Views: `state.position` is the array of that name, read-only. And what else a loaded program reads through us."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.rewards.gate import allowed
from autoreward.rewards.gate.slips import no_field

FIELD = "_field_"
"""What `field` is called in a loaded program; the gate reserves names of this form."""
INERT = "_inert_"
"""What an `Inert` is called there."""
OUT = "_out_"
"""What `filled` is called there."""
TYPED, KIND, REMAINDER, OPERAND = "_typed_", "_kind_", "_remainder_", "_operand_"
"""What `typed`, `kind`, `remainder` and `operand` are called there."""
_TYPES = frozenset((float, int, bool, np.float64, np.float32, np.int64, np.int32, np.int_, np.bool_))


class Inert:
    """What the names of typing are in a loaded program: subscripted or joined it stays what it is; cast gives its value."""

    __slots__ = ()

    def __getitem__(self, kind: object) -> "Inert":
        return self

    def __or__(self, kind: object) -> "Inert":
        return self

    __ror__ = __or__

    def __call__(self, *arguments: Any) -> Any:
        """The last of what is given: cast(float, x) is x."""
        return arguments[-1] if arguments else self


class Fields:
    """Named read-only arrays as attributes."""

    __slots__ = ("_fields", "_what")

    def __init__(self, what: str, fields: dict[str, NDArray[Any]]) -> None:
        object.__setattr__(self, "_what", what)
        object.__setattr__(self, "_fields", fields)

    def __getattr__(self, name: str) -> NDArray[Any]:
        fields = object.__getattribute__(self, "_fields")
        if name in fields:
            array: NDArray[Any] = fields[name]
            return array
        what = object.__getattribute__(self, "_what")
        raise AttributeError(no_field(what, (name,), tuple(fields)))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("fields can't be changed")


def field(view: object, name: str) -> Any:
    """What `state.name` means in a loaded program.

    A helper's parameter may be called `state` and be given an array, a generator or anything else; such a value has
    the attributes that the gate allows everywhere, and no others.
    """
    if type(view) is Fields:
        return view.__getattr__(name)  # its fields alone, and without a search among what else it has
    if type(view) is Inert:
        return view
    if name not in allowed.METHODS:
        raise AttributeError(f"{name!r} is not available on a {type(view).__name__}: use NumPy functions on arrays")
    return typed(view, name)


class Typed:
    """A function or method that takes a type, or makes arrays of what it is given: numbers are all that it makes."""

    __slots__ = ("_place", "function")

    def __init__(self, function: Any, place: int | None) -> None:
        self.function = function
        self._place = place

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """What the function gives. Raises TypeError on a type that is none of numbers, or an array of something else."""
        if self._place is not None and len(arguments) > self._place:
            kind(arguments[self._place])
        result = self.function(*arguments, **named)
        if isinstance(result, np.ndarray) and result.dtype.kind not in "fiubU":
            raise TypeError("arrays hold numbers: make no array of fields, functions or other objects")
        return result


def typed(owner: object, name: str) -> Any:
    """What `owner.name` means in a loaded program where a type could reach it that is not to be seen in the source."""
    member = getattr(owner, name)
    if not callable(member):
        return member  # a field of that name
    method = isinstance(owner, np.ndarray | np.generic | np.ufunc)
    place = (allowed.DTYPE_OF_METHODS if method else allowed.DTYPE_OF_FUNCTIONS).get(name)
    return member if place is None and name not in allowed.MAKERS else Typed(member, place)


def kind(value: Any) -> Any:
    """The type that an array is to have, if it is one of plain numbers; None leaves it to NumPy. Raises TypeError."""
    if type(value) is type and value in _TYPES:
        return value
    if value is None or (type(value) is str and value in allowed.DTYPES):
        return value
    if isinstance(value, np.dtype) and value.kind in "fiub" and value.itemsize <= 8 and value.isnative:
        return value
    shown = f"{value!r:.20}" if type(value) is str else f"a value of type {type(value).__name__}"
    raise TypeError(f"name the type of an array: float, int, bool or np.float64, not {shown}")


def remainder(left: Any, right: Any) -> Any:
    """What `left % right` means in a loaded program: a remainder, never a text."""
    return left % operand(left, right)


def operand(left: Any, right: Any) -> Any:
    """`right`, if `left % right` is a remainder. Raises TypeError."""
    if type(left) is str:
        raise TypeError("use an f-string instead of % formatting")
    return right


def filled(out: Any) -> Any:
    """What `out=...` beside `where=...` means in a loaded program: without an array, rows would be undefined."""
    if out is None or (isinstance(out, tuple) and any(array is None for array in out)):
        raise TypeError("out=None beside where=... leaves rows undefined: give out=np.zeros_like(...)")
    return out
