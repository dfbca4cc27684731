"""Limits on a program's text that keep the parser itself safe, and what is better said of text than of a syntax tree."""

import io
import re
import tokenize
from collections.abc import Iterator

from autoreward.rewards.gate.rules import Refused

MAX_CHARACTERS = 20_000
MAX_LINES = 500
MAX_LINE = 1_000
MAX_INDENT = 80
MAX_BRACKETS = 40
MAX_SIGNS = 40
MAX_LAMBDAS = 30
MAX_DIGITS = 40
_HARMLESS = frozenset("\n\t\u00a0\u202f\u200d")
"""Not printable, yet common in comments: the parser refuses all but the first two anywhere else."""
_COOKIE = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
"""What Python takes for the encoding of a file, in its first two lines (PEP 263)."""
_SIGNS = frozenset(("-", "+", "~", "not"))


def plain(source: str) -> str:
    """The source without a byte order mark, its lines ended by line feeds alone, as Python reads a file."""
    return source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def check_text(source: str) -> bool:
    """Check a `plain` source before it is parsed. Raises Refused. False if its tokens can't be read to the end."""
    if len(source) > MAX_CHARACTERS or source.count("\n") > MAX_LINES:
        raise Refused("size", f"the source is longer than {MAX_CHARACTERS} characters or {MAX_LINES} lines: shorten it")
    for number, line in enumerate(source.split("\n"), 1):
        if len(line) > MAX_LINE or len(line) - len(line.lstrip()) > MAX_INDENT:
            raise Refused("size", "the line is too long or too deeply indented: break it up", number)
        if not line.isprintable() and (hidden := [c for c in line if not c.isprintable() and c not in _HARMLESS]):
            raise Refused(
                "characters", f"the line has the invisible character U+{ord(hidden[0]):04X}: use plain text", number
            )
    for number, line in enumerate(source.split("\n", 2)[:2], 1):
        if (cookie := _COOKIE.match(line)) and cookie[1].lower().replace("_", "-") not in ("utf-8", "utf8"):
            raise Refused("characters", "a program is UTF-8: leave the encoding out", number)
    try:
        _count(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return False
    return True


def _count(tokens: Iterator[tokenize.TokenInfo]) -> None:
    depth = signs = lambdas = 0
    for token in tokens:
        kind, text, line = token.type, token.string, token.start[0]
        if kind in (tokenize.COMMENT, tokenize.NL):
            continue
        signs = signs + 1 if text in _SIGNS else 0
        lambdas = 0 if kind == tokenize.NEWLINE else lambdas + (text == "lambda")
        if kind == tokenize.OP:
            depth += (text in "([{") - (text in ")]}")
        elif kind == tokenize.NAME and text.isprintable() and not text.isascii():
            raise _foreign(text, line)
        elif kind == tokenize.STRING and "f" in text[: re.search("['\"]", text).start()].lower():  # type: ignore[union-attr]
            _formatted(text, line)
        if kind == tokenize.NUMBER and len(text) > MAX_DIGITS:
            raise Refused("constant", "the number has too many digits: rewards stay below 1e6", line)
        if depth > MAX_BRACKETS:
            raise _deep(line)
        if signs >= MAX_SIGNS or lambdas > MAX_LAMBDAS:
            raise Refused("depth", "too many operators in a row: use intermediate names", line)


def _formatted(text: str, line: int) -> None:
    """An f-string is one token up to Python 3.11, whatever its braces hold."""
    for inside in re.findall(r"\{([^{}]*)", text):
        if not inside.isascii():
            raise _foreign(inside.strip(), line)
    if re.search(r"([-+~]\s*){40}|(not\s+){40}|\d{40}", text):
        raise Refused("depth", "too many operators or digits in a row: use intermediate names", line)
    if max(text.count(opening) for opening in "([{") > MAX_BRACKETS:
        raise _deep(line)


def _foreign(name: str, line: int) -> Refused:
    return Refused("name", f"write the name {name!r} in plain ASCII letters, such as theta", line)


def _deep(line: int) -> Refused:
    return Refused("depth", "brackets are nested too deeply: use intermediate names", line)
