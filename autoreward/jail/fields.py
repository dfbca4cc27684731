"""Views: `state.position` is the array of that name, read-only."""

import difflib
from typing import Any

from numpy.typing import NDArray

from autoreward.jail import names

FIELD = "_field_"
"""What `field` is called in a loaded program; the gate reserves names of this form."""
INERT = "_inert_"
"""What an `Inert` is called there."""
OUT = "_out_"
"""What `filled` is called there."""


class Inert:
    """What the names of typing are in a loaded program: subscripted or joined it stays what it is; cast gives its value."""

    __slots__ = ()

    def __getitem__(self, kind: object) -> "Inert":
        return self

    def __or__(self, kind: object) -> "Inert":
        return self

    __ror__ = __or__

    def __call__(self, *given: Any) -> Any:
        """The last of what is given: cast(float, x) is x."""
        return given[-1] if given else self


class Fields:
    """Named read-only arrays as attributes."""

    __slots__ = ("_fields", "_what")

    def __init__(self, what: str, fields: dict[str, NDArray[Any]]) -> None:
        object.__setattr__(self, "_what", what)
        object.__setattr__(self, "_fields", fields)

    def __getattr__(self, name: str) -> NDArray[Any]:
        fields = object.__getattribute__(self, "_fields")
        what = object.__getattribute__(self, "_what")
        if name in fields:
            found: NDArray[Any] = fields[name]
            return found
        close = difflib.get_close_matches(name, fields, n=1, cutoff=0.4)
        hint = f"; did you mean {close[0]!r}?" if close else "."
        raise AttributeError(f"{what} has no field {name!r}{hint} It has: {', '.join(fields)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("fields can't be changed")


def field(view: object, name: str) -> Any:
    """What `state.name` means in a loaded program.

    A helper's parameter may be called `state` and be given an array, a generator or anything else; such a value has
    the attributes that the gate allows everywhere, and no others.
    """
    if type(view) is Inert:
        return view
    if type(view) is not Fields and name not in names.METHODS:
        raise AttributeError(f"{name!r} is not available on a {type(view).__name__}: use NumPy functions on arrays")
    return getattr(view, name)


def filled(out: Any) -> Any:
    """What `out=...` beside `where=...` means in a loaded program: without an array, rows would be undefined."""
    if out is None or (isinstance(out, tuple) and any(array is None for array in out)):
        raise TypeError("out=None beside where=... leaves rows undefined: give out=np.zeros_like(...)")
    return out
