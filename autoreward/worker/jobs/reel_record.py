"""An episode that a page can go through, as a worker is asked for it."""

from pydantic import Field as Bounded

from autoreward.records import CLIP_FILE, REEL_EPISODE, SHEET_FILE, STILL_FILE, Record
from autoreward.worker.jobs.job import Job
from autoreward.worker.jobs.records import WEIGHTS_FILE


class ReelReport(Record):
    """Which frames there are."""

    at: tuple[int, ...] = Bounded(min_length=1)
    """The step after which each was taken; the first is of the start, 0."""
    width: int = Bounded(gt=0)
    """Of a frame, in pixels."""
    height: int = Bounded(gt=0)


class ReelJob(Job[ReelReport]):
    """Film an episode of a policy, frame by frame."""

    kind = "reel"
    seed: int
    width: int = Bounded(ge=32, le=640)
    """Of a frame, in pixels."""
    most: int = Bounded(ge=2, le=200)
    """Most frames; of longer episodes fewer steps are shown."""

    @property
    def report_type(self) -> type[ReelReport]:
        """The frames."""
        return ReelReport

    @property
    def takes(self) -> tuple[str, ...]:
        """The weights."""
        return (WEIGHTS_FILE,)

    def makes(self, report: ReelReport) -> tuple[str, ...]:
        """The animation, its frames in one picture, one of them small, and the episode."""
        return (CLIP_FILE, SHEET_FILE, STILL_FILE, REEL_EPISODE)
