"""The race of each round as it went: a curve for each program, and who stopped where and why."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from autoreward.records import Standings
from autoreward.report.candidates import CandidateView
from autoreward.report.charts import MANY, Series, chart, legend_of
from autoreward.report.reading import RunView

_REST = "var(--line)"


class Stop(NamedTuple):
    """Where a program left the race."""

    candidate_id: str
    steps: int
    why: str


class Race(NamedTuple):
    """One round's."""

    round: int
    curves: Markup
    legend: Markup
    stops: tuple[Stop, ...]
    """In the order in which they left it."""


def races(reading: RunView) -> tuple[Race, ...]:
    """The races that were run so far; none without a rule, by which they go."""
    if not reading.header.task.ruled:
        return ()
    rounds = dict.fromkeys(view.round for view in reading.candidates)
    return tuple(
        _race(number, rungs, [view for view in reading.candidates if view.round == number])
        for number, rungs in zip(rounds, reading.rungs, strict=False)
        if rungs
    )


def _race(number: int, rungs: Sequence[Standings], views: Sequence[CandidateView]) -> Race:
    """Held-out success over the steps of each program's first training; progress where no program had a success."""
    places = {row.candidate_id: i for rung in rungs for i, row in enumerate(rung.rows)}
    scored = sorted((v for v in views if v.scores), key=lambda v: places.get(v.candidate.id, len(places)))
    any_success = any(c.success > 0.0 for v in scored for c in v.scores[0].checkpoints)
    what = "success" if any_success else "progress"
    lines = [
        Series(
            view.candidate.id,
            [(c.step, c.success if any_success else c.progress) for c in view.scores[0].checkpoints],
            MANY[i] if i < len(MANY) else _REST,
        )
        for i, view in enumerate(scored)
    ]
    legend = legend_of(lines[: len(MANY)])
    if more := len(lines) - len(MANY):
        legend += f'<p class="legend">Grey: {more} more, worse ones.</p>' if more > 0 else ""
    drawn = chart(lines[::-1], f"round {number}: held-out {what}", 0.0, 1.0)
    return Race(number, Markup(drawn), Markup(legend), _stops(rungs, views))  # noqa: S704 - both escape names


def _stops(rungs: Sequence[Standings], views: Sequence[CandidateView]) -> tuple[Stop, ...]:
    failed = [
        Stop(view.candidate.id, trial.steps, f"{trial.outcome.value}: {trial.message}")
        for view in views
        for trial in view.trials[:1]
        if not trial.outcome.ok
    ]
    out: list[Stop] = []
    for rung in rungs:
        on = [row for row in rung.rows if row.goes_on]
        for row in rung.rows:
            if row.goes_on:
                continue
            if row.candidate_id in rung.unaffordable:
                why = "no steps left in the budget"
            elif not on:
                why = "the end of the race"
            else:
                last = on[-1]
                mine, theirs = (f"{r.success:.2f}, progress {r.progress:.2f}" for r in (row, last))
                why = f"success {mine}; {last.candidate_id}, the last that went on, {theirs}"
                why = why if row.holds else f"breaks limits; {why}"
            out.append(Stop(row.candidate_id, rung.steps, why))
    return (*failed, *out)
