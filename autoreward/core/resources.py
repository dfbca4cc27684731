"""Where `prompts/`, `envs/`, `exams/` and `docs/` are, in the checkout or inside the wheel; and how files of others are read."""

import codecs
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent
LARGEST_TEXT = 1_000_000
"""Bytes of a text file of others, such as a card or a state program."""
_MARK = "\ufeff"
"""The byte order mark, as text."""


def prompts_folder() -> Path:
    """The folder of prompt templates."""
    return _folder("prompts")


def envs_folder() -> Path:
    """The folder of shipped tasks."""
    return _folder("envs")


def exams_folder() -> Path:
    """The folder of what models are examined with, a folder for each role."""
    return _folder("exams")


def doc_pages() -> dict[str, Path]:
    """The pages of the documentation by their names, in order."""
    return {path.stem: path for path in sorted(_folder("docs").glob("*.md"))}


def plain_text(path: Path) -> str:
    """A text file of others, however their editor wrote it: without a byte order mark, its lines ended by line feeds alone.

    Raises OSError, or ValueError if it is no plain file, too large, or no text; the message says what to do.
    """
    demand_plain_file(path)
    text = exact_text(path).removeprefix(_MARK)
    if "\0" in text:
        raise ValueError("it is no text: it has null characters")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def exact_text(path: Path) -> str:
    """The same as it stands, with its mark and its line ends.

    UTF-16 is known by its mark, which editors and shells of Windows write; everything else is UTF-8.
    """
    with path.open("rb") as file:  # a FIFO that a person names has a writer: its shell's, perhaps
        data = file.read(LARGEST_TEXT + 1)
    if len(data) > LARGEST_TEXT:
        raise ValueError(f"it has more than {LARGEST_TEXT:,} bytes")
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not data.startswith(codecs.BOM_UTF32_LE)
    try:
        return _MARK + data.decode("utf-16") if wide else data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8: have your editor save it as UTF-8") from None


def plain_bytes(path: Path, most: int) -> bytes:
    """A file of others. Raises OSError, or ValueError if it is larger, or no plain file."""
    demand_plain_file(path)
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it has more than {most:,} bytes")
    return data


def demand_plain_file(path: Path) -> None:
    """Raises ValueError for a folder, a device, or a FIFO, which would be waited for."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no plain file")


def _folder(name: str) -> Path:
    # Only a checkout has pyproject.toml beside the package; in site-packages the parent's folders are someone else's.
    if (_PACKAGE.parent / "pyproject.toml").is_file():
        return _PACKAGE.parent / name
    return _PACKAGE / "_shipped" / name
