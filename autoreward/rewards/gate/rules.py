"""The gate's rules for single nodes of the syntax tree: each raises Refused with what to do instead."""

import ast
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from autoreward.core.contract import PARAMETERS
from autoreward.rewards.gate import allowed

MAX_STRING = 2_000
_TAKEN = "{!r} already means something here: use another name"
_FORMAT = re.compile(r"[<>^+\- ]?\d{0,2},?(\.\d{1,2})?[a-z%]?")


class Problem(NamedTuple):
    """One thing wrong with the source."""

    rule: str
    message: str
    line: int | None


class Refused(Exception):
    """The first thing wrong with the source."""

    def __init__(self, rule: str, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(rule, message, line)


def _attribute(node: ast.Attribute, line: int | None) -> None:
    if node.attr.startswith("_"):
        raise Refused(
            "attribute", f"the attribute {node.attr!r} is private: use named fields and NumPy functions", line
        )
    on = node.value
    view = isinstance(on, ast.Name) and on.id in PARAMETERS[:3]
    if not isinstance(node.ctx, ast.Load):
        why = "inputs are read-only" if view else "attributes can't be set"
        raise Refused("attribute", f"{why}: assign to a plain name, such as x = {ast.unparse(node)} + 1.0", line)
    if view:
        return  # a field, or so it seems: a helper may be given anything by this name, so program.py checks it again
    if isinstance(on, ast.Attribute) and _of_numpy(on):
        _attribute(on, line)  # np.random.normal: it is np.random that is not there
    if isinstance(on, ast.Name) and on.id == PARAMETERS[3] and node.attr != "get":
        raise Refused("memory", "memory has memory.get(key, default), memory[key] and `key in memory` alone", line)
    _member(node, line)


def _member(node: ast.Attribute, line: int | None) -> None:
    """What may be taken of NumPy and math, and of the rest: arrays, and views that a helper was given."""
    on = node.value
    if _of_numpy(node):
        if node.attr not in allowed.NUMPY and node.attr != "linalg":
            instead = allowed.ELSEWHERE.get(node.attr, "use plain array arithmetic")
            raise Refused("attribute", f"np.{node.attr} is not available: {instead}", line)
    elif isinstance(on, ast.Attribute) and on.attr == "linalg":
        if node.attr not in allowed.LINALG:
            raise Refused("attribute", f"np.linalg.{node.attr} is not available: np.linalg.norm is", line)
    elif isinstance(on, ast.Name) and on.id == "math":
        if node.attr not in allowed.MATH:
            raise Refused("attribute", f"math.{node.attr} is not available: use ** or NumPy functions", line)
    elif node.attr == "reduce" and isinstance(on, ast.Attribute) and _of_numpy(on) and on.attr in allowed.UFUNCS:
        return
    elif node.attr not in allowed.METHODS and (node.attr in allowed.OF_OBJECTS or not isinstance(on, ast.Name)):
        raise Refused("attribute", f"the attribute {node.attr!r} is not available: use NumPy functions on arrays", line)
    # what is left can only be a field of a view that was given to a helper; program.py makes sure of it


def _of_numpy(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy")


def _plain(name: str | None, line: int | None) -> None:
    """Names of this form mean something to Python or to the room itself."""
    if name and (name.startswith("__") or (len(name) > 1 and name[0] == name[-1] == "_")):
        raise Refused("name", f"the name {name!r} is reserved: use a plain word", line)


def _name(node: ast.Name, line: int | None) -> None:
    _plain(node.id, line)
    if isinstance(node.ctx, ast.Store) and node.id in {*allowed.BUILTINS, "np", "math", "numpy"}:
        raise Refused("name", _TAKEN.format(node.id), line)


def demand_unbound(node: ast.AST, parameters: tuple[str, ...], line: int | None) -> None:
    """Raises Refused where one of the program's own parameters is bound anew."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in parameters:
        raise Refused("name", _TAKEN.format(node.id), line)


def _function(node: ast.FunctionDef, line: int | None) -> None:
    if node.decorator_list:
        raise Refused("syntax", "decorators are not available: write the function plainly", line)
    _plain(node.name, line)
    _defaults(node.args, line)


def _defaults(args: ast.arguments, line: int | None) -> None:
    for default in (*args.defaults, *(d for d in args.kw_defaults if d is not None)):
        inner = default.operand if isinstance(default, ast.UnaryOp) else default
        if not isinstance(inner, ast.Constant):
            raise Refused("state", "a default argument must be a plain constant: it is shared between calls", line)


def _constant(node: ast.Constant, line: int | None) -> None:
    value = node.value
    if isinstance(value, bytes | complex):
        raise Refused("constant", f"{type(value).__name__} constants have no place in a reward", line)
    if isinstance(value, int) and abs(value) > 2**53:
        raise Refused("constant", "the number is too large: rewards stay below 1e6", line)
    if isinstance(value, str) and len(value) > MAX_STRING:
        raise Refused("constant", "the text is too long: shorten it", line)


def _call(node: ast.Call, line: int | None) -> None:
    function = node.func
    if not isinstance(function, ast.Name | ast.Attribute):
        raise Refused("call", "call functions by their name", line)
    if isinstance(function, ast.Attribute) and function.attr in allowed.TYPES_ONLY:
        raise Refused("call", f"{function.attr} can't be called: use np.array, np.zeros or np.full", line)
    if isinstance(function, ast.Attribute) and function.attr == "format":
        raise Refused("call", "str.format is not available: use an f-string", line)
    _keywords(node, function, line)
    for kind in _types(node, function):
        text = kind.value if isinstance(kind, ast.Constant) else "float"
        if not isinstance(kind, ast.Name | ast.Attribute | ast.Constant) or text not in (None, *allowed.DTYPES):
            raise Refused("call", "name the type: float, int, bool or np.float64", line)


def _keywords(node: ast.Call, function: ast.Name | ast.Attribute, line: int | None) -> None:
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg.startswith("_") or keyword.arg in ("like", "subok", "signature", "sig"):
            raise Refused("call", f"the keyword {keyword.arg or '**'!r} is not available", line)
    values = {keyword.arg: keyword.value for keyword in node.keywords}
    out = values.get("out", ast.Constant(None))
    reduction = isinstance(function, ast.Attribute) and function.attr in allowed.REDUCTIONS
    if "where" in values and not reduction and isinstance(out, ast.Constant):
        name = function.attr if isinstance(function, ast.Attribute) else function.id
        raise Refused("call", f"{name}(..., where=...) leaves rows undefined: also give out=np.zeros_like(...)", line)


def _types(node: ast.Call, function: ast.Name | ast.Attribute) -> list[ast.expr]:
    """The arguments that name a type of numbers."""
    types = [keyword.value for keyword in node.keywords if keyword.arg == "dtype"]
    if isinstance(function, ast.Attribute) and function.attr == "astype":
        types += node.args[:1]
    if isinstance(function, ast.Attribute) and _of_numpy(function) and function.attr in allowed.DTYPE_OF_FUNCTIONS:
        place = allowed.DTYPE_OF_FUNCTIONS[function.attr]
        types += [argument for argument in node.args[place : place + 1] if not isinstance(argument, ast.Starred)]
    return types


def _power(node: ast.BinOp, line: int | None) -> None:
    if isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
        raise Refused("format", "use an f-string instead of % formatting", line)
    if isinstance(node.op, ast.Pow) and not _is_float(node.left):
        high = _value(node.right)
        if any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow) for n in ast.walk(node.right)) or abs(high) > 16:
            raise Refused(
                "power",
                "the exponent is too large for whole numbers: keep it within 16, or write the base as a float",
                line,
            )


def _value(node: ast.expr) -> float:
    """The value of a constant expression, or 0."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.UnaryOp):
        return _value(node.operand)
    if isinstance(node, ast.BinOp):
        one, two = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Mult):
            return one * two
        if isinstance(node.op, ast.Div | ast.FloorDiv):
            return one / two if two else 0.0
        return max(abs(one), abs(two))
    return 0.0


def _is_float(node: ast.expr) -> bool:
    """Whether it can't be a whole number of Python's, which may grow without end: a float, a quotient or a field."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Div) or _is_float(node.left) or _is_float(node.right)
    if isinstance(node, ast.UnaryOp):
        return _is_float(node.operand)
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id in PARAMETERS[:3]
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _format(node: ast.FormattedValue, line: int | None) -> None:
    if isinstance(node.format_spec, ast.JoinedStr):
        parts = node.format_spec.values
        plain = [p.value for p in parts if isinstance(p, ast.Constant)]
        if len(plain) != len(parts) or not _FORMAT.fullmatch("".join(map(str, plain))):
            raise Refused("format", "use a simple format such as :.2f", line)


def _handler(node: ast.ExceptHandler, line: int | None) -> None:
    _plain(node.name, line)
    kinds = [n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)] if node.type else ["BaseException"]
    if {"BaseException", "SystemExit", "KeyboardInterrupt"} & set(kinds):
        raise Refused("except", "name the error that you expect, such as ZeroDivisionError", line)


def _while(node: ast.While, line: int | None) -> None:
    if not any(isinstance(inner, ast.Name) for inner in ast.walk(node.test)):
        raise Refused("loop", "a while loop needs a condition that can end it", line)


def _subscript(node: ast.Subscript, line: int | None) -> None:
    inner = node.value
    within = isinstance(inner, ast.Subscript) and isinstance(inner.value, ast.Name) and inner.value.id == PARAMETERS[3]
    if within and isinstance(node.ctx, ast.Store):
        raise Refused(
            "memory", "memory[key] gives a copy: store a whole array, memory[key] = np.where(rows, new, old)", line
        )


def _import(node: ast.Import | ast.ImportFrom, line: int | None) -> None:
    for alias in node.names:
        _plain(alias.asname, line)
        if alias.name == "*":
            raise Refused("import", "import names one by one: np and math are there without an import", line)
    modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or "."]
    for module in modules:
        if module not in ("numpy", "numpy.linalg", "math", "__future__", *allowed.TYPING):
            raise Refused(
                "import", f"{module!r} can't be imported: np and math are there, nothing else is needed", line
            )
    if isinstance(node, ast.ImportFrom) and node.module in _GIVEN:
        for alias in node.names:
            if alias.name not in _GIVEN[node.module]:
                raise Refused("import", f"{alias.name!r} is not available from {node.module}", line)


_GIVEN = {
    "math": allowed.MATH,
    "numpy": allowed.NUMPY - allowed.TYPES_ONLY | {"linalg"},
    "numpy.linalg": allowed.LINALG,
}
"""What may be imported from where."""
RULES: dict[type[ast.AST], Callable[[Any, int | None], None]] = {
    ast.Attribute: _attribute,
    ast.Name: _name,
    ast.FunctionDef: _function,
    ast.Lambda: lambda node, line: _defaults(node.args, line),
    ast.Constant: _constant,
    ast.Call: _call,
    ast.BinOp: _power,
    ast.FormattedValue: _format,
    ast.ExceptHandler: _handler,
    ast.While: _while,
    ast.Subscript: _subscript,
    ast.arg: lambda node, line: _plain(node.arg, line),
    ast.Import: _import,
    ast.ImportFrom: _import,
}
