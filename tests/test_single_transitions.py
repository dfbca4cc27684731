"""Rewards of single transitions made programs: fields put together again as they were, and the same number for every row."""

from pathlib import Path

import numpy as np
import pytest

import autoreward as ar
from autoreward.checks.single_transitions import Place, batched, choice_field, is_single, places
from autoreward.core.resources import envs_folder
from autoreward.errors import UsageError
from autoreward.records import Candidate
from autoreward.rewards.gate.gate import examine
from autoreward.session.reward_file import given_reward
from autoreward.session.starts import read_starts
from autoreward.tasks.files import find_task
from autoreward.tasks.formulas.expression import Expression

MINE = """def reward(obs, action, next_obs):
    if next_obs[0] >= 0.5:
        return 10.0
    return next_obs[0] - obs[0] + (0.1 if action != 1 else 0.0)
"""
TASK = find_task("mountain-car", (envs_folder(),))


def sources(**texts: str) -> dict[str, Expression]:
    return {name: Expression(text, name) for name, text in texts.items()}


@pytest.mark.parametrize(
    ("source", "single"),
    [
        (MINE, True),
        ("def reward(o, a, o2):\n    return 0.0\n", True),
        ("def reward(o, a):\n    return 0.0\n", False),
        ("def reward(o, a, *, o2):\n    return 0.0\n", False),
        ("def reward(o, a, o2, *more):\n    return 0.0\n", False),
        (MINE + "def compute_reward(state, action, next_state, memory):\n    return {}\n", False),
        ("def other(o, a, o2):\n    return 0.0\n", False),
        ("def reward(o, a, o2:\n", False),
    ],
)
def test_such_a_file_is_known_by_its_function(source: str, single: bool) -> None:
    assert is_single(source) == single


def test_numbers_are_found_in_the_fields_that_hold_them_as_they_are() -> None:
    found = places(sources(gap="obs[2:4]", both="obs[0] + obs[1]", first="obs[0]", scaled="2 * obs[1]"), "obs", 4)
    assert found == [Place("first", None), None, Place("gap", 0), Place("gap", 1)]
    assert places(sources(all="obs"), "obs", 3) == [Place("all", i) for i in range(3)]
    assert choice_field(sources(one="action + 1", push="action")) == "push"
    assert choice_field(sources(one="action + 1")) == ""


def test_a_program_passes_the_gate_and_pays_each_row_what_the_function_does() -> None:
    made = batched(MINE, [Place("position", None), Place("velocity", None)], "push")
    assert made.startswith(MINE.rstrip()), "lines are those of the person's file"
    assert examine(made).problems == ()
    rows = np.random.default_rng(0)
    before, after = rows.normal(size=(2, 50, 2))
    push = rows.integers(0, 3, 50)
    named = [{"position": x[:, 0], "velocity": x[:, 1]} for x in (before, after)]
    space: dict[str, object] = {"np": np}
    exec(made, space)

    class View:
        def __init__(self, **fields: object) -> None:
            self.__dict__.update(fields)

    parts = space["compute_reward"](View(**named[0]), View(push=push), View(**named[1]), {})  # type: ignore[operator]
    each = [space["reward"](b, a, n) for b, a, n in zip(before, push, after, strict=True)]  # type: ignore[operator]
    assert parts["reward"].tolist() == each


def test_a_file_of_whole_batches_starts_no_environment(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        'def compute_reward(state, action, next_state, memory):\n    return {"a": next_state.x}\n'
    )
    nowhere = TASK.model_copy(update={"env": "NoSuchEnv-v0"})
    (read,) = read_starts([tmp_path / "mine.py"], nowhere)["start"]
    assert isinstance(read, Candidate)


@pytest.mark.slow
def test_check_and_start_take_it(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    verdict = ar.check(tmp_path / "mine.py", "mountain-car")
    assert verdict.accepted
    assert verdict.parts == ("reward",)
    assert [f.message for f in verdict.findings if f.rule == "rows"] == [
        "reward is asked row by row: 200 recorded transitions are paid the same alone"
    ]
    (read,) = read_starts([tmp_path / "mine.py"], TASK)["start"]
    assert "np.stack([next_state.position, next_state.velocity], axis=-1)" in read.source
    given = given_reward(str(tmp_path / "mine.py"), TASK)  # what `train` and `score` do
    assert given == read


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("doorkey-6x6", "needs an observation that is one vector"),
        ("acrobot", "holds obs[0] as it is; write one into the card"),
    ],
)
def test_what_can_not_be_put_together_is_said(task: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    with pytest.raises(UsageError, match="reward\\(obs, action, next_obs\\)") as caught:
        ar.check(tmp_path / "mine.py", task)
    assert said in str(caught.value)
