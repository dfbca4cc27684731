"""Slips of an honest program that fail where they are reached when it is asked, all at once: the dry run finds one at a time.

Looked at is `compute_reward` alone: what a helper is given is not known before it is called.
"""

import ast
import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from autoreward.core.contract import ALWAYS_THERE, NATIVE_REWARD, PARAMETERS
from autoreward.rewards.gate import allowed
from autoreward.rewards.gate.rules import Problem

UNKNOWN_FIELD = "field"
"""Rule of fields that there are not."""
CLOSE = 0.6
"""How alike two names must be (difflib's ratio) for one to be what was meant by the other."""
_MOST_WRONG = 6
"""Fields that there are not which are named."""
_MOST_LISTED = 90
"""Characters of a list of fields."""
_ROWWISE = allowed.UFUNCS | {
    "abs",
    "clip",
    "where",
    "round",
    "nan_to_num",
    "full_like",
    "zeros_like",
    "ones_like",
    "square",
}
"""Functions of NumPy whose answer has as many rows as what they are given."""
_SCALAR = {"max": "np.maximum", "min": "np.minimum", "float": "arrays as they are", "int": "np.floor", "bool": "comparisons",
           "round": "np.round"}  # fmt: skip
"""Python's functions that want one number, and what to use for many."""
_TEST = "if can't choose by rows: use np.where(test, one, other)"


class Known(NamedTuple):
    """What a task gives to a program."""

    fields: Mapping[str, Sequence[str]]
    """By name of the parameter."""
    constants: Mapping[str, float]
    """The numbers that its goal speaks of, as a program may write them."""

    @classmethod
    def of(cls, state: Sequence[str], action: Sequence[str], constants: Mapping[str, float]) -> "Known":
        """Of the names of a task's fields; the environment's own reward is of a step, so that no `state` has it."""
        before = tuple(name for name in state if name != NATIVE_REWARD)
        names = dict(zip(PARAMETERS[:3], (before, tuple(action), (*state, *ALWAYS_THERE)), strict=True))
        return cls(names, constants)


def close_name(name: str, names: Sequence[str]) -> str:
    """The one that was probably meant; empty where none is close."""
    return next(iter(difflib.get_close_matches(name, names, n=1, cutoff=CLOSE)), "")


def no_field(view: str, wrong: Sequence[str], names: Sequence[str]) -> str:
    """What is said of fields that there are not."""
    several = "fields" if len(wrong) > 1 else "field"
    listed = ", ".join(repr(name) for name in wrong)
    meant = [close for name in wrong if (close := close_name(name, names))]
    hint = f"; did you mean {', '.join(map(repr, meant))}?" if meant else "."
    shown = ", ".join(names)
    there = f" It has: {shown}" if len(shown) <= _MOST_LISTED else ""
    return f"{view} has no {several} {listed}{hint}{there}"


def slips(tree: ast.Module, known: Known) -> list[Problem]:
    """Every one in `compute_reward`, of a tree that has one such function."""
    (function,) = [s for s in tree.body if isinstance(s, ast.FunctionDef) and s.name == "compute_reward"]
    return [
        *_fields(function, known),
        *_answers(function),
        *_scalars(function),
        *_sums(function),
    ]


def undefined(problem: Problem, name: str, constants: Mapping[str, float]) -> Problem:
    """The problem of a name that is not defined, with the line that would define it where the task has such a number."""
    if name not in constants:
        return problem
    return problem._replace(
        message=f"the name {name!r} is not defined: write {name} = {constants[name]:g} above the function"
    )


def _fields(function: ast.FunctionDef, known: Known) -> Iterator[Problem]:
    for view, names in known.fields.items():
        read = [node for node in ast.walk(function) if isinstance(node, ast.Attribute) and _is_of(node, view)]
        wrong = sorted((node.lineno, node.col_offset, node.attr) for node in read if node.attr not in names)
        if wrong:
            different = list(dict.fromkeys(name for _, _, name in wrong))
            yield Problem(UNKNOWN_FIELD, no_field(view, different[:_MOST_WRONG], names), wrong[0][0])


def _is_of(node: ast.Attribute, name: str) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == name


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function that are not those of another one within it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _answers(function: ast.FunctionDef) -> Iterator[Problem]:
    """No return, or one of what can't be a dict."""
    returned = [node for node in _own(function) if isinstance(node, ast.Return)]
    if not returned and not any(isinstance(node, ast.Raise) for node in _own(function)):
        yield Problem("return", 'nothing is returned: end with return {"name": part, ...}', function.lineno)
    for node in returned:
        value = node.value
        nothing = value is None or (isinstance(value, ast.Constant) and value.value is None)
        if nothing or isinstance(value, ast.Tuple | ast.List | ast.BinOp | ast.UnaryOp | ast.Compare | ast.Constant):
            yield Problem("return", "return a dict of named parts, each of shape (n,), and nothing else", node.lineno)


