"""A run as tables in the terminal: all of it where it fits, less of it in a narrow one."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from autoreward.core.wording import Command, in_shell
from autoreward.evaluation.metrics import metric_cell
from autoreward.evaluation.stages import stages_cell
from autoreward.report.audit import audit_shown
from autoreward.report.candidates import CandidateView
from autoreward.report.fitting import Fitting
from autoreward.report.phrases import (
    budget_sentence,
    interval_text,
    lost_episodes_sentence,
    result_sentence,
    taken_over_sentence,
)
from autoreward.report.preference_tables import preferences
from autoreward.report.reading import REPORT, RunView
from autoreward.report.robustness import robustness_table
from autoreward.report.simulators import simulator_sentence, snapshots_sentence
from autoreward.report.stages import stage_bars, stage_sentence
from autoreward.report.traits import traits_table
from autoreward.store.files import in_use

_STATE, _BRIEF = 60, 32
"""Most letters of what is said of a candidate in a table, and in a narrow one; `show` of a candidate says all of it."""


def show_run(reading: RunView) -> RenderableType:
    """Verdict, standings, confirmation, and the winner's source."""
    run = reading.run
    task = reading.header.task
    parts: list[RenderableType] = [
        Text(f"{task.name}: {task.goal}", style="bold"),
        *(Text(f"asked: {said.question} said: {said.answer}") for said in task.clarified),
        Text(result_sentence(run) if run else _unfinished(reading)),
        *([Text(task.native_sentence)] if task.uses_native else []),
    ]
    parts += [Text(line) for line in (budget_sentence(run), stage_sentence(run)) if line] if run else []
    parts += [Text(line) for line in audit_shown(reading)]
    if reading.header.config.given is None:
        parts += [Text(""), standings_table(reading)]
    if run and run.confirmed:
        parts += [Text(""), confirmation(reading)]
    for found in reading.robustness:
        parts += [Text(""), robustness_table(found)]
    parts += [Text(f"- {trial.id} {trial.outcome.value}: {trial.message}") for trial in reading.broken]
    if reading.strengths.items:
        parts += [Text(""), preferences(reading)]
    if reading.traits.items:
        parts += [Text(""), traits_table(reading)]
    parts += [Text(f"- {line}") for line in run.doubt.evidence] if run else []
    tier = run.tier if run else next((t.tier for t in reading.trials), "-")
    parts += [
        Text(""),
        Text(f"{_trainings(reading)}, {reading.env_steps:,} environment steps; protection: {tier}", style="dim"),
    ]
    lost = lost_episodes_sentence(reading.lost_episodes)
    began = (simulator_sentence(reading), snapshots_sentence(reading))
    beside = (*began, lost, taken_over_sentence(reading.trials))
    parts += [Text(line, style="dim") for line in beside if line]
    if reading.bills:
        parts += [Text(""), spending(reading)]
    parts += [Text(reading.critic.said, style="dim")] if reading.critic else []
    parts += [Text(f"- {finding}", style="dim") for finding in reading.findings]
    page = Text(f"report  {reading.folder / REPORT}", style="dim", no_wrap=True, overflow="ignore")
    parts += [page] if reading.files.has(REPORT) else []
    winner = reading.candidate(run.best) if run else None
    if winner:
        parts += [Text(""), show_source(winner)]
    return Group(*parts)


def _unfinished(reading: RunView) -> str:
    if in_use(reading.files):
        return "Not finished: an autoreward process is at work in it."
    return f"Not finished. Go on with: {in_shell(Command('resume', (reading.folder,)))}"


def _trainings(reading: RunView) -> str:
    return f"{reading.trainings} training{'s' * (reading.trainings != 1)}"


def standings_table(reading: RunView) -> Fitting:
    """Every candidate with where it came from, its scores and its gravest symptom.

    A narrow terminal gets parents without what was done with them, and fewer words; a very narrow one no metric and no limits.
    """
    tables = (
        _standings(reading, how=True, metric=True, longest=_STATE),
        _standings(reading, how=True, metric=True, longest=_BRIEF),
        _standings(reading, how=False, metric=True, longest=_BRIEF),
        _standings(reading, how=False, metric=False, longest=_STATE),
    )
    return Fitting(tables)


