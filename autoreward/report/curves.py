"""Small line charts as inline SVG: no script, no network, readable in light and dark."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 340, 170
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 12, 30


class Line(NamedTuple):
    """One series."""

    name: str
    points: Sequence[tuple[float, float]]
    color: str


def chart(
    lines: Sequence[Line], y_label: str, low: float | None = None, high: float | None = None, legend: bool = False
) -> str:
    """An SVG of the lines over environment steps; empty without a point. `low`, `high` fix the y axis."""
    points = [p for line in lines for p in line.points]
    if not points:
        return ""
    right = max(x for x, _ in points) or 1.0
    bottom = min(y for _, y in points) if low is None else low
    top = max(y for _, y in points) if high is None else high
    if top - bottom < 1e-9:
        bottom, top = bottom - 0.5, top + 0.5

    def x(value: float) -> float:
        return LEFT + value / right * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (top - value) / (top - bottom) * (HEIGHT - TOP - BOTTOM)

    svg = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{y_label} over environment steps">']
    for tick in (bottom, (bottom + top) / 2, top):
        svg.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        svg.append(f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.3g}</text>')
    for tick in (0.0, right / 2, right):
        anchor = "end" if tick == right else "middle"
        svg.append(f'<text x="{x(tick):.1f}" y="{HEIGHT - 14}" text-anchor="{anchor}">{_steps(tick)}</text>')
    svg.append(f'<text x="{LEFT}" y="{HEIGHT - 2}">{y_label}, over steps</text>')
    for line in lines:
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line.points)
        svg.append(
            f'<polyline fill="none" stroke="{line.color}" stroke-width="2" points="{path}"><title>{line.name}</title></polyline>'
        )
        svg += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="2.5" fill="{line.color}"/>' for a, b in line.points]
    body = "".join(svg) + "</svg>"
    return body + _legend(lines) if legend else body


def scatter(points: Sequence[tuple[float, float]], label: str) -> str:
    """An SVG of dots in (x, y in [0, 1]); empty without two of them."""
    if len(points) < 2:
        return ""
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    span = right - left or 1.0
    svg = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">']
    for tick in (0.0, 0.5, 1.0):
        at = TOP + (1 - tick) * (HEIGHT - TOP - BOTTOM)
        svg.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        svg.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for value, at, anchor in ((left, LEFT, "start"), (right, WIDTH - RIGHT, "end")):
        svg.append(f'<text x="{at}" y="{HEIGHT - 14}" text-anchor="{anchor}">{value:.3g}</text>')
    svg.append(f'<text x="{LEFT}" y="{HEIGHT - 2}">{label}</text>')
    for x, y in points:
        place = LEFT + (x - left) / span * (WIDTH - LEFT - RIGHT), TOP + (1 - y) * (HEIGHT - TOP - BOTTOM)
        svg.append(f'<circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="3.5" fill="var(--accent)" fill-opacity="0.6"/>')
    return "".join(svg) + "</svg>"


def _legend(lines: Sequence[Line]) -> str:
    marks = (f'<span style="color: {line.color}">&#9632;</span> {escape(line.name)}' for line in lines)
    return f'<p class="advice legend">{" &nbsp; ".join(marks)}</p>'


def _steps(value: float) -> str:
    return f"{value / 1000:.0f}k" if value >= 1000 else f"{value:.0f}"
