"""The small formula language of task files: field sources, success rules, metrics.

    obs[4:6] + obs[8:10]                       a field's source
    info.energy                                another one's, which no policy sees
    norm(gap) < 0.02 and not terminated        a success rule
    abs(position - hold_at)                    a metric
    at_first(contact > 0.5, speed) < 0.2       the speed at first contact; of whole episodes, in rules and metrics alone
    abs(heading - north) < 0.1                 of a field that comes round, the shorter way: see angles.py

Numbers, names, + - * / **, comparisons, `and` / `or` / `not`, indexing along the last axis, and the functions in
functions.py. It works on whole arrays: a name is an array of shape (n,) or (n, k). No other Python is accepted, and
nothing is ever evaluated by Python's own `eval`.
"""

import ast
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from autoreward.errors import TaskError
from autoreward.tasks.formulas.angles import Angles, Circle, as_written, brought_into, with_shortest_ways
from autoreward.tasks.formulas.functions import (
    ATOM,
    BINARY,
    COMPARE,
    COMPARED,
    FUNCTIONS,
    JOIN,
    MINUS,
    OVER_EPISODES,
    POWER,
    SUMS,
    WRITTEN,
    AnyArray,
    Function,
)
from autoreward.tasks.formulas.names import name_of

_DEEPEST = 100
"""Most levels of a formula."""


class Limit(NamedTuple):
    """A comparison of a rule whose one side is fixed, such as `norm(gap) < 0.02`."""

    text: str
    side: "Expression"
    """What varies."""
    bound: "Expression"
    """What it is held against; it reads fixed names alone."""


