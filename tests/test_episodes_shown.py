"""What models are shown of episodes and of the whole search: rows where something happens, groups of endings, starts, lessons."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from test_roles import TASK, case, episode, scores

from autoreward.core.transitions import Transitions
from autoreward.evaluation.wrong_turns import wrong_turn
from autoreward.llm.context import ASSUMED_CONTEXT, context_window, prompt_room
from autoreward.records import Analysis, Cause, Episode
from autoreward.roles.analyzer import pair, representative
from autoreward.roles.brief import LONGEST_DYNAMICS, dynamics
from autoreward.roles.endings import endings
from autoreward.roles.episode_tables import episode_table, holding
from autoreward.roles.lessons import lessons, stubborn_starts

STEPS = 100


def landing(terminated: bool = True) -> Transitions:
    """One episode in which x falls from 1 to 0, is within 0.1 from step 90 on, leaves it at 97, and touches ground at 60."""
    x = np.linspace(0.99, 0.0, STEPS)
    x[96:] = 0.5
    ground = (np.arange(STEPS) >= 59).astype(float)
    fields = {"x": x[:, None], "ground": ground[:, None], "v": np.zeros((STEPS, 1, 12))}
    return Transitions(
        state={"x": x[:, None] + 1.0, "ground": ground[:, None], "v": np.zeros((STEPS, 1, 12))},
        action={"push": np.zeros((STEPS, 1), int)},
        next_state=fields,
        step=np.arange(1, STEPS + 1)[:, None],
        terminated=(np.arange(STEPS) == STEPS - 1)[:, None] & terminated,
    )


def rows(text: str) -> dict[int, str]:
    """Step -> why its row is there."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]
    return {int(row[0]): row[-1] for row in cells}


def test_rows_are_dense_where_something_happens() -> None:
    found = rows(episode_table(TASK, landing(), "failed", {}, rows=5, columns=20).text)
    assert found[0] == "the start"
    assert found[60] == "ground 0 to 1"
    assert found[90] == "the condition holds for the first time"
    assert found[97] == "the condition holds no more"
    assert found[100] == "the end"
    assert {96, 97, 98, 99, 100} <= set(found), "how it crashed"
    assert {1, 25, 50, 75} <= set(found) | {26, 51}, "and an even spread"
    assert len(found) <= 13


def test_the_rule_marks_no_rows_where_it_is_hidden() -> None:
    found = rows(episode_table(TASK, landing(), "failed", {}, rows=5, columns=20, rule_shown=False).text)
    assert not any("condition" in what for what in found.values())


def test_rewards_that_jump_have_a_row_and_what_has_no_room_is_named() -> None:
    paid = np.zeros((STEPS, 1))
    paid[41:] = 5.0
    table = episode_table(TASK, landing(terminated=False), "best", {"bonus": paid}, rows=3, columns=4)
    assert rows(table.text)[42] == "the reward jumps"
    assert table.text.splitlines()[0] == "| step | x | ground | v[0] | v[1] | part bonus | what |"
    assert table.left_out == (*(f"v[{i}]" for i in range(2, 12)), "action push")
    assert table.ending == "100 steps, ran to the time limit"


def test_when_the_rule_holds_is_what_the_scorer_finds() -> None:
    held = holding(TASK, landing())
    assert held is not None
    assert np.array_equal(np.flatnonzero(held), np.arange(89, 96))


# ---------------------------------------------------------------------------------------------------------- endings


def ended(last: Sequence[float], kinds: Sequence[tuple[bool, bool]]) -> list[str]:
    """Endings of episodes that go from 0 to their last x; `kinds`: success, ended by itself."""
    count = len(last)
    x = np.linspace(np.zeros(count), np.array(last), 10)
    fields = {"x": x, "v": np.zeros((10, count, 2))}
    recorded = Transitions(
        fields, {}, fields, np.tile(np.arange(1, 11)[:, None], (1, count)), np.zeros((10, count), bool)
    )
    episodes: list[Episode] = [episode(success, 0.5, terminated=terminated) for success, terminated in kinds]
    return endings(TASK, episodes, recorded, rule_shown=True)


def test_like_endings_are_one_line() -> None:
    lines = ended([1.9, 2.4, 2.0, 0.1, 0.05, 2.2], [(False, False)] * 5 + [(True, False)])
    assert lines == [
        "3 of 6 ran to the time limit without success, after 10 steps, at x 1.9 to 2.4, v[0] 0, v[1] 0 (starts 0, 1, 2)",
        "2 of 6 ran to the time limit without success, after 10 steps, at x 0.05 to 0.1, v[0] 0, v[1] 0 (starts 3, 4)",
        "1 of 6 succeeded, after 10 steps, at x 2.2, v[0] 0, v[1] 0 (starts 5)",
    ]


def test_a_crash_and_a_time_limit_are_told_apart() -> None:
    lines = ended([1.0, 1.0], [(False, True), (False, False)])
    assert [line.split(",")[0] for line in lines] == [
        "1 of 2 ended by themselves without success",
        "1 of 2 ran to the time limit without success",
    ]


# ------------------------------------------------------------------------------------------- which training is shown


