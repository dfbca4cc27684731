"""The gate: which source may be loaded. An allow-list of syntax, names and attributes, with advice for each refusal.

It filters and explains; it is not the wall. The wall is the process around the program (see lock.py).
"""

import ast
import re
from dataclasses import dataclass

from autoreward.contract import PARAMETERS
from autoreward.jail import names
from autoreward.jail.rules import RULES, Problem, Refused

MAX_CHARACTERS = 20_000
MAX_LINES = 500
MAX_NODES = 4_000
MAX_DEPTH = 30
MAX_BRACKETS = 40
FUNCTION = "compute_reward"

_NODES = tuple(
    getattr(ast, name)
    for name in """Module FunctionDef arguments arg Return Assign AugAssign AnnAssign For If Raise Try ExceptHandler
    Assert Import ImportFrom alias Expr Pass Break Continue While BoolOp NamedExpr BinOp UnaryOp Lambda IfExp Dict Set
    ListComp SetComp DictComp GeneratorExp comprehension Compare Call JoinedStr FormattedValue Constant Attribute
    Subscript Starred Name List Tuple Slice keyword Load Store And Or Add Sub Mult MatMult Div Mod Pow FloorDiv BitOr
    BitXor BitAnd Invert Not UAdd USub Eq NotEq Lt LtE Gt GtE Is IsNot In NotIn""".split()
)


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
    _unchanged(tree)
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
        if (rule := RULES.get(type(node))) is not None:
            rule(node, line)
        stack.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


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


def _unchanged(tree: ast.Module) -> None:
    """No function may write into a module constant."""
    constants = {
        n.id
        for s in tree.body
        if isinstance(s, ast.Assign | ast.AnnAssign)
        for n in ast.walk(s)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    for function in (s for s in tree.body if isinstance(s, ast.FunctionDef)):
        own = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        own |= {n.arg for n in ast.walk(function) if isinstance(n, ast.arg)}
        for node in ast.walk(function):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                base: ast.expr = node
                while isinstance(base, ast.Subscript):
                    base = base.value
                if isinstance(base, ast.Name) and base.id in constants - own:
                    raise Refused(
                        "state",
                        f"the module constant {base.id!r} can't be changed: use memory[...] for what must survive a call",
                        node.lineno,
                    )
