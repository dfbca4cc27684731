"""A runner without processes, for tests of who asks one. `test_runners.py` holds it to what real ones do."""

from collections.abc import Mapping
from typing import Any

from autoreward.core.outcomes import Outcome
from autoreward.errors import JobFailed, TaskError
from autoreward.records import Record, Score, Trial
from autoreward.sandbox.client import RewardFailed
from autoreward.training.runner import JobReply
from autoreward.worker.jobs.context import StepProgress
from autoreward.worker.jobs.job import Job, R
from autoreward.worker.jobs.records import EmptyReport, ScoreJob, TrainJob

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
        for name in job.takes:
            assert name in files, name
        if failure := _failure(job):
            raise failure
        if isinstance(job, TrainJob):
            progress(job.training.steps)
        report = job.report_type.model_validate(_report(job).model_dump())
        return JobReply(report, {name: name.encode() for name in job.makes(report)})

    def close(self) -> None:
        """Nothing is open."""


def _failure(job: Job[Any]) -> Exception | None:
    """What comes of an environment, a program or a limit that can't be, as far as it can be seen without running it."""
    if job.task.env == "NoSuchEnv-v0":
        return TaskError(f"task {job.task.name}: there is no environment {job.task.env}")
    if "os._exit" in job.task.state_program:
        return JobFailed(
            Outcome.ENVIRONMENT_FAILED, f"{job.task.env}: the call that makes it ended its process (exit code 3)."
        )
    if "raise KeyError('lost')" in job.task.state_program:
        return TaskError(f"task {job.task.name}, state.py: observe raised KeyError: 'lost'")
    if job.task.kwargs.get("map_name") == "9x9":
        return JobFailed(Outcome.ENVIRONMENT_FAILED, "FrozenLake-v1: the call that makes it raised KeyError: '9x9'.")
    if job.program is not None and "def compute_reward" not in job.program:
        return RewardFailed(Outcome.BROKE_CONTRACT, "define one function compute_reward")
    if isinstance(job, TrainJob) and job.training.steps > SPEED * job.limits.seconds:
        return JobFailed(Outcome.OVERDUE, f"the {job.kind} process did not end{job.limits.way_out}")
    return None


def _report(job: Job[Any]) -> Record:
    if isinstance(job, TrainJob):
        asked = job.training
        return Trial(id=asked.id, candidate_id=asked.candidate_id, outcome=Outcome.COMPLETED, seed=asked.seed,
                     begin=asked.begin, steps=asked.steps, checkpoints=(asked.steps,))  # fmt: skip
    if isinstance(job, ScoreJob):
        return Score(trial_id=job.trial.id, candidate_id=job.trial.candidate_id, outcome=Outcome.COMPLETED)
    assert job.report_type is EmptyReport, f"nobody has asked for a {job.kind} yet"
    return EmptyReport()
