"""Load a reward program and call it on batches; check and pack what it returns."""

import ast
import types
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.core.contract import MAX_PART_NAME, MAX_PARTS, NATIVE_REWARD, PARAMETERS
from autoreward.core.transitions import Transitions
from autoreward.rewards.gate import allowed, gate
from autoreward.sandbox.child.constants import FixedList
from autoreward.sandbox.child.fields import FIELD, INERT, KIND, OPERAND, OUT, REMAINDER, TYPED, Fields, Typed
from autoreward.sandbox.child.memory import Memory
from autoreward.sandbox.child.namespace import fresh, is_given

FILE = "<reward>"


class ContractBroken(Exception):
    """The answer is not a dict of named arrays of shape (n,), or a module constant can change. `line`: where, if known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class _Plain(ast.NodeTransformer):
    """Drop annotations, and make imports assignments: np and math are given, and typing has no meaning at run time.

    Attributes of what is called `state`, `action` or `next_state`, and those that can only be a field, are read through
    fields.field. An `out` beside a `where` goes through fields.filled, types of arrays through fields.kind and, where they may
    stand unseen, fields.typed, and `%` through fields.remainder.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        """Attributes that are called at once, without a type that was not looked at."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        seen = id(node) in self._seen
        self.generic_visit(node)
        if not seen and _takes_type(node.attr) and not _is_view(node.value):
            return ast.copy_location(_call(TYPED, node.value, ast.Constant(node.attr)), node)
        if not isinstance(node.value, ast.Name) or node.value.id in ("np", "numpy", "math", PARAMETERS[3]):
            return node
        if node.value.id not in PARAMETERS[:3] and node.attr in allowed.METHODS:
            return node
        return ast.copy_location(_call(FIELD, node.value, ast.Constant(node.attr)), node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        plain = not any(isinstance(argument, ast.Starred) for argument in node.args)
        if isinstance(node.func, ast.Attribute) and plain:
            name, count = node.func.attr, len(node.args)
            if name == "astype" and count == 1:
                node.args = [_call(KIND, node.args[0])]
            if (name == "astype" and count <= 1) or (
                name not in allowed.MAKERS and _takes_type(name) and count <= _first_type(name)
            ):
                self._seen.add(id(node.func))
        self.generic_visit(node)
        where = any(keyword.arg == "where" for keyword in node.keywords)
        for keyword in node.keywords:
            if keyword.arg == "out" and where:
                keyword.value = _call(OUT, keyword.value)
            elif keyword.arg == "dtype":
                keyword.value = _call(KIND, keyword.value)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Mod):
            return node
        return ast.copy_location(_call(REMAINDER, node.left, node.right), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        if isinstance(node.op, ast.Mod):
            before = ast.parse(ast.unparse(node.target), mode="eval").body
            node.value = ast.copy_location(_call(OPERAND, before, node.value), node)
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        plain = ast.Assign([node.target], node.value) if node.value else ast.Pass()
        return ast.copy_location(plain, node)

    def visit_Import(self, node: ast.Import) -> Any:
        whole = [(alias, alias.name.partition(".")[0]) for alias in node.names]
        return _assignments(node, [(a.asname or first, _module(a.name if a.asname else first)) for a, first in whole])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        module = _module(node.module or "")
        bound = [(a.asname or a.name, a.name) for a in node.names if node.module != "__future__"]
        inert = node.module in allowed.TYPING
        return _assignments(node, [(name, module if inert else _member(module, imported)) for name, imported in bound])


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _member(module: ast.expr, name: str) -> ast.expr:
    return _call(TYPED, module, ast.Constant(name)) if _takes_type(name) else ast.Attribute(module, name, ast.Load())


def _takes_type(name: str) -> bool:
    return name in allowed.MAKERS or name in allowed.DTYPE_OF_FUNCTIONS or name in allowed.DTYPE_OF_METHODS


def _first_type(name: str) -> int:
    """Arguments that can be given by their place before one of them is a type, whatever has a function of this name."""
    return min(tables[name] for tables in (allowed.DTYPE_OF_FUNCTIONS, allowed.DTYPE_OF_METHODS) if name in tables)


def _is_view(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in PARAMETERS[:3]


def _module(name: str) -> ast.expr:
    """What a module's name means in a loaded program."""
    if name in (*allowed.TYPING, "collections"):
        return ast.Name(INERT, ast.Load())
    package, _, inner = {"numpy": "np", "numpy.linalg": "np.linalg"}.get(name, name).partition(".")
    module = ast.Name(package, ast.Load())
    return ast.Attribute(module, inner, ast.Load()) if inner else module


