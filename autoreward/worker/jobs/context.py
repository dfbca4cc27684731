"""What a job has of the process that it runs in, beside its record and its files."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from autoreward.worker.confine import Held
from autoreward.worker.reach import Walls

StepProgress = Callable[[int], None]
"""Told the environment steps so far."""


SendFile = Callable[[str, bytes], None]


def _unsent(name: str, data: bytes) -> None:
    """Where nobody waits for files before the report."""


class JobContext(NamedTuple):
    """One worker process, as its job sees it."""

    held: Held
    walls: Walls
    room: socket.socket | None
    """The room of the reward program; None for a job that asks none."""
    progress: StepProgress
    closing: ExitStack
    """What is closed after the report was sent: an environment may hang there, and nothing must be lost by that."""
    send: SendFile = _unsent
    """Sends a file at once, and again under its name: what there is if the process is lost."""
