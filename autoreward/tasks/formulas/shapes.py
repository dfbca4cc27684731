"""What a formula gives, told from its text: a condition or a number, and how many numbers a step.

NumPy would take the norm of a field of shape (n,) over the steps, and count any number but 0 as true. A card that says so
means something else.
"""

import ast
import math
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.errors import TaskError
from autoreward.tasks.formulas.expression import Expression, indexed
from autoreward.tasks.formulas.functions import BINARY
from autoreward.tasks.formulas.names import name_of

_LARGEST_NUMBER = 1e15
"""Size of the numbers that a formula may be made of; what has no bound is written 1e999."""
Width = int | None
"""None: one number for all steps; 0: one a step, shape (n,); k: k of them, shape (n, k)."""


def demand_condition(formula: Expression, known: Collection[str]) -> None:
    """Raises TaskError unless a formula is a condition. `known`: names that are one, such as `terminated`."""
    if not is_condition(formula.body, known):
        raise _number(formula.body, formula)
    demand_joined_conditions(formula, known)


def demand_joined_conditions(formula: Expression, known: Collection[str]) -> None:
    """Raises TaskError where `and`, `or`, `not` or `at_first` is said of a number."""
    for node in ast.walk(formula.body):
        parts: list[ast.expr] = []
        if isinstance(node, ast.BoolOp):
            parts = node.values
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            parts = [node.operand]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "at_first":
            parts = node.args[:1]
        for part in parts:
            if not is_condition(part, known):
                raise _number(part, formula)


def demand_single_steps(formula: Expression) -> None:
    """Raises TaskError where a formula that is worked out step by step reads a whole episode."""
    if formula.over_episodes:
        raise TaskError(
            f"{formula.where}: {formula.text!r} reads a whole episode; `at_first` stands in [success] and [metrics] alone."
        )


def demand_finite(formula: Expression, numbers: Mapping[str, float]) -> None:
    """Raises TaskError where signs join numbers to what is none, or to more than a computer counts to.

    `numbers` are those with names. Python would raise at `1 / 0`, and calculate `9**9**9` to the last digit.
    """
    _folded(formula.body, formula, numbers)


def _folded(node: ast.expr, formula: Expression, numbers: Mapping[str, float]) -> float | None:
    """What a node is worth if it is made of numbers and signs alone."""
    match node:
        case ast.Constant(value=bool() | int() | float() as value):
            value_of: float | complex = value if abs(value) <= _LARGEST_NUMBER or value == math.inf else math.nan
        case ast.Name(id=name) if name in numbers:
            value_of = numbers[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _folded(operand, formula, numbers)
            return None if inner is None else -inner
        case ast.BinOp(left=left, op=op, right=right):
            one, other = _folded(left, formula, numbers), _folded(right, formula, numbers)
            if one is None or other is None:
                return None
            try:
                value_of = BINARY[type(op)].run(float(one), float(other))
            except ArithmeticError:
                value_of = math.nan
            if not isinstance(value_of, float) or not abs(value_of) <= _LARGEST_NUMBER:
                value_of = math.nan
        case _:
            for part in ast.iter_child_nodes(node):
                if isinstance(part, ast.expr):
                    _folded(part, formula, numbers)
            return None
    if isinstance(value_of, complex) or math.isnan(value_of):
        raise TaskError(
            f"{formula.where}: {ast.unparse(node)[:80]!r} is no number up to {_LARGEST_NUMBER:g}; write it out."
        )
    return float(value_of)


def is_condition(node: ast.expr, known: Collection[str]) -> bool:
    """Whether a checked node is true or false."""
    match node:
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()) | ast.Constant(value=bool()):
            return True
        case ast.Name(id=name):
            return name in known
    return False


def width(formula: Expression, widths: Mapping[str, Width]) -> Width:
    """How many numbers a step a formula gives, of names that give so many.

    Raises:
        TaskError: something in it takes a vector and is given a number, or joins what has not the same width.
    """
    return _known(formula, tuple(widths.items()))


@lru_cache(4096)
def _known(formula: Expression, widths: tuple[tuple[str, Width], ...]) -> Width:
    """A card's formulas are asked about at every step of a script, and their fields never change their widths."""
    return _width(formula.body, formula, dict(widths))


def of_rows(array: NDArray[Any], leading: int = 1) -> Width:
    """The width of an array whose first axes, so many, count steps and episodes."""
    return int(array.shape[leading]) if array.ndim > leading else 0


def _width(node: ast.expr, formula: Expression, widths: Mapping[str, Width]) -> Width:
    def of(part: ast.expr) -> Width:
        return _width(part, formula, widths)

    match node:
        case ast.Constant():
            return None
        case _ if name := name_of(node):
            return widths[name]
        case ast.UnaryOp(operand=operand):
            return of(operand)
        case ast.Subscript(value=base, slice=index):
            return _some(node, base, index, formula, of(base))
        case ast.Call(func=ast.Name(id="norm"), args=[vector]):
            if not of(vector):
                raise _lone(vector, formula, "write abs for its size")
            return 0
        case ast.Call(func=ast.Name(id="at_first"), args=[condition, value]):
            if size := of(condition):
                raise TaskError(
                    f"{formula.where}: {ast.unparse(condition)!r} in {formula.text!r} is {size} conditions a step; name one."
                )
            return of(value) or 0
        case ast.Call(func=ast.Name(id="stack"), args=columns):
            widths_of = {of(column) for column in columns}
            if widths_of in ({0}, {None}):
                return len(columns)
            raise TaskError(f"{formula.where}: {ast.unparse(node)!r} must stack fields of one number a step each.")
    parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
    parts = parts[1:] if isinstance(node, ast.Call) else parts
    return _joined(node, formula, {w for part in parts if (w := of(part)) is not None})


def _some(node: ast.expr, base: ast.expr, index: ast.expr, formula: Expression, whole: Width) -> Width:
    if not whole:
        raise _lone(base, formula, "no index can be taken of it")
    try:
        return of_rows(indexed(np.empty((1, whole)), index))
    except IndexError:
        raise TaskError(
            f"{formula.where}: {ast.unparse(node)!r} reaches outside {ast.unparse(base)}, which has {whole} numbers."
        ) from None


def _joined(node: ast.expr, formula: Expression, widths: set[int]) -> Width:
    if len(widths) > 1 and not (0 not in widths and len(widths - {1}) == 1):
        have = " and ".join(f"a vector of {size}" if size else "one number" for size in sorted(widths))
        raise TaskError(
            f"{formula.where}: {ast.unparse(node)!r} joins {have}; take single numbers of it, such as x[0]."
        )
    return max(widths, default=None)


def _number(part: ast.expr, formula: Expression) -> TaskError:
    text = ast.unparse(part)
    return TaskError(
        f"{formula.where}: {text!r} in {formula.text!r} is not a condition; compare it with something, such as {text} > 0."
    )


def _lone(part: ast.expr, formula: Expression, way_out: str) -> TaskError:
    return TaskError(f"{formula.where}: {ast.unparse(part)!r} in {formula.text!r} is one number, no vector: {way_out}.")
