"""Small line charts as inline SVG: no script, no network, readable in light and dark."""

import itertools
import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT = 340, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 26, 20


_KEY_WIDTH = 90
"""Of a name in a legend, at least."""
_LETTER = 6
"""Of a letter in it."""
MANY = tuple(f"var(--c{i})" for i in range(1, 9))
"""Colors of many lines; the page defines them for light and dark."""
LIGHT = (
    "--ground:#fff;--fg:#1c2330;--muted:#66707f;--line:#d9dee6;"
    "--c1:#2563c9;--c2:#b04c08;--c3:#14804a;--c4:#9333ea;--c5:#b3261e;--c6:#0f766e;--c7:#a16207;--c8:#64748b"
)
DARK = (
    "--ground:#12161d;--fg:#e6e9ef;--muted:#98a2b3;--line:#2c3440;"
    "--c1:#7aa7f5;--c2:#f0a06a;--c3:#58c48c;--c4:#c59bf7;--c5:#f2897f;--c6:#4fc1b5;--c7:#d9b252;--c8:#9aa7ba"
)
STYLE = (
    f":root{{{LIGHT}}}@media (prefers-color-scheme:dark){{:root{{{DARK}}}}}"
    "text{fill:var(--muted);font:11px system-ui,sans-serif}.title{fill:var(--fg)}"
    ".grid{stroke:var(--line)}.limit{stroke-dasharray:5 4}.ground{fill:var(--ground)}"
)
"""Of a picture that stands alone."""


class Series(NamedTuple):
    """One series."""

    name: str
    points: Sequence[tuple[float, float]]
    color: str
    breaks: Sequence[int] = ()
    """Places of points that no line leads to: where an angle came round."""
    joined: bool = True
    """Whether a line goes through its points, or each stands alone."""


class Band(NamedTuple):
    """A level with its interval, across the whole of a chart."""

    name: str
    value: float
    low: float
    high: float
    color: str


def chart(
    lines: Sequence[Series],
    y_label: str,
    low: float | None = None,
    high: float | None = None,
    legend: bool = False,
    dots: bool = True,
    limits: Sequence[Band] = (),
    over: str = "steps",
) -> str:
    """An SVG of the lines over environment steps, or what else `over` says; empty without a point. A dot tells its values when
    it is pointed at.

    `low` and `high` fix the y axis, `dots` marks each point of a joined line, `limits` are drawn as dashed lines in their bands.
    """
    points = [p for line in lines for p in line.points]
    if not points:
        return ""
    right = max(x for x, _ in points) or 1.0
    values = [y for _, y in points] + [y for band in limits for y in (band.low, band.high)]
    bottom = min(values) if low is None else low
    top = max(values) if high is None else high
    if top - bottom < 1e-9:
        bottom, top = bottom - 0.5, top + 0.5

    def x(value: float) -> float:
        return _LEFT + value / right * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (top - value) / (top - bottom) * (_HEIGHT - _TOP - _BOTTOM)

    label = escape(y_label)
    svg = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label} over {over}">']
    svg += [_zone(band, x(0.0), x(right), y(band.high), y(band.low)) for band in limits if band.low < band.high]
    for tick in _ticks(bottom, top):
        svg.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        svg.append(f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{_short(tick)}</text>')
    for tick in (0.0, right / 2, right):
        anchor = "end" if tick == right else "middle"
        svg.append(f'<text x="{x(tick):.1f}" y="{_HEIGHT - 4}" text-anchor="{anchor}">{_short(tick)}</text>')
    svg.append(f'<text class="title" x="{_LEFT}" y="13">{label}, over {over}</text>')
    for band in limits:
        svg.append(
            f'<line class="limit" style="stroke: {band.color}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(band.value):.1f}" '
            f'y2="{y(band.value):.1f}"><title>{escape(band.name)}: {band.value:.3g}</title></line>'
        )
    for line in lines:
        title = f"<title>{escape(line.name)}</title>"
        for begin, end in itertools.pairwise((0, *line.breaks, len(line.points))) if line.joined else ():
            path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line.points[begin:end])
            svg.append(
                f'<polyline fill="none" stroke="{line.color}" stroke-width="2" points="{path}">{title}</polyline>'
            )
        if dots or not line.joined:
            svg += [_dot(x(a), y(b), line, f"{_short(a)} {over}: {b:.3g}") for a, b in line.points]
    body = "".join(svg) + "</svg>"
    return body + legend_of(lines) if legend else body


def plot_area() -> tuple[int, int, int, int]:
    """Where a `chart` draws its lines, in its own units: left, right, top, bottom."""
    return _LEFT, _WIDTH - _RIGHT, _TOP, _HEIGHT - _BOTTOM


def _zone(band: Band, left: float, right: float, top: float, bottom: float) -> str:
    said = f"{escape(band.name)}: {band.value:.3g} [{band.low:.3g}, {band.high:.3g}]"
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" fill="{band.color}" '
        f'fill-opacity="0.1"><title>{said}</title></rect>'
    )


def _dot(x: float, y: float, line: Series, said: str) -> str:
    told = f"<title>{escape(line.name)}, {said}</title>"
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{line.color}">{told}</circle>'


def small_line(values: Sequence[float], label: str) -> str:
    """A line of numbers in [0, 1] as a small SVG without axes; empty without two of them."""
    if len(values) < 2:
        return ""
    path = " ".join(f"{1 + 78 * i / (len(values) - 1):.1f},{19 - 18 * v:.1f}" for i, v in enumerate(values))
    return (
        f'<svg class="spark" viewBox="0 0 80 20" role="img" aria-label="{escape(label)}">'
        f'<polyline fill="none" stroke="var(--accent)" stroke-width="1.5" points="{path}"/></svg>'
    )


