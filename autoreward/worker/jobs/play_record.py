"""A film of policies, as a worker is asked for it."""

from typing import Literal

from pydantic import Field as Bounded

from autoreward.records import Record
from autoreward.records.base import Line, Said
from autoreward.worker.jobs.job import Job
from autoreward.worker.jobs.records import WEIGHTS_FILE

SCENES = 10
"""Most policies of a time-lapse."""


class PlayReport(Record):
    """How the episodes of a film went."""

    undrawn: Said = ""
    """Why it shows fields alone; empty where the environment was drawn."""
    success: tuple[bool | None, ...]
    """Of each policy's episode; None without a rule."""
    length: tuple[int, ...]
    """Steps of each."""


class PlayJob(Job[PlayReport]):
    """Film an episode of each of some policies, large, from the same start."""

    kind = "play"
    seed: int
    names: tuple[Line, ...] = Bounded(min_length=1, max_length=SCENES)
    """What is written above each."""
    lapse: bool = False
    """One after the other and sped up; else they are side by side."""
    form: Literal["webp", "mp4"] = "webp"
    width: int = Bounded(default=480, ge=160, le=1280)
    """Of one picture, in pixels."""

    @property
    def report_type(self) -> type[PlayReport]:
        """How they went."""
        return PlayReport

    @property
    def takes(self) -> tuple[str, ...]:
        """The weights of each."""
        return tuple(f"{number}-{WEIGHTS_FILE}" for number in range(len(self.names)))

    @property
    def file(self) -> str:
        """The name of the film."""
        return f"film.{self.form}"

    def makes(self, report: PlayReport) -> tuple[str, ...]:
        """The film."""
        return (self.file,)
