"""The stages of a success rule in the terminal: how many episodes reached each, and where they stop."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoreward.evaluation.stages import where_they_stop
from autoreward.records import Run, StageReading

_WIDTH = 20
"""Letters of a whole bar."""


def stage_bars(readings: Sequence[StageReading]) -> RenderableType:
    """A bar for each stage, and where most episodes stop; there are stages."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("stage", "reached"):
        table.add_column(name, no_wrap=True)
    for r in readings:
        bar = "█" * round(_WIDTH * r.share)
        table.add_row(r.name, Text.assemble((bar, "green"), f"{bar and ' '}{r.reached} of {r.episodes}"))
    stop = where_they_stop(readings)
    return Group(table, *([Text(stop, style="yellow")] if stop else []))


def stage_sentence(run: Run) -> str:
    """Where the winner's episodes stop, by the confirmation where there is one; empty without stages, or where none stops."""
    confirmed = next((c for c in run.confirmed if c.who == run.best), None)
    where = where_they_stop(confirmed.stages if confirmed else run.stages)
    return f"Of {run.best} {where}." if where else ""
