"""What fresh seeds said of each reward, as a drawing: a dot for each training, the interquartile mean, and its interval."""

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

from autoreward.records import Confirmed

_WIDTH, _RIGHT, _ROW, _TOP = 460, 14, 30, 24
_LETTER, _LONGEST = 6.6, 170
"""Pixels: of a letter of a name, and of the longest name."""


def whiskers(confirmed: Sequence[Confirmed], best: str) -> Markup:
    """A row for each reward on an axis of success from 0 to 1; empty without one. No interval is drawn of a single training."""
    if not confirmed:
        return Markup("")

    left = min(max(len(row.who) for row in confirmed) * _LETTER + 14, _LONGEST)

    def x(value: float) -> float:
        return left + value * (_WIDTH - left - _RIGHT)

    height = _TOP + _ROW * len(confirmed) + 18
    svg = [
        f'<svg class="whiskers" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Success on fresh seeds: '
        f'interquartile mean, 95 % interval, each training">'
    ]
    svg.append(f'<text class="title" x="{left:.1f}" y="13">held-out success: mean, 95 %, each training</text>')
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        svg.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{_TOP - 4}" y2="{height - 18}"/>')
        svg.append(f'<text x="{x(tick):.1f}" y="{height - 4}" text-anchor="middle">{tick:g}</text>')
    for place, row in enumerate(confirmed):
        y = _TOP + _ROW * (place + 0.5)
        color = "var(--good)" if row.who == best else "var(--accent)"
        svg.append(
            f'<text class="title" x="{left - 10:.1f}" y="{y + 4:.1f}" text-anchor="end">{escape(row.who)}</text>'
        )
        low, high = row.estimate.low, row.estimate.high
        if len(row.success) > 1:
            svg.append(
                f'<path fill="none" stroke="{color}" stroke-width="2" d="M{x(low):.1f},{y - 6:.1f} v12 M{x(low):.1f},{y:.1f} '
                f'H{x(high):.1f} M{x(high):.1f},{y - 6:.1f} v12"><title>{escape(row.who)}: 95 % in {low:.2f} to {high:.2f}</title>'
                "</path>"
            )
        svg += [
            f'<circle cx="{x(s):.1f}" cy="{y + 9:.1f}" r="2.5" fill="var(--muted)"><title>{escape(row.who)}, seed {seed}: {s:.2f}'
            "</title></circle>"
            for seed, s in enumerate(row.success)
        ]
        svg.append(
            f'<circle cx="{x(row.estimate.value):.1f}" cy="{y:.1f}" r="5" fill="{color}"><title>{escape(row.who)}: '
            f"{row.estimate.value:.2f}</title></circle>"
        )
    return Markup("".join(svg) + "</svg>")  # noqa: S704 - names are escaped