def _assignments(node: ast.stmt, values: list[tuple[str, ast.expr]]) -> Any:
    new = [(name, value) for name, value in values if not (isinstance(value, ast.Name) and value.id == name)]
    assignments = [ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), node) for name, value in new]
    return assignments or ast.copy_location(ast.Pass(), node)


def loaded(tree: ast.Module, space: dict[str, Any]) -> dict[str, Any]:
    """A fresh namespace once a program's module has run in it, with constants that can't change. Raises what they raise."""
    tree = ast.fix_missing_locations(_Plain().visit(tree))
    bound = [n for s in tree.body if isinstance(s, ast.Assign) for t in s.targets for n in ast.walk(t)]
    lines = {n.id: n.lineno for n in bound if isinstance(n, ast.Name)}
    exec(compile(tree, FILE, "exec", dont_inherit=True), space)  # noqa: S102 - this room exists for this line
    for name, value in space.items():
        if name != "__builtins__":
            space[name] = _constant(name, value, lines.get(name))
    return space


class Program:
    """One loaded candidate."""

    def __init__(self, source: str) -> None:
        """Gate, compile and load. Raises gate.Refused, or whatever the module's constants raise."""
        space = loaded(gate.checked_tree(source), fresh())
        self._function = space[gate.FUNCTION]
        self._names: tuple[str, ...] | None = None
        self._memory: Memory | None = None
        self._aside = Memory(0)

    def forget(self) -> None:
        """Empty the memory, as before the first call."""
        self._memory = None

    def set_aside(self, columns: Sequence[int]) -> None:
        """Keep a copy of these environments' memory as it is now, for `evaluate(again=True)`."""
        self._aside = Memory(len(columns)) if self._memory is None else self._memory.of(columns)

    def evaluate(
        self, batch: Transitions, stepped: bool, again: bool = False
    ) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Part names, and the parts as one array of shape (P, T * n).

        `stepped` calls the program once per time step with its memory; otherwise once on all T * n rows. `again` steps from
        the memory that was set aside, and leaves the program's own as it is.
        """
        steps, envs = batch.shape
        if not stepped:
            return self._call(picked(batch, steps * envs, None), Memory(steps * envs), steps * envs)
        if self._memory is None and not again:
            self._memory = Memory(envs)
        memory = self._aside if again or self._memory is None else self._memory
        columns = []
        for t in range(steps):
            memory.begin(batch.step[t] == 1)
            columns.append(self._call(picked(batch, envs, t), memory, envs)[1])
        return self._names or (), np.concatenate(columns, axis=1)

    def _call(
        self, arguments: dict[str, dict[str, NDArray[Any]]], memory: Memory, rows: int
    ) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        parts = self._function(*(Fields(what, fields) for what, fields in arguments.items()), memory)
        if type(parts) is not dict:
            raise ContractBroken(f"compute_reward must return a dict of named parts, not {type(parts).__name__}")
        names = tuple(parts)
        if names != self._names:
            _check_names(names)
            if self._names is not None:
                raise ContractBroken(f"the parts changed from {list(self._names)} to {list(names)}")
            self._names = names
        return names, np.stack([_column(name, part, rows) for name, part in parts.items()])


def _check_names(names: tuple[Any, ...]) -> None:
    if not 1 <= len(names) <= MAX_PARTS:
        raise ContractBroken(f"return between 1 and {MAX_PARTS} named parts, not {len(names)}")
    for name in names:
        if type(name) is not str or not name.isidentifier() or not name.isascii() or len(name) > MAX_PART_NAME:
            # other things than texts may have no text that could be shown
            shown = f"{name!r:.50}" if type(name) is str else f"a value of type {type(name).__name__}"
            raise ContractBroken(f"a part's name must be a plain word of at most {MAX_PART_NAME} letters, not {shown}")


def _column(name: str, part: Any, rows: int) -> NDArray[np.float64]:
    if not isinstance(part, np.ndarray):
        reduced = "a field of shape (n,) needs no sum, norm or axis=-1, and " if isinstance(part, np.generic) else ""
        advice = f"{reduced}make it from the fields, or with np.full_like(field, value)"
        raise ContractBroken(f"part {name!r} is a {type(part).__name__}, not an array of shape ({rows},): {advice}")
    if part.dtype.kind not in "fiub":
        raise ContractBroken(f"part {name!r} holds {part.dtype}, not real numbers")
    if part.shape != (rows,):
        raise ContractBroken(
            f"part {name!r} has shape {part.shape}, not ({rows},): reduce vectors with .sum(axis=-1) or "
            "np.linalg.norm(..., axis=-1), and work on whole arrays"
        )
    return part.astype(np.float64)


def picked(batch: Transitions, rows: int, t: int | None) -> dict[str, dict[str, NDArray[Any]]]:
    """The fields that `state`, `action` and `next_state` have at one time step; without `t` at all of them, as `rows` rows."""

    def pick(array: NDArray[Any]) -> NDArray[Any]:
        view = array.reshape(rows, *array.shape[2:]) if t is None else array[t]
        view.flags.writeable = False
        return view

    after = {**batch.next_state, "step": batch.step, "terminated": batch.terminated}
    before = {name: array for name, array in batch.state.items() if name != NATIVE_REWARD}  # a step has it, no state
    groups = {"state": before, "action": batch.action, "next_state": after}
    return {what: {name: pick(array) for name, array in fields.items()} for what, fields in groups.items()}


def _constant(name: str, value: Any, line: int | None) -> Any:
    """A module constant that can't carry state from call to call. Raises ContractBroken where there is no such form."""
    try:
        return _frozen(value)
    except _Changes as kind:
        raise ContractBroken(
            f"the module constant {name!r} holds a {kind} that can change between calls: use numbers, texts, "
            "lists, dicts, arrays and plain functions, and memory[...] for what must survive a call",
            line,
        ) from None
    except RecursionError:
        raise ContractBroken(f"the module constant {name!r} is nested too deeply: make it flat", line) from None


class _Changes(Exception):
    """A value of this type can change."""


def _frozen(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return types.MappingProxyType({_frozen(k): _frozen(v) for k, v in value.items()})
    if kind is list:
        return FixedList(map(_frozen, value))
    if kind is tuple:
        return tuple(map(_frozen, value))
    if kind in (set, frozenset):
        return frozenset(map(_frozen, value))
    if kind is slice:
        return slice(*map(_frozen, (value.start, value.stop, value.step)))
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        value.flags.writeable = False
        return value
    if not _unchanging(value):
        raise _Changes(kind.__name__)
    return value


def _unchanging(value: Any) -> bool:
    scalars = (bool, int, float, str, range, np.number, np.bool_, np.finfo)
    if value is None or isinstance(value, scalars) or is_given(value):
        return True
    if isinstance(value, Typed):
        return _unchanging(value.function)
    if isinstance(value, types.FunctionType):
        return not value.__closure__
    # a bound method, such as [].append, holds what it is bound to
    return callable(value) and isinstance(
        getattr(value, "__self__", None), types.NoneType | types.ModuleType | np.ufunc
    )
