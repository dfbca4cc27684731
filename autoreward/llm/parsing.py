"""Text of a reply -> the record that was asked for. Whatever a model writes, the host raises Unusable and nothing else."""

import ast
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypeVar, get_args

from pydantic import BeforeValidator, ValidationError, model_validator

from autoreward.llm.lenient import fenced_blocks, only_thought, readings, without_thinking
from autoreward.llm.types import Reply
from autoreward.records import Record

MOST_READ = 400_000
"""Characters of a reply that are looked at."""
_MOST_LEVELS = 4
"""Levels of tables around an answer that are looked through."""
_MOST_ELEMENTS = 100
_CALLS = ("arguments", "parameters", "input")
"""What holds the answer where it was written as the call of a tool."""
A = TypeVar("A", bound=Record)


def _words(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return str(value) if isinstance(value, int | float) else value


Words = Annotated[str, BeforeValidator(_words)]
"""A text, however it is given: as several, or as a number."""
CUT_OFF = "the answer was cut off at the token limit: answer more briefly"


class Unusable(Exception):
    """The reply is not what was asked for; the words are for the model that wrote it."""


class ModelAnswer(Record):
    """What a model is asked for. What it adds is left out, and what it leaves out has its usual value, if there is one."""

    usual: ClassVar[Mapping[str, Any]] = {}
    """By name of the field."""
    also: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """What models call a field instead."""

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        written = {str(key).strip().lower(): inner for key, inner in value.items()}
        fields = dict(cls.usual)
        for name in cls.model_fields:
            found = [written[key] for key in (name, *cls.also.get(name, ())) if key in written]
            given = next((inner for inner in found if inner is not None), None)
            if given is not None or (found and name not in fields):
                fields[name] = given
        return fields


def usable_text(reply: Reply) -> str:
    """The reply's text, without what was thought aloud. Raises Unusable if it was refused, is empty or endless."""
    if reply.finish == "refusal":
        raise Unusable("the model refused to answer")
    if reply.finish == "length" and (only_thought(reply.text) or not reply.text.strip()):
        raise Unusable("the answer was cut off at the token limit before it began: think less, and answer more briefly")
    if not reply.text.strip():
        raise Unusable("the answer was empty")
    if len(reply.text) > MOST_READ:
        raise Unusable(f"the answer had {len(reply.text):,} characters, more than the {MOST_READ:,} that are read")
    text = without_thinking(reply.text)
    if not text.strip():
        raise Unusable("there is nothing after the thinking: answer in the form that was asked for")
    return text


def parse_record(
    text: str,
    kind: type[A],
    cut: bool = False,
    tell: Callable[[str], None] = lambda line: None,
    mended: bool = True,
) -> A:
    """The record in a text; of several readings the one with most elements, and of those alike the most exact.

    Args:
        text: what was answered.
        kind: what was asked for. Of an `ModelAnswer` that is one list, the elements that are whole are enough.
        cut: the text ends before its end.
        tell: told what was left out.
        mended: also what is JSON only once it is mended.

    Raises:
        Unusable: there is none.
    """
    problem = "there is no JSON object in the answer"
    best: tuple[int, A, list[str]] | None = None
    for values in readings(text, cut, mended):
        left_out: list[str] = []
        try:
            record, count = _record(values, kind, left_out)
        except Unusable as unusable:
            problem = str(unusable) if problem.startswith("there is no") else problem
            continue
        if best is None or count > best[0]:
            best = count, record, left_out
        if not count:
            break
    if best is None:
        raise Unusable(problem)
    for line in best[2]:
        tell(line)
    return best[1]


def code_blocks(text: str, cut: bool = False) -> list[str]:
    """Python sources in the text: fenced blocks, or what of it is a program. `cut`: the text ends before its end."""
    fences = fenced_blocks(text)
    if not fences:
        return [] if cut else _bare_program(text)
    whole = [block.body for block in fences if block.closed or not cut]
    return [body for body in whole if "def " in body and body.lstrip()[:1] not in ("{", "[")]


def _record(values: Sequence[Any], kind: type[A], left_out: list[str]) -> tuple[A, int]:
    """The record that is in the values, and how many elements of a list it has; 0 if it is none. Raises Unusable."""
    place = _list_of(kind)
    if place is None:
        return _first_whole(values, kind), 0
    name, element = place
    groups = [(value, items) for value in values if (items := _elements(value, name, element)) is not None]
    if not groups:
        raise Unusable(f"there is no {name!r} in the JSON of the answer")
    if all(len(items) == 1 for _, items in groups):
        groups = [(groups[-1][0], [item for _, items in groups for item in items])]
    read = [(value, *_checked(items, name, element)) for value, items in groups]
    value, items, wrong = max(reversed(read), key=lambda one: len(one[1]))
    if wrong and not items:
        raise Unusable(wrong[0])
    left_out += wrong
    rest = {key: inner for key, inner in value.items() if key != name} if isinstance(value, dict) else {}
    for more in (rest, {}):
        try:
            return kind.model_validate({**more, name: items}), len(items)
        except (ValidationError, RecursionError) as error:
            left_out.append(_wrong(error))
    raise Unusable(left_out[-1])


def _list_of(kind: type[Record]) -> tuple[str, type[Record]] | None:
    """The one field that an answer can't be without, if that is a list of answers; and their kind."""
    needed = [name for name in kind.model_fields if name not in getattr(kind, "usual", {})]
    inner = get_args(kind.model_fields[needed[0]].annotation) if len(needed) == 1 else ()
    return (needed[0], inner[0]) if inner and isinstance(inner[0], type) and issubclass(inner[0], ModelAnswer) else None


def _first_whole(values: Sequence[Any], kind: type[A]) -> A:
    """The last value, or what is within one, that is such a record. Raises Unusable."""
    wrong = ""
    waiting, level = list(reversed(values)), 0
    while waiting and level < _MOST_LEVELS:
        for value in waiting:
            try:
                return kind.model_validate(value)
            except (ValidationError, RecursionError) as error:
                wrong = wrong or _wrong(error)
        waiting, level = [inner for value in waiting for inner in _within(value)], level + 1
    raise Unusable(wrong or "there is no JSON object in the answer")


def _elements(value: Any, name: str, element: type[Record], level: int = 0) -> list[Any] | None:
    """What a value holds of a list of elements: in the list, in a table by their ids, alone, or deeper within. None: nothing."""
    if isinstance(value, list):
        found = [_elements(inner, name, element, level + 1) for inner in value[:_MOST_ELEMENTS]] if level < 2 else []
        return [item for items in found if items is not None for item in items] if any(found) else None
    if not isinstance(value, dict) or level > _MOST_LEVELS:
        return None
    by_name = {str(key).strip().lower(): inner for key, inner in value.items()}
    if isinstance(inner := by_name.get(name), list):
        return inner[:_MOST_ELEMENTS]
    if _is_such(value, element):
        return [value]
    tables = inner if isinstance(inner, dict) else value
    if _is_such(tables, element):
        return [tables]
    if found := [one for key, each in tables.items() if _is_such(one := _under(key, each, dict), element)]:
        return found
    for deeper in _within(value):
        if (items := _elements(deeper, name, element, level + 1)) is not None:
            return items
    return [one for key, each in tables.items() if _is_such(one := _under(key, each, str), element)] or None


def _under(key: str, value: Any, kind: type) -> Any:
    """An element that stands under its id, as a table or as a program alone; None if it is another kind of thing."""
    if not isinstance(value, kind) or (isinstance(value, str) and "def " not in value):
        return None
    return {"id": key, **value} if isinstance(value, dict) else {"id": key, "source": value}


def _is_such(value: Any, element: type[Record]) -> bool:
    try:
        element.model_validate(value)
    except (ValidationError, RecursionError):
        return False
    return True


def _checked(items: Sequence[Any], name: str, element: type[Record]) -> tuple[list[Any], list[str]]:
    """The elements that are such records, and what is wrong with the others."""
    whole: list[Any] = []
    wrong: list[str] = []
    for number, item in enumerate(items):
        try:
            whole.append(element.model_validate(_as_table(item)))
        except (ValidationError, RecursionError) as error:
            wrong.append(f"{name}.{number}.{_wrong(error)}")
    return whole, wrong


def _as_table(item: Any) -> Any:
    """An element that is given as a text: JSON's, or a program alone."""
    if not isinstance(item, str):
        return item
    values = next(readings(item), ()) if item.lstrip().startswith("{") else ()
    return values[0] if values else {"source": item}


def _within(value: Any) -> Iterator[Any]:
    """The tables and lists in a table; of a tool's call also those that its arguments are the text of."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        if isinstance(inner, dict | list):
            yield inner
        elif isinstance(inner, str) and str(key).lower() in _CALLS:
            yield from next(readings(inner), ())


def _bare_program(text: str) -> list[str]:
    """The text if it is a program, else the program between its paragraphs, as a list of one or none."""
    if _is_program(text):
        return [text]
    lines = text.split("\n")
    begin = next((i for i, line in enumerate(lines) if line.startswith(("def ", "import ", "from "))), None)
    if begin is None:
        return []
    ends = [i for i in range(begin, len(lines)) if lines[i].startswith((" ", "\t")) and lines[i].strip()]
    piece = "\n".join(lines[begin : ends[-1] + 1] if ends else [])
    return [f"{piece}\n"] if _is_program(piece) else []


def _is_program(text: str) -> bool:
    try:
        return any(isinstance(node, ast.FunctionDef) for node in ast.parse(text[:50_000]).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _wrong(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "the JSON is nested too deeply"
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the answer"
    given = first["input"]
    shown = f", not {json.dumps(given)}" if isinstance(given, int | float) else ""
    return f"{where}: {first['msg']}{shown}"
