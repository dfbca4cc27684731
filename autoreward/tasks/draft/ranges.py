"""What range a field of a drafted card has: what is stated, else what was sampled and a margin around it."""

import ast
import math
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from autoreward.errors import TaskError
from autoreward.records import Entry, Stretch, Survey
from autoreward.records.base import Range
from autoreward.tasks.formulas.expression import Expression

_MARGIN = 0.25
"""A sampled range is widened by this share of itself at least: a trained policy goes further than a random one."""
_MARGIN_OF_MISSED = 3.0
"""And by so many times the share that one half of the steps did not reach, as where contacts make numbers jump: further steps
leave what that half left."""
_POINTS = 4096
"""Observations that a computed field's range is taken from."""
_TURNS = {"deg": 360.0, "degree": 360.0, "degrees": 360.0, "°": 360.0}
"""What a unit comes round after, if it is not 2 pi."""
_ROUNDED, _CLOSE = 2e-3, 0.02
"""Shares of a turn: by which a stated one may be off, and how near to both ends random steps must have come."""
HALF_TURN = 3.1416
"""Of radians, as a card writes it."""
_PLACE = re.compile(r"^obs(?:\.(\w+))?\[(\d+)(?::(\d+))?\]$")

Array = NDArray[np.float64]


def entries_range(entries: Sequence[Entry]) -> tuple[Range, str]:
    """The range of some numbers, and what is not stated of it, empty if all is: such an end is what was sampled, widened."""
    seen = min(e.seen_low for e in entries), max(e.seen_high for e in entries)
    low, high = widened(*seen, max(_MARGIN, _MARGIN_OF_MISSED * max(e.missed for e in entries)))
    lows, highs = [e.low for e in entries if e.low is not None], [e.high for e in entries if e.high is not None]
    has_low, has_high = len(lows) == len(entries), len(highs) == len(entries)
    if has_low:
        low = min(lows)
    if has_high:
        high = max(highs)
    if not has_low and not has_high:
        return (low, high), "no finite bounds are stated that hold"
    span = max(high - low, 0.0)
    ends = (_near(low, span) if has_low else low, _near(high, span) if has_high else high)
    return (
        min(ends),
        max(ends),
    ), "" if has_low and has_high else f"no {'upper' if has_low else 'lower'} bound is stated that holds"


def one_turn(entries: Sequence[Entry], unit: str) -> bool:
    """Whether numbers are angles that come round: stated as one turn, and close to both of its ends in random steps.

    A joint may be bounded by half a turn either way and not go round; the bounds alone say nothing.
    """
    turn = _TURNS.get(unit, math.tau)
    return all(
        e.low is not None
        and e.high is not None
        and math.isclose(e.high - e.low, turn, rel_tol=_ROUNDED)
        and max(e.seen_low - e.low, e.high - e.seen_high) <= _CLOSE * turn
        for e in entries
    )


def is_direction(source: str) -> bool:
    """Whether a source is the angle of a direction, which comes round after 2 pi."""
    body = Expression(source, f"source {source!r}").body
    return isinstance(body, ast.Call) and isinstance(body.func, ast.Name) and body.func.id == "arctan2"


def widened(low: float, high: float, share: float = _MARGIN) -> Range:
    """A sampled range with a margin that is a share of it, in round numbers outward."""
    margin = share * (high - low) or 1.0
    return _rounded(low - margin, margin, math.floor), _rounded(high + margin, margin, math.ceil)


def short(value: float) -> str:
    """A number in few digits, that read back as it."""
    few = f"{value + 0.0:g}"
    return few if float(few) == value else repr(value)


def source_range(source: str, survey: Survey) -> Range | None:
    """The range of a field made from the observation by any formula; None if it has none, such as a condition.

    A computed field's is that of the formula over observations whose numbers are drawn within their own ranges, independently.

    Raises:
        TaskError: the formula speaks of what is not in the observation, or reaches beyond it.
    """
    place = _PLACE.match(source.replace(" ", ""))
    stretch = next((s for s in survey.stretches if s.key == (place[1] or "")), None) if place else None
    if place and stretch:
        first = int(place[2])
        entries = stretch.entries[first : int(place[3]) if place[3] else first + 1]
        if not entries or (place[3] and len(entries) != int(place[3]) - first):
            raise TaskError(f"{source} reaches beyond the {len(stretch.entries)} numbers there are.")
        low, high = entries_range(entries)[0]
        return (low, high) if high > low else None
    return _computed(Expression(source, f"source {source!r}"), survey)


def hull(one: Range | None, low: float | None, high: float | None) -> Range | None:
    """A range that holds another one and, where they are given, further limits as well."""
    ends = [*(one or ()), *(value for value in (low, high) if value is not None)]
    return (min(ends), max(ends)) if len(ends) > 1 and max(ends) > min(ends) else None


def _computed(formula: Expression, survey: Survey) -> Range | None:
    random = np.random.default_rng(0)
    values: Mapping[str, Array] = {f"obs.{s.key}" if s.key else "obs": _drawn(s, random) for s in survey.stretches}
    if unknown := sorted(formula.names - values.keys()):
        raise TaskError(f"{formula.text} speaks of {unknown[0]!r}; the observation has {', '.join(sorted(values))}.")
    with np.errstate(all="ignore"):
        drawn = np.asarray(formula.evaluate(values))
    if drawn.dtype == np.bool_:
        return None
    numbers = drawn.astype(np.float64)[np.isfinite(drawn.astype(np.float64))]
    return widened(float(numbers.min()), float(numbers.max())) if numbers.size and np.ptp(numbers) > 0 else None


def _drawn(stretch: Stretch, random: np.random.Generator) -> Array:
    """shape (_POINTS, numbers), or (_POINTS,) for a single integer: anywhere in their ranges, the ends among them."""
    spans = np.array([entries_range([entry])[0] for entry in stretch.entries])
    shares = random.random((_POINTS, len(spans)))
    at_ends = random.random(shares.shape) < 0.1
    points = spans[:, 0] + np.where(at_ends, np.round(shares), shares) * (spans[:, 1] - spans[:, 0])
    return np.asarray(points[:, 0] if len(stretch.choices) == 1 and not stretch.vector else points)


def _near(value: float, span: float) -> float:
    """The number in six digits, or in as many more as it takes to tell the ends of such a span apart."""
    more = math.ceil(math.log10(abs(value) / span)) if 0.0 < span < abs(value) else 0
    return float(f"{value:.{6 + more}g}")


def _rounded(value: float, margin: float, way: Callable[[float], int]) -> float:
    """Two significant digits, outward, or as many more as a margin of that size needs."""
    if value == 0:
        return 0.0
    scale = 10.0 ** min(math.floor(math.log10(abs(value))) - 1, math.floor(math.log10(margin)))
    return float(f"{way(value / scale) * scale:.15g}")
