"""Text that others wrote: which letters can be seen, and what a name, a unit and an environment's id may look like.

A letter can be seen if it is printable and Unicode does not let it be ignored. So no control character, no escape
sequence, no mark that turns the direction of writing, nothing of no width, no lone surrogate and no line or paragraph
separator is among them; line feeds and tabs stay where text may have several lines.
"""

import keyword
import re
import unicodedata
from functools import lru_cache

LONGEST_FOLDER = 100
"""Letters of a folder's name."""
LONGEST_WORD = 60
"""Letters of a name within a card or a program."""
LONGEST_UNIT = 24
LATEST = "latest"
"""What commands call the newest run: no name for one."""
_IGNORED = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Letters that may be drawn as nothing, printable or not: Unicode's Default_Ignorable_Code_Point, and the empty Braille cell."""
_IN_UNITS = frozenset(" /*^·⋅\u00d7°%().+-\u2212⁺⁻_")
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_ENVIRONMENT = re.compile(
    r"(?:[A-Za-z_][A-Za-z0-9_.]*:)?(?:[A-Za-z0-9_][A-Za-z0-9_:.-]*/)?[A-Za-z0-9_][A-Za-z0-9_:.-]*"
)


def hidden(text: str, but: str = "") -> str | None:
    """The first letter of a text that can't be seen, besides those of `but`; None without one."""
    if text.isascii() and text.isprintable():
        return None
    return next((c for c in text if c not in but and (not c.isprintable() or _IGNORED.match(c))), None)


def visible(text: str) -> str:
    """The text without what can't be seen; line feeds and tabs stay, and other spaces are plain ones."""
    return text if hidden(text) is None else "".join(map(_shown, text))


def visible_line(text: str, longest: int) -> str:
    """Text of others for people and prompts: one line that can be seen, of limited length."""
    line = " ".join("".join(" " if hidden(c) else c for c in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def is_name(text: str) -> bool:
    """Whether it can be the name of a field, a part or an argument: a short ASCII word that no language owns."""
    spelled = text.isascii() and text.isidentifier() and len(text) <= LONGEST_WORD
    return spelled and not text.startswith("_") and not keyword.iskeyword(text)


def is_folder(text: str) -> bool:
    """Whether it can be the name of a folder: it leads nowhere else, and no shell, command or page takes it for more."""
    return text != LATEST and len(text) <= LONGEST_FOLDER and _FOLDER.fullmatch(text) is not None


def is_unit(text: str) -> bool:
    """Whether it can be a unit: `m/s²`, `N·m`, `1`, or nothing."""
    seen = all(c.isalnum() or c in _IN_UNITS for c in text) and hidden(text) is None
    return seen and len(text) <= LONGEST_UNIT and text == text.strip()


def is_environment(text: str) -> bool:
    """Whether it can be an environment's id: `NAME-v0`, `SPACE/NAME-v0` or `module:ID`."""
    return len(text) <= LONGEST_FOLDER and _ENVIRONMENT.fullmatch(text) is not None


@lru_cache(maxsize=1 << 12)
def _shown(letter: str) -> str:
    if hidden(letter, "\n\t") is None:
        return letter
    return " " if unicodedata.category(letter) == "Zs" else ""
