"""Jobs as records: light to hold, small to send, and each with a function of its own in the worker."""

import socket
import subprocess
import sys
from typing import Any

import pytest

from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import JobFailed
from autoreward.records import CurvePoint, PartStats, Trial, TrialJob
from autoreward.sandbox.processes.fork_server import REQUEST_CAP
from autoreward.tasks.files import find_task
from autoreward.training.local import _demand_own
from autoreward.training.runner import JobReply
from autoreward.worker import wire
from autoreward.worker.jobs.job import Job
from autoreward.worker.jobs.records import ScoreJob, TrainJob
from autoreward.worker.jobs.table import JOB_TABLE

TASK = find_task("mountain-car", (envs_folder(),))


def kinds(of: type[Job[Any]] = Job) -> set[type[Job[Any]]]:
    """Every kind of job that there is."""
    return {
        kind for below in of.__subclasses__() for kind in (kinds(below) | ({below} if "kind" in vars(below) else set()))
    }


def test_every_job_has_a_function_under_its_own_name() -> None:
    assert {entry.record for entry in JOB_TABLE.values()} == kinds()
    assert all(entry.record.kind == name for name, entry in JOB_TABLE.items())
    assert len({entry.do for entry in JOB_TABLE.values()}) == len(JOB_TABLE) == len(kinds())


def test_a_reward_program_stays_out_of_the_request() -> None:
    job = TrialJob(id="c-s0", candidate_id="c", reward="candidate", source="#" * REQUEST_CAP, seed=1, steps=1)
    asked = TrainJob(task=TASK, training=job)
    sent = TrainJob.model_validate_json(asked.request())
    assert sent == asked.model_copy(update={"training": job.model_copy(update={"source": ""})})
    assert asked.program == job.source
    assert TrainJob(task=TASK, training=job.model_copy(update={"reward": "native"})).program is None


def test_a_long_trial_of_many_parts_fits_a_request() -> None:
    parts = tuple(PartStats(name=f"p{i}", mean=0.1, std=0.1, share=0.1, low=0.1, high=0.1) for i in range(50))
    curve = tuple(CurvePoint(step=i, episode_return=0.1, episode_length=0.1, parts=parts) for i in range(20))
    trial = Trial(id="c-s0", candidate_id="c", outcome=Outcome.COMPLETED, seed=1, steps=20, curve=curve)
    job = ScoreJob(task=TASK, trial=trial, choosing=(1,), scoring=(2,))
    assert len(job.model_dump_json()) > REQUEST_CAP > len(job.request())
    assert [point.step for point in ScoreJob.model_validate_json(job.request()).trial.curve] == list(range(20))


TRAINING = TrialJob(id="c-s0", candidate_id="c", reward="native", seed=1, steps=10, unfinished=True)
TRIAL = Trial(id="c-s0", candidate_id="c", outcome=Outcome.COMPLETED, seed=1, steps=10, checkpoints=(5, 10))
FILES = ("policy-5.safetensors", "policy-10.safetensors", "logged.json", "state.safetensors")


def reply(files: tuple[str, ...], **changed: object) -> JobReply[Trial]:
    return JobReply(TRIAL.model_copy(update=changed), dict.fromkeys(files, b""))


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (reply(FILES), ""),
        (reply(FILES[:-1], outcome=Outcome.NOT_FINITE), ""),
        (reply(FILES[1:-1], outcome=Outcome.NOT_FINITE, checkpoints=(10,)), ""),
        (reply(FILES[:-1]), "other files"),
        (reply(FILES, outcome=Outcome.NOT_FINITE), "other files"),
        (reply((*FILES, "run.json")), "other files"),
        (reply(FILES[1:]), "other files"),
        (reply(FILES, seed=2), "other work"),
        (reply(FILES, candidate_id="d"), "other work"),
        (reply(FILES, id="c-s1"), "other work"),
    ],
)
def test_a_training_reports_on_itself_with_the_files_that_it_makes(sent: JobReply[Trial], says: str) -> None:
    job = TrainJob(task=TASK, training=TRAINING)
    if not says:
        return _demand_own(job, sent)
    with pytest.raises(JobFailed, match=says):
        _demand_own(job, sent)


def test_a_worker_takes_files_by_name_in_any_order() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for name in ("b", "a", "a", "c"):
            wire.send_file(ours, name, name.encode())
        assert wire.receive_files(theirs, ("a", "b")) == {"a": b"a", "b": b"b"}
        with pytest.raises(ValueError, match=r"files \['a', 'c'\], not \['a', 'b'\]"):
            wire.receive_files(theirs, ("a", "b"))
        assert wire.receive_files(theirs, ()) == {}


@pytest.mark.slow
def test_who_holds_a_job_needs_no_torch() -> None:
    heavy = "{'torch', 'stable_baselines3', 'gymnasium', 'safetensors'}"
    look = (
        f"import sys, autoreward.worker.jobs.records, autoreward.training.workers; print(*{heavy} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