def _standings(reading: RunView, how: bool, metric: bool, longest: int) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2 if metric else 1, 0, 0))
    limited = reading.header.task.limits if metric else {}
    further = tuple(reading.header.task.metrics) if metric else ()
    staged = metric and reading.header.task.success.stages
    numbers = (
        "steps",
        "seeds",
        "success",
        *(["metric"] if metric else []),
        *further,
        "progress",
        *(["stages"] if staged else []),
        *limited,
    )
    for name in ("candidate", "made by" if how else "from", *numbers, "gravest symptom"):
        table.add_column(name, justify="right" if name in numbers else "left", no_wrap=name != "gravest symptom")
    for view in reading.candidates:
        reached = f"{max((t.steps for t in view.trials), default=0):,}"
        readings = {r.name: f"{r.value:.3g} {r.word}" for r in view.limits}
        cells = ["-"] * (len(numbers[1:]) - len(limited))
        if view.ruled:
            best_metric = [f"{view.metric:.4g}" if view.metric is not None else "-"] if metric else []
            more = [f"{view.metrics[name]:.4g}" if name in view.metrics else "-" for name in further]
            cells = [str(len(view.scores)), f"{view.success:.2f}", *best_metric, *more, f"{view.progress:.2f}"]
            cells += [stages_cell(view.stages)] if staged else []
        cells += [readings.get(name, "-") for name in limited]
        best = reading.run is not None and reading.run.best == view.candidate.id
        status_text = textwrap.shorten(status(view), longest, placeholder=" ...")
        table.add_row(
            view.candidate.id, origin(view, how), reached, *cells, status_text, style="bold green" if best else ""
        )
    return table


def origin(view: CandidateView, how: bool = True) -> str:
    """What a candidate was made of, and `how`; one without parents has that alone."""
    parents = ", ".join(view.candidate.parents)
    if not parents:
        return view.candidate.how
    return f"{view.candidate.how} of {parents}" if how else parents


def status(view: CandidateView) -> str:
    """What is most worth knowing of a candidate, in a few words."""
    if view.verdict and not view.verdict.accepted:
        return f"refused: {view.verdict.findings[0].message}" if view.verdict.findings else view.verdict.outcome.value
    for trial in view.trials:
        if not trial.outcome.ok:
            return f"{trial.outcome.value}: {trial.message}"
    rejected = [s for s in view.screens if s.decision == "rejected"]
    if rejected and not view.trials:
        return f"screened out: {rejected[0].name}"
    if view.diagnosis and view.diagnosis.symptoms:
        return view.diagnosis.symptoms[0].name.replace("_", " ")
    return "" if view.scores or view.candidate.how == "given" else "not trained yet"


def confirmation(reading: RunView) -> Fitting:
    """Winner and baselines on fresh seeds; a narrow terminal gets the range of the seeds instead of each, or less."""
    limited = reading.header.task.limits
    staged = ("stages",) if reading.header.task.success.stages else ()
    further = tuple(reading.header.task.metrics)
    names = ("reward", "", "success", "beats native", "per seed", "progress", *further, *staged, *limited)
    tables = (
        _confirmation(reading, names, each=True),
        _confirmation(reading, names, each=False),
        _confirmation(reading, ("reward", "success", *staged, *limited), each=False),
        _confirmation(reading, ("reward", "success"), each=False),
    )
    return Fitting(tables)


