"""The functions and operators of the formula language, each as what it does and as NumPy source."""

import ast
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]


def _norm(vector: AnyArray) -> AnyArray:
    """Euclidean length of each row, shape (n,)."""
    return np.asarray(np.linalg.norm(vector, axis=-1))


def _stack(*columns: AnyArray) -> AnyArray:
    """Columns of shape (n,) side by side, shape (n, k)."""
    return np.stack(columns, axis=-1)


def _at_first(condition: AnyArray, value: AnyArray) -> AnyArray:
    """Over the L steps of one episode: what a value, (L,) or (L, k), was at the first step at which a condition, (L,), held.

    From that step on; NaN before it, so that no comparison with it holds.
    """
    held, values = np.atleast_1d(np.asarray(condition, dtype=np.bool_)), np.asarray(value, dtype=np.float64)
    length = max(len(held), len(values) if values.ndim else 1)
    held, values = np.broadcast_to(held, (length,)), np.broadcast_to(values, values.shape or (length,))
    since = np.full(values.shape, np.nan)
    if held.any():
        since[held.argmax() :] = values[held.argmax()]
    return since


def _shortest(value: AnyArray, period: AnyArray) -> AnyArray:
    """A number by whole periods brought to between minus half of one and half of one: the shortest way round."""
    return np.asarray(value - period * np.round(value / period))


def _folded(value: AnyArray, low: AnyArray, period: AnyArray) -> AnyArray:
    """A number by whole periods brought to from `low` on, below `low + period`."""
    return np.asarray(value - period * np.floor((value - low) / period))


class Function(NamedTuple):
    """One function of the language."""

    run: Callable[..., Any]
    source: str
    """The same as NumPy source, with `{}` for its arguments, or `{0}`, `{1}`, `{2}` for each; empty for one of OVER_EPISODES."""
    takes: int
    """How many arguments; 0 for one or more."""


class Operator(NamedTuple):
    """One operator between two values."""

    run: Callable[[Any, Any], Any]
    text: str
    binds: int
    """How tightly, as in Python: the printer's brackets depend on it."""


FUNCTIONS = {
    "abs": Function(np.abs, "np.abs({})", 1),
    "sqrt": Function(np.sqrt, "np.sqrt({})", 1),
    "sin": Function(np.sin, "np.sin({})", 1),
    "cos": Function(np.cos, "np.cos({})", 1),
    "arctan2": Function(np.arctan2, "np.arctan2({})", 2),
    "exp": Function(np.exp, "np.exp({})", 1),
    "minimum": Function(np.minimum, "np.minimum({})", 2),
    "maximum": Function(np.maximum, "np.maximum({})", 2),
    "norm": Function(_norm, "np.linalg.norm({}, axis=-1)", 1),
    "stack": Function(_stack, "np.stack([{}], axis=-1)", 0),
    "shortest": Function(_shortest, "(({0}) - {1} * np.round(({0}) / {1}))", 2),
    "folded": Function(_folded, "(({0}) - {2} * np.floor((({0}) - {1}) / {2}))", 3),
    "at_first": Function(_at_first, "", 2),
}
WRITTEN = tuple(sorted(FUNCTIONS.keys() - {"shortest", "folded"}))
"""Those that people and models are told of; the others stand for what a formula says of angles (`angles.py`)."""
OVER_EPISODES = frozenset({"at_first"})
"""Functions of whole episodes: what they give after a step depends on the steps before it."""
COMPARED, SUMS, PRODUCTS, MINUS, POWER, ATOM = range(6)
"""How tightly things bind, loosest first."""
BINARY: dict[type[ast.operator], Operator] = {
    ast.Add: Operator(operator.add, "+", SUMS),
    ast.Sub: Operator(operator.sub, "-", SUMS),
    ast.Mult: Operator(operator.mul, "*", PRODUCTS),
    ast.Div: Operator(operator.truediv, "/", PRODUCTS),
    ast.Pow: Operator(operator.pow, "**", POWER),
}
COMPARE: dict[type[ast.cmpop], Operator] = {
    ast.Lt: Operator(operator.lt, "<", COMPARED),
    ast.LtE: Operator(operator.le, "<=", COMPARED),
    ast.Gt: Operator(operator.gt, ">", COMPARED),
    ast.GtE: Operator(operator.ge, ">=", COMPARED),
    ast.Eq: Operator(operator.eq, "==", COMPARED),
}
JOIN: dict[type[ast.boolop], Function] = {
    ast.And: Function(np.logical_and, "np.logical_and({})", 2),
    ast.Or: Function(np.logical_or, "np.logical_or({})", 2),
}
