"""What could go wrong with an environment: a row for each fault, true of what is done about it, and never a dump."""

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awkward_envs
import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from kept import kept

import autoreward
from autoreward.core.outcomes import Outcome
from autoreward.errors import JobFailed, UsageError
from autoreward.records import EnvCheck, EnvRow
from autoreward.report.env_checks import env_check_table, env_check_verdict
from autoreward.report.terminal import Terminal
from autoreward.sandbox.jail import Jail
from autoreward.tasks.files import placeholder_task
from autoreward.tasks.process import Process
from autoreward.training.cut_short import cut_short
from autoreward.training.workers import Workers
from autoreward.worker.checking.check import Asked, all_checks
from autoreward.worker.checking.seeds import repeatable
from autoreward.worker.checking.subject import Subject, limited
from autoreward.worker.envs import make

OURS = "checker"
"""In the names of rows that other people's checkers gave."""


def checked(name: str) -> EnvCheck:
    task = placeholder_task(f"awkward_envs:Awkward{name}-v0", {}, "toy")
    return all_checks(Asked(task, lambda: make.registered(task), steps=150))


def ours(check: EnvCheck) -> dict[str, EnvRow]:
    return {row.name: row for row in check.rows if OURS not in row.name and row.name != "speed"}


@pytest.mark.parametrize(
    ("name", "row", "gravity", "found"),
    [
        ("Origin", "actions", "note", "they count from -1, not from 0"),
        ("Far", "actions", "note", "they go from 0 to 1000"),
        ("Unbounded", "spaces", "fail", "of which number 0 has no bounds"),
        ("Seedless", "seed, reset", "warn", "reset(seed=7) gives another start the second time"),
        ("Chance", "seed, step", "warn", "after the same seed and actions, step 1 gives something else"),
        ("Leaky", "leak", "warn", "from its start on"),
        ("ObservesNan", "observation", "fail", "obs has nan at 1 (step 4 of episode 1)"),
        ("Beyond", "observation", "warn", "obs is 100 at 1, declared are -10 to 10 (step 1 of episode 1)"),
        ("Double", "float64", "note", "obs in float64"),
        ("Large", "large integers", "warn", "obs has whole numbers beyond 16,777,216 (reset)"),
        ("Same", "same array", "note", "an observation is written into the array of the one before"),
        ("NoReward", "own reward", "fail", "it is None, not one number (step 1 of episode 1)"),
        ("NanReward", "own reward", "fail", "it is nan (step 1 of episode 1)"),
        ("ArrayReward", "own reward", "note", "it is an array of the shape (1,)"),
        ("TwoRewards", "own reward", "fail", "it is an array of the shape (2,) of float64, not one number"),
        ("Number", "terminated", "note", "it is of int, not a bool (step 1 of episode 1)"),
        ("NoEnd", "terminated", "fail", "it is None, not one number (step 1 of episode 1)"),
        ("Global", "global seed", "note", "reset draws from random or np.random, which everybody shares"),
        ("Unclosable", "close", "note", "close raises ZeroDivisionError: division by zero"),
        ("Odd", "info", "note", "info['sim'] is an object"),
        ("Cut", "time limit", "note", "it cuts every episode after 37 steps itself"),
        ("Endless", "time limit", "warn", "nothing limits an episode in 150 random steps"),
        ("One", "one step", "note", "every episode has one step"),
        ("Long", "time limit", "warn", "100,000 steps, of "),
        ("Broken", "error", "fail", "step raises ConnectionResetError: the simulator is gone (awkward_envs.py, line "),
        ("Window", "error", "fail", "reset raises RuntimeError: pyglet: cannot open display None"),
        ("Folder", "folder", "note", "it changes the current folder of its process"),
        ("Errors", "NumPy", "note", "(divide='raise', over='raise', under='raise', invalid='raise')"),
        ("Belt", "side by side", "fail", "two of them in one process change each other's episodes, from step 1 on"),
        (
            "Alone",
            "side by side",
            "fail",
            "a second one in the same process can't be made: OSError: port 2000 is taken",
        ),
        ("SeedsAll", "global seed", "note", "reset sets the seed of random or np.random for everybody"),
        ("Leaves", "error", "fail", "making it raises SystemExit: 2 (awkward_envs.py, line "),
        ("Fraction", "observation", "fail", "obs[1] = 0.5, of which the type that its space declares, uint8, makes 0"),
        ("Third", "terminated", "fail", "it is 0.3, neither true nor false (step 25 of episode 1)"),
        ("ChoosesMore", "spaces", "fail", "a reset changes action_space from Discrete(2) to Discrete(3)"),
        ("SixValues", "error", "fail", "step raises ValueError: too many values to unpack"),
        ("NumberForSpace", "made", "fail", "NumberForSpace-v0' can't be made: action space does not inherit from"),
        ("NumberForSpacePassed", "spaces", "fail", "action_space is an int and no space of Gymnasium's"),
    ],
)
def test_each_fault_has_a_row(name: str, row: str, gravity: str, found: str) -> None:
    here = Path.cwd()
    rows = ours(checked(name))
    assert row in rows, rows
    assert rows[row].gravity == gravity
    assert found in rows[row].found
    assert row == "time limit" or set(rows) <= {row, "time limit", "own reward"}, rows
    assert Path.cwd() == here
    assert ("no display" in rows[row].advice) == (name == "Window")


