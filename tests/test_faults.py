"""Faults of the machine: what is killed is started again and said, and every sentence tells what to do."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from batches import batch

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import JailError, JobFailed, TaskError, from_the_system
from autoreward.records import TrialJob
from autoreward.report.phrases import describe_event
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.processes.restarting import STARTED_AGAIN
from autoreward.tasks.files import find_task
from autoreward.training.local import _watch, stopped
from autoreward.training.vitals import Vitals
from autoreward.training.workers import Workers
from autoreward.worker.jobs.job import JobLimits
from autoreward.worker.jobs.records import SurveyJob

SOURCE = "def compute_reward(state, action, next_state, memory):\n    return {'height': next_state.position}\n"
TASK = find_task("mountain-car", (envs_folder(),))
JOB = TrialJob(id="c-s0", candidate_id="c", reward="candidate", source=SOURCE, seed=3, steps=20_480, checkpoints=2)
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.005)


@pytest.mark.slow
def test_a_fork_server_that_is_killed_is_started_again_and_that_is_said() -> None:
    said: list[str] = []
    with Jail(trust_the_model=True, notice=said.append) as jail:
        for times in range(STARTED_AGAIN + 1):
            with jail.open(SOURCE.replace("position", "x")) as room:
                assert list(room.client.evaluate(batch(), stepped=False)) == ["height"]
                assert len(said) == times
                kill(jail._fork_servers[0].pid)
                assert room.was_killed()
        with pytest.raises(JailError, match=r"It was lost 4 times.*Free memory, or use fewer workers"):
            jail.open(SOURCE)
    assert len(said) == STARTED_AGAIN
    assert said[0].startswith(
        "The process that starts autoreward.sandbox.child.server ended, killed from outside or out of memory."
    )
    assert said[0].endswith("It was started again, and nothing finished is lost.")
    assert describe_event(events.Mended(said[0])) == f"  {said[0]}"


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def workers(told: list[str]) -> Iterator[Workers]:
    with Jail(trust_the_model=True, notice=told.append) as jail, Workers(jail, notice=told.append) as made:
        yield made


@linux
@pytest.mark.slow
@pytest.mark.parametrize("what", ["the room", "the worker", "the room's server", "the workers' server"])
def test_a_training_goes_on_through_a_kill_and_tells(workers: Workers, told: list[str], what: str) -> None:
    told.clear()
    local, jail, left = workers._local, workers.jail, [1]

    def strike(step: int) -> None:
        if left.pop() if left else 0:
            (local_server,) = local._servers.values()
            server = (jail._fork_servers[0] if "room" in what else local_server.fork_server).pid
            children = psutil.Process(server).children()
            kill(server if "server" in what else children[-1].pid)

    trial, files = workers.train(TASK, JOB, RunConfig(), strike)
    assert trial.outcome.ok, trial.message
    assert f"policy-{trial.steps}.safetensors" in files
    assert any(line.startswith("c-s0 is run again: the ") for line in told), told
    assert any("was started again" in line for line in told) == ("server" in what)


@linux
def test_a_stopped_worker_is_told_from_a_slow_one() -> None:
    job = SurveyJob(task=TASK, limits=JobLimits(seconds=0.01, way_out="; more"))
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert not stopped(process.pid)
        process.send_signal(signal.SIGSTOP)
        while not stopped(process.pid):
            time.sleep(0.001)
        with pytest.raises(JobFailed, match=r"stopped from outside \(SIGSTOP\)") as failed:
            watched(Held(process.pid), job)
        assert failed.value.outcome is Outcome.LOST, "it is run again, and no program is blamed"
    finally:
        process.kill()
        process.wait()
    with pytest.raises(JobFailed, match="minutes; it used the processor for 0 s of that, and waited; more") as late:
        watched(Held(process.pid), job)
    assert late.value.outcome is Outcome.OVERDUE


def watched(child: "Held", job: SurveyJob) -> None:
    with Vitals() as vitals:
        _watch(child, job, lambda step: None, vitals)  # type: ignore[arg-type]


class Held:
    """A child that says nothing."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.socket, self._other = socket.socketpair()

    def kill(self) -> None: ...

    def wait(self, timeout: float) -> "Held":
        return self

    cpu_seconds = 0.0

    def close(self) -> None:
        self.socket.close()
        self._other.close()


@pytest.mark.parametrize(("number", "says"), [
    (errno.EMFILE, "Too many open files. Allow more with `ulimit -n 1024`"),
    (errno.ENOMEM, "Cannot allocate memory. Free memory"),
    (errno.ENOSPC, "No space left on device."),
    (errno.EFBIG, "File too large. Allow larger files with `ulimit -f unlimited`"),
])  # fmt: skip
def test_what_the_system_refuses_is_said_with_a_way_on(number: int, says: str) -> None:
    assert from_the_system(OSError(number, os.strerror(number))).startswith(says)
    assert from_the_system(OSError(number, os.strerror(number), "here")).startswith(f"here: {says}")


@linux
@pytest.mark.slow
def test_a_limit_on_addresses_is_named_where_something_dies_of_it() -> None:
    look = (
        "from pathlib import Path\nfrom autoreward.sandbox.jail import Jail\nfrom autoreward.training.workers import Workers\n"
        "from autoreward.core.resources import envs_folder\nfrom autoreward.tasks.files import find_task\n"
        "with Jail(True) as jail, Workers(jail) as workers:\n"
        "    try:\n        workers.describe(find_task('mountain-car', (envs_folder(),)), 0)\n"
        "    except Exception as error:\n        print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        ["bash", "-c", f"ulimit -v 700000; exec {sys.executable} -c '{look.replace(chr(39), chr(34))}'"],
        capture_output=True, text=True, timeout=120, check=False, cwd=Path(__file__).parent,
    )  # fmt: skip
    assert "only 0.7 GiB of addresses here" in done.stdout, done.stdout + done.stderr
    assert "Look at its id" not in done.stdout


def test_a_machine_that_loses_a_look_is_not_the_tasks_fault(jail: Jail) -> None:
    with Workers(jail) as workers:
        workers._local.run = _lost  # type: ignore[method-assign]
        with pytest.raises(TaskError, match=r"could not be tried on this machine: gone\.$"):
            workers.survey(TASK)


def _lost(*_: object, **__: object) -> None:
    raise JobFailed(Outcome.LOST, "gone")
