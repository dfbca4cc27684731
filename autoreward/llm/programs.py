"""A program as a model spells it in a reply -> its source: lines in a list, fences, and letters that only look like Python's."""

import ast
import html
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from autoreward.llm.parsing import code_blocks
from autoreward.rewards.gate.gate import is_python

_LONGEST = 40_000
"""Characters of a source that are kept, twice what the gate takes: too long ones stay too long, and it says so."""
_LOOKALIKES = str.maketrans(
    {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'", "\u2212": "-", "\u2013": "-", "\u00d7": "*",
     "\u00b7": "*", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u200b": "",
     "\ufeff": ""}
)  # fmt: skip
"""Quotes, signs and spaces of printed text."""
_ESCAPE = re.compile(r"\\(n|t|r|\"|'|\\)")
_ESCAPES = {"n": "\n", "t": "    ", "r": ""}
_CODE = re.compile(r"def |lambda")
"""What no source is without, and a sentence in place of one is."""


def program_source(written: Any) -> str:
    """The source in what a model gave as one. Raises ValueError if it is no text, or a sentence that says where one would be."""
    if isinstance(written, list) and all(isinstance(line, str) for line in written):
        written = "\n".join(line.rstrip("\r\n") for line in written)
    if not isinstance(written, str):
        raise ValueError("write the program as one string")
    text = written[: 2 * _LONGEST].replace("\r\n", "\n")
    blocks = code_blocks(text) if "```" in text or "~~~" in text else []
    source = max(blocks, key=len) if blocks else text
    if not _CODE.search(source) and not source.strip().isidentifier():
        raise ValueError("there is no program in it: write the whole Python source")
    return _readable(source.strip("\n"))[:_LONGEST].rstrip() + "\n"


def _readable(source: str) -> str:
    """The first way to read it that is Python; as it is if none is."""
    mended = source
    for mend in (None, *_MENDS):
        mended = mend(mended) if mend else mended
        if is_python(mended) and any(isinstance(statement, ast.FunctionDef) for statement in ast.parse(mended).body):
            return mended
    return source


def _unescaped(source: str) -> str:
    """A string of JSON within a string of JSON; a source of several lines has none of its own that it needs."""
    if "\n" in source.strip() or "\\n" not in source:
        return source
    return _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[1]), source)


def _without_prompts(source: str) -> str:
    """Without what an interpreter or an editor writes before each line."""
    lines = source.split("\n")
    for before in (r"(?:>>>|\.\.\.)(?: |$)", r" {0,4}\d{1,3}(?:[:|.]? {1,2}|[:|.]?$|\t)"):
        if all(re.match(before, line) for line in lines if line.strip()):
            return "\n".join(re.sub(f"^{before}", "", line) for line in lines)
    return source


_MENDS: tuple[Callable[[str], str], ...] = (
    _unescaped,
    textwrap.dedent,
    _without_prompts,
    html.unescape,
    lambda source: source.translate(_LOOKALIKES),
)
"""One after the other, each on what the one before it has made."""


def docstring(source: str, function: str) -> str:
    """What a function says of itself; empty if nothing, or if the source is no Python."""
    if not is_python(source):
        return ""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return ast.get_docstring(node) or ""
    return ""


def with_constants(source: str, constants: Mapping[str, float]) -> str:
    """The program with those constants of its task above it that it reads and defines nowhere; as it is if it is no Python.

    Models read them in the prompt and take them for given; a program that is kept must have them, since it also runs alone.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return source
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    read = {node.id for node in names} - bound
    head = "".join(f"{name} = {value!r}\n" for name, value in constants.items() if name in read)
    if not head:
        return source
    lines = source.splitlines(keepends=True)
    after = tree.body[0].end_lineno or 0 if ast.get_docstring(tree) is not None else 0
    return "".join([*lines[:after], "\n" * bool(after), head, "\n\n", *lines[after:]])
