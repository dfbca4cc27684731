"""The live view in a terminal: the round, what trains, how the candidates stand, and the time."""

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autoreward import events
from autoreward.records import Score
from autoreward.report.lines import describe_event

SHOWN = 12
"""Standings shown."""


class LiveView:
    """A listener that redraws a small board. Use as a context manager; may be called from several threads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._stage = "starting the workers"
        self._training: dict[str, tuple[int, int]] = {}
        self._scores: dict[str, Score] = {}
        self._failed: dict[str, str] = {}
        # last: it may draw the board at once
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._board)

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
            self._take(event)

    def _take(self, event: events.Event) -> None:
        match event:
            case events.RunStarted(task=task, folder=folder):
                self._console.print(f"[bold]{task.name}[/]  {task.goal}")
                self._console.print(f"[dim]{folder}[/]")
            case events.RoundStarted(number=number):
                self._stage = f"round {number}: designing"
            case events.Designed(candidates=candidates):
                self._stage = f"checking {len(candidates)} candidates"
            case events.Checked():
                self._stage = "training and scoring"
            case events.TrialProgress(trial_id=trial_id, step=step, steps=steps):
                self._training[trial_id] = (step, steps)
            case events.TrialDone(trial=trial):
                self._training.pop(trial.id, None)
                if not trial.outcome.ok:
                    self._failed[trial.id] = trial.outcome.value
            case events.ScoreDone(score=score):
                self._scores[score.trial_id] = score
            case events.RoundDone():
                self._console.print(describe_event(event).strip())
            case events.Confirming(trial_ids=trial_ids):
                self._stage = f"confirming: {len(trial_ids)} trainings on fresh seeds"
                self._scores.clear()
            case events.RunDone():
                self._stage = "done"
            case _:
                return

    def _board(self) -> RenderableType:
        with self._lock:
            minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
            head = Text.assemble((self._stage, "bold cyan"), f"   {minutes}:{seconds:02d}")
            bars = Table.grid(padding=(0, 1))
            for trial_id, (step, steps) in sorted(self._training.items()):
                bars.add_row(
                    trial_id, ProgressBar(total=steps, completed=min(step, steps), width=30), f"{step:,} / {steps:,}"
                )
            return Group(head, bars, self._standings())

    def _standings(self) -> Table:
        table = Table(box=None, header_style="dim", pad_edge=False)
        for name, side in (("training", "left"), ("success", "right"), ("2nd half", "right"), ("progress", "right")):
            table.add_column(name, justify="right" if side == "right" else "left")
        ranked = sorted(self._scores.values(), key=lambda s: (-s.mean_success, -s.mean_progress))
        for score in ranked[:SHOWN]:
            if not score.ruled:
                table.add_row(score.trial_id, "-", "-", "-")
                continue
            table.add_row(score.trial_id, f"{score.success:.2f}", f"{score.mean_success:.2f}", f"{score.progress:.2f}")
        for trial_id, outcome in list(self._failed.items())[-3:]:
            table.add_row(trial_id, f"[red]{outcome}[/]", "", "")
        return table
