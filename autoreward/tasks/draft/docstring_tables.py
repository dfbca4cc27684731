"""The tables that Gymnasium's docstrings describe observations and actions in."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_CHOICE = re.compile(r"^- +\**(-?\d+)\**: *(.+)$", re.MULTILINE)
_UNIT = re.compile(r"\(([^()]*)\)")
_NO_UNIT = {"", "unitless", "v", "no unit", "none"}
_SMALL_WORDS = {
    "the", "a", "an", "of", "in", "on", "at", "to", "along", "with", "its", "and", "is", "for", "between", "that", "by",
    "from", "applied", "coordinate", "value", "axis",
}  # fmt: skip
_MOST_WORDS = 5
_LONGEST_NAME = 40


class Row(NamedTuple):
    """One entry of a vector, as a table describes it."""

    place: int
    about: str
    unit: str


def rows(doc: str, what: str) -> tuple[Row, ...]:
    """The rows of the first table with a column `what` ("observation" or "action"); empty without one."""
    for table in _tables(doc):
        header = [cell.lower() for cell in table[0]]
        about = next((i for i, cell in enumerate(header) if what in cell), None)
        if about is None or about == 0:
            continue
        unit = next((i for i, cell in enumerate(header) if "unit" in cell), None)
        described = [
            Row(int(row[0]), row[about].strip(" `*."), _unit(row[unit]) if unit is not None and unit < len(row) else "")
            for row in table[1:]
            if row[0].isdigit() and about < len(row) and row[about]
        ]
        if described:
            return tuple(described)
    return ()


def table_fits(described: Sequence[Row], count: int) -> bool:
    """Whether a table can be that of so many numbers: it has a row for each of the first ones, and none for others."""
    rows = len(described)
    return 0 < rows <= count and sorted(row.place for row in described) == list(range(rows))


def choices(doc: str) -> dict[int, str]:
    """The meaning of each choice, from a list such as `- 0: push left` under a heading on actions."""
    for section in re.split(r"^#+ ", doc, flags=re.MULTILINE):
        if section.lower().startswith("action"):
            meanings = {int(number): meaning.strip(" `*.") for number, meaning in _CHOICE.findall(section)}
            if meanings:
                return meanings
    return {}


def field_name(about: str) -> str:
    """A plain word for what a table says; empty if nothing is left of it."""
    words = re.sub(r"\s\([^()]*\)", " ", about.lower())
    words = re.sub(r"[^a-z0-9]+", " ", words)
    kept = [word for word in words.split() if word not in _SMALL_WORDS][:_MOST_WORDS]
    word = "_".join(kept)[:_LONGEST_NAME].strip("_")
    return f"n{word}" if word[:1].isdigit() else word


def _tables(doc: str) -> list[list[list[str]]]:
    """Markdown tables as rows of cells, without the line under the header."""
    tables: list[list[list[str]]] = [[]]
    for line in doc.splitlines():
        if line.strip().startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not all(set(cell) <= set("-: ") for cell in cells):
                tables[-1].append(cells)
        elif tables[-1]:
            tables.append([])
    return [table for table in tables if len(table) > 1]


def _unit(cell: str) -> str:
    inside = _UNIT.findall(cell)
    unit = (inside[-1] if inside else "").strip()
    return "" if unit.lower() in _NO_UNIT else unit
