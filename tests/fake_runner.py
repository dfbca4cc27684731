"""A runner without processes, for tests of who asks one."""

from collections.abc import Mapping
from typing import Any

from autoreward.core.outcomes import Outcome
from autoreward.errors import JobFailed, TaskError
from autoreward.records import Record, Score, Trial
from autoreward.training.runner import JobReply
from autoreward.worker.jobs.context import StepProgress
from autoreward.worker.jobs.records import EmptyReport, Job, R, ScoreJob, TrainJob

SPEED = 1_000_000
"""Environment steps that its trainings take in a second of their limits."""


class FakeRunner:
    """Implements `Runner`: fails with each of these in turn, after some steps, then does as a job says."""

    cores = 1

    def __init__(self, *failures: Exception, after: int = 0) -> None:
        self.left = list(failures)
        self.asked = 0
        self._after = after

    def run(self, job: Job[R], files: Mapping[str, bytes], progress: StepProgress) -> JobReply[R]:
        """Nothing is trained: the report says what was asked for, and every file holds its name."""
        self.asked += 1
        if self._after:
            progress(self._after)
        if self.left:
            raise self.left.pop(0)
        if job.task.env == "NoSuchEnv-v0":
            raise TaskError(f"task {job.task.name}: there is no environment {job.task.env}")
        if "os._exit" in job.task.state_program:
            raise JobFailed(Outcome.LOST, f"the {job.kind} process ended without a report")
        if isinstance(job, TrainJob) and job.training.steps > SPEED * job.limits.seconds:
            raise JobFailed(Outcome.TIMED_OUT, f"the {job.kind} process did not end{job.limits.way_out}")
        if isinstance(job, TrainJob):
            progress(job.training.steps)
        report = job.report_type.model_validate(_report(job).model_dump())
        return JobReply(report, {name: name.encode() for name in job.makes(report)})

    def close(self) -> None:
        """Nothing is open."""


def _report(job: Job[Any]) -> Record:
    if isinstance(job, TrainJob):
        asked = job.training
        return Trial(id=asked.id, candidate_id=asked.candidate_id, outcome=Outcome.COMPLETED, seed=asked.seed,
                     begin=asked.begin, steps=asked.steps, checkpoints=(asked.steps,))  # fmt: skip
    if isinstance(job, ScoreJob):
        return Score(trial_id=job.trial.id, candidate_id=job.trial.candidate_id, outcome=Outcome.COMPLETED)
    assert job.report_type is EmptyReport, f"nobody has asked for a {job.kind} yet"
    return EmptyReport()