@pytest.mark.parametrize("name", ["Plain", "InOrder", "Lock"])
def test_what_is_in_order_has_no_row_that_matters(name: str) -> None:
    rows = checked(name).rows
    assert {row.gravity for row in rows if OURS not in row.name} == {"note"}
    assert "sockets" not in {row.name for row in rows}


def test_what_was_returned_is_said_where_it_cant_be_taken_apart() -> None:
    assert "step returns observation, reward, terminated, truncated, info" in ours(checked("SixValues"))["error"].advice


def test_what_leaves_python_where_it_is_imported_is_told_how_not_to() -> None:
    assert '`if __name__ == "__main__":`' in ours(checked("Leaves"))["error"].advice


def test_a_hang_is_watched_for_where_stderr_was_taken_away() -> None:
    with contextlib.redirect_stderr(None), limited(100.0):
        pass


def test_what_changes_with_age_is_not_blamed_on_a_neighbour() -> None:
    assert "side by side" not in ours(checked("Ages"))


@pytest.mark.slow
def test_an_environment_as_it_is_is_checked_here() -> None:
    assert autoreward.check_env(awkward_envs.FAULTS["Plain"]()).failed == ()
    found = ours(autoreward.check_env(awkward_envs.FAULTS["Leaky"]()))
    assert "the second time, the same seed and actions give something else" in found["seed"].found


def test_what_cant_be_allowed_is_said() -> None:
    with pytest.raises(
        UsageError, match="'files' is nothing that an environment can be allowed; write network, programs, read=PATH or"
    ):
        autoreward.check_env("CartPole-v1", allow=["files"])


FOUND = EnvCheck(
    env="Arm-v0",
    rows=(
        EnvRow(name="SB3's checker", gravity="note", found="Your action space has holes.", advice="A recommendation."),
        EnvRow(
            name="leak",
            gravity="warn",
            found="an episode depends on the one before: the same seed and actions give something else after another episode",
            advice="Set everything anew in reset: scores depend on the order of episodes otherwise.",
        ),
        EnvRow(name="time limit", gravity="note", found="200 steps"),
        EnvRow(
            name="crash",
            gravity="fail",
            found="its process ends with signal 11 (during: random steps, at arm.py, line 31, in step). It printed: [1] bad mesh",
            advice="Mend it in the environment: trainings end like this. What is not in these rows was not checked.",
        ),
    ),
)


def test_the_table_fits_eighty_columns() -> None:
    shown = io.StringIO()
    Terminal(file=shown, width=80, force=True).print(env_check_table(FOUND))
    text = re.sub(r"\x1b\[[0-9;]*m", "", shown.getvalue()) + env_check_verdict(FOUND) + "\n"
    assert max(map(len, text.splitlines())) <= 80
    lines = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    assert lines == kept(Path(__file__).parent / "golden" / "doctor-env.txt", lines)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("", ""),
        ("no traceback\n", ""),
        (
            'x\nTimeout (0:00:05)!\nThread 0x07 (most recent call first):\n  File "/a/lab.py", line 3 in wait\n'
            '  File "/a/lab.py", line 9 in step\n',
            "lab.py, line 3, in wait",
        ),
        (
            "Fatal Python error: Segmentation fault\n\nThread 0x01 [python] (most recent call first):\n"
            '  File "/a/other.py", line 1 in run\n\nCurrent thread 0x02 [python] (most recent call first):\n'
            '  File "/v/site-packages/numpy/x.py", line 8 in solve\n  File "/a/lab.py", line 5 in step\n',
            "lab.py, line 5, in step",
        ),
    ],
)
def test_a_traceback_says_where_it_was(words: str, place: str) -> None:
    failed = JobFailed(Outcome.LOST, "the check process ended without a report (signal 11).")
    failed.last_words = words
    task = placeholder_task("Lab-v0", {}, "toy")
    found = cut_short(task, failed, 5.0).rows[-1].found
    assert ("making it" + (f", at {place})" if place else ")")) in found


