"""Trainings on a Ray cluster: the same results as on this machine, through deaths of Ray's own processes, and no keys there."""

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.seeds import held_out
from autoreward.errors import MissingExtra, UsageError
from autoreward.records import LOGGED, TrialJob
from autoreward.sandbox.jail import Jail
from autoreward.session.run import start
from autoreward.tasks.files import find_task
from autoreward.training.ray_cluster import Cluster, _stream
from autoreward.training.workers import Workers
from autoreward.worker.jobs.records import SurveyJob

TASK = find_task("mountain-car", (envs_folder(),))
SECRET = "a-key-that-no-node-may-hold"
PROGRAM = "def compute_reward(state, action, next_state, memory):\n    return {'height': next_state.position}\n"
JOB = TrialJob(id="c-s0", candidate_id="c", reward="candidate", source=PROGRAM, seed=3, steps=4096, checkpoints=2)


def test_another_version_on_a_machine_of_the_cluster_is_said() -> None:
    with pytest.raises(UsageError, match=r"has autoreward .*, not 0\.0\.0\. Install the same"):
        next(_stream("0.0.0", False, SurveyJob(task=TASK), {}))


def test_without_ray_it_says_what_to_install_and_starts_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not (Path(entry) / "ray").is_dir()])
    for name in [name for name in sys.modules if name.partition(".")[0] == "ray"]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()
    with pytest.raises(MissingExtra, match=r"autoreward-rl\[ray\]"):
        start(TASK, RunConfig(pool="ray"), tmp_path / "run", lambda event: None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "ray://"])
def test_a_cluster_that_does_not_answer_is_said_at_once(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setitem(sys.modules, "ray", NeverInitialised())
    with pytest.raises(UsageError, match=f"no cluster at RAY_ADDRESS={address}"):
        Cluster(trust_the_model=False)


class NeverInitialised(ModuleType):
    """Ray before it has joined anything."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.__spec__ = ModuleSpec("ray", None)

    def is_initialized(self) -> bool:
        return False


@pytest.fixture(scope="module")
def cluster() -> Iterator[Workers]:
    os.environ["OPENAI_API_KEY"] = SECRET
    try:
        with Jail() as jail, Workers(jail, Cluster(trust_the_model=False)) as made:
            yield made
    finally:
        del os.environ["OPENAI_API_KEY"]


@pytest.fixture(scope="module")
def here() -> Iterator[Workers]:
    with Jail() as jail, Workers(jail) as made:
        yield made


def ray_processes(name: str = "") -> list[psutil.Process]:
    """Children of this process that Ray started."""
    found = []
    for process in psutil.Process().children(recursive=True):
        words = " ".join(process.cmdline())
        if ("ray::" in words or "raylet" in words or "gcs_server" in words) and name in words:
            found.append(process)
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
class TestOnRealRay:
    def test_training_and_score_are_those_of_this_machine(self, cluster: Workers, here: Workers) -> None:
        made = []
        for workers in (here, cluster):
            steps: list[int] = []
            trial, files = workers.train(TASK, JOB, RunConfig(), steps.append)
            weights = {name: data for name, data in files.items() if name.startswith("policy")}
            score, episodes = workers.score(
                TASK, trial, RunConfig(), weights, held_out("keep", 2), held_out("search", 2)
            )
            same = trial.model_dump(exclude={"seconds", "steps_per_second"})
            files.pop(LOGGED)  # it tells the speed
            made.append((same, files, steps, score.model_dump(), episodes))
        assert made[0] == made[1]
        assert made[0][2][-1] >= JOB.steps

    def test_a_candidates_failure_is_its_outcome(self, cluster: Workers) -> None:
        job = JOB.model_copy(update={"source": PROGRAM.replace("next_state.position", "next_state.position / 0 * 0")})
        trial, files = cluster.train(TASK, job, RunConfig(), lambda *_: None)
        assert trial.outcome is Outcome.NOT_FINITE
        assert set(files) <= {LOGGED}

    @pytest.mark.parametrize(("deaths", "outcome"), [(1, Outcome.COMPLETED), (2, Outcome.LOST)])
    def test_a_lost_machine_is_tried_again_once(self, cluster: Workers, deaths: int, outcome: Outcome) -> None:
        left, job = [deaths], JOB.model_copy(update={"steps": 20_480})

        def kill(step: int) -> None:
            if left[0] and step < job.steps:
                left[0] -= 1
                for process in ray_processes("ray::_stream"):
                    process.send_signal(signal.SIGKILL)

        trial, _ = cluster.train(TASK, job, RunConfig(), kill)
        assert (left, trial.outcome) == ([0], outcome)

    def test_no_process_of_ray_holds_a_key(self, cluster: Workers) -> None:
        cluster.train(TASK, JOB, RunConfig(), lambda *_: None)
        processes = ray_processes()
        assert len(processes) >= 3
        for process in processes:
            assert SECRET.encode() not in Path(f"/proc/{process.pid}/environ").read_bytes(), process.cmdline()

    def test_nothing_of_it_can_be_reached_from_another_machine(self, cluster: Workers) -> None:
        cluster.train(TASK, JOB, RunConfig(), lambda *_: None)
        heard = {
            (process.name(), c.laddr.ip)
            for process in ray_processes()
            for c in process.net_connections("inet")
            if c.status == psutil.CONN_LISTEN
        }
        assert heard, "Ray listens somewhere"
        assert {address for _, address in heard} <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}, heard

    def test_it_counts_the_clusters_cores(self, cluster: Workers) -> None:
        assert cluster.cores == os.cpu_count()
