"""The gate: which source may be loaded. An allow-list of syntax, names and attributes, with advice for each refusal.

It filters and explains; it is not the wall. The wall is the process around the program (see lock.py).
"""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from autoreward.contract import PARAMETERS
from autoreward.jail import names

MAX_CHARACTERS = 20_000
MAX_LINES = 500
MAX_NODES = 4_000
MAX_DEPTH = 30
MAX_BRACKETS = 40
MAX_STRING = 2_000
FUNCTION = "compute_reward"

_NODES = tuple(
    getattr(ast, name)
    for name in """Module FunctionDef arguments arg Return Assign AugAssign AnnAssign For If Raise Try ExceptHandler
    Assert Import ImportFrom alias Expr Pass Break Continue While BoolOp NamedExpr BinOp UnaryOp Lambda IfExp Dict Set
    ListComp SetComp DictComp GeneratorExp comprehension Compare Call JoinedStr FormattedValue Constant Attribute
    Subscript Starred Name List Tuple Slice keyword Load Store And Or Add Sub Mult MatMult Div Mod Pow FloorDiv BitOr
    BitXor BitAnd Invert Not UAdd USub Eq NotEq Lt LtE Gt GtE Is IsNot In NotIn""".split()
)
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


@dataclass(frozen=True)
class Examined:
    """What the gate found. The program may be loaded if there is no problem."""

    problems: tuple[Problem, ...]
    uses_memory: bool


def examine(source: str) -> Examined:
    """Examine a program's source without running it."""
    try:
        tree = check(source)
    except Refused as refused:
        return Examined((refused.problem,), uses_memory=False)
    memory = any(isinstance(n, ast.Name) and n.id == PARAMETERS[3] for n in ast.walk(tree))
    return Examined((), memory)


def check(source: str) -> ast.Module:
    """Parse and check a program. Raises Refused with the first thing wrong."""
    _text(source)
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise Refused("syntax", f"the source is not valid Python: {error.msg}", error.lineno) from None
    except (RecursionError, MemoryError, ValueError) as error:
        raise Refused("syntax", f"the source can't be parsed ({type(error).__name__}): make it smaller") from None
    _walk(tree)
    _top_level(tree)
    _bound(tree)
    return tree


def _text(source: str) -> None:
    """Limits that keep the parser itself safe."""
    if len(source) > MAX_CHARACTERS or source.count("\n") > MAX_LINES:
        raise Refused("size", f"the source is longer than {MAX_CHARACTERS} characters or {MAX_LINES} lines: shorten it")
    if any(not c.isprintable() and c not in "\n\t\r" for c in source) or re.search(r"#.*coding[:=]", source):
        raise Refused("characters", "the source has control or invisible characters: use plain text")
    depth = deepest = 0
    for character in source:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > MAX_BRACKETS:
        raise Refused("depth", "brackets are nested too deeply: use intermediate names")
    for number, line in enumerate(source.splitlines(), 1):
        if len(line) > 1000 or len(line) - len(line.lstrip()) > 80:
            raise Refused("size", "the line is too long or too deeply indented: break it up", number)
        if re.search(r"([-+~]\s*){40}|(not\s+){40}|(lambda[^:]*:\s*){15}", line):
            raise Refused("depth", "too many operators in a row", number)
        if re.search(r"\d{40}", line):
            raise Refused("constant", "the number has too many digits", number)


def _walk(tree: ast.Module) -> None:
    stack: list[tuple[ast.AST, int]] = [(tree, 0)]
    count = 0
    while stack:
        node, depth = stack.pop()
        count += 1
        line = getattr(node, "lineno", None)
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise Refused("size", "the program is too large or nested too deeply: split it into steps", line)
        if not isinstance(node, _NODES):
            kind = type(node).__name__
            raise Refused(
                "syntax", f"{kind} is not part of reward programs: {names.INSTEAD.get(kind, 'leave it out')}", line
            )
        if (rule := _RULES.get(type(node))) is not None:
            rule(node, line)
        stack.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _attribute(node: ast.Attribute, line: int | None) -> None:
    if node.attr.startswith("_"):
        raise Refused(
            "attribute", f"the attribute {node.attr!r} is private: use named fields and NumPy functions", line
        )
    if not isinstance(node.ctx, ast.Load):
        raise Refused("attribute", f"assigning to the attribute {node.attr!r}: assign to a plain name", line)
    on = node.value
    if isinstance(on, ast.Name) and on.id in PARAMETERS[:3]:
        return
    if isinstance(on, ast.Name) and on.id in ("np", "numpy"):
        if node.attr not in names.NUMPY and node.attr != "linalg":
            raise Refused("attribute", f"np.{node.attr} is not available: use plain array arithmetic", line)
    elif isinstance(on, ast.Attribute) and on.attr == "linalg":
        if node.attr not in names.LINALG:
            raise Refused("attribute", f"np.linalg.{node.attr} is not available: np.linalg.norm is", line)
    elif isinstance(on, ast.Name) and on.id == "math":
        if node.attr not in names.MATH:
            raise Refused("attribute", f"math.{node.attr} is not available", line)
    elif node.attr not in names.METHODS:
        raise Refused("attribute", f"the attribute {node.attr!r} is not available: use NumPy functions on arrays", line)


