"""What every runner does, whichever it is: the tests' fake one, the processes of this machine, a cluster of it alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest
from fake_runner import FakeRunner

from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import JobFailed, TaskError
from autoreward.records import EPISODES, LOGGED, TRAINING_STATE, TrialJob, policy_file
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.tasks.files import find_task
from autoreward.training.local import LocalRunner
from autoreward.training.ray_cluster import Cluster
from autoreward.training.runner import Runner
from autoreward.worker.jobs.job import JobLimits
from autoreward.worker.jobs.records import SB3_FILES, WEIGHTS_FILE, PackageJob, ScoreJob, TrainJob

CARD = find_task("mountain-car", (envs_folder(),))
SMALL = CARD.train.model_copy(update={"envs": 2, "hyperparameters": {"n_steps": 64, "batch_size": 64, "n_epochs": 1}})
TASK = CARD.model_copy(update={"train": SMALL})
STEPS = 512
TRAINING = TrialJob(id="n-s0", candidate_id="", reward="native", seed=3, steps=STEPS, checkpoints=1)
PROGRAM = "def compute_reward(state, action, next_state, memory):\n    return {'height': next_state.position}\n"
SLOW = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.filterwarnings("default")]


@contextmanager
def opened(kind: str) -> Iterator[Runner]:
    """A runner of this kind, closed at the end."""
    with Jail(trust_the_model=True) as jail:
        runner: Runner
        if kind == "fake":
            runner = FakeRunner()
        elif kind == "local":
            runner = LocalRunner(jail)
        else:
            if not find_spec("ray"):  # looked for, not imported: the cluster sets what Ray reads while it is imported
                pytest.skip("Ray is not installed")
            runner = Cluster(trust_the_model=True)
        try:
            yield runner
        finally:
            runner.close()


KINDS = ["fake", pytest.param("local", marks=SLOW), pytest.param("cluster", marks=SLOW)]


@pytest.fixture(scope="module", params=KINDS)
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    with opened(request.param) as made:
        yield made


def unheard(step: int) -> None: ...


def train_job(limits: JobLimits = JobLimits(), training: dict[str, Any] | None = None, **task: Any) -> TrainJob:  # noqa: B008
    return TrainJob(
        task=TASK.model_copy(update=task), training=TRAINING.model_copy(update=training or {}), limits=limits
    )


def test_a_jobs_report_and_its_files_come_back_by_name(runner: Runner) -> None:
    trial, files = runner.run(train_job(), {"not asked for": b""}, unheard)
    assert (trial.id, trial.seed, trial.outcome, trial.steps) == ("n-s0", 3, Outcome.COMPLETED, STEPS)
    weights = policy_file(STEPS)
    assert set(files) == {weights, LOGGED}
    job = ScoreJob(task=TASK, trial=trial, choosing=(1, 2), scoring=(3,))
    score, made = runner.run(job, files, unheard)
    assert (score.trial_id, score.outcome, set(made)) == ("n-s0", Outcome.COMPLETED, {EPISODES})
    assert set(runner.run(PackageJob(task=TASK), {WEIGHTS_FILE: files[weights]}, unheard).files) == set(SB3_FILES)


def test_a_training_goes_on_from_the_file_of_the_leg_before(runner: Runner) -> None:
    first, files = runner.run(train_job(training={"unfinished": True}), {}, unheard)
    assert set(files) == {policy_file(STEPS), LOGGED, TRAINING_STATE}
    second = {"id": "n-s0-leg1", "leg": 1, "begin": first.steps, "steps": 2 * STEPS}
    rest, _ = runner.run(train_job(training=second), files, unheard)
    assert (rest.begin, rest.steps) == (STEPS, 2 * STEPS)


def test_progress_is_told_in_steps_that_grow_to_the_end(runner: Runner) -> None:
    steps: list[int] = []
    runner.run(train_job(), {}, steps.append)
    assert steps == sorted(steps)
    assert steps[-1] == STEPS


def test_a_reward_program_has_a_room_wherever_the_job_is_done(runner: Runner) -> None:
    trial, _ = runner.run(train_job(training={"reward": "candidate", "source": PROGRAM}), {}, unheard)
    assert trial.outcome is Outcome.COMPLETED


def test_a_reward_program_that_cannot_be_loaded_is_its_own_failure(runner: Runner) -> None:
    with pytest.raises(RewardFailed, match="define one function compute_reward") as failed:
        runner.run(train_job(training={"reward": "candidate", "source": "HALF = 0.5\n"}), {}, unheard)
    assert failed.value.outcome is Outcome.BROKE_CONTRACT


def observing(line: str) -> dict[str, Any]:
    """A task whose own program does this when it is asked for an observation."""
    return {"state_program": f"def observe(env, observation, info):\n    {line}\n"}


@pytest.mark.parametrize(
    ("task", "says"),
    [({"env": "NoSuchEnv-v0"}, "NoSuchEnv"), (observing("raise KeyError('lost')"), "KeyError: 'lost'")],
    ids=["no such one", "its own program"],
)
def test_an_environment_that_fails_is_the_tasks_error(runner: Runner, task: dict[str, Any], says: str) -> None:
    with pytest.raises(TaskError, match=says):
        runner.run(train_job(**task), {}, unheard)


@pytest.mark.parametrize(
    ("task", "outcome"),
    [
        ({"env": "FrozenLake-v1", "kwargs": {"map_name": "9x9"}}, Outcome.ENVIRONMENT_FAILED),
        (observing("import os; os._exit(3)"), Outcome.ENVIRONMENT_FAILED),
    ],
    ids=["raises", "ends"],
)
def test_a_process_that_fails_or_is_lost_is_a_failed_job(
    runner: Runner, task: dict[str, Any], outcome: Outcome
) -> None:
    with pytest.raises(JobFailed) as failed:
        runner.run(train_job(**task), {}, unheard)
    assert failed.value.outcome is outcome
    assert str(failed.value) == failed.value.message


def test_a_job_past_its_time_is_ended_and_says_what_to_do(runner: Runner) -> None:
    limits = JobLimits(seconds=0.3, way_out="; give it more")
    with pytest.raises(JobFailed, match=r"did not end.*; give it more$") as late:
        runner.run(train_job(limits, {"steps": 10**8}), {}, unheard)
    assert late.value.outcome is Outcome.OVERDUE


def test_several_jobs_run_side_by_side_or_one_at_least(runner: Runner) -> None:
    assert runner.cores >= 1


@pytest.mark.parametrize("kind", KINDS)
def test_closing_twice_is_harmless(kind: str) -> None:
    with opened(kind) as runner:
        runner.run(train_job(), {}, unheard)
        runner.close()
        runner.close()
