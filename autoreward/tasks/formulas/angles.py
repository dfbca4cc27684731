"""Numbers that come round, such as angles: how far one is from another is the shorter of two ways.

    heading - north                the shortest way from north to heading, between minus half a turn and half a turn
    abs(heading), norm(joints)     how far they are from 0, round the shorter way
    heading + 0.5 - north          an angle turned by a number is one

So a formula over fields with `wrap = true` is read: each difference of an angle becomes `shortest(difference, period)`.
All else takes the number as it stands: `heading > 1`, `2 * heading`, `sin(heading)`.
"""

import ast
import math
from collections.abc import Sequence
from typing import NamedTuple

from autoreward.errors import TaskError
from autoreward.tasks.formulas.names import name_of

_ROUND = 2e-3
"""A range this near to 2 pi, as a share of it, was rounded by who wrote it: 3.14 is meant to be pi."""


class Circle(NamedTuple):
    """Where an angle's numbers lie."""

    low: float
    period: float

    @property
    def high(self) -> float:
        """Where it comes round."""
        return self.low + self.period

    def shortest(self, difference: float) -> float:
        """A difference of two of its numbers, round the shorter way."""
        return difference - self.period * round(difference / self.period)

    @property
    def centred(self) -> bool:
        """Whether its numbers are the shortest ways from 0."""
        return math.isclose(self.low, -self.period / 2, rel_tol=_ROUND)


Angles = tuple[tuple[str, Circle], ...]
"""The fields that are angles, by name."""


def circle_of(low: float, high: float) -> Circle:
    """The turn of an angle whose stated range is from `low` to `high`: its width, or 2 pi where that was rounded."""
    width = high - low
    return Circle(low, math.tau if math.isclose(width, math.tau, rel_tol=_ROUND) else width)


def with_shortest_ways(body: ast.expr, angles: Angles, where: str) -> ast.expr:
    """A checked formula with each difference of an angle as the shortest one. Raises TaskError where two periods meet."""
    return _Read(dict(angles), where).visit(body) if angles else body


def brought_into(body: ast.expr, turn: Circle) -> ast.expr:
    """A formula, by whole periods brought to where an angle's numbers lie."""
    return _call("folded", body, turn.low, turn.period)


def as_written(node: ast.expr) -> str:
    """A formula's text without what `with_shortest_ways` added."""
    return ast.unparse(_Written().visit(ast.parse(ast.unparse(node), mode="eval").body))


def direct(node: ast.expr, angles: Angles) -> Circle | None:
    """The turn of a node that is an angle's number as it stands; None for any other."""
    name = name_of(node.value if isinstance(node, ast.Subscript) else node)
    return dict(angles).get(name or "")


def period(node: ast.expr, angles: Angles) -> float | None:
    """What a formula's own value comes round after: an angle as it stands, a difference of angles; else None."""
    if _named(node) == "shortest" and isinstance(node, ast.Call) and isinstance(node.args[1], ast.Constant):
        return float(node.args[1].value)  # type: ignore[arg-type]
    turn = direct(node, angles)
    return turn and turn.period


class _Read(ast.NodeTransformer):
    """Puts `shortest` where an angle is subtracted, or its size taken."""

    def __init__(self, angles: dict[str, Circle], where: str) -> None:
        self._angles, self._where = angles, where

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        turn = self._turn(node)
        return _call("shortest", node, turn.period) if turn and isinstance(node.op, ast.Sub) else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if _named(node) == "shortest":
            return node
        self.generic_visit(node)
        if _named(node) in ("abs", "norm"):
            node.args = [self._size(node.args[0])]
        return node

    def _size(self, node: ast.expr) -> ast.expr:
        """What `abs` or `norm` is to take the size of."""
        if _named(node) == "stack" and isinstance(node, ast.Call):
            node.args = [self._size(part) for part in node.args]
            return node
        turn = self._turn(node)
        if turn is None or _named(node) == "shortest" or (turn.centred and direct(node, tuple(self._angles.items()))):
            return node
        return _call("shortest", node, turn.period)

    def _turn(self, node: ast.expr) -> Circle | None:
        """The turn of a node that is an angle."""
        match node:
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
                return self._one(node, (left, right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._turn(operand)
            case ast.Call(func=ast.Name(id="shortest"), args=[_, ast.Constant(value=float() as period)]):
                return Circle(-period / 2, period)
            case ast.Call(func=ast.Name(id="at_first"), args=[_, value]):
                return self._turn(value)
            case ast.Call(func=ast.Name(id="stack"), args=parts) if all(map(self._turn, parts)):
                return self._one(node, parts)
        return direct(node, tuple(self._angles.items()))

    def _one(self, node: ast.expr, parts: Sequence[ast.expr]) -> Circle | None:
        """The turn that parts share. Raises TaskError if they have several."""
        turns = [turn for part in parts if (turn := self._turn(part))]
        if len({turn.period for turn in turns}) > 1:
            periods = " and ".join(f"{turn.period:g}" for turn in turns)
            raise TaskError(
                f"{self._where}: {as_written(node)!r} joins angles that come round after {periods}; bring them to one unit "
                "in the fields' sources."
            )
        return turns[0] if turns else None


class _Written(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        return node.args[0] if _named(node) in ("shortest", "folded") else node


def _call(name: str, *arguments: ast.expr | float) -> ast.expr:
    given = [a if isinstance(a, ast.expr) else ast.parse(repr(a), mode="eval").body for a in arguments]
    return ast.Call(func=ast.Name(id=name), args=given, keywords=[])


def _named(node: ast.expr) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
