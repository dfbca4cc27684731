"""`autoreward runs`."""

from pathlib import Path
from typing import TYPE_CHECKING

from autoreward.cli.options import AS_JSON, RUNS
from autoreward.cli.say import say, say_line

if TYPE_CHECKING:
    from autoreward.report.run_rows import RunRow


def command(
    runs: Path = RUNS,
    as_json: bool = AS_JSON,
) -> None:
    """List the runs: state, winner, how good, what it cost."""
    from rich.table import Table

    from autoreward.report.fitting import Fitting
    from autoreward.report.run_rows import run_row
    from autoreward.report.terminal import Terminal
    from autoreward.store.files import run_folders

    listed = [run_row(folder)[0] for folder in run_folders(runs)]
    if as_json:
        for row in listed:
            say_line("RunListed", _facts(row))
        return
    if not listed:
        say(f"There are no runs in {runs} yet; start one with `autoreward run TASK`.")
        return

    def table(*names: str) -> Table:
        grid = Table(box=None, header_style="dim", pad_edge=False)
        for name in names:
            grid.add_column(name, no_wrap=True)
        for row in listed:
            values = (getattr(row, name) for name in names)
            grid.add_row(*("" if value is None else str(value) for value in values))
        return grid

    all_of_it = ("run", "task", "state", "winner", "success", "trainings", "cost")
    Terminal().print(Fitting((table(*all_of_it), table("run", "state", "winner", "success"), table("run", "state"))))
    for row in listed:
        if row.why:
            say(row.why)


def _facts(row: "RunRow") -> dict[str, object]:
    if row.why:
        return {"run": row.run, "task": row.task, "state": row.why}
    return {
        name: str(getattr(row, name)) for name in ("run", "task", "state", "winner", "success", "trainings", "cost")
    } | {"rate": row.value if row.value >= 0.0 else None}
