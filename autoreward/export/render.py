"""How values get into the files of an export: one form for each language, put on where they are written.

Templates can't forget it: what a template of Python writes is a literal, and what one of Markdown writes is plain words, unless it
was made here as something else. A Python file is parsed again, and its tree must be the template's with the values in their places.
"""

import ast
import keyword
import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from autoreward.core.visible import hidden, visible
from autoreward.errors import UsageError

_MARKS = re.compile(r"([\\`*_\[\]<>|!#~$&])")
"""What means something wherever it stands; parentheses do after a bracket alone."""
_PLACE = re.compile(r"_value_(\d+)_")
"""Where a value goes in a template of Python."""


class NotWritable(UsageError):
    """Something of a run can't be written into the files that people take away."""


class SourceText(str):
    """Python source of our own that has no value of anybody in it."""

    __slots__ = ()


class Formula(str):
    """An expression in Python: one of a task card, as the formula language prints it."""

    __slots__ = ()


class Word(str):
    """A plain name in Python."""

    __slots__ = ()

    def __new__(cls, text: str) -> "Word":
        """Raises NotWritable unless it is one."""
        if not text.isidentifier() or not text.isascii() or keyword.iskeyword(text):
            raise NotWritable(f"{text!r} is not a plain name, so it can't stand in an exported file.")
        return super().__new__(cls, text)


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def shown(text: str) -> str:
    """Words for people, without control, invisible and direction characters."""
    return visible(text).replace("\t", " ").strip()


def one_line(text: str) -> str:
    """The same in one line."""
    return " ".join(shown(text).split())


def literal(value: Any) -> str:
    """A value as a Python literal; texts of several lines in three quotes. Raises NotWritable on what has no such form."""
    if type(value) is str:
        written = _quoted(value)
    elif type(value) is float and not math.isfinite(value):
        return f"float({str(value)!r})"
    elif value is None or type(value) in (bool, int, float):
        written = repr(value)
    elif type(value) in (list, tuple):
        inner = ", ".join(map(literal, value))
        return f"[{inner}]" if type(value) is list else f"({inner}{',' if len(value) == 1 else ''})"
    elif type(value) is dict and all(type(key) is str for key in value):
        return "{" + ", ".join(f"{literal(key)}: {literal(inner)}" for key, inner in value.items()) + "}"
    else:
        raise NotWritable(
            f"{type(value).__name__} values, such as {value!r:.60}, can't be written into an exported file."
        )
    if ast.literal_eval(written) != value:
        raise NotWritable(f"{value!r:.60} can't be written into an exported file.")
    return written


def _quoted(text: str) -> str:
    lines = "\n" in text
    pieces = []
    for letter, following in zip(text, text[1:] + '"', strict=False):
        if letter == "\\" or (letter == '"' and (following == '"' or not lines)):
            pieces.append("\\" + letter)
        elif not hidden(letter, "\n"):
            pieces.append(letter)
        else:
            pieces.append(letter.encode("unicode_escape").decode())
    quotes = '"""' if lines else '"'
    return quotes + "".join(pieces) + quotes


def python(template: str, **values: Any) -> str:
    """A file of Python from a template.

    Raises:
        NotWritable: a value has no form in Python, or the file would not be the template with the values in their places.
    """
    put: list[str] = []

    def place(value: Any) -> Any:
        if isinstance(value, SourceText | Word):
            return value
        put.append(value if isinstance(value, Formula) else literal(value))
        return f"_value_{len(put) - 1}_"

    frame = _render(template, place, values)
    text = _PLACE.sub(lambda match: put[int(match[1])], frame)
    try:
        filling = [ast.parse(value, mode="eval").body for value in put]
        same = _is_filled(ast.parse(frame), ast.parse(text), filling)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotWritable(f"{template.removesuffix('.j2')} can't be written: {error}.") from None
    if not same:
        raise NotWritable(
            f"{template.removesuffix('.j2')} would hold more than values of this run, so it is not written."
        )
    return text


def _is_filled(frame: Any, text: Any, values: Sequence[ast.expr]) -> bool:
    """Whether a tree, or a part of one, is the template's with the values in their places; values have no places in them."""
    if isinstance(frame, ast.Name) and values and (match := _PLACE.fullmatch(frame.id)):
        return _is_filled(values[int(match[1])], text, ())
    if isinstance(frame, ast.AST):
        return type(frame) is type(text) and all(
            _is_filled(getattr(frame, name, None), getattr(text, name, None), values) for name in frame._fields
        )
    if isinstance(frame, list):
        return (
            isinstance(text, list)
            and len(frame) == len(text)
            and all(_is_filled(one, other, values) for one, other in zip(frame, text, strict=True))
        )
    return repr(frame) == repr(text)  # 1, 1.0 and True are equal


def markdown(template: str, **values: Any) -> str:
    """A file of Markdown from a template: no value in it is a link, an image, a page's code or the start of a block."""
    return _render(template, lambda value: value if isinstance(value, Markdown) else plain_markdown(str(value)), values)


def plain_markdown(text: str) -> Markdown:
    """Words in Markdown that stay words, in one line."""
    marked = _MARKS.sub(r"\\\1", one_line(text)).replace("@", "\\[at\\]")
    marked = re.sub(r"(?i)(\w):(?=\S)", r"\1\\:", marked)
    marked = re.sub(r"(?i)\b(www)\.", r"\1\\.", marked)
    return Markdown(re.sub(r"^([-+=]|\d+(?=[.)](?:\s|$)))", lambda at: _escaped_start(at[1]), marked))


def _escaped_start(start: str) -> str:
    return f"\\{start}" if start in "-+=" else f"{start}\\"


def code(text: str) -> Markdown:
    """Words in Markdown as code, in one line."""
    words = one_line(text).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", words)), default=0) + 1)
    edge = " " if words[:1] == "`" or words[-1:] == "`" or not words else ""
    return Markdown(f"{fence}{edge}{words}{edge}{fence}")


def toml(text: str) -> str:
    """Words as a string in TOML, in one line."""
    return '"' + one_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def slug(text: str) -> str:
    """A name that a package may have."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-")[:80].strip("-") or "task"


def _render(template: str, finalize: Callable[[Any], Any], values: Mapping[str, Any]) -> str:
    environment = Environment(
        loader=PackageLoader("autoreward.export", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Python and Markdown, not HTML: `finalize` escapes
        finalize=finalize,
    )
    return environment.get_template(template).render(values)
