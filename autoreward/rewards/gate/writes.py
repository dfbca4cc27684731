"""What a program may write into: its own values and `memory`, never a field or a module constant."""

import ast
from collections.abc import Iterator

from autoreward.core.contract import PARAMETERS
from autoreward.rewards.gate import allowed
from autoreward.rewards.gate.rules import Refused

_MEMORY = PARAMETERS[3]
_WRITES = frozenset("append extend insert pop remove clear update setdefault add discard fill sort".split())
"""Methods that change what they are called on."""
_ARRAYS = frozenset("array asarray zeros ones full zeros_like ones_like full_like eye arange linspace diag".split())


def check_writes(tree: ast.Module) -> None:
    """Raises Refused where a function writes into a field, a module constant, or memory by another name."""
    constants: dict[str, ast.expr | None] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                constants.update(_pairs(target, statement.value))
    for function in tree.body:
        if isinstance(function, ast.FunctionDef):
            _Function(function, constants).check()


class _Function:
    """One function and those within it: what each of its names can only be."""

    def __init__(self, function: ast.FunctionDef, constants: dict[str, ast.expr | None]) -> None:
        self._function = function
        self._constants = constants
        self._bound: dict[str, list[ast.expr | None]] = {}
        paired: set[int] = set()
        for node in ast.walk(function):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    paired |= self._bind(target, node.value)
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
                paired |= self._bind(node.target, node.value)
            elif isinstance(node, ast.AugAssign):
                paired.add(id(node.target))
            elif isinstance(node, ast.arg):
                self._bound.setdefault(node.arg, []).append(None)
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in paired:
                self._bound.setdefault(node.id, []).append(None)
        self._stands_for = {
            name: given[0]
            for name, given in self._bound.items()
            if all(isinstance(g, ast.Name | ast.Attribute) for g in given)
            and len({ast.dump(g) for g in given if g}) == 1
        }

    def _bind(self, target: ast.expr, value: ast.expr | None) -> set[int]:
        for name, given in _pairs(target, value).items():
            self._bound.setdefault(name, []).append(given)
        return {id(node) for node in ast.walk(target)}

    def check(self) -> None:
        """Raises Refused at the first thing written into that must stay as it is."""
        for node, written, in_place in _written(self._function):
            source = self._source(written)
            if isinstance(source, ast.Attribute) and _is_field(source):
                name = written.id if isinstance(written, ast.Name) else "x"
                raise Refused(
                    "input", f"inputs are read-only: work on a copy, {name} = {ast.unparse(source)}.copy()", node.lineno
                )
            if not isinstance(source, ast.Name):
                continue
            renamed = source is not written
            if renamed and source.id == _MEMORY:
                raise Refused("memory", "use memory by its own name: memory[key] = array", node.lineno)
            if self._is_global(source.id) and not (renamed and in_place and not self._mutable(source.id)):
                raise Refused(
                    "state",
                    f"the module constant {source.id!r} can't be changed: use memory[...] for what must survive a call",
                    node.lineno,
                )

    def _source(self, node: ast.expr) -> ast.expr:
        """What a name stands for, through any names between, as far as it can only be that."""
        for _ in range(10):
            given = self._stands_for.get(node.id) if isinstance(node, ast.Name) else None
            if given is None:
                return node
            node = given
        return node

    def _is_global(self, name: str) -> bool:
        return name in self._constants and name not in self._bound

    def _mutable(self, name: str) -> bool:
        """Whether `x += 1` on another name of the constant would change the constant itself."""
        value = self._constants[name]
        new_array = isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _ARRAYS
        return new_array or isinstance(value, ast.List | ast.Dict | ast.Set)


def _written(function: ast.FunctionDef) -> Iterator[tuple[ast.expr | ast.stmt, ast.expr, bool]]:
    """The places that write: the node, the name or attribute written into, and whether by `x += 1`."""
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            yield node, _root(node), False
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node, node.target, True
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in _WRITES:
                yield node, _root(node.func.value), False
            for keyword in node.keywords:
                if keyword.arg == "out":
                    yield node, keyword.value, False


def _root(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Subscript):
        node = node.value
    return node


def _pairs(target: ast.expr, value: ast.expr | None) -> dict[str, ast.expr | None]:
    """The names that an assignment binds, each with its value where that can be told."""
    if isinstance(target, ast.Name):
        return {target.id: value}
    if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        starred = any(isinstance(e, ast.Starred) for e in (*target.elts, *value.elts))
        if not starred and len(target.elts) == len(value.elts):
            bound: dict[str, ast.expr | None] = {}
            for one, given in zip(target.elts, value.elts, strict=True):
                bound |= _pairs(one, given)
            return bound
    return {n.id: None for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _is_field(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in PARAMETERS[:3] and node.attr not in allowed.METHODS
