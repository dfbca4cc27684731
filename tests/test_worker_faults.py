"""What environments do to a whole process: it ends as theirs, and what was made is kept. Real workers."""

import os
import re
import sys
import time
from collections.abc import Iterator

import pytest

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.records import Trial, TrialJob
from autoreward.sandbox.jail import Jail
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.training import local
from autoreward.training.workers import Workers

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="walls of workers")]
CARD = find_task("mountain-car", (envs_folder(),))
JOB = TrialJob(id="n-s0", candidate_id="", reward="native", seed=3, steps=512, checkpoints=1)
PATCHED = """
import ctypes, logging, os, signal, sys, time

class Own(Exception): ...

def raising(number, frame):
    raise Own("too late")

def observe(env, observation, info):
    if not hasattr(env, "own"):
        env.own, env.count = env.step, 0
        def step(action):
            env.count += 1
            if env.count == 40:
                {fault}
            return env.own(action)
        env.step = step
        {at_first}
    return {{"place": observation}}
"""


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Jail(trust_the_model=True) as jail, Workers(jail) as made:
        yield made


def patched(fault: str, at_first: str = "pass", programs: bool = False) -> Task:
    """MountainCar with a fault at its 40th step."""
    state = {"position": {"source": "obs.place[0]", "about": "x"}, "velocity": {"source": "obs.place[1]", "about": "v"}}
    small = CARD.train.model_dump() | {"envs": 2, "hyperparameters": {"n_steps": 64, "batch_size": 64, "n_epochs": 1}}
    program = PATCHED.format(fault=fault, at_first=at_first)
    change = {"state_program": program, "state": state, "train": small, "process": {"programs": programs}}
    return Task.model_validate(CARD.model_dump() | change)


def trained(workers: Workers, task: Task, seconds: float = 100.0) -> Trial:
    return workers.train(task, JOB, RunConfig(minutes_per_trial=seconds / 60), lambda step: None)[0]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            "ctypes.string_at(0)",
            r"step 40 of .* ended its process \(signal 11\)\. Its last words: Fatal Python error.* in step",
        ),
        ("os.abort()", r"step 40 of .* ended its process \(signal 6\)"),
        ("os._exit(0)", r"step 40 of .* ended its process \(exit code 0\)\.$"),
        ("sys.stderr.write('licence expired\\n'); os._exit(3)", r"\(exit code 3\)\. Its last words: licence expired$"),
    ],
)
def test_a_process_that_ends_within_a_call_is_the_environments(workers: Workers, fault: str, says: str) -> None:
    trial = trained(workers, patched(fault))
    assert trial.outcome is Outcome.ENVIRONMENT_FAILED

    assert re.search(says, trial.message), trial.message


@pytest.mark.parametrize(
    "fault", ["time.sleep(1000)", "ctypes.PyDLL(None).sleep(1000)"], ids=["sleeps", "holds the lock"]
)
def test_a_call_that_hangs_is_the_environments(workers: Workers, fault: str) -> None:
    began = time.monotonic()
    trial = trained(workers, patched(fault).model_copy(update={"longest_call": 1.0}))
    assert time.monotonic() - began < 60
    assert trial.outcome is Outcome.ENVIRONMENT_FAILED
    assert "step 40 of the episode that began with reset(seed=" in trial.message
    assert "had not returned after " in trial.message
    assert "Its card can give a call more: longest_call" in trial.message


def test_a_hang_shorter_than_any_call_may_take_is_told_at_the_deadline(workers: Workers) -> None:
    trial = trained(workers, patched("time.sleep(1000)"), seconds=12.0)
    assert trial.outcome is Outcome.ENVIRONMENT_FAILED, trial.message


def test_a_close_that_hangs_loses_nothing(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "CLOSE_SECONDS", 0.5)
    trial = trained(workers, patched("pass", "env.close = lambda: time.sleep(1000)"))
    assert trial.outcome.ok, trial.message


def test_a_process_that_an_environment_forks_is_no_second_worker(workers: Workers) -> None:
    """It comes back out of `step` as the worker does, and goes on."""
    trial = trained(workers, patched("os.fork()", programs=True))
    assert trial.outcome.ok, trial.message
    assert trial.steps == JOB.steps


def test_a_signal_that_comes_within_state_py_costs_episodes(workers: Workers) -> None:
    trial = trained(workers, patched("signal.signal(signal.SIGALRM, raising); signal.raise_signal(signal.SIGALRM)"))
    assert trial.outcome.ok, trial.message
    assert trial.lost_episodes > 0


def test_a_signal_handler_of_an_environment_is_its_own(workers: Workers) -> None:
    later = "signal.signal(signal.SIGALRM, raising); signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)"
    trial = trained(workers, patched(later))
    assert trial.outcome is Outcome.ENVIRONMENT_FAILED, trial.message
    assert "Own" in trial.message
    assert "too late" in trial.message


def test_what_it_prints_and_logs_goes_nowhere_but_for_its_end(workers: Workers) -> None:
    noisy = "print('to stdout'), logging.getLogger('x').warning('.' * 200_000)"
    ends = "sys.stderr.write('the last line\\n'); os._exit(3)"
    trial = trained(workers, patched(ends, f"env.step = lambda action: ({noisy}, step(action))[2]"))
    assert trial.message.endswith("the last line"), trial.message[-100:]
    assert len(trial.message) < 1_000


def test_what_it_writes_beside_itself_and_in_its_home_goes_with_it(workers: Workers) -> None:
    cache = "os.path.expanduser('~/.cache')"
    writes = f"open('log.txt', 'w').write('x'); os.makedirs({cache}, exist_ok=True); os.chdir({cache})"
    trial = trained(workers, patched("pass", writes))
    assert trial.outcome.ok, trial.message
    assert not [
        name for server in workers._local._servers.values() for name in os.listdir(server._folder) if name != "common"
    ]
