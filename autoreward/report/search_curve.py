"""What a search found for what it spent: every scored training, the best so far, and what fresh seeds said of it."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from markupsafe import Markup

from autoreward.records import TrialId
from autoreward.records.ids import order_of_design
from autoreward.report.charts import Band, Series, chart, legend_of, standing_alone
from autoreward.report.model_calls import ModelCall, dollars_by_round
from autoreward.report.reading import RunView

_BEST, _DOT = "var(--c1)", "var(--muted)"
_KEYS = (Series("best so far", (), _BEST), Series("a training, when it was scored", (), _DOT))
_LEVELS = {"native": "var(--c2)", "sparse": "var(--c4)"}


class SearchPoint(NamedTuple):
    """A training of the search, or one leg of it, when it was scored."""

    env_steps: int
    """Environment steps of the search up to its end."""
    round: int
    candidate_id: str
    success: float
    """Held-out success of its kept checkpoint."""


def search_points(reading: RunView) -> tuple[SearchPoint, ...]:
    """The scored trainings of all rounds: those of a race side by side first, then those on further seeds.

    Steps of trainings that failed, or were taken over from another run, are in none of them.
    """
    ordered = sorted(
        (saved for saved in reading.search_scores if saved.score.outcome.ok and saved.score.ruled),
        key=lambda saved: (
            saved.page,
            TrialId.parse(saved.score.trial_id).seed,
            saved.score.steps,
            order_of_design(saved.score.candidate_id),
        ),
    )
    reached: dict[TrialId, int] = {}
    found: list[SearchPoint] = []
    spent = 0
    for page, score in ordered:
        training = TrialId.parse(score.trial_id).training
        spent += max(score.steps - reached.get(training, 0), 0)
        reached[training] = max(score.steps, reached.get(training, 0))
        found.append(SearchPoint(spent, int(page.rpartition("/")[2]), score.candidate_id, score.success))
    return tuple(found)


def best_so_far(points: Sequence[SearchPoint]) -> tuple[float, ...]:
    """The highest success up to each point."""
    return tuple(accumulate((point.success for point in points), max))


def search_curves(reading: RunView, calls: Sequence[ModelCall]) -> tuple[Markup, ...]:
    """The curve over environment steps and, where models cost money, over dollars; none without a score by a rule."""
    points = search_points(reading)
    if not points:
        return ()
    levels = _confirmed(reading)
    curves = [_curve(points, [float(p.env_steps) for p in points], levels, "environment steps")]
    spent = dollars_by_round(calls)
    if any(spent.values()):
        dollars = [sum(cost for number, cost in spent.items() if number <= p.round) for p in points]
        curves.append(_curve(points, dollars, levels, "dollars"))
    return (*curves, Markup(legend_of([*_KEYS, *levels])))  # noqa: S704 - names are escaped there


def search_picture(reading: RunView) -> str:
    """The curve over environment steps with its legend, as an SVG of its own; empty without a score by a rule."""
    points = search_points(reading)
    levels = _confirmed(reading)
    drawn = _curve(points, [float(p.env_steps) for p in points], levels, "environment steps") if points else ""
    return standing_alone(str(drawn), [*_KEYS, *levels])


def _curve(points: Sequence[SearchPoint], places: Sequence[float], levels: Sequence[Band], over: str) -> Markup:
    """Dots where trainings were scored, each told by its candidate, and the best so far in steps."""
    best = best_so_far(points)
    steps = [(place, height) for i, place in enumerate(places) for height in (best[max(i - 1, 0)], best[i])]
    own: dict[str, list[tuple[float, float]]] = {}
    for point, place in zip(points, places, strict=True):
        own.setdefault(point.candidate_id, []).append((place, point.success))
    lines = [Series(name, dots, _DOT, joined=False) for name, dots in own.items()]
    best_line = Series("best so far", steps, _BEST)
    drawn = chart([*lines, best_line], "held-out success", 0.0, 1.0, dots=False, limits=levels, over=over)
    return Markup(drawn)  # noqa: S704 - chart escapes names


def _confirmed(reading: RunView) -> list[Band]:
    """The winner and the baselines on fresh seeds; an interval is claimed from two seeds on."""
    run = reading.run
    kept = [c for c in run.confirmed if c.who == run.best or c.who in _LEVELS] if run else []
    return [
        Band(
            f"{c.who} on fresh seeds",
            c.estimate.value,
            c.estimate.low if len(c.success) > 1 else c.estimate.value,
            c.estimate.high if len(c.success) > 1 else c.estimate.value,
            _LEVELS.get(c.who, "var(--c3)"),
        )
        for c in kept
    ]
