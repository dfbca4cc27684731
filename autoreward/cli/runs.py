"""`autoreward runs`."""

from pathlib import Path

import typer

from autoreward.cli.options import RUNS
from autoreward.cli.say import say, say_line


def command(
    runs: Path = RUNS,
    as_json: bool = typer.Option(False, "--json", help="As JSON lines."),
) -> None:
    """List the runs: state, winner, how good, what it cost."""
    from rich.table import Table

    from autoreward.core.wording import in_shell
    from autoreward.errors import StoreError, UsageError
    from autoreward.report.fitting import Fitting
    from autoreward.report.phrases import interval_text
    from autoreward.report.reading import read_run
    from autoreward.report.terminal import Terminal
    from autoreward.store.files import in_use, run_folders

    rows: list[dict[str, str]] = []
    broken: list[str] = []
    for folder in run_folders(runs):
        try:
            reading = read_run(folder)
            busy = in_use(reading.files)
        except (StoreError, UsageError) as error:
            broken.append(error.worded(in_shell))
            rows.append(
                {"run": folder.name, "task": "?", "state": error.worded(in_shell) if as_json else "can't be read"}
            )
            continue
        run = reading.run
        winner = next((c for c in run.confirmed if c.who == run.best), None) if run else None
        rows.append(
            {
                "run": folder.name,
                "task": reading.header.task.name,
                "state": "done" if run else "running" if busy else "unfinished",
                "winner": run.best if run else "",
                "success": interval_text(winner) if winner else "",
                "trainings": str(run.trainings if run else reading.trainings),
                "cost": reading.money,
            }
        )
    if as_json:
        for row in rows:
            say_line("RunListed", row)
        return
    if not rows:
        say(f"There are no runs in {runs} yet; start one with `autoreward run TASK`.")
        return

    def table(*names: str) -> Table:
        grid = Table(box=None, header_style="dim", pad_edge=False)
        for name in names:
            grid.add_column(name, no_wrap=True)
        for row in rows:
            grid.add_row(*(row.get(name, "") for name in names))
        return grid

    all_of_it = ("run", "task", "state", "winner", "success", "trainings", "cost")
    Terminal().print(Fitting((table(*all_of_it), table("run", "state", "winner", "success"), table("run", "state"))))
    for line in broken:
        say(line)
