"""What a formula gives is known before it is believed: numbers are no conditions, single numbers no vectors."""

import numpy as np
import pytest

from autoreward.errors import TaskError
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.shapes import Width, demand_condition, demand_joined_conditions, of_rows, width

WIDTHS: dict[str, Width] = {"x": 0, "v": 2, "w": 3, "one": 1, "c": None, "d": None, "obs.k": 4}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x < 1", 0),
        ("norm(v) < c", 0),
        ("norm(v - stack(c, d))", 0),
        ("norm(v[0:2] - stack(x, x))", 0),
        ("v[1] + x", 0),
        ("v[0:1]", 1),
        ("obs.k[1:3] * c", 2),
        ("v + one", 2),
        ("2 * c", None),
        ("minimum(x, c)", 0),
    ],
)
def test_widths(text: str, expected: Width) -> None:
    formula = Expression(text, "here")
    assert width(formula, WIDTHS) == expected
    rows = {name: np.zeros((5, w) if w else 5) if w is not None else 1.0 for name, w in WIDTHS.items()}
    assert of_rows(np.asarray(formula.evaluate(rows))) == (expected or 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("norm(x) < 0.3", "'x' in 'norm(x) < 0.3' is one number, no vector: write abs"),
        ("norm(c)", "no vector"),
        ("x[0] > 0.15", "no index can be taken of it"),
        ("v[2] > 0", "outside v, which has 2 numbers"),
        ("stack(x, v) > 0", "must stack"),
        ("stack(x, c)", "must stack"),
        ("x + v", "joins one number and a vector of 2"),
        ("v < w", "joins a vector of 2 and a vector of 3"),
        ("one * x", "joins one number and a vector of 1"),
    ],
)
def test_what_does_not_fit_is_one_sentence_with_its_formula(text: str, message: str) -> None:
    with pytest.raises(TaskError, match=r"^here: ") as caught:
        width(Expression(text, "here"), WIDTHS)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text", ["x", "x + 1", "abs(x < 1)", "x and x < 1", "not x", "x < 1 or not (x > 0 and v)", "1"]
)
def test_a_number_is_no_condition(text: str) -> None:
    with pytest.raises(TaskError, match="is not a condition; compare it"):
        demand_condition(Expression(text, "here"), ("terminated",))


@pytest.mark.parametrize(
    "text", ["x < 1", "terminated", "not terminated and 0 < x < 1", "(x < 1) == terminated", "True"]
)
def test_conditions(text: str) -> None:
    demand_condition(Expression(text, "here"), ("terminated",))


def test_a_number_may_count_conditions_but_not_join_numbers() -> None:
    demand_joined_conditions(Expression("2.0 * (x >= 0) - 1", "here"), ())
    with pytest.raises(TaskError, match="'x' in '1 \\* \\(not x\\)'"):
        demand_joined_conditions(Expression("1 * (not x)", "here"), ())
