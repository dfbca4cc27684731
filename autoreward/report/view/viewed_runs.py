"""The runs that are viewed: by name, read once for as long as nothing in them changes. Nothing in a run is written or locked."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from autoreward.errors import RunDamaged, UsageError
from autoreward.llm.client import REPLIES
from autoreward.report.reading import RunView, read_run
from autoreward.report.run_rows import RunRow, run_row
from autoreward.store.files import HEADER, LOG, in_use
from autoreward.store.folder import Folder
from autoreward.store.keys import CLIPS, PREFERENCES, RESULT

_KEPT = 4
"""Most runs of which everything that was read is kept."""
_MOMENT = 0.25
"""Seconds that a request for all runs spends on reading."""
UNREAD = "being read"
"""State of a run that was not read yet."""
_TOLD_BY = (HEADER, LOG, RESULT.file, "rounds", "confirm/scores", REPLIES, PREFERENCES.folder, CLIPS.folder)
"""What is written whenever something is saved that a page shows."""


class ViewedRuns:
    """Not for several threads at once: the site asks under its lock."""

    def __init__(self, folders: Callable[[], Sequence[Path]]) -> None:
        """`folders`: the runs there are by now, the oldest first."""
        self._folders = folders
        self._rows: dict[str, tuple[str, RunRow]] = {}
        self._readings: OrderedDict[str, tuple[str, RunView]] = OrderedDict()

    def places(self) -> dict[str, Path]:
        """Folders by name; of several with the same name each but the first has a number. Raises OSError."""
        found: dict[str, Path] = {}
        for folder in self._folders():
            name, number = folder.name, 2
            while name in found:
                name, number = f"{folder.name}~{number}", number + 1
            found[name] = folder
        return found

    def rows(self) -> list[tuple[str, RunRow]]:
        """Every run with its name here, the newest first. What can't be read in a moment is as it was, or said to be unread."""
        until = time.monotonic() + _MOMENT
        return [(name, self._row(name, folder, until)) for name, folder in reversed(self.places().items())]

    def reading(self, name: str) -> RunView:
        """All of a run. Raises UsageError if there is none of that name or it can't be read, StoreError."""
        folder = self.places().get(name)
        if folder is None:
            raise UsageError(f"There is no run {name!r} here by now.")
        stamp = stamp_of(folder)
        kept = self._readings.get(name)
        if kept is None or kept[0] != stamp:
            self._keep(name, stamp, read_run(folder))
        return self._readings[name][1]

    def stamp(self, name: str) -> str:
        """What changes when something is saved in the run of that name; without a name, when a row of any is another one."""
        if name:
            folder = self.places().get(name)
            return stamp_of(folder) if folder else ""
        return stamp_of_rows(self.rows())

    def _row(self, name: str, folder: Path, until: float) -> RunRow:
        stamp = stamp_of(folder)
        kept = self._rows.get(name)
        if (kept is None or kept[0] != stamp) and time.monotonic() < until:
            row, reading = run_row(folder)
            self._rows[name] = kept = (stamp, row)
            if reading:
                self._keep(name, stamp, reading)
        return kept[1] if kept else RunRow(folder.name, "", UNREAD)

    def _keep(self, name: str, stamp: str, reading: RunView) -> None:
        self._readings[name] = (stamp, reading)
        self._readings.move_to_end(name)
        while len(self._readings) > _KEPT:
            self._readings.popitem(last=False)


def stamp_of_rows(rows: Sequence[tuple[str, RunRow]]) -> str:
    """What changes when one of them does."""
    return hashlib.sha256(repr(rows).encode("utf-8", "surrogateescape")).hexdigest()


def stamp_of(folder: Path) -> str:
    """When what is written with every result was last written, and whether a process works in the run."""
    files = Folder(folder)
    times = [_time(files, name) for name in _TOLD_BY]
    with suppress(RunDamaged, OSError):
        times.append(str(in_use(files)))
    return " ".join(times)


def _time(files: Folder, name: str) -> str:
    try:
        return repr(files.modified(name))
    except (RunDamaged, OSError) as error:  # what is not there yet, or can't be looked at, is told by how
        return type(error).__name__
