"""The success rule, read as distances, as NumPy source.

    position >= flag             0 or more: FLAG - position
    abs(x - hold_at) < 0.2       |x - HOLD_AT|, reached within 0.2
    0.1 < x < 0.3                two of them

Of alternatives (`or`) the first is taken: one way to succeed is enough to aim at.
"""

import ast
from collections.abc import Iterator
from typing import Literal, NamedTuple

from autoreward.tasks.card import Task
from autoreward.tasks.formulas.expression import Expression, numpy_source, reads_episodes
from autoreward.tasks.formulas.functions import COMPARED, SUMS


class _Comparison(NamedTuple):
    """One comparison of the rule: `small` is to be below `large`, or equal to it."""

    small: ast.expr
    large: ast.expr
    equal: bool


class Distance(NamedTuple):
    """How far one comparison is from holding, as source with `{s}` for the state; 0 (or below tolerance) where it holds."""

    code: str
    tolerance: float
    names: frozenset[str]


class Bound(NamedTuple):
    """Where a comparison of the rule wants one field to be: at a value, above it, or below it."""

    field: str
    side: Literal["at", "above", "below"]
    code: str
    """Source of the value, of constants and numbers alone; empty for 0."""
    value: float
    tolerance: float
    """For one that wants the field at a value: how far off still counts."""


def distances(task: Task) -> Iterator[Distance]:
    """The distances that the task's success rule speaks of, in its order."""
    for comparison in _comparisons(task.success_rule.body, negated=False):
        names = frozenset(
            n.id for side in comparison[:2] for n in ast.walk(side) if isinstance(n, ast.Name) and _is_value(n, side)
        )
        nested = any(
            isinstance(n, ast.Compare | ast.BoolOp | ast.Not) for side in comparison[:2] for n in ast.walk(side)
        )
        nested |= any(map(reads_episodes, comparison[:2]))
        known = {*task.state, *task.constants}
        if nested or not names & set(task.state) or not names <= known:
            continue
        yield _distance(task, comparison, names)


def bounds_of_fields(task: Task) -> Iterator[Bound]:
    """Where the rule wants single fields to be, in its order; comparisons of several fields at once are left out."""
    for small, large, equal in _comparisons(task.success_rule.written, negated=False):
        if equal or (_is_field(task, small) and _is_fixed(task, large)):
            yield from _bound(task, small, large, "at" if equal else "below")
        elif _is_field(task, large) and _is_fixed(task, small):
            yield from _bound(task, large, small, "above")
        elif (tolerance := _number(task, large)) is not None and _called(small) in ("abs", "norm"):
            for field, value in _centred(small):
                yield from _bound(task, field, value, "at", tolerance)


def _bound(
    task: Task, field: ast.expr, value: ast.expr | None, side: Literal["at", "above", "below"], tolerance: float = 0.0
) -> Iterator[Bound]:
    """One bound, if it is a field that is bounded, and by something fixed; `value` None: by 0."""
    if not _is_field(task, field):
        return
    if value is None:
        yield Bound(ast.unparse(field), side, "", 0.0, tolerance)
    elif (worth := _number(task, value)) is not None:
        yield Bound(ast.unparse(field), side, _source(task, value, SUMS), worth, tolerance)


def _centred(call: ast.expr) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """What `abs(x)`, `abs(x - 3)`, `norm(stack(a, b))` want to be where: pairs of an expression and a value, None for 0."""
    match call:
        case ast.Call(func=ast.Name(id="norm"), args=[ast.Call(func=ast.Name(id="stack"), args=columns)]):
            yield from ((column, None) for column in columns)
        case ast.Call(args=[ast.BinOp(left=left, op=ast.Sub(), right=right)]):
            yield left, right
            yield right, left
        case ast.Call(args=[ast.BinOp(left=left, op=ast.Add(), right=right)]):
            yield left, ast.UnaryOp(ast.USub(), right)
        case ast.Call(args=[inner]):
            yield inner, None


def _is_field(task: Task, node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in task.state


def _is_fixed(task: Task, node: ast.expr) -> bool:
    """Whether it is of constants and numbers alone."""
    return _number(task, node) is not None


def _distance(task: Task, comparison: _Comparison, names: frozenset[str]) -> Distance:
    if comparison.equal:
        return Distance(
            f"np.abs({_source(task, comparison.small)} - {_source(task, comparison.large, SUMS + 1)})", 0.0, names
        )
    tolerance = _number(task, comparison.large)
    if tolerance is not None and _called(comparison.small) in ("abs", "norm"):
        return Distance(_source(task, comparison.small), tolerance, names)
    over = f"{_source(task, comparison.small)} - {_source(task, comparison.large, SUMS + 1)}"
    return Distance(f"np.maximum({over}, 0.0)", 0.0, names)


def _comparisons(node: ast.expr, negated: bool) -> Iterator[_Comparison]:
    """The comparisons that make a rule true, or false if negated."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _comparisons(operand, not negated)
        case ast.BoolOp(op=op, values=values):
            alternatives = isinstance(op, ast.Or) != negated
            for value in values[:1] if alternatives else values:
                yield from _comparisons(value, negated)
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = (left, *others)
            links = list(zip(sides, ops, sides[1:], strict=False))
            for before, compared, after in links[:1] if negated else links:
                if isinstance(compared, ast.Eq):
                    if not negated:
                        yield _Comparison(before, after, equal=True)
                elif isinstance(compared, ast.Lt | ast.LtE) != negated:
                    yield _Comparison(before, after, equal=False)
                else:
                    yield _Comparison(after, before, equal=False)


def _source(task: Task, node: ast.expr, least: int = COMPARED) -> str:
    """A formula as NumPy source, with `{s}` for the state and constants in capitals."""
    return numpy_source(node, lambda name: name.upper() if name in task.constants else f"{{s}}.{name}", least)


def _number(task: Task, node: ast.expr) -> float | None:
    """The value of a formula of numbers and constants alone; None for any other."""
    expression = Expression(ast.unparse(node), f"task {task.name}, [success] when")
    if not expression.names <= set(task.constants):
        return None
    return float(expression.evaluate({name: constant.value for name, constant in task.constants.items()}))


def _called(node: ast.expr) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _is_value(name: ast.Name, side: ast.expr) -> bool:
    """Whether a name stands for a value, not for a function that is called."""
    return not any(isinstance(n, ast.Call) and n.func is name for n in ast.walk(side))
