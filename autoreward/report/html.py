"""report.html: one self-contained page for a run, finished or not."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import DiffLexer, PythonLexer

from autoreward.evaluation.metrics import metric_cell
from autoreward.evaluation.ranking import ranked
from autoreward.evaluation.stages import stages_cell
from autoreward.records import CurvePoint, Trial
from autoreward.report.agreement import agreement, beaten, weights_said, what_is_preferred
from autoreward.report.audit import audit_shown
from autoreward.report.behaviour import plotted
from autoreward.report.candidates import CandidateView
from autoreward.report.charts import DARK, LIGHT, MANY, Series, chart, scatter
from autoreward.report.films import films, films_of, films_within, stills
from autoreward.report.lineage import lineage
from autoreward.report.model_calls import model_calls
from autoreward.report.phrases import (
    budget_sentence,
    interval_text,
    lost_episodes_sentence,
    result_sentence,
    taken_over_sentence,
)
from autoreward.report.race_curves import races
from autoreward.report.reading import RunView, read_run
from autoreward.report.rerun import again
from autoreward.report.reward_distances import alike, between
from autoreward.report.robustness import robustness_note, robustness_rows, robustness_title
from autoreward.report.search_curve import search_curves
from autoreward.report.simulators import simulator_sentence, snapshots_sentence
from autoreward.report.stages import stage_sentence
from autoreward.report.tables import origin, status
from autoreward.report.templates import page
from autoreward.report.traits import measured_traits, trait_cell, trait_line, traits_said
from autoreward.report.whiskers import whiskers
from autoreward.rewards.gate.text import MAX_LINES
from autoreward.store.book import Book
from autoreward.version import __version__

_COLORS = ("var(--good)", "var(--accent)", "var(--muted)")


def build_report(book: Book, on_ranking: str) -> str:
    """The page for a book that may still be open; `on_ranking`: see `render`."""
    return render(read_run(book.folder), on_ranking)


def render(reading: RunView, on_ranking: str = "", in_cell: bool = False) -> str:
    """The page; without what can't be seen, such as a mark that turns the direction of the code.

    `on_ranking`: what the run's judge has to say of people's answers; `in_cell`: for a notebook, which keeps all that is shown
    within its file, and so with the first clip alone.
    """
    parts = run_parts(reading)
    held = {} if in_cell else films_within(reading, parts["candidates"])
    own = {"on_ranking": on_ranking, "films": lambda view: held.get(view.candidate.id, [])}
    if in_cell:
        own["clips"] = parts["clips"][:1]
    return page("page", **parts | own, **look())


def best_first(reading: RunView) -> list[CandidateView]:
    """The candidates as they rank; those without a place follow by id."""
    order = ranked([s for t in reading.candidates for s in t.scores], reading.header.task)
    places = {name: i for i, name in enumerate(order)}
    return sorted(reading.candidates, key=lambda view: (places.get(view.candidate.id, len(places)), view.candidate.id))


@cache
def look() -> Mapping[str, Markup]:
    """The colors that every page is drawn in."""
    return {
        "light": Markup(LIGHT),  # noqa: S704 - our own colors
        "dark": Markup(DARK),  # noqa: S704
        "style": _style("default"),
        "dark_style": _style("github-dark"),
    }


def highlighted(source: str) -> Markup:
    """A program, in colors."""
    return _in_colors(source, PythonLexer())


def candidate_parts(reading: RunView, to: Callable[[str], str] = "#{}".format) -> dict[str, Any]:
    """What the parts of pages about a run's candidates are made of; `to`: where a link to a candidate leads."""
    return {
        "reading": reading,
        "task": reading.header.task,
        "run": reading.run,
        "to": to,
        "status": status,
        "origin": origin,
        "source": lambda view: highlighted(view.candidate.source),
        "diff": _diff(reading),
        "films": lambda view: films_of(reading, view),
        "part_curve": _part_curve,
        "return_against_progress": _return_against_progress,
        "success_curve": _success_curve,
        "multiplier_curve": _multiplier_curve,
        "return_curve": _return_curve,
    }


