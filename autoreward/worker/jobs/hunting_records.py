"""What a worker can be asked for before anything trains: to explore, to find what episodes may begin at, and to hunt."""

from autoreward.core.outcomes import Outcome
from autoreward.records import (
    DEMONSTRATIONS,
    EXPLORED,
    HUNTED,
    SNAPSHOTS_FILE,
    UNGRADED,
    Exploration,
    Grading,
    Hunted,
    Snapshots,
    TrialJob,
)
from autoreward.worker.jobs.job import Job, WithScript


class ExploreJob(Job[Exploration]):
    """Look for episodes that random actions don't give, without any reward."""

    kind = "explore"
    seed: int
    steps: int
    grading: Grading = UNGRADED

    @property
    def report_type(self) -> type[Exploration]:
        """What was visited."""
        return Exploration

    def makes(self, report: Exploration) -> tuple[str, ...]:
        """The episodes that are kept."""
        return (EXPLORED,)


class SnapshotsJob(WithScript[Snapshots]):
    """Look for episodes whose ways trainings may begin on: demonstrations, those of the script, and what exploring finds."""

    kind = "snapshots"
    seed: int
    steps: int
    """Environment steps of exploring, of which as many are played as `ExploreJob` plays from the same seed."""
    grading: Grading = UNGRADED
    demonstrated: bool
    """Whether a file of demonstrations comes with it."""

    @property
    def report_type(self) -> type[Snapshots]:
        """Whose ways they are on."""
        return Snapshots

    @property
    def takes(self) -> tuple[str, ...]:
        """Demonstrations, if there are any."""
        return (DEMONSTRATIONS,) if self.demonstrated else ()

    def makes(self, report: Snapshots) -> tuple[str, ...]:
        """The snapshots, if there are any."""
        return (SNAPSHOTS_FILE,) if report.count else ()


class HuntJob(Job[Hunted]):
    """Look for an episode that a reward program pays well and that reaches nothing."""

    kind = "hunt"
    training: TrialJob
    """The program as it would train."""
    seed: int
    steps: int
    """Environment steps at most; the last episode may end a little beyond."""
    success: float | None = None
    """Most that a recorded success earns; None without one."""
    grading: Grading = UNGRADED

    @property
    def report_type(self) -> type[Hunted]:
        """What earned most."""
        return Hunted

    @property
    def label(self) -> str:
        """Whose program it is."""
        return f"the hunt in {self.training.candidate_id}"

    @property
    def program(self) -> str:
        """The candidate's."""
        return self.training.source

    def makes(self, report: Hunted) -> tuple[str, ...]:
        """The episode, if there is one."""
        return (HUNTED,) if report.episode else ()

    def request(self) -> str:
        """Without the program: its process never holds it."""
        return self.model_dump_json(exclude={"training": {"source"}})

    def is_on_this(self, report: Hunted) -> bool:
        """Whether it is that candidate's."""
        return report.candidate_id == self.training.candidate_id

    def blames_the_room(self, report: Hunted) -> bool:
        """Whether the reward program crashed."""
        return report.outcome is Outcome.CRASHED
