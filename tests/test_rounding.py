"""What float32 would lose of what an environment returns: found where it matters, and nowhere else."""

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from autoreward.worker.envs.numeric import UnusableObservation, as_declared
from autoreward.worker.envs.rounding import Rounding

FLOATS = spaces.Box(-np.inf, np.inf, (2,), np.float32)


def watched(space: spaces.Space[Any], observations: list[Any]) -> Rounding:
    rounding = Rounding(space)
    for observation in observations:
        rounding.note(observation)
    return rounding


@pytest.mark.parametrize(
    ("first", "second", "lost"),
    [
        (
            5.4e6 + 0.1 * np.arange(9.0),
            np.zeros(9),
            "obs[0] is declared as float32, which makes 5400000 of its 5400000.2",
        ),
        (np.zeros(9), 2.0**25 + np.arange(9), "obs[1] is declared as float32, which makes 33554432 of its 33554434"),
        (5.4e6 + 1e4 * np.arange(9.0) / 7, np.zeros(9), ""),
        (np.full(9, 5.4e6 + 0.1), np.zeros(9), ""),
        (0.1 + 1e-9 * np.arange(9.0), np.zeros(9), ""),
        (np.full(9, np.inf), np.zeros(9), ""),
    ],
    ids=["far", "large whole numbers", "far and wide", "constant", "small", "infinite"],
)
def test_what_rounding_changes_is_held_against_what_varies(first: Any, second: Any, lost: str) -> None:
    loss = watched(FLOATS, list(np.stack([first, second], axis=1))).loss()
    assert (loss.found if loss else "") == lost


def test_parts_are_watched_wherever_they_are_and_whatever_holds_them() -> None:
    space = spaces.Dict({"far": spaces.Tuple((spaces.Discrete(3), FLOATS)), "fine": spaces.Box(0, 1, (1,), np.float64)})
    seen = [{"far": (0, [5.4e6 + 0.1 * i, 0.0]), "fine": np.array([1e9 + 0.1 * i])} for i in range(9)]
    rounding = watched(space, seen)
    loss = rounding.loss()
    assert loss is not None
    assert loss.where == "obs['far'][1][0]"
    assert rounding.finer == ("obs['far'][1]",)


@pytest.mark.parametrize("odd", [None, "text", {"x": 1}, np.zeros(3), np.zeros((2, 2)), [[1.0], [1.0, 2.0]], object()])
def test_what_is_no_such_array_is_left_to_others(odd: Any) -> None:
    assert watched(FLOATS, [np.zeros(2), odd, np.zeros(2)]).loss() is None
    assert watched(FLOATS, [odd, np.zeros(2)]).loss() is None


def test_what_is_kept_as_declared_is_never_lost() -> None:
    assert watched(FLOATS, [np.float32([5.4e6 + i, 0.0]) for i in range(9)]).finer == ()
    assert watched(spaces.Box(0, 1e7, (1,), np.float64), [np.array([5.4e6 + 0.1 * i]) for i in range(9)]).loss() is None


@pytest.mark.parametrize(
    ("numbers", "kind", "said"),
    [
        (
            np.array([3.0, 0.5], np.float32),
            np.uint8,
            "obs[1] = 0.5, of which the type that its space declares, uint8, makes 0;",
        ),
        (
            np.array([[1, 300]]),
            np.uint8,
            "obs[0, 1] = 300, of which the type that its space declares, uint8, makes 44;",
        ),
        (np.array(-1), np.uint8, "obs = -1, of which the type that its space declares, uint8, makes 255;"),
        (np.array([1e39]), np.float32, "declares, float32, makes inf; declare dtype=np.float64 in observation_space"),
        (np.array([2.0]), np.bool_, "declares, bool, makes 1;"),
        (np.array([3.0, -7.0]), np.int8, ""),
        (np.array([1, 0]), np.bool_, ""),
        (np.array([0.1]), np.float32, ""),
        (np.array([0.5, np.nan]), np.uint8, ""),
    ],
    ids=["fraction", "byte", "below 0", "too large", "no bool", "whole floats", "bools", "rounded", "not a number"],
)
def test_a_number_that_its_declared_type_does_not_hold_is_named(numbers: Any, kind: type, said: str) -> None:
    if not said:
        assert np.allclose(as_declared(numbers, kind, "obs"), numbers, equal_nan=True)
        return
    with pytest.raises(UnusableObservation) as raised:
        as_declared(numbers, kind, "obs")
    assert said in str(raised.value)


def test_shorter_floats_than_float32_are_watched_by_their_own_digits() -> None:
    half = spaces.Box(-np.inf, np.inf, (1,), np.float16)
    loss = watched(half, [np.array([5000 + 0.5 * i]) for i in range(9)]).loss()
    assert loss is not None
    assert loss.found == "obs[0] is declared as float16, which makes 5000 of its 5002"
    assert watched(half, [np.array([0.1 * i]) for i in range(9)]).loss() is None
