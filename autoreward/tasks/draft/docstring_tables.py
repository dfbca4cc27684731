"""The tables that Gymnasium's docstrings describe observations and actions in."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_CHOICE = re.compile(r"^- +\**(-?\d+)\**: *(.+)$", re.MULTILINE)
_UNIT = re.compile(r"\(([^()]*)\)")
_NO_UNIT = {"", "unitless", "v", "no unit", "none"}
_SMALL_WORDS = {
    "the", "a", "an", "of", "in", "on", "at", "to", "along", "with", "its", "and", "is", "for", "between", "that", "by",
    "from", "applied", "coordinate", "value", "axis",
}  # fmt: skip
_MOST_WORDS = 5
_EXCLUDED = "excluded"
_PART_COLUMNS = ("observation", "goal", "description", "meaning", "name")
"""What the column is called that says what each number of a part is."""
_LONGEST_NAME = 40


class Row(NamedTuple):
    """One entry of a vector, as a table describes it."""

    place: int
    about: str
    unit: str


class VectorTable(NamedTuple):
    """What one table says of a vector."""

    rows: tuple[Row, ...] = ()
    excluded: tuple[Row, ...] = ()
    """Entries that are only there when the environment is made so; MuJoCo's come first then. Their places are counted from 0."""
    lead: str = ""
    """The text between it and the table before."""

    def counted(self, with_excluded: bool) -> tuple[Row, ...]:
        """All rows by their places in the vector, those that are excluded else in front of the others."""
        if not with_excluded:
            return self.rows
        return (*self.excluded, *(row._replace(place=row.place + len(self.excluded)) for row in self.rows))


def table(doc: str, what: str) -> VectorTable:
    """The first table with a column `what` ("observation" or "action"); one without rows if there is none."""
    return next(_described(doc, (what,)), VectorTable())


def rows(doc: str, what: str) -> tuple[Row, ...]:
    """The rows of the first table with a column `what`; empty without one."""
    return table(doc, what).rows


def part_rows(doc: str, key: str, keys: Sequence[str], count: int) -> tuple[Row, ...]:
    """What is said of a part of a dict observation: a table of so many rows below its key, or a list of so many names after it.

    `keys`: those of all parts; a table belongs to the last of them that begins an item or stands in quotes above it.
    """
    for found in _described(doc, _PART_COLUMNS):
        spoken = max(keys, key=lambda k: _last_spoken(found.lead, k))
        if spoken == key and _last_spoken(found.lead, key)[1] >= 0 and len(found.rows) == count:
            return found.rows if table_fits(found.rows, count) else ()
    return listed(doc, (key,), count)


def listed(doc: str, words: Sequence[str], count: int) -> tuple[Row, ...]:
    """Names that a line lists after one of the words, `observation: [q1, q2, dq1]`, if there are so many, all different."""
    for word in words if count > 1 else ():
        for rest in re.findall(
            rf"^[^\w\n]*{re.escape(word)}\W{{0,3}}\s*[:=]\s*(.+)$", doc, re.MULTILINE | re.IGNORECASE
        ):
            inside = re.search(r"[\[({]([^\[\](){}]+)[\])}]", rest)
            for text in filter(None, (inside and inside[1], re.split(r"[.;] |[.;]$", rest)[0])):
                names = [name.strip(" `'\"*") for name in text.split(",")]
                plain = {field_name(name) for name in names}
                if len(names) == len(plain) == count and all(map(_is_words, names)):
                    return tuple(Row(i, name, "") for i, name in enumerate(names)) if "" not in plain else ()
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


def _described(doc: str, columns: Sequence[str]) -> Iterator[VectorTable]:
    """The tables that have one of the columns, not in front, with what it says of each entry."""
    for lead, cells in _tables(doc):
        header = [cell.lower() for cell in cells[0]]
        about = next((i for i, cell in enumerate(header) if i and any(c in cell for c in columns)), None)
        if about is None:
            continue
        unit = next((i for i, cell in enumerate(header) if "unit" in cell), None)
        said = [row for row in cells[1:] if about < len(row) and row[about]]
        numbered = tuple(_row(int(row[0]), row, about, unit) for row in said if row[0].isdigit())
        others = [row for row in said if row[0].lower() == _EXCLUDED]
        if numbered:
            yield VectorTable(numbered, tuple(_row(i, row, about, unit) for i, row in enumerate(others)), lead)


def _is_words(name: str) -> bool:
    return len(name.split()) <= _MOST_WORDS and any(letter.isalpha() for letter in name)


def _row(place: int, cells: Sequence[str], about: int, unit: int | None) -> Row:
    return Row(place, cells[about].strip(" `*."), _unit(cells[unit]) if unit is not None and unit < len(cells) else "")


def _last_spoken(lead: str, key: str) -> tuple[bool, int]:
    """Whether a text has a key at the beginning of an item, and where the last time; if not, where in quotes; -1: nowhere."""
    word = re.escape(key)
    items = [m.start() for m in re.finditer(rf"^\s*(?:[-*+#]+|\d+\.)\s*[`'\"*]*{word}\b", lead, re.MULTILINE)]
    quoted = [m.start() for m in re.finditer(rf"[`'\"]{word}[`'\"]", lead)]
    return bool(items), max(items or quoted, default=-1)


def _tables(doc: str) -> list[tuple[str, list[list[str]]]]:
    """Markdown tables as rows of cells, without the line under the header, each with the text above it."""
    tables: list[tuple[str, list[list[str]]]] = []
    lead: list[str] = []
    cells: list[list[str]] = []
    for line in [*doc.splitlines(), ""]:
        if line.strip().startswith("|"):
            row = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not all(set(cell) <= set("-: ") for cell in row):
                cells.append(row)
            continue
        if len(cells) > 1:
            tables.append(("\n".join(lead), cells))
            lead = []
        cells = []
        lead.append(line)
    return tables


def _unit(cell: str) -> str:
    inside = _UNIT.findall(cell)
    unit = (inside[-1] if inside else "").strip()
    return "" if unit.lower() in _NO_UNIT else unit
