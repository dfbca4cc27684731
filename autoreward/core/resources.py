"""Where `prompts/` and `envs/` are, in the checkout or inside the installed wheel; and how files of others are read."""

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent
LARGEST_TEXT = 1_000_000
"""Bytes of a text file of others, such as a card or a state program."""


def prompts_folder() -> Path:
    """The folder of prompt templates."""
    return _folder("prompts")


def envs_folder() -> Path:
    """The folder of shipped tasks."""
    return _folder("envs")


def small_text(path: Path) -> str:
    """A text file of others. Raises OSError, or ValueError if it is no plain file, too large or not UTF-8."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no plain file")
    with path.open("rb") as file:
        data = file.read(LARGEST_TEXT + 1)
    if len(data) > LARGEST_TEXT:
        raise ValueError(f"it has more than {LARGEST_TEXT:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if "\0" in text:
        raise ValueError("it is no text: it has null characters")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _folder(name: str) -> Path:
    # Only a checkout has pyproject.toml beside the package; in site-packages the parent's folders are someone else's.
    if (_PACKAGE.parent / "pyproject.toml").is_file():
        return _PACKAGE.parent / name
    return _PACKAGE / "_shipped" / name
