"""The live view in a terminal: the round, what trains, how the candidates stand, and the time."""

import threading
from types import TracebackType
from typing import Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autoreward import events
from autoreward.report.live.progress import RunProgress
from autoreward.report.phrases import describe_event
from autoreward.report.terminal import Terminal


class LiveView:
    """A listener that redraws a small board. Use as a context manager; may be called from several threads."""

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._progress = RunProgress()
        # last: it may draw the board at once
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._draw)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, event: events.Event) -> None:
        """Take one event."""
        with self._lock:
            self._progress.take(event)
        # not under the lock: who prints waits for the board, and the board is drawn under it
        if isinstance(event, events.RunStarted):
            self._console.print(Text.assemble((event.task.name, "bold"), f"  {event.task.goal}"))
            self._console.print(str(event.folder), style="dim")
        elif isinstance(event, events.RoundDone | events.Audited | events.JudgedAgain):
            self._console.print(describe_event(event).strip())

    def _draw(self) -> RenderableType:
        with self._lock:
            head = Text.assemble(
                (self._progress.stage, "bold cyan"), f"   {self._progress.clock}   {self._progress.work}"
            )
            bars = Table.grid(padding=(0, 1))
            for trial_id, (step, steps) in sorted(self._progress.training.items()):
                bars.add_row(
                    trial_id, ProgressBar(total=steps, completed=min(step, steps), width=30), f"{step:,} / {steps:,}"
                )
            return Group(head, bars, self._standings())

    def _standings(self) -> Table:
        table = Table(box=None, header_style="dim", pad_edge=False)
        standings = self._progress.standings()
        limited = [reading.name for reading in standings[0].limits] if standings else []
        for name in ("training", "success", "2nd half", "progress", *limited):
            table.add_column(name, justify="left" if name == "training" else "right")
        for score in standings:
            numbers = (f"{score.success:.2f}", f"{score.mean_success:.2f}", f"{score.progress:.2f}")
            limits = [Text(f"{r.value:.3g}", style="red" if r.broken else "") for r in score.limits]
            table.add_row(score.trial_id, *(numbers if score.ruled else ("-", "-", "-")), *limits)
        for trial_id, outcome in list(self._progress.failed.items())[-3:]:
            table.add_row(trial_id, Text(outcome, style="red"), "", "")
        return table