def _name(node: ast.Name, line: int | None) -> None:
    if node.id.startswith("__") or (len(node.id) > 1 and node.id[0] == node.id[-1] == "_") or not node.id.isascii():
        raise Refused("name", f"the name {node.id!r} is reserved: use a plain word", line)
    if isinstance(node.ctx, ast.Store) and node.id in {*names.BUILTINS, "np", "math", "numpy", *PARAMETERS}:
        raise Refused("name", f"{node.id!r} already means something here: use another name", line)


def _function(node: ast.FunctionDef, line: int | None) -> None:
    if node.decorator_list:
        raise Refused("syntax", "decorators are not available: write the function plainly", line)
    if node.name.startswith("__"):
        raise Refused("name", f"the name {node.name!r} is reserved: use a plain word", line)
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
    if not isinstance(node.func, ast.Name | ast.Attribute):
        raise Refused("call", "call functions by their name", line)
    if isinstance(node.func, ast.Attribute) and node.func.attr in names.TYPES_ONLY:
        raise Refused("call", f"{node.func.attr} can't be called: use np.array, np.zeros or np.full", line)
    if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        raise Refused("call", "str.format is not available: use an f-string", line)
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg.startswith("_") or keyword.arg in ("like", "subok"):
            raise Refused("call", f"the keyword {keyword.arg or '**'!r} is not available", line)
    types = [k.value for k in node.keywords if k.arg == "dtype"]
    if isinstance(node.func, ast.Attribute) and node.func.attr == "astype":
        types += node.args
    for kind in types:
        if not isinstance(kind, ast.Name | ast.Attribute) or getattr(kind, "id", "") == "object":
            raise Refused("call", "name the type: float, int, bool or np.float64", line)


def _power(node: ast.BinOp, line: int | None) -> None:
    if isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
        raise Refused("format", "use an f-string instead of % formatting", line)
    if isinstance(node.op, ast.Pow):
        right = node.right.operand if isinstance(node.right, ast.UnaryOp) else node.right
        if isinstance(right, ast.BinOp) or (
            isinstance(right, ast.Constant) and isinstance(right.value, int | float) and right.value > 16
        ):
            raise Refused("power", "the exponent must be a small constant or a name", line)


def _format(node: ast.FormattedValue, line: int | None) -> None:
    if isinstance(node.format_spec, ast.JoinedStr):
        parts = node.format_spec.values
        plain = [p.value for p in parts if isinstance(p, ast.Constant)]
        if len(plain) != len(parts) or not _FORMAT.fullmatch("".join(map(str, plain))):
            raise Refused("format", "use a simple format such as :.2f", line)


def _handler(node: ast.ExceptHandler, line: int | None) -> None:
    kinds = [n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)] if node.type else ["BaseException"]
    if {"BaseException", "SystemExit", "KeyboardInterrupt"} & set(kinds):
        raise Refused("except", "name the error that you expect, such as ZeroDivisionError", line)


def _while(node: ast.While, line: int | None) -> None:
    if isinstance(node.test, ast.Constant):
        raise Refused("loop", "a while loop needs a condition that can end it", line)


def _import(node: ast.Import | ast.ImportFrom, line: int | None) -> None:
    modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or "."]
    for module in modules:
        if module not in ("numpy", "math", "typing", "__future__"):
            raise Refused(
                "import", f"{module!r} can't be imported: np and math are there, nothing else is needed", line
            )
    if isinstance(node, ast.ImportFrom) and node.module in ("math", "numpy"):
        known = names.MATH if node.module == "math" else names.NUMPY - names.TYPES_ONLY
        for alias in node.names:
            if alias.name not in known:
                raise Refused("import", f"{alias.name!r} is not available from {node.module}", line)


_RULES: dict[type[ast.AST], Callable[[Any, int | None], None]] = {
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
    ast.Import: _import,
    ast.ImportFrom: _import,
}


def _top_level(tree: ast.Module) -> None:
    functions = [s for s in tree.body if isinstance(s, ast.FunctionDef) and s.name == FUNCTION]
    if len(functions) != 1:
        raise Refused("signature", f"define one function {FUNCTION}({', '.join(PARAMETERS)})")
    arguments = functions[0].args
    plain = not (arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs)
    if [a.arg for a in arguments.args] != list(PARAMETERS) or arguments.defaults or not plain:
        raise Refused("signature", f"the signature must be {FUNCTION}({', '.join(PARAMETERS)})", functions[0].lineno)
    for statement in tree.body:
        text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not text and not isinstance(
            statement, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.FunctionDef
        ):
            raise Refused("top-level", "only constants, imports and functions at module level", statement.lineno)
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            for node in ast.walk(statement.value):
                if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda):
                    raise Refused("state", "a module constant must be a plain value", statement.lineno)


def _bound(tree: ast.Module) -> None:
    """Every name that is read must be bound in the source or given."""
    known = {"np", "math", *names.BUILTINS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known.add(node.id)
        elif isinstance(node, ast.arg):
            known.add(node.arg)
        elif isinstance(node, ast.FunctionDef):
            known.add(node.name)
        elif isinstance(node, ast.ExceptHandler):
            known.add(node.name or "")
        elif isinstance(node, ast.alias):
            known.add(str(node.asname or node.name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in known:
            raise Refused("name", f"the name {node.id!r} is not defined: np and math are there", node.lineno)