def test_what_is_too_slow_to_be_checked_is_no_hang() -> None:
    failed = JobFailed(Outcome.OVERDUE, "the check process did not end within 10 minutes")
    row = cut_short(placeholder_task("Lab-v0", {}, "toy"), failed, 5.0).rows[-1]
    assert (row.name, row.gravity) == ("speed", "warn")
    assert row.found == "it is too slow to be checked to the end (during: making it)"


def test_slow_episodes_are_compared_over_fewer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    class Slow(gymnasium.Env[Any, Any]):
        observation_space, action_space = spaces.Box(-1, 1, (1,), np.float32), spaces.Discrete(2)

        def reset(
            self, *, seed: int | None = None, options: dict[str, Any] | None = None
        ) -> tuple[Any, dict[str, Any]]:
            super().reset(seed=seed)
            taken.append(0)
            return np.zeros(1, np.float32), {}

        def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
            taken[-1] += 1
            return np.zeros(1, np.float32), 0.0, False, False, {}

    monkeypatch.setattr("autoreward.worker.checking.seeds._SECONDS", -1.0)
    subject = Subject(placeholder_task("Slow-v0", {}, "toy"), Slow(), Slow, lambda: 0, set(), 0.0, 10, {})
    assert (list(repeatable(subject)), taken) == ([], [1, 1, 1, 1, 0, 1])


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Jail(trust_the_model=True) as jail, Workers(jail) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "allow", "row", "gravity", "found", "advice"),
    [
        ("Program", "", "error", "fail", "reset raises PermissionError", "[process] programs = true"),
        ("Program", "programs", "programs", "note", "it starts programs or processes", "[process] programs = true"),
        ("Socket", "", "error", "fail", "reset raises PermissionError", "[process] network = true"),
        ("Socket", "network", "sockets", "note", "it opens sockets", "[process] network = true"),
        ("QuietSocket", "", "sockets", "warn", "was refused, and went on without", "[process] network = true"),
        ("Hangs", "", "hang", "fail", "a call does not come back within 2 s (during: ", "time limit"),
        ("Crashes", "", "crash", "fail", "signal 11 (during: Stable-Baselines3's checker, at awkward_envs.py", "Mend"),
        ("Exits", "", "crash", "fail", "exit code 3", "Mend it"),
        ("Quits", "", "error", "fail", "step raises SystemExit: over (awkward_envs.py, line ", "Mend it"),
        (
            "NeverCloses",
            "",
            "close",
            "note",
            "close does not come back within 2 s (during: closing it",
            "ended 10 seconds later",
        ),
        ("Slow", "", "speed", "warn", "30 ms a step", "200,000 steps"),
        ("Loud", "", "output", "warn", "it prints 2,0", "Switch it off"),
    ],
)
def test_whatever_it_does_to_its_process_is_a_row(
    workers: Workers, name: str, allow: str, row: str, gravity: str, found: str, advice: str
) -> None:
    folder = str(Path(__file__).parent)
    process = Process(modules=(folder,), programs=allow == "programs", network=allow == "network")
    task = placeholder_task(f"awkward_envs:Awkward{name}-v0", {}, "toy").model_copy(update={"process": process})
    rows = {r.name: r for r in workers.check_env(task, patience=2.0).rows}
    assert (rows[row].gravity, row in rows) == (gravity, True)
    assert found in rows[row].found
    assert advice in rows[row].advice
    if name == "Crashes":
        assert rows[row].found.endswith("It printed: bad mesh")


@pytest.mark.slow
def test_what_was_checked_before_a_crash_stays(workers: Workers) -> None:
    process = Process(modules=(str(Path(__file__).parent),))
    task = placeholder_task("awkward_envs:AwkwardFarThenCrashes-v0", {}, "toy").model_copy(update={"process": process})
    names = [row.name for row in workers.check_env(task, patience=2.0).rows]
    assert names == ["actions", "crash"]
