"""The live view in a notebook: one output of the cell, redrawn in place, which ends as the result and a folded log."""

import threading
import time
from collections.abc import Callable
from html import escape
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from autoreward import events
from autoreward.core.visible import visible
from autoreward.evaluation.limits import limits_cell
from autoreward.report.live.progress import RunProgress
from autoreward.report.phrases import describe_event, result_sentence

_EVERY = 0.5
"""Seconds between two drawings while trainings only go on."""


class Output(NamedTuple):
    """What a cell shows: HTML in a notebook, a line elsewhere."""

    html: str
    line: str

    def _repr_html_(self) -> str:
        return visible(self.html)

    def __repr__(self) -> str:
        return visible(self.line)


class CellView:
    """A listener that redraws a small board. Use as a context manager; may be called from several threads."""

    def __init__(self, show: Callable[[Output], None]) -> None:
        """`show` puts an output in the place of the one before."""
        self._show = show
        self._lock = threading.Lock()
        self._progress = RunProgress()
        self._lines: list[str] = []
        self._folder = Path()
        self._drawn = 0.0

    def __enter__(self) -> Self:
        self._draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            with self._lock:
                self._show(
                    self._end(f"Stopped after {self._progress.clock}; what is finished is saved in {self._folder}.")
                )

    def __call__(self, event: events.Event) -> None:
        """Take one event."""
        with self._lock:
            self._progress.take(event)
            if line := describe_event(event):
                self._lines.append(line)
            if isinstance(event, events.RunStarted):
                self._folder = event.folder
            if isinstance(event, events.RunDone):
                self._show(self._end(result_sentence(event.run)))
            elif not isinstance(event, events.TrialProgress) or time.monotonic() - self._drawn > _EVERY:
                self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        bars = "".join(
            f'<tr><td>{escape(name)}</td><td><progress value="{step}" max="{steps}"></progress></td>'
            f"<td>{step:,} / {steps:,}</td></tr>"
            for name, (step, steps) in sorted(self._progress.training.items())
        )
        standings = self._progress.standings()
        limited = any(s.limits for s in standings)
        rows = "".join(
            f"<tr><td>{escape(s.trial_id)}</td><td>{s.success:.2f}</td><td>{s.mean_success:.2f}</td><td>{s.progress:.2f}</td>"
            + f"<td>{escape(limits_cell(s.limits))}</td>" * limited
            + "</tr>"
            for s in standings
        )
        names = ("training", "success", "2nd half", "progress", *(["limits"] if limited else []))
        top = f"<tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>"
        tables = f"<table>{bars}</table>" * bool(bars) + f"<table>{top}{rows}</table>" * bool(rows)
        facts = ", ".join(filter(None, (self._progress.clock, self._progress.work)))
        head = f"<p><b>{escape(self._progress.stage)}</b> {escape(facts)}</p>"
        self._show(Output(f"{head}{tables}", f"{self._progress.stage}, {facts}"))

    def _end(self, sentence: str) -> Output:
        log = escape("\n".join(self._lines))
        return Output(f"<p>{escape(sentence)}</p><details><summary>log</summary><pre>{log}</pre></details>", sentence)


def cell_output() -> Callable[[Output], None]:
    """Shows outputs in the running cell, each in the place of the one before. Only in a notebook."""
    from IPython.display import display

    shown = display(Output("", ""), display_id=True)

    def show(output: Output) -> None:
        shown.update(output)

    return show
