"""A run as tables in the terminal."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from autoreward.report.liking import agreement, beaten
from autoreward.report.lines import interval, verdict
from autoreward.report.reading import Reading, Told


def show_run(reading: Reading) -> RenderableType:
    """Verdict, standings, confirmation, and the winner's source."""
    run = reading.run
    task = reading.header.task
    parts: list[RenderableType] = [
        Text(f"{task.name}: {task.goal}", style="bold"),
        Text(verdict(run) if run else f"Not finished. Go on with: autoreward resume {reading.folder}"),
        Text(""),
        standings(reading),
    ]
    if run and run.confirmed:
        parts += [Text(""), confirmation(reading)]
    if reading.strengths.items:
        parts += [Text(""), preferences(reading)]
    parts += [Text(f"- {line}") for line in run.doubt.evidence] if run else []
    steps = sum(t.steps - t.begin for t in reading.trials)
    tier = run.tier if run else next((t.tier for t in reading.trials), "-")
    parts += [
        Text(""),
        Text(f"{reading.trainings} trainings, {steps:,} environment steps; protection: {tier}", style="dim"),
    ]
    if reading.bills:
        parts += [Text(""), spending(reading)]
    parts += [Text(f"- {finding}", style="dim") for finding in reading.findings]
    winner = reading.told(run.best) if run else None
    if winner:
        parts += [Text(""), show_source(winner)]
    return Group(*parts)


def standings(reading: Reading) -> Table:
    """Every candidate with its scores and gravest symptom."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("candidate", "made by", "steps", "seeds", "success", "metric", "progress", "gravest symptom"):
        table.add_column(
            name, justify="right" if name in ("steps", "seeds", "success", "metric", "progress") else "left"
        )
    for told in reading.candidates:
        cells, reached = ("-", "-", "-", "-"), "-"
        if told.ruled:
            metric = f"{told.metric:.4g}" if told.metric is not None else "-"
            cells = (str(len(told.scores)), f"{told.success:.2f}", metric, f"{told.progress:.2f}")
        reached = f"{max((t.steps for t in told.trials), default=0):,}"
        best = reading.run is not None and reading.run.best == told.candidate.id
        lineage = told.candidate.how + (f" of {', '.join(told.candidate.parents)}" if told.candidate.parents else "")
        table.add_row(told.candidate.id, lineage, reached, *cells, state(told), style="bold green" if best else "")
    return table


def state(told: Told) -> str:
    """What is most worth knowing of a candidate, in a few words."""
    if told.verdict and not told.verdict.accepted:
        return f"refused: {told.verdict.findings[0].message}" if told.verdict.findings else told.verdict.outcome.value
    for trial in told.trials:
        if not trial.outcome.ok:
            return f"{trial.outcome.value}: {trial.message}"
    rejected = [s for s in told.screens if s.decision == "rejected"]
    if rejected and not told.trials:
        return f"screened out: {rejected[0].name}"
    if told.diagnosis and told.diagnosis.symptoms:
        return told.diagnosis.symptoms[0].name.replace("_", " ")
    return "" if told.scores else "not trained yet"


def confirmation(reading: Reading) -> Table:
    """Winner and baselines on fresh seeds."""
    table = Table(
        box=None, header_style="dim", pad_edge=False, title="Confirmed on fresh training seeds", title_justify="left"
    )
    for name in ("reward", "", "success, IQM [95 %]", "better than native", "per seed", "progress"):
        table.add_column(name)
    for c in reading.run.confirmed if reading.run else ():
        seeds = " ".join(f"{s:.2f}" for s in c.success)
        over = c.over_native
        better = f"{over.value:.2f} [{over.low:.2f}, {over.high:.2f}]" if over and len(c.success) > 1 else "-"
        table.add_row(c.who, c.role, interval(c), better, seeds, f"{sum(c.progress) / len(c.progress):.2f}")
    return table


def preferences(reading: Reading) -> RenderableType:
    """The candidates as people rank them, and whether the measurement agrees."""
    table = Table(box=None, header_style="dim", pad_edge=False, title="What people prefer", title_justify="left")
    for name in ("candidate", "strength", "preferred", "not", "ties", "beat", "measured"):
        table.add_column(name, justify="left" if name in ("candidate", "beat") else "right")
    for s in reading.strengths.items:
        cells = (f"{s.value:+.2f} ± {s.error:.2f}", str(s.won), str(s.lost), str(s.tied))
        table.add_row(
            s.candidate_id, *cells, beaten(reading.preferences, s.candidate_id), reading.measured_place(s.candidate_id)
        )
    return Group(table, Text(agreement(reading)))


def spending(reading: Reading) -> Table:
    """Calls, tokens and dollars by role."""
    table = Table(box=None, header_style="dim", pad_edge=False, title="Asked of models", title_justify="left")
    for name in ("role", "model", "calls", "tokens in", "tokens out", "cost"):
        table.add_column(name, justify="left" if name in ("role", "model") else "right")
    for s in reading.spending:
        table.add_row(s.role, s.model, str(s.calls), f"{s.input_tokens:,}", f"{s.output_tokens:,}", s.price)
    return table


def show_candidate(told: Told) -> RenderableType:
    """One candidate: thought, source, scores, symptoms with evidence."""
    parts: list[RenderableType] = [
        Text(f"{told.candidate.id}: {told.candidate.thought}", style="bold"),
        show_source(told),
    ]
    if told.verdict:
        parts += [
            Text(f"- {f.rule}{f' (line {f.line})' if f.line else ''}: {f.message}") for f in told.verdict.findings
        ]
    parts += [
        Text(f"{s.name} {s.decision}: {s.evidence}. {s.advice}".rstrip(), style="yellow" if s.advice else "dim")
        for s in told.screens
    ]
    parts += [
        Text(
            f"critic, line {r.line} ({r.severity}): {r.reason} {r.fix}",
            style="yellow" if r.severity == "serious" else "",
        )
        for r in told.candidate.remarks
    ]
    for score in told.scores:
        table = Table(title=score.trial_id, title_justify="left", box=None, header_style="dim", pad_edge=False)
        for name in ("after steps", "success", "progress", "episode length"):
            table.add_column(name, justify="right")
        for c in score.checkpoints:
            kept = " (kept)" if c.step == score.kept else ""
            table.add_row(f"{c.step:,}{kept}", f"{c.success:.2f}", f"{c.progress:.2f}", f"{c.length:.0f}")
        parts += [Text(""), table]
    for symptom in told.diagnosis.symptoms if told.diagnosis else ():
        parts += [
            Text(""),
            Text(symptom.name.replace("_", " "), style="yellow"),
            Text(f"  {symptom.evidence}"),
            Text(f"  {symptom.advice}", style="dim"),
        ]
    for cause in told.causes:
        steps = f"episode {cause.episode}, step {', '.join(map(str, cause.steps))}" if cause.steps else "no step named"
        parts += [
            Text(""),
            Text(f"{cause.cause} ({steps})", style="yellow"),
            Text(f"  {cause.suggestion}", style="dim"),
        ]
    return Group(*parts)


def show_source(told: Told) -> Panel:
    """The highlighted program."""
    return Panel(
        Syntax(told.candidate.source.rstrip(), "python", background_color="default", word_wrap=True),
        title=told.candidate.id,
    )
