"""The gate: which source may be loaded. An allow-list of syntax, names and attributes, with advice for each refusal.

It filters and explains; it is not the wall. The wall is the process around the program (see lock.py).
"""

import ast
import builtins
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from autoreward.core.contract import PARAMETERS
from autoreward.rewards.gate import allowed, text, writes
from autoreward.rewards.gate.rules import RULES, Problem, Refused

MAX_NODES = 4_000
MAX_DEPTH = 30
FUNCTION = "compute_reward"
_QUIET = threading.Lock()
"""Warning filters belong to the whole process, and candidates are examined in threads."""

_NODES = frozenset(
    getattr(ast, name)
    for name in """Module FunctionDef arguments arg Return Assign AugAssign AnnAssign For If Raise Try ExceptHandler
    Assert Import ImportFrom alias Expr Pass Break Continue While BoolOp NamedExpr BinOp UnaryOp Lambda IfExp Dict Set
    ListComp SetComp DictComp GeneratorExp comprehension Compare Call JoinedStr FormattedValue Constant Attribute
    Subscript Starred Name List Tuple Slice keyword Load Store And Or Add Sub Mult MatMult Div Mod Pow FloorDiv BitOr
    BitXor BitAnd Invert Not UAdd USub Eq NotEq Lt LtE Gt GtE Is IsNot In NotIn""".split()
)


def is_python(source: str) -> bool:
    """Whether it can be parsed at all, within the limits on a program's text."""
    source = text.plain(source)
    try:
        return text.check_text(source) and bool(_parsed(source).body)
    except Refused:
        return False


@dataclass(frozen=True)
class Examined:
    """What the gate found. The program may be loaded if there is no problem."""

    problems: tuple[Problem, ...]
    uses_memory: bool


def examine(source: str) -> Examined:
    """Examine a program's source without running it."""
    try:
        tree = checked_tree(source)
        _compiles(tree)
    except Refused as refused:
        return Examined((refused.problem,), uses_memory=False)
    memory = any(isinstance(n, ast.Name) and n.id == PARAMETERS[3] for n in ast.walk(tree))
    return Examined((), memory)


def checked_tree(source: str) -> ast.Module:
    """Parse and check a program. Raises Refused with the first thing wrong."""
    source = text.plain(source)
    whole = text.check_text(source)
    tree = _parsed(source)
    if not whole:
        raise Refused("syntax", "the source is not valid Python: write it again")
    _walk(tree)
    _top_level(tree)
    _bound(tree)
    writes.check_writes(tree)
    return tree


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Python's warnings, of escapes such as "\\d": the person's terminal is no place for them."""
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _parsed(source: str) -> ast.Module:
    try:
        with _quiet():
            return ast.parse(source)
    except SyntaxError as error:
        raise Refused("syntax", f"the source is not valid Python: {error.msg}", error.lineno) from None
    except (RecursionError, MemoryError, ValueError) as error:
        raise Refused("syntax", f"the source can't be parsed ({type(error).__name__}): make it smaller") from None


def _compiles(tree: ast.Module) -> None:
    """What the compiler alone sees, such as `break` outside a loop. A room compiles its own form of the tree."""
    try:
        with _quiet():
            compile(tree, "<reward>", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise Refused("syntax", f"the source is not valid Python: {error.msg}", error.lineno) from None
    except (RecursionError, MemoryError, ValueError) as error:
        raise Refused("syntax", f"the source can't be compiled ({type(error).__name__}): make it smaller") from None


def _walk(tree: ast.Module) -> None:
    stack: list[tuple[ast.AST, int, int | None]] = [(tree, 0, None)]
    count = 0
    while stack:
        node, depth, around = stack.pop()
        count += 1
        line = getattr(node, "lineno", around)  # operators have no line of their own
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise Refused("size", "the program is too large or nested too deeply: split it into steps", line)
        if type(node) not in _NODES:
            kind = type(node).__name__
            raise Refused(
                "syntax", f"{kind} is not part of reward programs: {allowed.INSTEAD.get(kind, 'leave it out')}", line
            )
        if (rule := RULES.get(type(node))) is not None:
            rule(node, line)
        stack.extend((child, depth + 1, line) for child in ast.iter_child_nodes(node))


def _top_level(tree: ast.Module) -> None:
    defined = [s for s in tree.body if isinstance(s, ast.FunctionDef)]
    functions = [s for s in defined if s.name == FUNCTION]
    if len(functions) != 1:
        near = functions[1:] or defined[-1:]
        raise Refused(
            "signature", f"define one function {FUNCTION}({', '.join(PARAMETERS)})", near[0].lineno if near else None
        )
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
        if not isinstance(statement, ast.FunctionDef) and FUNCTION in _bound_by(statement):
            raise Refused("signature", f"{FUNCTION} is the function alone: use another name", statement.lineno)
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            for node in ast.walk(statement.value):
                if isinstance(node, ast.Lambda):
                    raise Refused("state", "write a function of the module with def, not lambda", node.lineno)
                if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
                    raise Refused("state", "a module constant must be a plain value: write it out", node.lineno)


def _bound_by(tree: ast.AST) -> set[str]:
    """Every name that is bound somewhere in it."""
    bound = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.FunctionDef):
            bound.add(node.name)
        elif isinstance(node, ast.ExceptHandler):
            bound.add(node.name or "")
        elif isinstance(node, ast.alias):
            bound.add(str(node.asname or node.name))
    return bound


def _bound(tree: ast.Module) -> None:
    """Every name that is read must be bound in the source or given."""
    known = {"np", "math", *allowed.BUILTINS, *_bound_by(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in known:
            if hasattr(builtins, node.id):
                instead = allowed.PYTHON.get(node.id, "use np, math and plain arithmetic")
                raise Refused("name", f"{node.id!r} is not available here: {instead}", node.lineno)
            raise Refused("name", f"the name {node.id!r} is not defined: np and math are there", node.lineno)