class _Rows:
    """Which expressions of a function are sure to have a row for each transition."""

    def __init__(self, function: ast.FunctionDef) -> None:
        given: dict[str, list[ast.expr | None]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                given.setdefault(node.targets[0].id, []).append(node.value)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                given.setdefault(node.id, [])
        stored = [n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        self._given = {name: values[0] for name, values in given.items() if len(values) == stored.count(name) == 1}

    def value(self, node: ast.expr) -> ast.expr:
        """What a name stands for, if it is bound once."""
        found = self._given.get(node.id) if isinstance(node, ast.Name) else None
        return node if found is None else found

    def has(self, node: ast.expr, depth: int = 0) -> bool:
        """Whether it has."""
        if depth > 20:
            return False
        if isinstance(node, ast.Name):
            value = self.value(node)
            return value is not node and self.has(value, depth + 1)
        if isinstance(node, ast.Attribute):
            return isinstance(node.value, ast.Name) and node.value.id in PARAMETERS[:3]
        if isinstance(node, ast.BinOp):
            return self.has(node.left, depth + 1) or self.has(node.right, depth + 1)
        if isinstance(node, ast.UnaryOp):
            return not isinstance(node.op, ast.Not) and self.has(node.operand, depth + 1)
        if isinstance(node, ast.Compare):
            plain = not any(isinstance(op, ast.In | ast.NotIn | ast.Is | ast.IsNot) for op in node.ops)
            return plain and any(self.has(part, depth + 1) for part in (node.left, *node.comparators))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords:
            of_numpy = isinstance(node.func.value, ast.Name) and node.func.value.id == "np"
            return of_numpy and node.func.attr in _ROWWISE and any(self.has(a, depth + 1) for a in node.args)
        return False


def _scalars(function: ast.FunctionDef) -> Iterator[Problem]:
    """Code for one transition, where there are many."""
    rows = _Rows(function)
    for node in _own(function):
        if isinstance(node, ast.If | ast.IfExp | ast.While) and rows.has(node.test):
            yield Problem("rows", _TEST, node.lineno)
        elif isinstance(node, ast.BoolOp) and any(rows.has(value) for value in node.values[:-1]):
            signs = ("and", "&") if isinstance(node.op, ast.And) else ("or", "|")
            yield Problem("rows", f"{signs[0]} can't join rows: write (a) {signs[1]} (b)", node.lineno)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and rows.has(node.operand):
            yield Problem("rows", "not can't turn rows: write ~(a)", node.lineno)
        elif isinstance(node, ast.Call) and any(rows.has(argument) for argument in node.args):
            yield from _scalar_call(node)


def _scalar_call(node: ast.Call) -> Iterator[Problem]:
    of = node.func
    if isinstance(of, ast.Name) and of.id in _SCALAR and (of.id not in ("max", "min") or len(node.args) > 1):
        yield Problem("rows", f"{of.id}() takes one number, and fields have rows: use {_SCALAR[of.id]}", node.lineno)
    elif isinstance(of, ast.Attribute) and isinstance(of.value, ast.Name) and of.value.id == "math":
        yield Problem("rows", f"math.{of.attr} takes one number, and fields have rows: use NumPy's", node.lineno)


def _sums(function: ast.FunctionDef) -> Iterator[Problem]:
    """A part that is the sum of the others: it would count each of them twice."""
    rows = _Rows(function)
    for node in _own(function):
        value = rows.value(node.value) if isinstance(node, ast.Return) and node.value else None
        if not isinstance(value, ast.Dict) or len(value.values) < 3:
            continue
        parts = [
            (key.value, part)
            for key, part in zip(value.keys, value.values, strict=True)
            if isinstance(key, ast.Constant)
        ]
        for name, part in parts:
            others = sorted(_same(rows, other) for key, other in parts if key != name)
            if others == sorted(_same(rows, term) for term in _terms(rows.value(part))):
                message = f"part {name!r} is the sum of the others: leave it out"
                yield Problem("sum", message, part.lineno)


def _same(rows: _Rows, node: ast.expr) -> str:
    return ast.dump(rows.value(node))


def _terms(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_terms(node.left), *_terms(node.right)]
    return [node]
