"""Who does jobs: the processes of this machine (`local.py`), or those of a cluster (`ray_cluster.py`)."""

from collections.abc import Mapping
from typing import Generic, NamedTuple, Protocol

from autoreward.core.outcomes import Outcome
from autoreward.errors import JobFailed
from autoreward.sandbox.processes.restarting import Notice, unheard
from autoreward.worker.jobs.context import StepProgress
from autoreward.worker.jobs.job import Job, R


class JobReply(NamedTuple, Generic[R]):
    """What a job made."""

    report: R
    files: dict[str, bytes]


class Runner(Protocol):
    """Does jobs, somewhere. Thread-safe."""

    @property
    def cores(self) -> int:
        """How many jobs may run side by side."""
        ...

    def run(self, job: Job[R], files: Mapping[str, bytes], progress: StepProgress) -> JobReply[R]:
        """Do one job in a process of its own.

        Args:
            job: what to do; its limits hold.
            files: those that it takes, by name; others are left out.
            progress: told the environment steps so far, from any thread.

        Raises:
            JobFailed: the process was lost, or late, or failed; or what it sent is not what the job makes.
            RewardFailed: the reward program could not be loaded.
            TaskError: the task does not fit its environment.
            CannotDraw: the environment can't be drawn there.
        """
        ...

    def close(self) -> None:
        """End what it started; harmless if called twice."""
        ...


class LostTwice(JobFailed):
    """A job whose worker was lost, and lost again when it was done once more."""


class Again:
    """Implements `Runner`: does a job once more where its worker is lost, by another runner."""

    def __init__(self, runner: Runner, notice: Notice = unheard) -> None:
        """`notice` is told of what is done again."""
        self._runner = runner
        self._notice = notice

    @property
    def cores(self) -> int:
        """As many as the other's."""
        return self._runner.cores

    def run(self, job: Job[R], files: Mapping[str, bytes], progress: StepProgress) -> JobReply[R]:
        """As the other does. Raises what that raises; LostTwice if the worker is lost both times, here or farther down."""
        try:
            return self._runner.run(job, files, progress)
        except LostTwice:
            raise
        except JobFailed as failed:
            if failed.outcome is not Outcome.LOST:
                raise
            self._notice(f"{job.label} is run again: {failed.message.rstrip('.')}.")
        try:
            return self._runner.run(job, files, progress)
        except JobFailed as failed:
            if failed.outcome is not Outcome.LOST:
                raise
            raise LostTwice(failed.outcome, failed.message) from None

    def close(self) -> None:
        """End the other."""
        self._runner.close()
