"""How alike the rewards of a run's programs are: a matrix as inline SVG, the nearest pairs in words, and what a child changed."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from autoreward.records import RewardDistance
from autoreward.report.candidates import CandidateView

MOST_SHOWN = 48
"""Programs of a matrix, at most: the latest."""
NEAREST = 5
"""Pairs that are named below it."""
_CELL, _LABEL, _LETTER = 16, 14, 6.4
"""Pixels: a side of a cell, above a column's label, of a letter of it."""
_UNRELATED = 0.5**0.5
"""Distance of rewards that have nothing to do with each other: between directions at a right angle."""
_SHADES = (0.0, 0.2, 0.4, _UNRELATED, 1.0)
"""Distances of the legend."""
Between = Mapping[frozenset[str], float]
"""Distances by pairs of ids."""


class Alike(NamedTuple):
    """What a page shows of it."""

    matrix: str
    nearest: Sequence[str]
    """The pairs that are nearest to each other, a clause each."""
    left_out: int
    """Earlier programs that are not in the matrix."""


def between(distances: Sequence[RewardDistance]) -> Between:
    """Distances by pairs; of a pair that was compared twice the later, on more episodes."""
    return {frozenset((d.one, d.other)): d.value for d in distances}


def alike(
    views: Sequence[CandidateView], distances: Sequence[RewardDistance], to: Callable[[str], str] = "#{}".format
) -> Alike | None:
    """The programs in the order in which they were designed; None where no two were compared."""
    known = between(distances)
    compared = frozenset().union(*known) if known else frozenset()
    names = [view.candidate.id for view in views if view.candidate.id in compared]
    if len(names) < 2:
        return None
    shown = names[-MOST_SHOWN:]
    parents = {view.candidate.id: view.candidate.parents for view in views}
    pairs = sorted((value, pair) for pair, value in _in_order(known, names).items())
    return Alike(
        matrix=_matrix(shown, known, to),
        nearest=[_said(one, other, value, parents) for value, (one, other) in pairs[:NEAREST]],
        left_out=len(names) - len(shown),
    )


def _in_order(known: Between, names: Sequence[str]) -> dict[tuple[str, str], float]:
    """By the earlier and the later one of each pair."""
    places = {name: place for place, name in enumerate(names)}
    ordered = {tuple(sorted(pair, key=lambda n: places.get(n, -1))): value for pair, value in known.items()}
    return {(p[0], p[1]): value for p, value in ordered.items() if len(p) == 2 and set(p) <= places.keys()}


def _said(one: str, other: str, value: float, parents: Mapping[str, Sequence[str]]) -> str:
    whose = ", its parent," if one in parents[other] else ""
    return f"{other} is {value:.2f} from {one}{whose}".rstrip(",")


def _matrix(names: Sequence[str], known: Between, to: Callable[[str], str]) -> str:
    """A square for each pair, the darker the more alike; lower half alone: the other half says the same."""
    room = round(max(map(len, names)) * _LETTER) + 10
    legend, end = _legend(room)
    width, top = max(room + len(names) * _CELL + room, end), 6
    height = top + len(names) * _CELL + _LABEL + 30
    svg = [
        f'<svg class="alike" viewBox="0 0 {width} {height}" style="width: {width}px" role="group" '
        f'aria-label="Distances between the rewards of {len(names)} programs">'
    ]
    for row, name in enumerate(names):
        y = top + row * _CELL
        svg.append(
            f'<a href="{escape(to(name))}"><text x="{room - 6}" y="{y + 12}" text-anchor="end">{escape(name)}</text></a>'
        )
        svg += [
            _cell(room + column * _CELL, y, name, other, known.get(frozenset((name, other))))
            for column, other in enumerate(names[:row])
        ]
        svg.append(f'<text x="{room + row * _CELL + 3}" y="{y + 12}" aria-hidden="true">{escape(name)}</text>')
    return "".join([*svg, f'<g transform="translate(0 {height - 14})">', *legend, "</g></svg>"])


def _cell(x: float, y: float, one: str, other: str, value: float | None) -> str:
    if value is None:
        return ""
    return (
        f'<rect {_shade(value)} x="{x}" y="{y}" width="{_CELL - 1}" height="{_CELL - 1}">'
        f"<title>{escape(one)} and {escape(other)}: {value:.2f}</title></rect>"
    )


def _legend(x: float) -> tuple[list[str], int]:
    """What the shades mean, from `x` on, and where that ends."""
    words = {0.0: "0, the same", _UNRELATED: "0.71, unrelated", 1.0: "1, opposite"}
    drawn = []
    for shade in _SHADES:
        said = words.get(shade, f"{shade:g}")
        drawn.append(
            f'<rect {_shade(shade)} x="{x:.0f}" y="-10" width="12" height="12"/><text x="{x + 16:.0f}" y="0">{said}</text>'
        )
        x += 26 + len(said) * _LETTER
    return drawn, round(x)


def _shade(value: float) -> str:
    """In one color the more alike they are, in another the more opposite; hardly any where they are unrelated."""
    side, strength = ("near", 1.0 - value / _UNRELATED) if value < _UNRELATED else ("far", _beyond(value))
    return f'class="{side}" fill-opacity="{max(0.06, strength):.2f}"'


def _beyond(value: float) -> float:
    return (value - _UNRELATED) / (1.0 - _UNRELATED)
