"""Graded progress: conditions by what simple policies miss them by, and orders that anybody would agree to."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoreward.core.resources import envs_folder
from autoreward.errors import TaskError
from autoreward.records import UNGRADED, Grading
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.graded import GradedRule
from autoreward.worker.envs.fields import NamedArrays
from autoreward.worker.grading import LEAST_WEIGHT, SimpleEpisode, graded_by
from autoreward.worker.success import ALMOST, SuccessRule

X = np.array([0.0, 1.0, 2.0])


def near(text: str, scale: float = 2.0, weights: Sequence[float] = (1.0, 1.0), **values: np.ndarray) -> list[float]:
    rule = GradedRule(Expression(text, "here"))
    misses = rule.misses(values, 3)
    return rule.closeness(misses, np.full((len(misses), 1), scale), weights).round(6).tolist()


def test_a_condition_is_as_near_as_it_is_missed_by_little() -> None:
    assert near("x >= 2", x=X) == [0.0, 0.5, 1.0]
    assert near("x < 0", x=X) == [1.0, 0.5, 0.0]  # missing by nothing is still missing, by nearly nothing
    assert near("x == 1", x=X) == [0.5, 1.0, 0.5]
    assert near("1 <= x < 2", x=X) == [0.5, 1.0, 1.0]


def test_and_is_the_mean_by_weight_and_or_the_largest() -> None:
    assert near("x >= 2 and x >= 0", x=X) == [0.5, 0.75, 1.0]
    assert near("x >= 2 and x >= 0", weights=(3.0, 1.0), x=X) == [0.25, 0.625, 1.0]
    assert near("x >= 2 or x <= 0", x=X) == [1.0, 0.5, 1.0]


def test_what_is_negated_is_graded_all_the_same() -> None:
    assert near("not x < 2", x=X) == near("x >= 2", x=X)
    assert near("not (x < 2 or x < 0)", x=X) == near("x >= 2 and x >= 0", x=X)
    assert near("not (0 < x < 2)", x=X) == near("x <= 0 or x >= 2", x=X)
    assert near("not x == 1", x=X) == [1.0, 0.5, 1.0], "nothing says how unequal is unequal enough"


def test_what_is_true_or_false_is_near_or_not() -> None:
    assert near("done", x=X, done=np.array([False, True, False])) == [0.5, 1.0, 0.5]
    assert near("not done", x=X, done=np.array([False, True, False])) == [1.0, 0.5, 1.0]


def test_what_is_no_number_is_not_near() -> None:
    assert near("x >= 2", x=np.array([np.nan, 1.0, np.inf])) == [0.0, 0.5, 1.0]


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.sampled_from(["<", "<=", ">", ">=", "=="]))
def test_a_rule_is_near_by_one_exactly_where_it_holds(a: float, b: float, scale: float, sign: str) -> None:
    rule = Expression(f"a {sign} b and not (a > b and b > 0)", "here")
    values = {"a": np.array([a]), "b": np.array([b])}
    graded = GradedRule(rule)
    close = graded.closeness(graded.misses(values, 1), np.full((3, 1), scale), (1.0, 1.0, 0.1))
    assert 0.0 <= close[0] <= 1.0
    assert (close[0] == 1.0) == bool(rule.evaluate(values)[0])


# ------------------------------------------------------------------------------------------------------- whole episodes

LIMIT = 100
RUNNER = {
    "x": {"source": "obs[0]", "about": "x", "range": [-5, 8]},
    "v": {"source": "obs[1]", "about": "speed", "range": [-4, 6]},
}


def card(when: str, within: str = "last step", full_length: bool = False, distance: str = "") -> Task:
    base = find_task("mountain-car", (envs_folder(),)).model_dump()
    success = {"when": when, "within": within, "full_length": full_length, "distance": distance}
    return Task.model_validate(
        base | {"state": RUNNER, "constants": {}, "metric": {"value": "length", "better": "lower"}, "success": success}
    )


STOP = card("abs(x - 3) < 0.5 and abs(v) < 0.3", "last 10 steps", full_length=True)


def walk(to: float, speed: float, length: int = LIMIT, begin: float = 0.0) -> NamedArrays:
    """Gets to a place at an even pace and has that speed from then on."""
    x = np.concatenate([np.linspace(begin, to, length // 2), np.full(length - length // 2, to)])
    return {"x": x, "v": np.full(length, speed)}


def idle(begin: float = 0.0, length: int = LIMIT) -> NamedArrays:
    return walk(begin, 0.0, length, begin)


def simple(length: int = LIMIT) -> list[SimpleEpisode]:
    """Nobody gets anywhere; random actions shake."""
    rng = np.random.default_rng(0)
    shaking = [{"x": rng.normal(0.0, 0.3, length).cumsum() / 10, "v": rng.normal(0.0, 0.6, length)} for _ in range(10)]
    return [
        *(SimpleEpisode("random", states, length < LIMIT) for states in shaking),
        *(SimpleEpisode("constant 0", idle(length=length), length < LIMIT) for _ in range(2)),
        *(SimpleEpisode("constant 1", walk(0.5, 0.1, length), length < LIMIT) for _ in range(2)),
    ]


def graded(task: Task, episodes: Sequence[SimpleEpisode]) -> SuccessRule:
    return SuccessRule(task, LIMIT, graded_by(task, LIMIT, episodes))


def test_doing_nothing_is_no_progress_and_success_is_all() -> None:
    rule = graded(STOP, simple())
    assert rule.progress(idle(), terminated=False) == 0.0
    assert rule.progress(walk(3.0, 0.0), terminated=False) == 1.0
    assert rule.progress(walk(2.4, 0.0), terminated=False) < ALMOST
    ungraded = SuccessRule(STOP, LIMIT).progress(idle(), terminated=False)
    assert ungraded > 0.4, "what holds while idle would count as half of the way"


ORDERS: dict[str, tuple[Task, list[SimpleEpisode], list[tuple[str, NamedArrays, bool]]]] = {
    "run to a place and stand still there": (
        STOP,
        simple(),
        [
            ("stands at the start", idle(), False),
            ("runs, is at 1", walk(1.0, 3.0), False),
            ("runs, is at 2", walk(2.0, 3.0), False),
            ("stands at 2.4", walk(2.4, 0.0), False),
            ("stands there", walk(3.0, 0.0), False),
        ],
    ),
    "far enough, and alive to the end": (
        card("x > 2", full_length=True),
        simple(length=20),
        [
            ("falls at once", idle(length=20), True),
            ("gets on, falls later", walk(0.5, 1.0, 50), True),
            ("gets on, is alive", walk(0.5, 1.0), False),
            ("gets further, is alive", walk(1.5, 1.0), False),
            ("gets there", walk(2.5, 1.0), False),
        ],
    ),
    "either of two places": (
        card("x > 4 or x < -2"),
        simple(),
        [
            ("stands at the start", idle(), False),
            ("half way to the farther one", walk(2.4, 0.0), False),
            ("most of the way to the nearer one", walk(-1.8, 0.0), False),
            ("gets there", walk(-2.5, 0.0), False),
        ],
    ),
    "an event, by a distance that the card names": (
        card("terminated", distance="4 - x"),
        simple(),
        [
            ("stands at the start", idle(), False),
            ("comes nearer", walk(1.0, 0.0), False),
            ("comes nearer still", walk(3.0, 0.0), False),
            ("is done", walk(4.0, 0.0, 60), True),
        ],
    ),
}


@pytest.mark.parametrize("name", ORDERS)
def test_better_episodes_have_more_progress(name: str) -> None:
    task, episodes, order = ORDERS[name]
    rule = graded(task, episodes)
    progress = [rule.progress(states, terminated) for _, states, terminated in order]
    for (better, worse), (more, less) in zip(
        itertools.pairwise(reversed(order)), itertools.pairwise(reversed(progress)), strict=True
    ):
        assert more > less, f"{better[0]!r} is not above {worse[0]!r}: {more} and {less}"
    assert progress[0] == 0.0
    assert progress[-1] == 1.0


def test_the_way_counts_from_where_an_episode_starts() -> None:
    """The goal is at another distance in every episode: half of the way is half of the way in each."""
    task = card("x > 4")
    rule = graded(task, [SimpleEpisode("constant 0", idle(float(begin)), False) for begin in (-4, 0, 2)])
    assert [rule.progress(idle(float(begin)), terminated=False) for begin in (-4, 0)] == [0.0, 0.0]
    half = [rule.progress(walk(to, 0.0, begin=begin), terminated=False) for begin, to in ((-4.0, 0.0), (0.0, 2.0))]
    assert half[0] == pytest.approx(half[1])
    assert 0.4 < half[0] <= 0.5, "less what starting near the goal is worth"


def test_what_simple_policies_always_meet_weighs_little_but_something() -> None:
    grading = graded_by(card("x > 4 and abs(v) < 9"), LIMIT, simple())
    assert grading.weights == (1.0, LEAST_WEIGHT)
    assert grading.scales[0] == pytest.approx(3.8, abs=0.3), "what they miss it by"
    assert grading.scales[1] == 10, "nobody misses it: the range of the field"


def test_where_doing_nothing_is_all_but_success_something_is_left_to_grade() -> None:
    task = card("x > -1 and v > 0.001")
    rule = graded(task, [SimpleEpisode("constant 0", idle(), False)])
    assert 0.0 <= rule.progress(walk(0.0, 0.0005), terminated=False) < 1.0


def test_without_episodes_nothing_is_known() -> None:
    assert graded_by(STOP, LIMIT, []) == UNGRADED


def test_a_grading_of_another_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="of another rule"):
        SuccessRule(STOP, LIMIT, Grading(scales=(1.0,), weights=(1.0,)))


def test_a_rule_that_says_yes_or_no_is_ungraded_unless_something_else_grades_it() -> None:
    assert SuccessRule(card("terminated"), LIMIT).ungraded() == ("success",)
    assert SuccessRule(card("terminated", distance="4 - x"), LIMIT).ungraded() == ()
    assert SuccessRule(card("not terminated", full_length=True), LIMIT).ungraded() == ()
    assert SuccessRule(card("terminated and x > 1"), LIMIT).ungraded() == ()
    assert SuccessRule(card("terminated and x > 1"), LIMIT).ungraded(["x"]) == ("success",)


def test_a_distance_judges_no_success() -> None:
    task = card("terminated", distance="4 - x")
    assert not SuccessRule(task, LIMIT).succeeded(walk(9.0, 0.0), terminated=False)
    assert SuccessRule(task, LIMIT).succeeded(walk(0.0, 0.0), terminated=True)


@pytest.mark.parametrize(
    ("distance", "message"), [("4 - y", "speaks of 'y'"), ("4 -", "not a formula"), ("1 / 0", "is no number")]
)
def test_a_distance_that_can_not_be_is_refused(distance: str, message: str) -> None:
    with pytest.raises((TaskError, ValueError), match=message):
        card("terminated", distance=distance)
