"""report.html: one self-contained page for a run, finished or not."""

from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from autoreward import __version__
from autoreward.analyze.ranking import ranked
from autoreward.report.curves import Line, chart
from autoreward.report.lines import interval, verdict
from autoreward.report.reading import Reading, Told, read_run
from autoreward.report.show import state
from autoreward.store.book import Book

COLORS = ("var(--good)", "var(--accent)", "var(--muted)")


def build_report(book: Book) -> str:
    """The page for a book that may still be open."""
    return render(read_run(book.folder))


def render(reading: Reading) -> str:
    """The page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("autoreward.report").joinpath("page.html.j2").read_text(encoding="utf-8"))
    run = reading.run
    places = {
        name: i for i, name in enumerate(ranked([s for t in reading.candidates for s in t.scores], reading.header.task))
    }
    best_first = sorted(
        reading.candidates, key=lambda told: (places.get(told.candidate.id, len(places)), told.candidate.id)
    )
    return template.render(
        reading=reading,
        task=reading.header.task,
        run=run,
        verdict=verdict(run) if run else "Not finished: what there is so far.",
        candidates=best_first,
        interval=interval,
        state=state,
        source=lambda told: Markup(highlight(told.candidate.source, PythonLexer(), HtmlFormatter(nowrap=False))),  # noqa: S704
        success_curve=_success_curve,
        return_curve=_return_curve,
        env_steps=sum(t.steps - t.begin for t in reading.trials),
        minutes=sum(t.seconds for t in reading.trials) / 60,
        money=_money(reading),
        tier=run.tier if run else next((t.tier for t in reading.trials), "unknown"),
        version=__version__,
        style=Markup(HtmlFormatter(style="friendly").get_style_defs(".highlight")),  # noqa: S704
    )


def _money(reading: Reading) -> str:
    known = sum(s.dollars or 0.0 for s in reading.spending)
    return f"${known:.2f}" + (" and calls of unknown price" if any(s.dollars is None for s in reading.spending) else "")


def _success_curve(told: Told) -> Markup:
    lines = [
        Line(score.trial_id, [(c.step, c.success) for c in score.checkpoints], COLORS[i % len(COLORS)])
        for i, score in enumerate(told.scores)
    ]
    return Markup(chart(lines, "held-out success by seed", 0.0, 1.0))  # noqa: S704


def _return_curve(told: Told) -> Markup:
    lines = [
        Line(
            t.id, [(p.step, p.episode_return) for p in t.curve if p.episode_return is not None], COLORS[i % len(COLORS)]
        )
        for i, t in enumerate(told.trials)
    ]
    return Markup(chart(lines, "training return by seed"))  # noqa: S704