def _confirmation(reading: RunView, names: Sequence[str], each: bool) -> Table:
    title = "Confirmed on fresh training seeds: success, IQM [95 %]"
    table = Table(box=None, header_style="dim", pad_edge=False, title=title, title_justify="left")
    for name in names:
        table.add_column(
            name,
            no_wrap=True,
            justify="right" if name in ("progress", "stages", *reading.header.task.metrics) else "left",
        )
    for c in reading.run.confirmed if reading.run else ():
        seeds = " ".join(f"{s:.2f}" for s in c.success)
        spread = f"{min(c.success):.2f} to {max(c.success):.2f}" if len(set(c.success)) > 1 else f"{c.success[0]:.2f}"
        over = c.over_native
        better = f"{over.value:.2f} [{over.low:.2f}, {over.high:.2f}]" if over and len(c.success) > 1 else "-"
        cells = {
            "reward": c.who,
            "": c.role,
            "success": interval_text(c),
            "beats native": better,
            "per seed": seeds if each else spread,
            "progress": f"{sum(c.progress) / len(c.progress):.2f}",
            "stages": stages_cell(c.stages),
            **{name: metric_cell(c, name) for name in names if name in reading.header.task.metrics},
        }
        cells |= {name: "-" for name in names if name not in cells}
        cells |= {r.name: f"{r.value:.3g} [{r.low:.3g}, {r.high:.3g}] {r.word}" for r in c.limits if r.name in names}
        table.add_row(*(cells[name] for name in names))
    return table


def spending(reading: RunView) -> Table:
    """Calls, tokens and dollars by role."""
    table = Table(box=None, header_style="dim", pad_edge=False, title="Asked of models", title_justify="left")
    for name in ("role", "model", "calls", "tokens in", "tokens out", "cost"):
        table.add_column(name, justify="left" if name in ("role", "model") else "right")
    for s in reading.spending:
        table.add_row(s.role, s.model, s.called, s.sent, f"{s.output_tokens:,}", s.price)
    return table


def show_candidate(view: CandidateView) -> RenderableType:
    """One candidate: thought, parents, source, scores, symptoms with evidence."""
    parts: list[RenderableType] = [
        Text(f"{view.candidate.id}: {view.candidate.thought}", style="bold"),
        Text(origin(view), style="dim"),
        show_source(view),
    ]
    if view.verdict:
        parts += [
            Text(f"- {f.rule}{f' (line {f.line})' if f.line else ''}: {f.message}") for f in view.verdict.findings
        ]
    parts += [
        Text(f"{s.name} {s.decision}: {s.evidence}. {s.advice}".rstrip(), style="yellow" if s.advice else "dim")
        for s in view.screens
    ]
    parts += [
        Text(
            f"critic, line {r.line} ({r.severity}): {r.reason} {r.fix}",
            style="yellow" if r.severity == "serious" else "",
        )
        for r in view.candidate.remarks
    ]
    for score in view.scores:
        table = Table(title=score.trial_id, title_justify="left", box=None, header_style="dim", pad_edge=False)
        limited = list(score.checkpoints[0].limits) if score.checkpoints else []
        for name in ("after steps", "success", "progress", "episode length", *limited):
            table.add_column(name, justify="right")
        for c in score.checkpoints:
            mark = " (kept)" if c.step == score.kept else ""
            numbers = (f"{c.success:.2f}", f"{c.progress:.2f}", f"{c.length:.0f}")
            table.add_row(f"{c.step:,}{mark}", *numbers, *(f"{c.limits[name]:.3g}" for name in limited))
        parts += [Text(""), table, *(Text(f"{r.word}: {r.said}", style="dim") for r in score.limits)]
        parts += [stage_bars(score.stages)] if score.stages else []
    for symptom in view.diagnosis.symptoms if view.diagnosis else ():
        parts += [
            Text(""),
            Text(symptom.name.replace("_", " "), style="yellow" if symptom.hurts else ""),
            Text(f"  {symptom.evidence}"),
            Text(f"  {symptom.advice}", style="dim"),
        ]
    for cause in view.causes:
        steps = f"episode {cause.episode}, step {', '.join(map(str, cause.steps))}" if cause.steps else "no step named"
        parts += [
            Text(""),
            Text(f"{cause.cause} ({steps})", style="yellow"),
            Text(f"  {cause.suggestion}", style="dim"),
        ]
    return Group(*parts)


@dataclass(frozen=True)
class CopyableSource:
    """A program without a frame, so that it can be copied: highlighted in a terminal, line by line as written in a pipe."""

    text: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What is printed."""
        if console.is_terminal:
            yield Syntax(self.text, "python", background_color="default", word_wrap=True)
        else:
            yield Text(self.text)


def show_source(view: CandidateView) -> Group:
    """A candidate's program under its name."""
    return Group(Rule(view.candidate.id, style="dim"), CopyableSource(view.candidate.source.rstrip()))
