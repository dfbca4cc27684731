"""A policy under variation, as a worker is asked for it."""

from pydantic import Field as Bounded

from autoreward.records import UNGRADED, Grading, TrialName, VariedEpisodes, VariedRange
from autoreward.worker.jobs.job import Job
from autoreward.worker.jobs.records import WEIGHTS_FILE


class VaryJob(Job[VariedEpisodes]):
    """Play a policy on some starts, in the environment as it is and in one that is varied for each start."""

    kind = "vary"
    trial_id: TrialName
    variations: tuple[VariedRange, ...]
    """Without any, what could be varied is the answer: a TaskError."""
    shares: tuple[tuple[float, ...], ...]
    """Of each start: how far into the range of each variation its value lies, in [0, 1)."""
    seeds: tuple[int, ...] = Bounded(min_length=1)
    grading: Grading = UNGRADED

    @property
    def report_type(self) -> type[VariedEpisodes]:
        """The episodes."""
        return VariedEpisodes

    @property
    def label(self) -> str:
        """Whose policy it is."""
        return f"varying {self.trial_id}"

    @property
    def takes(self) -> tuple[str, ...]:
        """The weights."""
        return (WEIGHTS_FILE,)

    def is_on_this(self, report: VariedEpisodes) -> bool:
        """Whether it is that policy's."""
        return report.trial_id == self.trial_id
