"""A run in one row: state, winner, how good, what it cost."""

from pathlib import Path
from typing import NamedTuple

from autoreward.core.wording import in_shell
from autoreward.errors import StoreError, UsageError
from autoreward.report.phrases import interval_text
from autoreward.report.reading import RunView, read_run
from autoreward.report.search_curve import best_so_far, search_points
from autoreward.store.files import in_use


class RunRow(NamedTuple):
    """What is said of a run among others."""

    run: str
    task: str
    state: str
    """`done`, `running`, `unfinished`, or `can't be read`."""
    winner: str = ""
    success: str = ""
    """With its interval; empty without a confirmation."""
    trainings: int | None = None
    cost: str = ""
    value: float = -1.0
    """The winner's success on fresh seeds, else the best so far; -1 without either."""
    curve: tuple[float, ...] = ()
    """The best so far, training by training."""
    why: str = ""
    """Why it can't be read."""


def run_row(folder: Path) -> tuple[RunRow, RunView | None]:
    """The row of a run's folder, and what was read for it; None where it can't be read."""
    try:
        reading = read_run(folder)
        busy = in_use(reading.files)
    except (StoreError, UsageError) as error:
        return RunRow(folder.name, "?", "can't be read", why=error.worded(in_shell)), None
    run = reading.run
    winner = next((c for c in run.confirmed if c.who == run.best), None) if run else None
    curve = best_so_far(search_points(reading))
    return RunRow(
        folder.name,
        reading.header.task.name,
        "done" if run else "running" if busy else "unfinished",
        run.best if run else "",
        interval_text(winner) if winner else "",
        run.trainings if run else reading.trainings,
        reading.money,
        winner.estimate.value if winner else max(curve, default=-1.0),
        curve,
    ), reading
