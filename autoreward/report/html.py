"""report.html: one self-contained page for a run, finished or not."""

from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from autoreward import __version__
from autoreward.report.curves import Line, chart
from autoreward.report.lines import interval, verdict
from autoreward.report.reading import Reading, Told, read_run
from autoreward.report.show import state
from autoreward.store.book import Book

SUCCESS, RETURN = "var(--good)", "var(--accent)"


def build_report(book: Book) -> str:
    """The page for a book that may still be open."""
    return render(read_run(book.folder))


def render(reading: Reading) -> str:
    """The page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("autoreward.report").joinpath("page.html.j2").read_text(encoding="utf-8"))
    run = reading.run
    ranked = sorted(reading.candidates, key=_rank)
    return template.render(
        reading=reading,
        task=reading.header.task,
        run=run,
        verdict=verdict(run) if run else "Not finished: what there is so far.",
        candidates=ranked,
        interval=interval,
        state=state,
        source=lambda told: Markup(highlight(told.candidate.source, PythonLexer(), HtmlFormatter(nowrap=False))),  # noqa: S704
        success_curve=_success_curve,
        return_curve=_return_curve,
        env_steps=sum(t.steps for t in reading.trials),
        minutes=sum(t.seconds for t in reading.trials) / 60,
        tier=run.tier if run else next((t.tier for t in reading.trials), "unknown"),
        version=__version__,
        style=Markup(HtmlFormatter(style="friendly").get_style_defs(".highlight")),  # noqa: S704
    )


def _rank(told: Told) -> tuple[float, float, str]:
    score = told.score
    return (-score.mean_success, -score.mean_progress, told.candidate.id) if score else (1.0, 1.0, told.candidate.id)


def _success_curve(told: Told) -> Markup:
    points = [(c.step, c.success) for c in told.score.checkpoints] if told.score else []
    progress = [(c.step, c.progress) for c in told.score.checkpoints] if told.score else []
    lines = [Line("progress", progress, "var(--muted)"), Line("success", points, SUCCESS)]
    return Markup(chart(lines, "held-out success (bold) and progress", 0.0, 1.0))  # noqa: S704


def _return_curve(told: Told) -> Markup:
    curve = told.trial.curve if told.trial else ()
    points = [(p.step, p.episode_return) for p in curve if p.episode_return is not None]
    return Markup(chart([Line("return", points, RETURN)], "training return"))  # noqa: S704