class Expression:
    """A parsed formula. `names` are the names it reads; `evaluate` works on arrays."""

    def __init__(self, text: str, where: str, angles: Angles = (), turn: Circle | None = None) -> None:
        """Parse `text`; raise TaskError, naming `where`, if it is not in the language.

        Args:
            text: as it was written.
            where: it stands.
            angles: the names in it that come round.
            turn: what its own value comes round by, if it does.
        """
        self.text = text
        self.where = where
        self.angles = angles
        self.written = _parsed(text, where)
        """Its tree as it stands, without `shortest` and `folded`."""
        self.names = frozenset(self._check(self.written))
        self.body = self.written
        if angles or turn:
            self.body = with_shortest_ways(_parsed(text, where), angles, where)
            self.body = brought_into(self.body, turn) if turn else self.body

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The formula's value, an array of shape (n,) or (n, k). Raises TaskError on an index outside a field."""
        try:
            return _value(self.body, values)
        except IndexError:
            raise TaskError(f"{self.where}: {self.text!r} reaches outside the array it indexes.") from None

    @property
    def over_episodes(self) -> bool:
        """Whether it can only be worked out over a whole episode, and not from one transition."""
        return reads_episodes(self.body)

    def as_numpy(self, name: Callable[[str], str]) -> str:
        """The formula as NumPy source over rows; `name` gives the source of each of `names`, which must bind tightly."""
        return numpy_source(self.body, name)

    def limits(self, fixed: Collection[str]) -> tuple[Limit, ...]:
        """Its comparisons that hold something against a number or one of the `fixed` names, in the order they stand."""
        limits = []
        for node in (n for n in ast.walk(self.body) if isinstance(n, ast.Compare)):
            sides = [Expression(ast.unparse(part), self.where) for part in (node.left, *node.comparators)]
            for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
                text = as_written(ast.Compare(left.body, [op], [right.body]))
                if (left.names <= set(fixed)) != (right.names <= set(fixed)):
                    limits.append(Limit(text, *((right, left) if left.names <= set(fixed) else (left, right))))
        return tuple(limits)

    def readings(self) -> tuple["Expression", ...]:
        """Its names as they stand in it, each with the index that is taken of it."""
        return tuple(Expression(ast.unparse(node), self.where) for node in _read(self.body))

    def _check(self, node: ast.expr) -> set[str]:
        match node:
            case ast.Constant(value=bool() | int() | float()):
                return set()
            case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
                return self._check(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
                return self._check(left) | self._check(right)
            case ast.BoolOp(values=parts):
                return set[str]().union(*map(self._check, parts))
            case ast.Compare(left=left, ops=ops, comparators=others) if all(type(o) in COMPARE for o in ops):
                return self._check(left).union(*map(self._check, others))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS and args:
                if (takes := FUNCTIONS[name].takes) not in (0, len(args)):
                    expected = f"{takes} value{'s' * (takes > 1)}, not {len(args)}"
                    raise TaskError(f"{self.where}: {name} in {ast.unparse(node)!r} takes {expected}.")
                return set[str]().union(*map(self._check, args))
            case ast.Subscript(value=base, slice=index) if (read := name_of(base)) and _is_index(index):
                return {read}
            case _ if read := name_of(node):
                return {read}
        allowed = ", ".join(WRITTEN)
        raise TaskError(
            f"{self.where}: {ast.unparse(node)!r} is not part of the formula language; use numbers, field names, "
            f"+ - * / **, comparisons, and, or, not, and {allowed}."
        )


def reads_episodes(node: ast.expr) -> bool:
    """Whether a checked node calls a function of whole episodes."""
    calls = (n.func for n in ast.walk(node) if isinstance(n, ast.Call))
    return any(isinstance(called, ast.Name) and called.id in OVER_EPISODES for called in calls)


def _parsed(text: str, where: str) -> ast.expr:
    """A formula's tree, of at most _DEEPEST levels: all that reads one calls itself on each. Raises TaskError."""
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:  # ValueError: a null character
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise TaskError(f"{where}: {text!r} is not a formula ({reason}).") from None
    except (RecursionError, MemoryError):
        levels = _DEEPEST + 1
    else:
        levels, row = 0, [body]
        while row and levels <= _DEEPEST:
            levels, row = levels + 1, [n for one in row for n in ast.iter_child_nodes(one) if isinstance(n, ast.expr)]
    if levels > _DEEPEST:
        raise TaskError(
            f"{where}: {text[:40]!r}... is too deeply nested, by more than {_DEEPEST} levels; write it shorter."
        )
    return body


def numpy_source(node: ast.expr, name: Callable[[str], str], least: int = COMPARED) -> str:
    """A checked node as NumPy source over rows, in brackets if it binds more loosely than `least`.

    Python's own `eval` of it gives what `Expression.evaluate` gives: `obs[4:6]` becomes `obs[..., 4:6]`, `a and b`
    becomes `np.logical_and(a, b)`. Raises ValueError for a function of whole episodes.
    """
    text, binds = _printed(node, name)
    return text if binds >= least else f"({text})"


def _printed(node: ast.expr, name: Callable[[str], str]) -> tuple[str, int]:
    """A node's source, and how tightly it binds."""
    match node:
        case ast.Constant(value=value):
            return ("np.inf" if value == math.inf else repr(value)), ATOM
        case _ if known := name_of(node):
            return name(known), ATOM
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"-{numpy_source(operand, name, MINUS)}", MINUS
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"np.logical_not({numpy_source(operand, name)})", ATOM
        case ast.BinOp(left=left, op=op, right=right):
            _, text, binds = BINARY[type(op)]
            # ** groups from the right and takes a bare minus there; the others group from the left
            at_left, at_right = (ATOM, MINUS) if binds == POWER else (binds, binds + 1)
            return f"{numpy_source(left, name, at_left)} {text} {numpy_source(right, name, at_right)}", binds
        case ast.BoolOp(op=op, values=parts):
            return _joined(JOIN[type(op)], [numpy_source(part, name) for part in parts]), ATOM
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [numpy_source(side, name, SUMS) for side in (left, *others)]
            links = zip(sides, ops, sides[1:], strict=False)
            pieces = [f"{one} {COMPARE[type(compared)].text} {other}" for one, compared, other in links]
            return _joined(JOIN[ast.And], pieces), COMPARED if len(pieces) == 1 else ATOM
        case ast.Call(func=ast.Name(id=called), args=args):
            return _called(FUNCTIONS[called], [numpy_source(arg, name) for arg in args]), ATOM
        case ast.Subscript(value=base, slice=index):
            return f"{numpy_source(base, name, ATOM)}[..., {ast.unparse(index)}]", ATOM
    raise AssertionError(f"unchecked node {ast.dump(node)}")


def _called(function: Function, arguments: Sequence[str]) -> str:
    if not function.source:
        raise ValueError("a function of whole episodes has no source over rows")
    source = function.source.replace("{}", ", ".join(arguments))
    for number, argument in enumerate(arguments):
        source = source.replace(f"{{{number}}}", argument)
    return source


def _joined(by: Function, pieces: Sequence[str]) -> str:
    return reduce(lambda one, other: _called(by, (one, other)), pieces)


def _read(node: ast.expr) -> list[ast.expr]:
    """The nodes of a checked one that are names, or an index of one."""
    if name_of(node) or (isinstance(node, ast.Subscript) and name_of(node.value)):
        return [node]
    parts = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
    return [found for part in parts if isinstance(part, ast.expr) for found in _read(part)]


def _is_index(node: ast.expr) -> bool:
    if isinstance(node, ast.Slice):
        bounds = (node.lower, node.upper)
        return node.step is None and all(b is None or _is_index(b) for b in bounds)
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value >= 0


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=constant):
            return constant
        case _ if name := name_of(node):
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case ast.UnaryOp(operand=operand):
            return np.logical_not(_value(operand, values))
        case ast.BinOp(left=left, op=op, right=right):
            return BINARY[type(op)].run(_value(left, values), _value(right, values))
        case ast.BoolOp(op=op, values=parts):
            return reduce(JOIN[type(op)].run, [_value(part, values) for part in parts])
        case ast.Compare():
            return reduce(
                np.logical_and,
                [COMPARE[type(op)].run(left, right) for left, op, right in _comparisons(node, values)],
            )
        case ast.Call(func=ast.Name(id=name), args=args):
            return FUNCTIONS[name].run(*[_value(arg, values) for arg in args])
        case ast.Subscript(value=base, slice=index):
            return indexed(np.asarray(_value(base, values)), index)
    raise AssertionError(f"unchecked node {ast.dump(node)}")


def _comparisons(node: ast.Compare, values: Mapping[str, Any]) -> list[tuple[Any, ast.cmpop, Any]]:
    operands = [_value(part, values) for part in (node.left, *node.comparators)]
    return list(zip(operands, node.ops, operands[1:], strict=False))


def indexed(array: AnyArray, index: ast.expr) -> AnyArray:
    """Some of an array's last axis, by a checked index or slice. Raises IndexError outside it."""
    if isinstance(index, ast.Slice):
        low = index.lower.value if isinstance(index.lower, ast.Constant) else 0
        high = index.upper.value if isinstance(index.upper, ast.Constant) else array.shape[-1]
        if not (isinstance(low, int) and isinstance(high, int) and low < high <= array.shape[-1]):
            raise IndexError
        return np.asarray(array[..., low:high])
    if not isinstance(index, ast.Constant) or not isinstance(index.value, int):
        raise IndexError
    return np.asarray(array[..., index.value])
