"""Films the sides of pairs frame by frame, in the confined process that films winners."""

from contextlib import ExitStack
from functools import cached_property
from typing import Protocol

from autoreward.config import RunConfig
from autoreward.core import seeds
from autoreward.core.closing import Closing
from autoreward.judges.sides import Side
from autoreward.records import SHEET_FILE, Reel
from autoreward.sandbox.jail import Jail
from autoreward.store.book import WithFiles
from autoreward.tasks.card import Task
from autoreward.training.workers import Workers

_WIDTH, _MOST = 320, 90
"""Pixels across, and most frames of an episode."""


class Camera(Protocol):
    """Makes films."""

    def film(self, side: Side) -> WithFiles[Reel]:
        """A side's frames in one picture, SHEET_FILE. Raises CannotDraw."""
        ...


class WorkerCamera(Closing):
    """Implements `Camera`; a process is started with the first film. Not for several threads at once."""

    def __init__(self, task: Task, config: RunConfig) -> None:
        self._task = task
        self._starts = seeds.held_out("search", config.episodes)
        self._opened = ExitStack()

    @cached_property
    def _workers(self) -> Workers:
        # no program of a candidate is run here
        jail = self._opened.enter_context(Jail(trust_the_model=True))
        return self._opened.enter_context(Workers(jail))

    def film(self, side: Side) -> WithFiles[Reel]:
        """See `Camera`."""
        start = self._starts[side.episode]
        report, files = self._workers.reel(self._task, side.weights, start, _WIDTH, _MOST)
        reel = Reel(at=report.at, width=report.width, height=report.height)
        return WithFiles(reel, {SHEET_FILE: files[SHEET_FILE]})

    def close(self) -> None:
        """End the process."""
        self._opened.close()
