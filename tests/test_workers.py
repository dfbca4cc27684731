"""Workers with a runner that fails as told: lost work is tried again once, failures are records, nothing taken is forgotten."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import JobFailed
from autoreward.records import Score, Trial, TrialJob
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.training.local import JobLimits, cores_here
from autoreward.training.runner import Progress
from autoreward.training.workers import Workers

TASK = find_task("mountain-car", (envs_folder(),))
JOB = TrialJob(id="c-s0-leg1", candidate_id="c", reward="native", seed=1, leg=1, begin=100, steps=400)
TRIAL = Trial(id=JOB.id, candidate_id="c", outcome=Outcome.COMPLETED, seed=1, begin=100, steps=400)
SCORE = Score(trial_id=JOB.id, candidate_id="c", outcome=Outcome.COMPLETED)
LOST = JobFailed(Outcome.LOST, "gone")


class Failing:
    """Implements `Runner`: fails with each of these in turn, after some steps, then succeeds."""

    cores = 1

    def __init__(self, *failures: Exception, after: int = 0) -> None:
        self.left = list(failures)
        self.asked = 0
        self._after = after

    def train(
        self, task: Task, job: TrialJob, config: RunConfig, progress: Progress, begun: bytes
    ) -> tuple[Trial, dict[str, bytes]]:
        if self._after:
            progress(job.id, self._after)
        self._fail()
        return TRIAL, {}

    def score(
        self,
        task: Task,
        trial: Trial,
        config: RunConfig,
        files: Mapping[str, bytes],
        choosing: Sequence[int],
        scoring: Sequence[int],
    ) -> tuple[Score, dict[str, bytes]]:
        self._fail()
        return SCORE, {}

    def close(self) -> None:
        self.left = []

    def _fail(self) -> None:
        self.asked += 1
        if self.left:
            raise self.left.pop(0)


@pytest.mark.parametrize(
    ("failures", "asked", "outcome"),
    [
        ((), 1, Outcome.COMPLETED),
        ((LOST,), 2, Outcome.COMPLETED),
        ((LOST, LOST), 2, Outcome.LOST),
        ((JobFailed(Outcome.CRASHED, "KeyError"),), 1, Outcome.CRASHED),
        ((JobFailed(Outcome.TIMED_OUT, "slow"),), 1, Outcome.TIMED_OUT),
        ((LOST, JobFailed(Outcome.OUT_OF_MEMORY, "big")), 2, Outcome.OUT_OF_MEMORY),
    ],
)
def test_lost_work_is_tried_again_once(
    jail: Jail, failures: tuple[Exception, ...], asked: int, outcome: Outcome
) -> None:
    runner = Failing(*failures)
    with Workers(jail, runner) as workers:
        assert workers.train(TASK, JOB, RunConfig(), lambda *_: None)[0].outcome is outcome
    assert runner.asked == asked
    runner = Failing(*failures)
    with Workers(jail, runner) as workers:
        assert workers.score(TASK, TRIAL, RunConfig(), {}, (), ())[0].outcome is outcome
    assert runner.asked == asked


@pytest.mark.parametrize("failure", [JobFailed(Outcome.TIMED_OUT, "t"), RewardFailed(Outcome.CRASHED, "r")])
@pytest.mark.parametrize(("after", "steps"), [(0, 100), (250, 250)])
def test_a_training_without_a_report_took_the_steps_that_it_told(
    jail: Jail, failure: Exception, after: int, steps: int
) -> None:
    told: list[int] = []
    with Workers(jail, Failing(failure, after=after)) as workers:
        trial, files = workers.train(TASK, JOB, RunConfig(), lambda _, step: told.append(step))
    assert (trial.begin, trial.steps, files) == (100, steps, {})
    assert told == ([after] if after else [])


def test_a_training_and_its_scoring_may_take_what_the_settings_say() -> None:
    limits = JobLimits.of(RunConfig(minutes_per_trial=90, memory_mb=9000))
    assert limits[:2] == (5400, 9000)
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
