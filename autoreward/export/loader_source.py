"""Our own code as source for an exported file: a program, actions and what is observed mean there what they mean here."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from importlib import resources
from types import FunctionType, ModuleType
from typing import Any

from autoreward.core.acting import Acting
from autoreward.core.stretch_names import stretch_names, vector_type
from autoreward.rewards.gate.text import plain
from autoreward.sandbox.child.fields import Fields
from autoreward.sandbox.child.memory import Memory
from autoreward.sandbox.child.namespace import fresh
from autoreward.sandbox.child.program import loaded

_OURS = "autoreward."


@cache
def loader() -> str:
    """Python source that defines what is named below, and all that it is made of.

    It needs what `reward.py.j2` imports: NumPy, the standard library and, for making environments, Gymnasium.
    """
    sources: dict[str, str] = {}
    words: dict[str, dict[str, Any]] = {}
    for thing in (Fields, Memory, plain, fresh, loaded, Acting, stretch_names, vector_type):
        _collect(thing, sources, words)
    tables = [_table(name, values) for name, values in sorted(words.items())]
    return "\n\n".join(tables) + "\n\n\n" + "\n\n\n".join([*sources.values(), *_making()])


def _making() -> Iterator[str]:
    """Source of what makes an environment, adapted where that is older. Read and not imported: Gymnasium would be, too."""
    text = resources.files("autoreward.worker.envs").joinpath("older.py").read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield ast.get_source_segment(text, node) or ""


def _collect(thing: Any, sources: dict[str, str], words: dict[str, dict[str, Any]]) -> None:
    """The source of a function or a class, after that of everything of ours that it names.

    Raises TypeError for two things of one name, which one file can't hold.
    """
    source = inspect.getsource(thing).strip()
    if (other := sources.get(thing.__name__)) is not None:
        if other not in ("", source):
            raise TypeError(f"two things are called {thing.__name__}")
        return
    sources[thing.__name__] = ""  # may name itself
    there = vars(sys.modules[thing.__module__])
    for name, attribute in _read(ast.parse(source)):
        value = there.get(name)
        if isinstance(value, ModuleType):
            if attribute and value.__name__.startswith(_OURS):
                words.setdefault(name, {})[attribute] = getattr(value, attribute)
        elif isinstance(value, type | FunctionType):
            if value.__module__.startswith(_OURS):
                _collect(value, sources, words)
        elif isinstance(value, str | int | float | tuple | dict | frozenset):
            line = f"{name} = {_written(value)}"
            if sources.setdefault(name, line) != line:
                raise TypeError(f"two things are called {name}")
    del sources[thing.__name__]
    sources[thing.__name__] = source


def _read(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that are read outside of annotations, each with the attribute that is taken of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr
        elif isinstance(node, ast.Name):
            yield node.id, ""


def _table(module: str, values: dict[str, Any]) -> str:
    """A stand-in for one of our modules of which values alone are read."""
    lines = [f"    {name}={_written(value)}," for name, value in sorted(values.items())]
    return "\n".join([f"{module} = types.SimpleNamespace(", *lines, ")"])


def _written(value: Any) -> str:
    """A value as source; many words in lines. Raises TypeError on what has no such form."""
    if isinstance(value, frozenset) and all(isinstance(word, str) for word in value):
        lines = textwrap.wrap(" ".join(sorted(value)), 110, break_long_words=False)
        return 'frozenset(\n        """' + "\n        ".join(lines) + '""".split()\n    )'
    if isinstance(value, frozenset) and all(isinstance(kind, type) for kind in value):
        return f"frozenset(({', '.join(sorted(map(_type_name, value)))}))"
    if isinstance(value, str | int | float | tuple | dict) and ast.literal_eval(repr(value)) == value:
        return repr(value)
    raise TypeError(f"{value!r} can't be part of an exported file")


def _type_name(kind: type) -> str:
    """A builtin type's or a NumPy type's name as source."""
    return kind.__name__ if kind.__module__ == "builtins" else f"np.{kind.__name__}"
