"""docs/evidence.md and the README's table, from the lines of `benchmarks/data/evidence.jsonl`: empty where nothing was run."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import Any

from protocols import PROTOCOLS, Protocol

from autoreward.evaluation.intervals import interquartile_mean

Line = Mapping[str, Any]

HEAD = """# Evidence

A search and its controls on the protocols of others, by the same trainer, within the same environment steps. Every policy is then
played by an outside scorer (`benchmarks/outside.py`: Gymnasium and NumPy alone) on episodes that no run plays; "measured" is what
it found (in 20 episodes where nothing else is said), and "success" what the product itself says of the same policies by the card's
rule. Programs are the embedded grammar's; no model was asked.

Brackets are 95 % bootstrap intervals of the interquartile mean over all confirming trainings of all search seeds. With so few of
them they are rough. What others report was read, not run here: theirs are other trainers, settings and episodes, and where a number
is the best of several on the seeds that chose it, that is said.

"""
ARMS = {
    "search": "autoreward's search, its winner",
    "keep-or-revert": "keep or revert, one change at a time",
    "each-whole": "every program trained whole, the best one",
}
BY_HAND = "controller"
"""The arm of what no reward trains."""
BEGIN, END = "<!-- evidence -->\n", "<!-- /evidence -->\n"
"""What the README's table stands between."""
CONTROLS = {
    "zero-shot": "the search's first program alone",
    "native": "native reward",
    "sparse": "sparse reward (the rule)",
}


def page(lines: Sequence[Line]) -> str:
    """The whole page."""
    parts = [HEAD]
    for group, named in groupby(PROTOCOLS.items(), key=lambda item: item[1].group):
        parts.append(f"## {group}\n\n")
        for name, protocol in named:
            own = [line for line in lines if line["protocol"] == name]
            parts.append(section(name, protocol, own))
    parts.append(
        "## What was run\n\n"
        "`python benchmarks/evidence.py run` makes what is missing and writes `benchmarks/data/evidence.jsonl`,\n"
        "`python benchmarks/evidence.py page` this page. `python benchmarks/evidence.py missing` lists what was not run, with the\n"
        "core-hours that it would take.\n"
    )
    return "".join(parts)


def in_readme(readme: str, lines: Sequence[Line]) -> str:
    """The README with its table made anew: a row a protocol that a search was run on."""
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}{summary(lines)}{END}{after}"


def summary(lines: Sequence[Line]) -> str:
    """The winner of the search beside its controls and a controller written by hand, by the outside scorer."""
    head = "| protocol | measured | search | first program | sparse | native | by hand | search seeds x trainings |\n"
    rows = []
    for name, protocol in PROTOCOLS.items():
        own = [line for line in lines if line["protocol"] == name and line["arm"] == "search"]
        if own:
            found = [
                [winner_of(line) for line in own],
                *([row_of(line, r) for line in own] for r in ("zero-shot", "sparse", "native")),
            ]
            cells = [interval([value for row in rows_of if row for value in row["outside"]]) for rows_of in found]
            cells.append(
                next(
                    (shown(line["outside"]) for line in lines if (line["protocol"], line["arm"]) == (name, BY_HAND)), ""
                )
            )
            trainings = max((len(row["success"]) for row in found[0] if row), default=0)
            rows.append(f"| {name} | {protocol.what} | {' | '.join(cells)} | {len(own)} x {trainings} |\n")
    return f"{head}|---|---|---|---|---|---|---|---|\n{''.join(rows)}"


def section(name: str, protocol: Protocol, lines: Sequence[Line]) -> str:
    """One protocol: what is asked for, and a table."""
    about = f"{protocol.steps:,} steps a training. Measured: {protocol.what}."
    rows = [
        *(ours(lines) if lines else ()),
        *(f"| {a.who}, reported | {a.value} | | | {a.how} |" for a in protocol.anchors),
    ]
    table = "| reward | measured | success | search seeds x trainings | steps, and how |\n|---|---|---|---|---|\n"
    where = sorted({line["commit"] for line in lines})
    made = f"Made at {', '.join(where)}." if where else "Not run yet."
    shown = table + "\n".join(rows) + "\n\n" if rows else ""
    return f'### {name}\n\n"{protocol.goal}" {about} {made}\n\n{shown}'


def ours(lines: Sequence[Line]) -> Iterator[str]:
    """A row an arm, empty where it was not run, and one for each control of the search's own confirmation."""
    for arm, words in ARMS.items():
        own = [line for line in lines if line["arm"] == arm]
        yield row(words, [(line, winner_of(line)) for line in own], cost(own))
    searches = [line for line in lines if line["arm"] == "search"]
    for role, words in CONTROLS.items():
        yield row(words, [(line, row_of(line, role)) for line in searches], "the same trainings")
    for line in (line for line in lines if line["arm"] == BY_HAND):
        yield f"| a controller written by hand | {shown(line['outside'])} | | | none: `benchmarks/by_hand.py` |"


def winner_of(line: Line) -> Line | None:
    """The row of the reward that a search hands over."""
    return next((row for row in line["rows"] if row["who"] == line["best"]), None)


def row_of(line: Line, role: str) -> Line | None:
    """A control's row. A first program that won, or came second, has no row of its own: it is then that one."""
    found = next((row for row in line["rows"] if role in (row["role"], row["who"])), None)
    if found is None and role == "zero-shot":
        searched = [row for row in line["rows"] if row["role"] in ("winner", "runner-up")]
        found = min(searched, key=lambda row: (len(row["who"]), row["who"]), default=None)
    return found


def row(words: str, found: Sequence[tuple[Line, Line | None]], cost: str) -> str:
    """One row; a search without a winner counts with a success of 0 and has no measure."""
    if not found:
        return f"| {words} | | | | |"
    there = [row for _, row in found if row]
    success = [value for row in there for value in row["success"]] or [0.0]
    outside = [value for row in there for value in row["outside"]]
    seeds = f"{len(found)} x {len(there[0]['success']) if there else 0}"
    return f"| {words} | {interval(outside)} | {interval(success)} | {seeds} | {cost} |"


def interval(values: Sequence[float]) -> str:
    """A mean with its interval, as many digits as its size wants."""
    if not values:
        return "-"
    mean = interquartile_mean(values)
    return f"{shown(mean.value)} [{shown(mean.low, mean.value)}, {shown(mean.high, mean.value)}]"


def shown(value: float, beside: float | None = None) -> str:
    """A number with as many digits as its size wants, or the size of the one that it stands beside."""
    size = abs(value if beside is None else beside)
    return f"{value:.{0 if size >= 100 else 1 if size >= 10 else 2}f}"


def cost(lines: Sequence[Line]) -> str:
    """What searches took, on average, with what confirmed them."""
    if not lines:
        return ""
    steps, trainings = fmean(line["env_steps"] for line in lines), fmean(line["trainings"] for line in lines)
    return f"{steps:,.0f} steps in {trainings:.0f} trainings"
