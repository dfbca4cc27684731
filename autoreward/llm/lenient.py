"""The JSON values in a text, however a model has written them down: exactly where they are exact, else as json-repair mends them.

What was thought aloud is left out first. Work grows with the length of the text, and no text raises anything.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from autoreward.llm.types import storable

_MOST_VALUES = 1_000
"""Values, and places where one could begin, that are looked at."""
_MOST_MENDED = 100_000
"""Characters of a text that is no JSON which are mended: 20,000 to 30,000 tokens, more than an answer may have."""
_THOUGHT = re.compile(
    r"<(/?)(think|thinking|thought|reasoning|reflection|scratchpad|analysis)>|\[(/?)(THINK)\]"
    r"|<\|channel\|>(\w+)(?:[^<\n]|<\|constrain\|>)*<\|message\|>",
    re.IGNORECASE,
)
"""Where thinking begins and ends: the tags of most open models, those of Mistral, and the channels of gpt-oss."""
_CONTROL = re.compile(r"<\|(?:start|end|return|message|channel|im_start|im_end|eot_id|endoftext|call)\|>")
_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*([^`\r\n]*)")
_BEGIN = re.compile(r"[\[{]")
_LIKELY = (re.compile(r"[\[{]\s*[\"'\u201c\u2018`\[{]"), re.compile(r"[\[{]\s*\w"))
"""Where a broken value may begin, the likelier first: names may lack their quotes."""
_LONG = re.compile(r"(?:[:,\[({]\s*)([rRuU]?)(\"\"\"|'''|`(?!``))")
"""Where a text of Python's or JavaScript's begins that goes over several lines."""
_LONG_ENDS = {mark: re.compile(rf"{mark}(?=\s*[,}}\])])") for mark in ('"""', "'''", "`")}
_SINGLE = re.compile(r"[\[{\s]*'")
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_SINGLE_ESCAPE = re.compile(r"\\.|\"", re.DOTALL)
_IN_JSON = {'"': '\\"', "\\'": "'", "\\\n": ""}
_SMART = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'"})


class Block(NamedTuple):
    """A fenced block."""

    language: str
    body: str
    closed: bool
    """False: the text ends in it."""


def without_thinking(text: str) -> str:
    """The text without what was thought aloud. Thinking that never ends may hold the answer, and stays."""
    kept: list[str] = []
    at, thinking = 0, False
    for mark in _THOUGHT.finditer(text):
        opens = _opens(mark)
        if not thinking and (opens or mark[5]):
            kept.append(text[at : mark.start()])
        elif not thinking:  # an end without a beginning: the template began it, and all before was thought
            kept = []
        thinking, at = opens, mark.end()
    return _CONTROL.sub("", "".join((*kept, text[at:])))


def only_thought(text: str) -> bool:
    """Whether the text begins with thinking and never ends it."""
    marks = list(_THOUGHT.finditer(text))
    return bool(marks) and not text[: marks[0].start()].strip() and all(map(_opens, marks))


def _opens(mark: re.Match[str]) -> bool:
    closes, tag, closing, _, channel = mark.groups()
    return channel.lower() == "analysis" if channel else not (closes if tag else closing)


def fenced_blocks(text: str) -> list[Block]:
    """The fenced blocks of a text, of backticks or tildes; the last one may lack its end. One pass over the lines."""
    blocks: list[Block] = []
    fence, language = "", ""
    body: list[str] = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        bare = line.strip(" \t\r")
        if not fence:
            if (opened := _FENCE.match(bare)) and number < len(lines) - 1:
                fence, language, body = opened[1], opened[2].strip(), []
        elif bare.startswith(fence) and not bare.strip(fence[0]):
            blocks.append(Block(language, "".join(f"{each}\n" for each in body), True))
            fence = ""
        else:
            body.append(line)
    return [*blocks, Block(language, "\n".join(body), False)] if fence else blocks


def readings(text: str, cut: bool = False, mended: bool = True) -> Iterator[list[Any]]:
    """The values in a text, in as many ways as it can be read, the most exact first.

    `cut`: the text ends before its end, and so does its last value. `mended`: also as it is only once it is mended.
    """
    whole = _exact(text.strip())
    if whole is not None:
        yield [whole]
        return
    for block in fenced_blocks(text):
        if (value := _exact(block.body.strip())) is not None:
            yield [value]
    if found := _scanned(text):
        yield found
    if not mended:
        return
    bodies = [block.body for block in fenced_blocks(text)]
    begun = [match.start() for likely in _LIKELY if (match := likely.search(text))]
    for piece in dict.fromkeys((*bodies, *(text[start:] for start in begun))):
        yield from _mended(piece[:_MOST_MENDED], cut)


def _exact(text: str) -> Any:
    """The table or list that the text is, None if it is neither."""
    if text[:1] not in ("{", "[") or text[-1:] not in ("}", "]"):
        return None
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return _storable(value)


def _scanned(text: str) -> list[Any]:
    """The exact values in a text, one after the other; of one that is not, those within it."""
    decoder = json.JSONDecoder(strict=False)
    found: list[Any] = []
    at = 0
    for _ in range(_MOST_VALUES):
        if (begin := _BEGIN.search(text, at)) is None:
            break
        try:
            value, at = decoder.raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            at = begin.end()
            continue
        if value and isinstance(value, dict | list):
            found.append(_storable(value))
    return found


def _mended(text: str, cut: bool) -> Iterator[list[Any]]:
    """The values in a text that is no JSON: as JSON once its strings are JSON's, else as json-repair mends it."""
    from json_repair import loads

    end = max(text.rfind("}"), text.rfind("]")) + 1
    within = cut or _ends_within(text[end:])
    text = text if within else text[:end]
    long = _one_line_texts(text)
    spellings = tuple(dict.fromkeys((long, _double_quoted(long), _one_line_texts(text.translate(_SMART)))))
    for plain in spellings:
        if (value := _exact(plain)) is not None:
            yield [value]
    for plain in spellings:
        try:
            value = loads(plain, skip_json_loads=True)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict | list) and value:
            yield [_storable(_without_last(value) if within else value)]


def _double_quoted(text: str) -> str:
    """The text with JSON's strings in place of Python's in single quotes."""
    if not _SINGLE.match(text):
        return text
    return _STRING.sub(lambda found: found[0] if found[1] is None else _json_string(found[1]), text)


def _json_string(inside: str) -> str:
    """What is between single quotes as a string of JSON."""
    return '"' + _SINGLE_ESCAPE.sub(lambda found: _IN_JSON.get(found[0], found[0]), inside) + '"'


def _one_line_texts(text: str) -> str:
    """The text with JSON's strings in place of those that Python or JavaScript write between other marks."""
    made, at = [], 0
    ends = {mark: [match.span() for match in pattern.finditer(text)][::-1] for mark, pattern in _LONG_ENDS.items()}
    for begin in _LONG.finditer(text):
        waiting = ends[begin[2]]
        while waiting and waiting[-1][0] < begin.end():
            waiting.pop()
        if begin.start() >= at and waiting:
            stop, after = waiting.pop()
            made += [text[at : begin.start(1)], json.dumps(text[begin.end() : stop])]
            at = after
    return "".join((*made, text[at:]))


def _ends_within(after: str) -> bool:
    """Whether a text that goes on like this after its last bracket breaks off within a value."""
    return bool(after.strip().strip("`~")) and not re.match(r"[ \t]*(?:\r?\n|<|`|~)", after)


def _without_last(value: Any) -> Any:
    """A value that was cut, without what stands last in it."""
    if isinstance(value, list):
        last = value[-1:]
        return [*value[:-1], *([_without_last(last[0])] if last and isinstance(last[0], dict | list) else [])]
    if not value:
        return {}
    *whole, (name, inner) = value.items()
    return dict(whole) | ({name: _without_last(inner)} if inner and isinstance(inner, dict | list) else {})


def _storable(value: Any) -> Any:
    """The value with strings that a file can hold: JSON may spell halves of characters."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(str(key)): _storable(item) for key, item in value.items()}
    return value
