"""A success rule as a tree of conditions, each of which says by how much it is missed: what graded progress is made of.

abs(x - 3) < 0.5 and abs(speed) < 0.3        two conditions, joined by `and`
not (a and b)                                the same as `not a or not b`: what is negated is turned into conditions first
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.tasks.formulas.angles import Angles, Circle, as_written, direct
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.functions import COMPARE

Array = NDArray[np.float64]
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt
}  # fmt: skip


@dataclass(frozen=True)
class Condition:
    """One comparison of a rule, or one of its values that is true or false."""

    body: ast.expr
    wanted: bool = True
    """False: it is to be false. A comparison that has an opposite is never kept so."""
    angles: Angles = ()
    """The fields that come round."""

    @property
    def text(self) -> str:
        """As the formula language writes it."""
        text = as_written(self.body)
        return text if self.wanted else f"not {text}"

    @cached_property
    def names(self) -> frozenset[str]:
        """What it reads."""
        return frozenset().union(*(side.names for side in self._sides))

    @property
    def yes_or_no(self) -> bool:
        """Whether it can only hold or not: nothing says how near it is."""
        return not isinstance(self.body, ast.Compare) or not self.wanted

    def misses(self, values: Mapping[str, Any], length: int) -> Array:
        """By how much it fails, shape (length,), in its own unit: 0 exactly where it holds, infinite where nothing can be said.

        One that is true or false misses by 1.
        """
        if not isinstance(self.body, ast.Compare) or not self.wanted:
            holds = np.asarray(self._sides[0].evaluate(values), dtype=np.bool_)
            return np.broadcast_to(np.where(holds == self.wanted, 0.0, 1.0), (length,)).copy()
        numbers = [np.asarray(side.evaluate(values), dtype=np.float64) for side in self._sides]
        worst = np.zeros(length)
        nodes = [self.body.left, *self.body.comparators]
        turns = [direct(node, self.angles) for node in nodes]
        for i, (left, op, right) in enumerate(zip(numbers, self.body.ops, numbers[1:], strict=False)):
            gap = left - right
            gap = -gap if isinstance(op, ast.Gt | ast.GtE) else np.abs(gap) if isinstance(op, ast.Eq) else gap
            gap = np.minimum(gap, _other_way(left, op, right, turns[i], turns[i + 1]))
            failing = ~np.asarray(COMPARE[type(op)].run(left, right), dtype=np.bool_)
            least = np.finfo(np.float64).tiny  # `a < b` fails where both are equal, too
            worst = np.maximum(worst, np.where(failing, np.maximum(np.nan_to_num(gap, nan=np.inf), least), 0.0))
        return np.asarray(worst)

    @cached_property
    def _sides(self) -> tuple[Expression, ...]:
        """What is compared, or the value itself; parsed once, since training episodes are many."""
        compared = [self.body]
        if isinstance(self.body, ast.Compare) and self.wanted:
            compared = [self.body.left, *self.body.comparators]
        return tuple(Expression(ast.unparse(side), "") for side in compared)


def _other_way(left: Array, op: ast.cmpop, right: Array, one: Circle | None, two: Circle | None) -> Array:
    """How far an angle on one of the sides is from where its comparison holds, across the jump; infinite where it leads nowhere."""
    if isinstance(op, ast.Eq):
        turn = one or two
        across: Array = np.asarray(np.inf if turn is None else turn.period - np.abs(left - right))
        return across
    small, large, low, high = (left, right, one, two) if isinstance(op, ast.Lt | ast.LtE) else (right, left, two, one)
    way: Array = np.asarray(np.inf)
    if low:  # it grows, and begins anew at its lowest number
        way = np.where(low.low < large, low.high - small, way)
    if high:
        way = np.minimum(way, np.where(high.high > small, large - high.low, np.inf))
    return np.asarray(np.maximum(way, 0.0))


@dataclass(frozen=True)
class Joined:
    """Conditions of which all must hold, or any."""

    parts: tuple["Condition | Joined", ...]
    all: bool


Tree = Condition | Joined


class GradedRule:
    """A rule, by how near it is to holding."""

    def __init__(self, rule: Expression, distance: Expression | None = None, robust: bool = False) -> None:
        """`distance`: what is to be 0 or less, for the grade alone. `robust`: as signal temporal logic grades; see `closeness`."""
        self._tree = _tree(rule.body, True, rule.angles)
        self._robust = robust
        if distance:
            arrived = Condition(ast.Compare(distance.body, [ast.LtE()], [ast.Constant(0.0)]), angles=distance.angles)
            self._tree = arrived if robust else Joined((self._tree, arrived), all=True)
        self.conditions: tuple[Condition, ...] = tuple(_leaves(self._tree))
        """In the order in which they stand."""

    def misses(self, values: Mapping[str, Any], length: int) -> Array:
        """By how much each condition fails at each of the steps, shape (conditions, length)."""
        return np.stack([condition.misses(values, length) for condition in self.conditions])

    def closeness(self, misses: Array, scales: Array, weights: Sequence[float]) -> Array:
        """How near the rule is to holding at each step, in [0, 1], shape (length,); 1 exactly where it holds.

        A condition that fails by d counts 1 - min(d / scale, 1); `and` takes the mean by weight, `or` the largest. Robust: `and`
        takes the smallest, and a distance stands for what it grades, so that 1 says no more than that nothing is left of it.

        Args:
            misses: (conditions, length).
            scales: (conditions, 1) or (conditions, length), positive.
            weights: one a condition, positive.
        """
        near = np.where(misses > 0.0, np.minimum(1.0 - np.minimum(misses / scales, 1.0), 1.0 - 1e-9), 1.0)
        rows = iter(range(len(self.conditions)))
        return _close(self._tree, near, weights, rows, self._robust)[0]


def _tree(node: ast.expr, wanted: bool, angles: Angles) -> Tree:
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _tree(operand, not wanted, angles)
        case ast.BoolOp(op=op, values=parts):
            return Joined(tuple(_tree(part, wanted, angles) for part in parts), all=isinstance(op, ast.And) == wanted)
        case ast.Compare(left=left, ops=ops, comparators=others) if not wanted and all(
            type(o) in _OPPOSITE for o in ops
        ):
            sides = [left, *others]
            turned = tuple(
                Condition(ast.Compare(one, [_OPPOSITE[type(op)]()], [other]), angles=angles)
                for one, op, other in zip(sides, ops, others, strict=False)
            )
            return turned[0] if len(turned) == 1 else Joined(turned, all=False)
    return Condition(node, wanted, angles)


def _leaves(tree: Tree) -> Iterator[Condition]:
    if isinstance(tree, Condition):
        yield tree
    else:
        for part in tree.parts:
            yield from _leaves(part)


def _close(tree: Tree, near: Array, weights: Sequence[float], rows: Iterator[int], robust: bool) -> tuple[Array, float]:
    """Closeness and weight of a tree; `rows` gives the row of each condition in turn."""
    if isinstance(tree, Condition):
        row = next(rows)
        return near[row], weights[row]
    parts = [_close(part, near, weights, rows, robust) for part in tree.parts]
    if not tree.all:
        return np.max([close for close, _ in parts], axis=0), max(weight for _, weight in parts)
    total = sum(weight for _, weight in parts)
    if robust:
        return np.min([close for close, _ in parts], axis=0), total
    return np.asarray(sum(close * weight for close, weight in parts) / total), total
