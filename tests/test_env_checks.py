"""What could go wrong with an environment: a row for each fault, true of what is done about it, and never a dump."""

from pathlib import Path

import pytest

from autoreward.records import EnvCheck, EnvRow
from autoreward.tasks.files import placeholder_task
from autoreward.worker.checking.check import Asked, all_checks
from autoreward.worker.envs import make

OURS = "checker"
"""In the names of rows that other people's checkers gave."""


def checked(name: str) -> EnvCheck:
    task = placeholder_task(f"awkward_envs:{name}-v0", {}, "toy")
    return all_checks(Asked(task, lambda: make.registered(task), steps=150))


def ours(check: EnvCheck) -> dict[str, EnvRow]:
    return {row.name: row for row in check.rows if OURS not in row.name and row.name != "speed"}


@pytest.mark.parametrize(
    ("name", "row", "gravity", "found"),
    [
        ("Origin", "actions", "note", "they count from -1, not from 0"),
        ("Far", "actions", "note", "they go from 0 to 1000"),
        ("Unbounded", "spaces", "fail", "without bounds"),
        ("Seedless", "seed, reset", "warn", "reset(seed=7) gives other starts each time"),
        ("Chance", "seed, step", "warn", "after the same seed and actions, step 1 gives something else"),
        ("Leaky", "leak", "warn", "from its start on"),
        ("NotANumber", "observation", "fail", "obs has nan at 1 (step 4 of episode 1)"),
        ("Beyond", "observation", "warn", "obs is 100 at 1, declared are -10 to 10 (step 1 of episode 1)"),
        ("Double", "float64", "note", "obs in float64"),
        ("Large", "large integers", "warn", "obs has whole numbers beyond 16,777,216 (reset)"),
        ("Same", "same array", "note", "an observation is written into the array of the one before"),
        ("NoReward", "own reward", "warn", "it is None, not a number (step 1 of episode 1)"),
        ("NanReward", "own reward", "warn", "it is nan (step 1 of episode 1)"),
        ("ArrayReward", "own reward", "warn", "it is an array of the shape (1,) of float64, not a number"),
        ("Odd", "info", "note", "info['sim'] is an object"),
        ("Cut", "time limit", "note", "it cuts every episode after 37 steps itself"),
        ("Endless", "time limit", "warn", "nothing limits an episode in 150 random steps"),
        ("One", "one step", "note", "every episode has one step"),
        ("Long", "time limit", "warn", "100,000 steps, of "),
        ("Broken", "error", "fail", "step raises ConnectionResetError: the simulator is gone (awkward_envs.py, line "),
        ("Folder", "folder", "warn", "it changes the current folder of its process"),
        ("Errors", "NumPy", "warn", "(divide='raise', over='raise', under='raise', invalid='raise')"),
        ("SeedsAll", "global seed", "warn", "reset sets the seed of random or np.random for everybody"),
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