def run_parts(reading: RunView, to: Callable[[str], str] = "#{}".format) -> dict[str, Any]:
    """The same, and what those about the whole run are made of."""
    run, by = reading.run, "people" if reading.answered else "judge"
    far = between(reading.distances)
    graph = lineage(reading.candidates, run.best if run else "", reading.strengths, to, by, stills(reading), far)
    return candidate_parts(reading, to) | {
        "audit": audit_shown(reading),
        "verdict": result_sentence(run) if run else "Not finished: what there is so far.",
        "short_budget": budget_sentence(run) if run else "",
        "stops": stage_sentence(run) if run else "",
        "stages_cell": stages_cell,
        "metric_cell": metric_cell,
        "candidates": best_first(reading),
        "interval": interval_text,
        "again": again,
        "clips": films(reading),
        "taken_over": taken_over_sentence(reading.trials),
        "simulator": simulator_sentence(reading),
        "snapshots": snapshots_sentence(reading),
        "lost_episodes": lost_episodes_sentence(reading.lost_episodes),
        "plots": plotted(reading),
        "graph": Markup(graph),  # noqa: S704 - lineage escapes what it is given
        "alike": alike(reading.candidates, reading.distances, to),
        "search": search_curves(reading, model_calls(reading) if reading.bills else ()),
        "races": races(reading),
        "whiskers": whiskers(run.confirmed, run.best) if run else "",
        "robustness_title": robustness_title,
        "robustness_rows": robustness_rows,
        "robustness_note": robustness_note,
        "agreement": agreement,
        "weights_said": weights_said,
        "what_is_preferred": what_is_preferred,
        "on_ranking": "",
        "measured_traits": measured_traits(reading),
        "traits_said": traits_said,
        "trait_line": trait_line,
        "trait_cell": trait_cell,
        "beaten": beaten,
        "minutes": sum(t.seconds for t in reading.trials) / 60,
        "money": reading.money,
        "tier": run.tier if run else next((t.tier for t in reading.trials), "unknown"),
        "version": __version__,
    }


def program_diff(old: str, new: str, names: tuple[str, str]) -> Markup:
    """What changed between two programs, in colors; empty where they are the same, or longer than any that may train."""
    pair = old.splitlines(), new.splitlines()
    if max(map(len, pair)) > MAX_LINES:  # what is compared in reasonable time
        return Markup("")
    text = "\n".join(difflib.unified_diff(*pair, *names, lineterm="", n=2))
    return _in_colors(text, DiffLexer()) if text else Markup("")


def _in_colors(text: str, lexer: Lexer) -> Markup:
    """Source text as HTML, which the keyboard can scroll."""
    made = highlight(text, lexer, HtmlFormatter(nowrap=False))
    return Markup(made.replace('<div class="highlight">', '<div class="highlight" tabindex="0">', 1))  # noqa: S704 - escaped there


def _style(name: str) -> Markup:
    """Colors of highlighted code."""
    return Markup(HtmlFormatter(style=name).get_style_defs(".highlight"))  # noqa: S704


def _diff(reading: RunView) -> Callable[[CandidateView], Markup]:
    """A function that shows how a candidate differs from its first parent."""
    sources = {view.candidate.id: view.candidate.source for view in reading.candidates}

    def diff(view: CandidateView) -> Markup:
        parent = next((p for p in view.candidate.parents if p in sources), None)
        if parent is None:
            return Markup("")
        return program_diff(sources[parent], view.candidate.source, (parent, view.candidate.id))

    return diff


def _part_curve(view: CandidateView) -> Markup:
    """Mean of each part over training, of the first seed."""
    curve = view.trials[0].curve if view.trials else ()
    names = list(dict.fromkeys(p.name for point in curve for p in point.parts))[: len(MANY)]
    lines = [
        Series(name, [(point.step, p.mean) for point in curve for p in point.parts if p.name == name], color)
        for name, color in zip(names, MANY, strict=False)
    ]
    return Markup(chart(lines, "mean of each part", legend=True))  # noqa: S704


def _return_against_progress(view: CandidateView) -> Markup:
    """Does more reward mean more of what was asked for? One dot per checkpoint: training return there, held-out progress."""
    dots = []
    for trial, score in zip(view.trials, view.scores if view.ruled else (), strict=False):
        known = [(p.step, p.episode_return) for p in trial.curve if p.episode_return is not None]
        for point in score.checkpoints:
            near = min(known, key=lambda k: abs(k[0] - point.step), default=None)
            if near is not None:
                dots.append((near[1], point.progress))
    return Markup(scatter(dots, "held-out progress against training return"))  # noqa: S704


def _success_curve(view: CandidateView) -> Markup:
    lines = [
        Series(score.trial_id, [(c.step, c.success) for c in score.checkpoints], _COLORS[i % len(_COLORS)])
        for i, score in enumerate(view.scores)
        if score.ruled
    ]
    return Markup(chart(lines, "held-out success by seed", 0.0, 1.0, legend=len(lines) > 1))  # noqa: S704


def _multiplier_curve(trials: Sequence[Trial]) -> Markup:
    """What each limit's price was over the first of these trainings that learned one; empty where none did."""
    curve: Sequence[CurvePoint] = next((t.curve for t in trials if any(p.multipliers for p in t.curve)), ())
    names = list(dict.fromkeys(name for point in curve for name in point.multipliers))
    lines = [
        Series(name, [(p.step, p.multipliers[name]) for p in curve if name in p.multipliers], MANY[i % len(MANY)])
        for i, name in enumerate(names)
    ]
    return Markup(chart(lines, "multiplier of each limit", legend=True))  # noqa: S704


def _return_curve(view: CandidateView) -> Markup:
    lines = [
        Series(
            t.id,
            [(p.step, p.episode_return) for p in t.curve if p.episode_return is not None],
            _COLORS[i % len(_COLORS)],
        )
        for i, t in enumerate(view.trials)
    ]
    return Markup(chart(lines, "training return by seed", legend=len(lines) > 1))  # noqa: S704
