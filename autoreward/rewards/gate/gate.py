"""The gate: which source may be loaded. An allow-list of syntax, names and attributes, with advice for each refusal.

It filters and explains; it is not the wall. The wall is the process around the program (see lock.py).
"""

import ast
import builtins
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from autoreward.core.contract import PARAMETERS, REWARD_SIGNATURE, Signature
from autoreward.records import PartRole
from autoreward.rewards.gate import allowed, text, writes
from autoreward.rewards.gate.roles import cap, roles, stated_problems
from autoreward.rewards.gate.rules import RULES, Problem, Refused, demand_unbound
from autoreward.rewards.gate.slips import Known, slips, undefined
from autoreward.rewards.gate.together import together

MAX_NODES = 4_000
MAX_DEPTH = 30
FUNCTION = REWARD_SIGNATURE.function
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
    slips: tuple[Problem, ...] = ()
    """What will fail if it is reached when the program is asked; none where that was not looked at, or there are problems."""
    roles: Mapping[str, PartRole] = field(default_factory=dict)
    """What it says that its parts are for."""
    cap: float | None = None
    """What it says that any dense part may add to an episode."""


def examine(source: str, known: Known | None = None, signature: Signature = REWARD_SIGNATURE) -> Examined:
    """Examine a program's source without running it: everything that is wrong with it, as far as its text can be read.

    `known`: what its task gives to it; None: that is not looked at. `signature`: of a reward, or of a controller.
    """
    tree, problems = _examined(source, signature)
    found: list[Problem] = []
    if known is not None and tree is not None and _whole(tree, signature) is not None:
        problems = _with_constants(problems, known)
        found = slips(tree, known)
    if tree is None or problems:
        return Examined(together([*problems, *found]), uses_memory=False)
    memory = any(isinstance(n, ast.Name) and n.id == PARAMETERS[3] for n in ast.walk(tree))
    return Examined((), memory, together(found), roles(tree), cap(tree))


def checked_tree(source: str, signature: Signature = REWARD_SIGNATURE) -> ast.Module:
    """Parse and check a program. Raises Refused with the first thing wrong."""
    tree, problems = _examined(source, signature)
    if tree is None or problems:
        raise Refused(*problems[0])
    return tree


def _examined(source: str, signature: Signature) -> tuple[ast.Module | None, list[Problem]]:
    """The tree, None if there is none that can be walked, and what is wrong with the program."""
    try:
        source = text.plain(source)
        whole = text.check_text(source)
        tree = _parsed(source)
        if not whole:
            raise Refused("syntax", "the source is not valid Python: write it again")
        problems = list(_walk(tree, signature))
    except Refused as refused:
        return None, [refused.problem]
    problems += [*_top_level(tree, signature), *stated_problems(tree), *_bound(tree)]
    for check in (writes.check_writes, *(() if problems else (_compiles,))):
        try:
            check(tree)
        except Refused as refused:
            problems.append(refused.problem)
    return tree, problems


def _with_constants(problems: Sequence[Problem], known: Known) -> list[Problem]:
    return [undefined(p, p.message.split("'")[1], known.constants) if p.rule == "name" else p for p in problems]


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


def _walk(tree: ast.Module, signature: Signature) -> Iterator[Problem]:
    """What is wrong with single nodes. Raises Refused where there are too many of them."""
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
            instead = allowed.INSTEAD.get(kind, "leave it out")
            yield Problem("syntax", f"{kind} is not part of reward programs: {instead}", line)
            continue
        if (rule := RULES.get(type(node))) is not None:
            try:
                rule(node, line)
                demand_unbound(node, signature.parameters, line)
            except Refused as refused:
                yield refused.problem
                continue  # what is within it may be the same fault
        stack.extend((child, depth + 1, line) for child in ast.iter_child_nodes(node))


def _whole(tree: ast.Module, signature: Signature) -> ast.FunctionDef | None:
    """The program's one function of that name, None if there is none or several."""
    functions = [s for s in tree.body if isinstance(s, ast.FunctionDef) and s.name == signature.function]
    return functions[0] if len(functions) == 1 else None


def _top_level(tree: ast.Module, signature: Signature) -> Iterator[Problem]:
    defined = [s for s in tree.body if isinstance(s, ast.FunctionDef)]
    function, whole = _whole(tree, signature), f"{signature.function}({', '.join(signature.parameters)})"
    if any(type(s) not in _NODES for s in tree.body):
        return  # said already
    if function is None:
        near = [s for s in defined if s.name == signature.function][1:] or defined[-1:]
        line = near[0].lineno if near else None
        yield Problem("signature", f"define one function {whole}", line)
        return
    arguments = function.args
    plain = not (arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs)
    if [a.arg for a in arguments.args] != list(signature.parameters) or arguments.defaults or not plain:
        yield Problem("signature", f"the signature must be {whole}", function.lineno)
    for statement in tree.body:
        if (problem := _statement(statement, signature.function)) is not None:
            yield problem


def _statement(statement: ast.stmt, function: str) -> Problem | None:
    """What is wrong with a statement of the module."""
    text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    if not text and not isinstance(
        statement, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.FunctionDef
    ):
        return Problem("top-level", "only constants, imports and functions at module level", statement.lineno)
    if not isinstance(statement, ast.FunctionDef) and function in _bound_by(statement):
        return Problem("signature", f"{function} is the function alone: use another name", statement.lineno)
    if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
        for node in ast.walk(statement.value):
            if isinstance(node, ast.Lambda):
                return Problem("state", "write a function of the module with def, not lambda", node.lineno)
            if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
                return Problem("state", "a module constant must be a plain value: write it out", node.lineno)
    return None


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


def _bound(tree: ast.Module) -> Iterator[Problem]:
    """Every name that is read must be bound in the source or given."""
    known = {"np", "math", *allowed.BUILTINS, *_bound_by(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in known:
            if hasattr(builtins, node.id):
                instead = allowed.PYTHON.get(node.id, "use np, math and plain arithmetic")
                yield Problem("name", f"{node.id!r} is not available here: {instead}", node.lineno)
            else:
                yield Problem("name", f"the name {node.id!r} is not defined: np and math are there", node.lineno)
