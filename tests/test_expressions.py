"""The formula language: known values, closeness, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoreward.errors import TaskError
from autoreward.expressions import Expression

X = np.array([0.0, 1.0, 2.0])
V = np.array([[3.0, 4.0], [0.0, 0.0], [6.0, 8.0]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x + 1", [1, 2, 3]),
        ("-x * 2 ** 2", [0, -4, -8]),
        ("norm(v)", [5, 0, 10]),
        ("v[1]", [4, 0, 8]),
        ("norm(v[0:2]) / 2", [2.5, 0, 5]),
        ("norm(stack(x, x * 0))", [0, 1, 2]),
        ("0 < x < 2", [False, True, False]),
        ("x > 0 and not (x > 1)", [False, True, False]),
        ("x == 0 or norm(v) >= 10", [True, False, True]),
        ("maximum(x, 1)", [1, 1, 2]),
    ],
)
def test_values(text: str, expected: list[float]) -> None:
    assert np.array_equal(Expression(text, "here").evaluate({"x": X, "v": V}), expected)


@pytest.mark.parametrize(
    "text",
    ["x.__class__", "open('f')", "x if x else 0", "[x]", "lambda: 0", "x[-1]", "x[::2]", "abs()", "'text'", "x @ x"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(TaskError, match="here"):
        Expression(text, "here")


def test_an_index_outside_the_array_is_a_sentence() -> None:
    with pytest.raises(TaskError, match="reaches outside"):
        Expression("v[2]", "here").evaluate({"v": V})
    with pytest.raises(TaskError, match="reaches outside"):
        Expression("v[1:5]", "here").evaluate({"v": V})


def test_closeness_grades_a_shortfall() -> None:
    rule = Expression("x >= 2", "here")
    assert rule.closeness({"x": X}, {"x": 2.0}).tolist() == [0.0, 0.5, 1.0]


def test_closeness_of_and_is_the_mean_and_of_or_the_largest() -> None:
    values = {"x": X}
    assert Expression("x >= 2 and x >= 0", "here").closeness(values, {"x": 2.0}).tolist() == [0.5, 0.75, 1.0]
    assert Expression("x >= 2 or x <= 0", "here").closeness(values, {"x": 2.0}).tolist() == [1.0, 0.5, 1.0]


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_closeness_is_one_exactly_where_the_rule_holds(a: float, b: float, scale: float) -> None:
    values = {"a": np.array([a]), "b": np.array([b])}
    rule = Expression("a < b", "here")
    closeness = rule.closeness(values, {"a": scale})
    assert 0.0 <= closeness[0] <= 1.0
    assert (closeness[0] == 1.0) == bool(rule.evaluate(values)[0])
