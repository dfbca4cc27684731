"""Text that others wrote, as it may reach a terminal or a page."""

import unicodedata


def visible(text: str) -> str:
    """The text without control and invisible characters; line breaks and tabs stay.

    So no escape sequence and no mark that turns the direction of writing is left, only the letters that followed it.
    """
    return "\n".join(line if line.isprintable() else "".join(map(_shown, line)) for line in text.split("\n"))


def _shown(letter: str) -> str:
    if letter.isprintable() or letter == "\t":
        return letter
    return " " if unicodedata.category(letter) == "Zs" else ""
