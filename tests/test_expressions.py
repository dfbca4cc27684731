"""The formula language: known values, closeness, and what it refuses."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autoreward.errors import TaskError
from autoreward.tasks.formulas.expression import Expression

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
        ("1 < 2 < x or x == 0", [True, False, False]),
        ("x > 0 and 1 < 2", [False, True, True]),
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


@pytest.mark.parametrize("text", ["not " * 2000 + "x", "-" * 100_000 + "x", "+".join("x" * 500)], ids=["not", "-", "+"])
def test_a_formula_without_end_is_one_sentence(text: str) -> None:
    with pytest.raises(TaskError, match=r"^here: .{1,60} is too deeply nested"):
        Expression(text, "here")


def test_a_null_character_is_no_formula() -> None:
    with pytest.raises(TaskError, match="is not a formula"):
        Expression("x\0", "here")


def test_a_function_takes_as_many_values_as_it_has() -> None:
    for text, message in {"abs(x, x)": "takes 1 value, not 2", "minimum(x)": "takes 2 values, not 1"}.items():
        with pytest.raises(TaskError, match=message):
            Expression(text, "here")


def test_an_index_outside_the_array_is_a_sentence() -> None:
    with pytest.raises(TaskError, match="reaches outside"):
        Expression("v[2]", "here").evaluate({"v": V})
    with pytest.raises(TaskError, match="reaches outside"):
        Expression("v[1:5]", "here").evaluate({"v": V})


# --------------------------------------------------------------------------------------------------------- as NumPy


def printed(text: str) -> str:
    return Expression(text, "here").as_numpy(lambda name: name.replace(".", "_"))


@pytest.mark.parametrize(
    ("formula", "source"),
    [
        ("obs[4:6] + obs[8:10]", "obs[..., 4:6] + obs[..., 8:10]"),
        ("arctan2(obs[1], obs[0])", "np.arctan2(obs[..., 1], obs[..., 0])"),
        ("norm(obs.goal - obs.hand[0:3])", "np.linalg.norm(obs_goal - obs_hand[..., 0:3], axis=-1)"),
        ("-obs[0] ** 2", "-obs[..., 0] ** 2"),
        ("(-obs[0]) ** -obs[1]", "(-obs[..., 0]) ** -obs[..., 1]"),
        ("a - (b - c) / (d * e)", "a - (b - c) / (d * e)"),
        ("stack(obs[0], 2.5)", "np.stack([obs[..., 0], 2.5], axis=-1)"),
        ("obs[0] > 0.5", "obs[..., 0] > 0.5"),
        ("(obs[0] > 0.5) * obs[1]", "(obs[..., 0] > 0.5) * obs[..., 1]"),
        ("(a < b) == (c < 1e999)", "(a < b) == (c < np.inf)"),
        ("0 < a < 1", "np.logical_and(0 < a, a < 1)"),
        ("not a > 1 and b and c or d", "np.logical_or(np.logical_and(np.logical_and(np.logical_not(a > 1), b), c), d)"),
    ],
)
def test_formulas_as_numpy(formula: str, source: str) -> None:
    assert printed(formula) == source


LEAVES = ("x", "v", "v[0]", "v[0:2]", "obs.y", "obs.w[1]", "2", "0.5", "0", "True")
LAYERS = ("{} + {}", "{} - {}", "{} * {}", "{} / {}", "-{}", "{} ** 2", "{} ** -2", "2 ** {}", "not {}",
          "{} < {}", "{} >= {}", "{} == {}", "{} < {} <= {}", "{} and {}", "{} or {}",
          "abs({})", "norm({})", "minimum({}, {})", "stack({}, {})")  # fmt: skip


def random_formula(rng: random.Random, depth: int) -> str:
    """In brackets everywhere, so that the printer's own brackets are its own choice."""
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(LEAVES)
    layer = rng.choice(LAYERS)
    return "(" + layer.format(*(random_formula(rng, depth - 1) for _ in range(layer.count("{}")))) + ")"


ROWS: dict[str, Any] = {"x": X - 0.5, "v": V, "obs.y": np.array([-1.0, 0.0, 2.5]), "obs.w": np.array([[1.0, 0.0]] * 3)}


def outcome(value: Callable[[], Any]) -> object:
    """What it gives, as bytes, so that NaN equals NaN; empty if it gives nothing."""
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(value())
    except (TypeError, ValueError, ArithmeticError, TaskError):
        return ()
    return result.dtype, result.shape, result.tobytes()


def test_the_printed_formula_gives_what_the_formula_gives() -> None:
    rng = random.Random(0)
    names = {"np": np} | {name.replace(".", "_"): rows for name, rows in ROWS.items()}
    values = 0
    for text in {random_formula(rng, 3) for _ in range(300)}:
        formula, source = Expression(text, "here"), printed(text)
        python, expected = outcome(lambda: eval(source, names)), outcome(lambda: formula.evaluate(ROWS))  # noqa: B023
        assert python == expected, (text, source)
        values += expected != ()
    assert values > 75, "most of them have a value"
