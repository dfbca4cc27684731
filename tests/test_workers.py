"""Workers with a runner that fails as told: lost work is tried again once, failures are records, nothing taken is forgotten."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from fake_runner import FakeRunner

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import JobFailed
from autoreward.records import SNAPSHOTS_FILE, TRAINING_STATE, TrainingSimulator, Trial, TrialJob
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.tasks.files import find_task
from autoreward.training.local import cores_here
from autoreward.training.runner import Again, JobReply, LostTwice
from autoreward.training.workers import Workers, job_limits
from autoreward.worker.jobs.context import StepProgress
from autoreward.worker.jobs.job import Job, R
from autoreward.worker.jobs.records import TrainJob

TASK = find_task("mountain-car", (envs_folder(),))
JOB = TrialJob(id="c-s0-leg1", candidate_id="c", reward="native", seed=1, leg=1, begin=100, steps=400)
TRIAL = Trial(id=JOB.id, candidate_id="c", outcome=Outcome.COMPLETED, seed=1, begin=100, steps=400)
LOST = JobFailed(Outcome.LOST, "gone")


@pytest.mark.parametrize(
    ("failures", "asked", "outcome"),
    [
        ((), 1, Outcome.COMPLETED),
        ((LOST,), 2, Outcome.COMPLETED),
        ((LOST, LOST), 2, Outcome.LOST),
        ((JobFailed(Outcome.CRASHED, "KeyError"),), 1, Outcome.CRASHED),
        ((JobFailed(Outcome.OVERDUE, "slow"),), 1, Outcome.OVERDUE),
        ((LOST, JobFailed(Outcome.SHORT_OF_MEMORY, "big")), 2, Outcome.SHORT_OF_MEMORY),
    ],
)
def test_lost_work_is_tried_again_once(
    jail: Jail, failures: tuple[Exception, ...], asked: int, outcome: Outcome
) -> None:
    runner = FakeRunner(*failures)
    with Workers(jail, runner) as workers:
        trial, _ = workers.train(TASK, JOB, RunConfig(), lambda *_: None, {TRAINING_STATE: b""})
        assert trial.outcome is outcome
    assert runner.asked == asked
    runner = FakeRunner(*failures)
    with Workers(jail, runner) as workers:
        assert workers.score(TASK, TRIAL, RunConfig(), {}, (), ())[0].outcome is outcome
    assert runner.asked == asked


def test_work_that_was_done_again_where_it_was_lost_is_not_done_again_here() -> None:
    """A machine of a cluster does it twice by itself."""
    runner, notices = FakeRunner(LOST, LOST, LOST), list[str]()
    with pytest.raises(LostTwice) as lost:
        Again(Again(runner), notices.append).run(TrainJob(task=TASK, training=JOB), {}, lambda step: None)
    assert lost.value.outcome is Outcome.LOST
    assert (runner.asked, notices) == (2, [])


def test_what_is_done_again_is_said() -> None:
    notices: list[str] = []
    job = TrainJob(task=TASK, training=JOB)
    Again(FakeRunner(LOST), notices.append).run(job, {TRAINING_STATE: b""}, lambda step: None)
    assert notices == ["c-s0-leg1 is run again: gone."]


@pytest.mark.parametrize("failure", [JobFailed(Outcome.OVERDUE, "t"), RewardFailed(Outcome.CRASHED, "r")])
@pytest.mark.parametrize(("after", "steps"), [(0, 100), (250, 250)])
def test_a_training_without_a_report_took_the_steps_that_it_told(
    jail: Jail, failure: Exception, after: int, steps: int
) -> None:
    told: list[int] = []
    with Workers(jail, FakeRunner(failure, after=after)) as workers:
        trial, files = workers.train(TASK, JOB, RunConfig(), told.append)
    assert (trial.begin, trial.steps, files) == (100, steps, {})
    assert told == ([after] if after else [])


class Remembers(FakeRunner):
    """Keeps the last job."""

    def run(self, job: Job[R], files: Mapping[str, bytes], progress: StepProgress) -> JobReply[R]:
        self.job = job
        return super().run(job, files, progress)


@pytest.mark.parametrize(("share", "stepped"), [(0.0, "envpool"), (0.5, "gymnasium")])
def test_episodes_begin_at_snapshots_in_the_tasks_own_environment(jail: Jail, share: float, stepped: str) -> None:
    runner, files = Remembers(), {TRAINING_STATE: b"", SNAPSHOTS_FILE: b""}
    job, fast = JOB.model_copy(update={"snapshots": share}), TrainingSimulator(name="envpool")
    with Workers(jail, runner) as workers:
        workers.train(TASK, job, RunConfig(), lambda *_: None, files, simulator=fast)
    assert isinstance(runner.job, TrainJob)
    assert runner.job.simulator.name == stepped


def test_a_training_and_its_scoring_may_take_what_the_settings_say() -> None:
    limits = job_limits(RunConfig(minutes_per_trial=90, memory_mb=9000))
    assert (limits.seconds, limits.memory_mb) == (5400, 9000)
    assert "minutes_per_trial" in limits.way_out


@pytest.mark.skipif(sys.platform != "linux", reason="processes are bound to cores on Linux")
def test_as_many_workers_as_this_process_may_use_cores(tmp_path: Path) -> None:
    bound = os.sched_getaffinity(0)
    quota = tmp_path / "cpu.max"
    assert cores_here(quota) == len(bound), "no container"
    for text, most in (("max 100000", len(bound)), ("150000 100000", 1), ("50000 100000", 1), ("9900000 100000", 99)):
        quota.write_text(text + "\n")
        assert cores_here(quota) == min(len(bound), most)
    os.sched_setaffinity(0, {min(bound)})
    try:
        assert cores_here(quota) == 1
    finally:
        os.sched_setaffinity(0, bound)
