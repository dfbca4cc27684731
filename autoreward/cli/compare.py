"""`autoreward compare RUN RUN ...`."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoreward.cli.completion import complete_runs
from autoreward.cli.options import RUNS, find_run
from autoreward.cli.say import say_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autoreward.records import Confirmed, Run
    from autoreward.report.fitting import Fitting
    from autoreward.report.reading import RunView


def command(
    names: list[str] = typer.Argument(
        metavar="RUN RUN ...", help="Runs of the same task.", autocompletion=complete_runs
    ),
    runs: Path = RUNS,
    front: bool = typer.Option(
        False,
        "--front",
        help="All trained programs by success, metrics and limits: those that no other one beats in all.",
    ),
    svg: Path | None = typer.Option(None, help="With --front: also draw it into this file."),
    as_json: bool = typer.Option(False, "--json", help="As JSON lines, one a run; with --front one a program."),
) -> None:
    """Set the winners of several runs side by side, or everything that runs trained."""
    from autoreward.errors import UsageError
    from autoreward.report.reading import read_run
    from autoreward.report.terminal import Terminal

    if svg and not front:
        raise UsageError("--svg draws the front; say --front, too.")
    if len(names) < 2 and not front:
        raise UsageError("compare needs two runs or more; one run's programs are compared with --front.")
    readings = [read_run(find_run(name, runs)) for name in names]
    tasks = {r.header.task.name for r in readings}
    if len(tasks) > 1:
        raise UsageError(f"These runs are of different tasks ({', '.join(sorted(tasks))}); compare runs of one task.")
    if front:
        _show_front(readings, svg, as_json)
        return
    winners = []
    for reading in readings:
        run = reading.run
        winner = next((c for c in run.confirmed if c.who == run.best), None) if run else None
        if run is None or winner is None:
            raise UsageError(_why_not(reading))
        winners.append((reading, run, winner))
    first = winners[0][2]
    if as_json:
        for reading, run, winner in winners:
            say_line("Compared", _facts(reading, run, winner, first))
        return
    terminal = Terminal()
    terminal.print(_tables(winners))
    if len({reading.folder.resolve() for reading in readings}) < len(readings):
        terminal.print("A run is named twice, and compared with itself.")
    if len({run.training_steps for _, run, _ in winners}) > 1:
        lengths = ", ".join(f"{reading.folder.name} {run.training_steps:,}" for reading, run, _ in winners)
        terminal.print(
            f"Not of one budget, so more than the rewards differ: environment steps of each training: {lengths}.",
            soft_wrap=True,
        )


def _show_front(readings: "Sequence[RunView]", svg: Path | None, as_json: bool) -> None:
    from rich.table import Table

    from autoreward.errors import UsageError
    from autoreward.report.front import front_of
    from autoreward.report.phrases import counted
    from autoreward.report.terminal import Terminal

    task = readings[0].header.task
    front = front_of(readings)
    if not front.placed:
        raise UsageError(
            f"No program of {', '.join(r.folder.name for r in readings)} was trained and measured in everything."
        )
    if svg:
        _write(svg, front.picture())
    names = [measure.name for measure in front.measures]
    if as_json:
        for placed in front.placed:
            values = dict(zip(names, placed.values, strict=True))
            say_line("Placed", {"run": placed.run, "who": placed.who, "values": values, "on_front": placed.on_front,
                                "trainings": placed.trainings})  # fmt: skip
        return
    title = f"{task.name}: what no other program beats in everything"
    grid = Table(box=None, header_style="dim", pad_edge=False, title=title, title_justify="left")
    for name in (
        "",
        "program",
        *(["run"] if len(readings) > 1 else []),
        *(m.said for m in front.measures),
        "trainings",
    ):
        grid.add_column(name, no_wrap=name in ("program", "run"))
    for placed in front.placed:
        run = [placed.run] if len(readings) > 1 else []
        cells = (f"{value:.3g}" for value in placed.values)
        grid.add_row("front" if placed.on_front else "", placed.who, *run, *cells, str(placed.trainings))
    terminal = Terminal()
    terminal.print(grid)
    said = f"The front dominates {front.volume:.0%} of the box between the worst and the best value of each measure."
    if front.unmeasured:
        said += f" Without a value in one of them: {counted(front.unmeasured, 'program')}."
    terminal.print(
        f"{said} Means alone are compared: two that lie close may have changed places by chance.", soft_wrap=True
    )


def _write(svg: Path, drawn: str) -> None:
    from autoreward.errors import UsageError

    try:
        svg.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--svg {svg} can't be written: {error.strerror}.") from None


def _tables(winners: "Sequence[tuple[RunView, Run, Confirmed]]") -> "Fitting":
    """The winners, a row each, in as many columns as there is room for."""
    from rich.table import Table

    from autoreward.evaluation.intervals import probability_of_improvement
    from autoreward.evaluation.limits import limits_cell
    from autoreward.evaluation.metrics import metric_cell
    from autoreward.report.fitting import Fitting
    from autoreward.report.phrases import interval_text

    first = winners[0][2]
    beats = "beats the first"
    further = tuple(dict.fromkeys(name for r, _, _ in winners for name in r.header.task.metrics))
    limited = ["limits"] if any(winner.limits for _, _, winner in winners) else []

    def table(*names: str) -> Table:
        title = f"{winners[0][0].header.task.name}: success, IQM [95 %]"
        grid = Table(box=None, header_style="dim", pad_edge=False, title=title, title_justify="left")
        for name in names:
            grid.add_column(name, no_wrap=True)
        for reading, run, winner in winners:
            against = probability_of_improvement(winner.success, first.success)
            cells = {
                "run": reading.folder.name,
                "winner": run.best,
                "success": interval_text(winner),
                beats: "-" if winner is first else f"{against.value:.2f} [{against.low:.2f}, {against.high:.2f}]",
                "trainings": str(run.trainings),
                "env steps": f"{run.env_steps:,}",
                "written by": reading.header.config.model,
                "limits": limits_cell(winner.limits),
                **{name: metric_cell(winner, name) for name in further},
            }
            grid.add_row(*(cells[name] for name in names))
        return grid

    wide = table("run", "winner", "success", beats, "trainings", "env steps", "written by", *further, *limited)
    return Fitting((wide, table("run", "success", beats, *further, *limited), table("run", "success", beats)))


def _facts(reading: "RunView", run: "Run", winner: "Confirmed", first: "Confirmed") -> dict[str, object]:
    from autoreward.evaluation.intervals import probability_of_improvement

    better = None if winner is first else probability_of_improvement(winner.success, first.success)._asdict()
    return {
        "run": reading.folder.name,
        "winner": run.best,
        "success": list(winner.success),
        "metrics": {name: list(values) for name, values in winner.metrics.items()},
        "estimate": winner.estimate.model_dump(mode="json"),
        "beats_the_first": better,
        "trainings": run.trainings,
        "env_steps": run.env_steps,
        "written_by": reading.header.config.model,
    }


def _why_not(reading: "RunView") -> str:
    """Why a run has no confirmed winner, and what to do."""
    from autoreward.core.wording import Command, in_shell

    name, task = reading.folder.name, reading.header.task
    if reading.run is None:
        return f"{name} is not finished; finish it with `{in_shell(Command('resume', (reading.folder,)))}`."
    if not task.ruled:
        return f"{name} has no measured success to compare: task {task.name} has no rule, and people judge it."
    if not reading.run.best:
        return f"{name} has no winner to compare: {reading.run.stop}."
    again = f"start one that is: `{in_shell(Command('run', (reading.header.told,)))}`"
    return f"{name} was not confirmed on fresh seeds, so that nothing can be compared; {again}."