def picture(lines: Sequence[Series], y_label: str, low: float | None = None, high: float | None = None) -> str:
    """`chart` with its legend as an SVG of its own: ground, colors and letters inside; empty without a point."""
    return standing_alone(chart(lines, y_label, low, high), lines)


def standing_alone(drawn: str, named: Sequence[Series | Band]) -> str:
    """A `chart` as an SVG of its own, with a legend of what is named below it; empty if it is."""
    if not drawn:
        return ""
    key = max(_KEY_WIDTH, *(_LETTER * len(line.name) + 24 for line in named))
    across = max((_WIDTH - _LEFT) // key, 1)
    height = _HEIGHT + 18 * math.ceil(len(named) / across) + 6
    keys = [
        f'<g transform="translate({_LEFT + i % across * key} {_HEIGHT + 4 + i // across * 18})">'
        f'<rect width="10" height="10" fill="{line.color}"/><text x="16" y="9">{escape(line.name)}</text></g>'
        for i, line in enumerate(named)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{2 * _WIDTH}" height="{2 * height}">'
        f'<style>{STYLE}</style><rect class="ground" width="{_WIDTH}" height="{height}"/>'
        f'{drawn.replace("<svg ", f"""<svg width="{_WIDTH}" height="{_HEIGHT}" """, 1)}{"".join(keys)}</svg>'
    )


def scatter(points: Sequence[tuple[float, float]], label: str) -> str:
    """An SVG of dots in (x, y in [0, 1]); empty without two of them."""
    if len(points) < 2:
        return ""
    label = escape(label)
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    span = right - left or 1.0
    svg = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">']
    for tick in (0.0, 0.5, 1.0):
        at = _TOP + (1 - tick) * (_HEIGHT - _TOP - _BOTTOM)
        svg.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        svg.append(f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for value, at, anchor in ((left, _LEFT, "start"), (right, _WIDTH - _RIGHT, "end")):
        svg.append(f'<text x="{at}" y="{_HEIGHT - 4}" text-anchor="{anchor}">{_short(value)}</text>')
    svg.append(f'<text class="title" x="{_LEFT}" y="13">{label}</text>')
    for x, y in points:
        place = _LEFT + (x - left) / span * (_WIDTH - _LEFT - _RIGHT), _TOP + (1 - y) * (_HEIGHT - _TOP - _BOTTOM)
        svg.append(f'<circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="3.5" fill="var(--accent)" fill-opacity="0.6"/>')
    return "".join(svg) + "</svg>"


def points_picture(points: Sequence[tuple[float, float, str, bool]], across: str, up: str) -> str:
    """An SVG of its own of named points (x, y, name, whether it is on the front); those on the front are joined by a line."""
    if not points:
        return ""
    (left, right), (bottom, top) = (
        _padded([x for x, *_ in points]),
        _padded([y for _, y, *_ in points]),
    )

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + (x - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT),
            _TOP + (top - y) / (top - bottom) * (_HEIGHT - _TOP - _BOTTOM),
        )

    svg = [f'<text class="title" x="{_LEFT}" y="13">{escape(up)}, by {escape(across)}</text>']
    for tick in _ticks(bottom, top):
        y = at(left, tick)[1]
        svg.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        svg.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(tick)}</text>')
    for tick in _ticks(left, right):
        svg.append(f'<text x="{at(tick, bottom)[0]:.1f}" y="{_HEIGHT - 4}" text-anchor="middle">{_short(tick)}</text>')
    line = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y, _, on in sorted(points) if on)
    svg.append(f'<polyline fill="none" stroke="var(--c1)" stroke-width="1.5" points="{line}"/>')
    for x, y, name, on in points:
        place = at(x, y)
        fill = "var(--c1)" if on else "var(--muted)"
        svg.append(
            f'<circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="4" fill="{fill}"><title>{escape(name)}</title></circle>'
        )
        if on:
            anchor = "end" if place[0] > _WIDTH / 2 else "start"
            aside = -7 if anchor == "end" else 7
            svg.append(
                f'<text x="{place[0] + aside:.1f}" y="{place[1] - 6:.1f}" text-anchor="{anchor}">{escape(name)}</text>'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{2 * _WIDTH}" height="{2 * _HEIGHT}">'
        f'<style>{STYLE}</style><rect class="ground" width="{_WIDTH}" height="{_HEIGHT}"/>{"".join(svg)}</svg>'
    )


def _padded(values: Sequence[float]) -> tuple[float, float]:
    """A range around them, with some room at either end."""
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or 0.5
    return low - room, high + room


def legend_of(lines: Sequence[Series | Band]) -> str:
    """The lines' names beside their colors."""
    marks = (f'<span><b style="color: {line.color}">&#9632;</b> {escape(line.name)}</span>' for line in lines)
    return f'<p class="legend">{" ".join(marks)}</p>'


def _ticks(low: float, high: float) -> list[float]:
    """Two to six round numbers in [low, high]: multiples of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(high - low))
    step = next(power * m for m in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0) if (high - low) / (power * m) <= 5.0)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def _short(value: float) -> str:
    """A number of at most five signs or so: 0.05, -12.5, 1.5k, 2M."""
    size = abs(value)
    if size >= 999_500:
        return f"{value / 1e6:.3g}M"
    return f"{value / 1000:.3g}k" if size >= 999.5 else f"{value:.3g}"