@pytest.mark.parametrize(
    ("successes", "chosen", "said"),
    [
        ([0.5], 0, "its only training"),
        ([0.65, 0.0], 1, "the worse of its two trainings"),
        ([0.0, 0.65], 0, "the worse of its two trainings"),
        ([1.0, 0.3, 0.0], 1, "the middle one of its 3 trainings"),
    ],
)
def test_the_typical_or_failing_training_is_explained(successes: list[float], chosen: int, said: str) -> None:
    trainings = scores(*([i < 20 * s for i in range(20)] for s in successes))
    assert [s.success for s in trainings] == pytest.approx(successes)
    assert representative(trainings) == (trainings[chosen], said)


def test_the_same_start_is_shown_in_a_failed_and_in_a_successful_episode_of_any_training() -> None:
    shown = pair(case([False, False, False], [False, True, True]))
    assert {name: (e.score.trial_id, e.start) for name, e in shown.items()} == {
        "failed": ("a-s0", 1),
        "succeeded": ("a-s1", 1),
    }
    apart = pair(case([True, False], [True, False]))
    assert {name: (e.score.trial_id, e.start) for name, e in apart.items()} == {
        "failed": ("a-s0", 1),
        "succeeded": ("a-s0", 0),
    }


# ------------------------------------------------------------------------------------------------- the whole search


def test_starts_at_which_every_able_policy_fails_are_named() -> None:
    able = scores([True, False, False, True], [True, False, True, True], [False, False, True, True])
    never = scores([False, False, False, False])
    assert stubborn_starts([*able, *never]) == (
        "Of the 3 trained policies that succeed at times, starts 1 fail in 3 of 3 (of 4 starts, counted from 0). "
        "Of these failures 3 ended by themselves, 0 ran to the time limit."
    )
    assert stubborn_starts(able[:1]) == "", "one policy says little of a start"
    assert stubborn_starts(scores([True, True], [True, False])) == ""


def test_lessons_are_kept_once_and_oldest_first() -> None:
    def said(identity: str, cause: str) -> Analysis:
        return Analysis(
            candidate_id=identity,
            causes=(Cause(cause=cause, episode="failed", steps=(1,), suggestion="pay for a level body"),),
        )

    first = said("r000c1", "it slides on its nose and stops at two metres")
    again = said("r001c0", "it slides on its nose and stops at three metres")
    other = said("r001c2", "the bonus comes too late to be found by chance in 200 steps")
    assert lessons([first, again, other]) == [
        "r000c1: it slides on its nose and stops at two metres Suggestion: pay for a level body",
        "r001c2: the bonus comes too late to be found by chance in 200 steps Suggestion: pay for a level body",
    ]


def test_a_documentation_is_shown_without_code_rewards_and_what_the_fields_say() -> None:
    doc = (
        "## Description\nA [cart](http://x.y/z). You get a reward of 1 a step. It rolls without friction.\n```\n@book\n```\n"
        "## Observation Space\n| 0 | place |\n## Starting State\nAt   rest.\n## Version History\nv1\n"
    )
    assert dynamics(doc) == "## Description\nA cart. It rolls without friction.\n## Starting State\nAt rest."
    assert len(dynamics("## Description\n" + "word " * 10_000)) == LONGEST_DYNAMICS


@pytest.mark.parametrize(
    ("model", "window"),
    [
        ("manual", ASSUMED_CONTEXT),
        ("replay:runs/mine", ASSUMED_CONTEXT),
        ("openai+http://localhost:11434/v1:llama", ASSUMED_CONTEXT),
        ("openai:nobody-knows-this-one", ASSUMED_CONTEXT),
        ("openai:gpt-4o", 128_000),
        ("anthropic:claude-sonnet-4-5", 200_000),
    ],
)
def test_a_models_context_is_what_the_price_list_says(model: str, window: int) -> None:
    assert context_window(model) == window
    assert prompt_room(window, 16_000) == window - 16_000
    assert prompt_room(window, window) == window // 2


def test_the_first_error_is_where_it_was_nearest_before_it_lost_that_again() -> None:
    x = np.concatenate([np.linspace(1.0, 0.2, 40), np.linspace(0.24, 1.0, 20), np.full(40, 1.2)])
    turn = wrong_turn(TASK, along(x))
    assert turn is not None
    assert (turn.step, turn.near, turn.far) == (40, pytest.approx(0.89, abs=0.01), 0.0)
    assert turn.said.startswith("goes wrong after step 40: 89% of the way to the goal is done there, 0% after step ")
    assert turn.said in rows(episode_table(TASK, along(x), "failed", {}, rows=5, columns=20).text)[40]
    hidden = episode_table(TASK, along(x), "failed", {}, rows=5, columns=20, rule_shown=False).text
    assert "goes wrong" not in hidden


@pytest.mark.parametrize(
    "x", [np.linspace(1.0, 0.0, 100), np.linspace(1.0, 3.0, 100), np.linspace(1.0, 0.3, 100), np.full(100, 1.0)],
    ids=["succeeds", "only gets further", "on its way", "stands still"],
)  # fmt: skip
def test_where_nothing_was_lost_there_is_no_first_error(x: NDArray[np.float64]) -> None:
    assert wrong_turn(TASK, along(x)) is None


def along(x: NDArray[np.float64]) -> Transitions:
    """One episode in which x is this after each step."""
    began = landing()
    fields = {**began.next_state, "x": x[:, None]}
    return Transitions(began.state, began.action, fields, began.step, np.zeros_like(began.terminated))
