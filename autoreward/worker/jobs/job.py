"""What every job is, to the host and to its process: a task, limits, files by name, and a report.

No torch, Stable-Baselines3 or Gymnasium here, nor in `records.py`: the host holds these.
"""

from abc import abstractmethod
from typing import ClassVar, Generic, TypeVar

from autoreward.core.contract import CONTROLLER_SIGNATURE, REWARD_SIGNATURE, Signature
from autoreward.core.protection import Tier
from autoreward.records import Record
from autoreward.tasks.card import Task

R = TypeVar("R", bound=Record)
UNSENT = {"task": {"script_program"}}


class JobLimits(Record):
    """What one job may take."""

    seconds: float = 600.0
    memory_mb: int = 4096
    """Beyond what its process starts with, in MiB."""
    way_out: str = ""
    """What to say to a person whose job needs longer."""


class Job(Record, Generic[R]):
    """Work for one process of its own, which ends in a report and files."""

    kind: ClassVar[str]
    """What it is called between host and worker, and in messages."""
    heard: ClassVar[bool] = False
    """Whether the last of what its process prints is wanted if it is lost."""
    task: Task
    limits: JobLimits = JobLimits()

    @property
    @abstractmethod
    def report_type(self) -> type[R]:
        """What its report is."""

    @property
    def label(self) -> str:
        """What to call this one in messages."""
        return self.kind

    @property
    def program(self) -> str | None:
        """The program whose room its process is to ask, a reward's or a controller's; None: it asks none."""
        return None

    @property
    def signature(self) -> Signature:
        """Which of the two that is."""
        return REWARD_SIGNATURE

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages that only some jobs need and that take long to import: those of these jobs are forked with them imported."""
        return ()

    @property
    def takes(self) -> tuple[str, ...]:
        """Names of the files that it is given."""
        return ()

    def makes(self, report: R) -> tuple[str, ...]:
        """Names of the files that come with this report."""
        return ()

    def request(self) -> str:
        """What its process needs to know of it, as JSON: a request has room for little, and a room's program stays there."""
        return self.model_dump_json(exclude=UNSENT)

    def is_on_this(self, report: R) -> bool:
        """Whether a report is on this work: an environment may write reports of its own."""
        return True

    def blames_the_room(self, report: R) -> bool:
        """Whether a report says that the room of the reward program ended without a word."""
        return False

    def held_by(self, report: R, tier: Tier) -> R:
        """The report with what the host knows for itself: what held the reward program."""
        return report


class WithScript(Job[R]):
    """Work in which the task's script plays, too."""

    @property
    def program(self) -> str | None:
        """The script's, if it is one."""
        return self.task.script_program or None

    @property
    def signature(self) -> Signature:
        """A controller's."""
        return CONTROLLER_SIGNATURE
