"""The namespace a program is loaded in: facades of numpy and math, and the harmless builtins."""

import builtins
import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from autoreward.rewards.gate import allowed
from autoreward.sandbox.child.constants import ListType
from autoreward.sandbox.child.fields import (
    FIELD,
    INERT,
    KIND,
    OPERAND,
    OUT,
    REMAINDER,
    TYPED,
    Inert,
    field,
    filled,
    kind,
    operand,
    remainder,
    typed,
)

MARK = "__facade__"


class _TypeOnly:
    """A type for isinstance and annotations that can't be called."""

    __slots__ = ("_kind",)

    def __init__(self, kind: type) -> None:
        self._kind = kind

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, self._kind)


def _facade(name: str, members: Mapping[str, Any]) -> Any:
    """An object with exactly these attributes, as fast to read as a module's."""
    body: dict[str, Any] = {k: staticmethod(v) if callable(v) else v for k, v in members.items()}
    body["__slots__"] = ()
    body[MARK] = True
    return type(name, (), body)()


def is_given(value: object) -> bool:
    """Whether it is one of the facades or types made here: they can't change."""
    return isinstance(value, _TypeOnly | ListType | Inert) or MARK in vars(type(value))


def _no_print(*_: object, **__: object) -> None:
    """`print` for programs: debugging prints are common and go nowhere."""


def fresh() -> dict[str, Any]:
    """A new namespace for one program."""
    linalg = _facade("linalg", {n: getattr(np.linalg, n) for n in allowed.LINALG})
    members = {
        n: _TypeOnly(getattr(np, n)) if n in allowed.TYPES_ONLY else getattr(np, n)
        for n in allowed.NUMPY
        if hasattr(np, n)
    }
    numpy = _facade("numpy", {**members, "linalg": linalg})
    functions = {n: getattr(builtins, n) for n in allowed.BUILTINS} | {
        "print": _no_print,
        FIELD: field,
        INERT: Inert(),
        OUT: filled,
        TYPED: typed,
        KIND: kind,
        REMAINDER: remainder,
        OPERAND: operand,
        "list": ListType(),
    }
    return {
        "__builtins__": functions,
        "__name__": "reward",
        "np": numpy,
        "math": _facade("math", {n: getattr(math, n) for n in allowed.MATH if hasattr(math, n)}),
    }


def warm_numpy() -> None:
    """Call what imports Python helpers on first use, while the real builtins are still the caller's."""
    array = np.linspace(-1.0, 1.0, 6).reshape(2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array.clip(-1, 1)
        for (
            name
        ) in "sum mean std var min max any all prod cumsum argmin argmax round squeeze ravel flatten copy".split():
            getattr(array, name)()
        np.einsum("ij->i", array)
        np.linalg.norm(array, axis=-1)
        for name in sorted(allowed.NUMPY - allowed.TYPES_ONLY):
            function = getattr(np, name, None)
            for arguments in ((array,), (array, array), (array, array, array), (3,)):
                try:
                    function(*arguments)  # type: ignore[misc]
                except (TypeError, ValueError, IndexError, AttributeError):
                    continue
        np.finfo(float), np.finfo(np.float32)
        for value in (array, array > 0, array.astype(int), array[0, 0], array.dtype, np.zeros(1, "i8,i8")):
            repr(value), str(value), f"{value!s:.2}"
        f"{array[0, 0]:.2f}"
