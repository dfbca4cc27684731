"""What holds workers, as one of them found it."""

from typing import Literal

from autoreward.records.base import Line, Record

WorkerLayer = Literal["worker calls", "worker files"]


class WorkerAttempt(Record):
    """One thing that a worker tried."""

    layer: WorkerLayer
    name: Line
    held: bool


class WorkerProtection(Record):
    """What a worker is held by, and what it tried."""

    landlock: int
    """Landlock ABI version; 0 without."""
    filtered: bool
    """Whether system calls are filtered."""
    attempts: tuple[WorkerAttempt, ...]
