"""Text of a reply -> the record that was asked for. Whatever a model writes, the host raises Unusable and nothing else."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import ValidationError

from autoreward.llm.types import Reply, storable
from autoreward.records import Record

MOST_READ = 400_000
"""Characters of a reply that are looked at."""
_LANGUAGE = re.compile(r"[\w+-]*")
A = TypeVar("A", bound=Record)


class Unusable(Exception):
    """The reply is not what was asked for; the words are for the model that wrote it."""


def usable_text(reply: Reply) -> str:
    """The reply's text. Raises Unusable if it was cut off, refused, empty or endless."""
    if reply.finish == "refusal":
        raise Unusable("the model refused to answer")
    if reply.finish == "length":
        raise Unusable("the answer was cut off at the token limit: answer more briefly")
    if not reply.text.strip():
        raise Unusable("the answer was empty")
    if len(reply.text) > MOST_READ:
        raise Unusable(f"the answer had {len(reply.text):,} characters, more than the {MOST_READ:,} that are read")
    return reply.text


def parse_record(text: str, kind: type[A]) -> A:
    """The first JSON object in the text that is such a record. Raises Unusable."""
    problem = "there is no JSON object in the answer"
    for piece in _pieces(text):
        try:
            value = _storable(json.loads(piece, parse_constant=_no_constant))
        except (ValueError, RecursionError) as error:
            problem = f"the JSON can't be read: {str(error)[:100]}"
            continue
        try:
            return kind.model_validate(value)
        except (ValidationError, RecursionError) as error:
            problem = _wrong(error)
    raise Unusable(problem)


def code_blocks(text: str) -> list[str]:
    """Python sources in the text: fenced blocks, or the whole text if that is a program."""
    blocks = [body for language, body in _fences(text) if language.lower() in ("", "python", "py", "python3")]
    blocks = [body for body in blocks if "def " in body]
    return blocks if blocks or not _is_program(text) else [text]


def _pieces(text: str) -> Iterator[str]:
    if text.lstrip().startswith("{"):
        yield text
    for language, body in _fences(text):
        if language.lower() in ("json", ""):
            yield body
    first, last = text.find("{"), text.rfind("}")
    if 0 <= first < last:
        yield text[first : last + 1]


def _fences(text: str) -> list[tuple[str, str]]:
    """Language and body of each fenced block; the last one may lack its end. One pass over the lines."""
    blocks: list[tuple[str, str]] = []
    language: str | None = None
    body: list[str] = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        bare = line.strip(" \t\r")
        if language is None:
            if bare.startswith("```") and number < len(lines) - 1:
                # a match of _LANGUAGE is never None: it may be empty
                language, body = _LANGUAGE.match(bare[3:].lstrip(" \t"))[0], []  # type: ignore[index]
        elif bare == "```":
            blocks.append((language, "".join(f"{each}\n" for each in body)))
            language = None
        else:
            body.append(line)
    return blocks if language is None else [*blocks, (language, "\n".join(body))]


def _is_program(text: str) -> bool:
    try:
        return any(isinstance(node, ast.FunctionDef) for node in ast.parse(text[:50_000]).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _storable(value: Any) -> Any:
    """The value with strings that a file can hold: JSON may spell halves of characters."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): _storable(item) for key, item in value.items()}
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _wrong(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "the JSON is nested too deeply"
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the answer"
    return f"{where}: {first['msg']}"
