"""Success rules read as distances: brackets, directions, alternatives, chains."""

import numpy as np
import pytest

from autoreward.design.grammar.distances import distances
from autoreward.tasks.card import Task


def card(rule: str) -> Task:
    return Task.model_validate(
        {
            "name": "t",
            "env": "CartPole-v1",
            "goal": "g",
            "state": {"x": {"source": "obs[0]", "about": "a"}, "y": {"source": "obs[1]", "about": "b"}},
            "action": {"push": {"about": "p"}},
            "constants": {"aim": {"value": 2.0, "about": "aim"}},
            "success": {"when": rule},
            "metric": {"value": "x", "better": "lower"},
            "train": {"algorithm": "PPO", "steps": 1000},
        }
    )


class State:
    x = np.array([3.0])
    y = np.array([-1.0])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("x >= aim", [0.0]),
        ("x < aim", [1.0]),
        ("abs(x - (aim - y)) < 0.5", [0.0]),
        ("abs(x - (y - aim)) < 0.5", [6.0]),
        ("(x + y) * aim < 1", [3.0]),
        ("(x - y) ** 2 < 1", [15.0]),
        ("-x > y", [2.0]),
        ("x / (y - aim) > 0", [1.0]),
        ("1 < x < 2", [0.0, 1.0]),
        ("not x > 2", [1.0]),
        ("not (x > 2 or y < -3)", [1.0, 0.0]),
        ("x > 5 or y > 0", [2.0]),
        ("x == aim", [1.0]),
        ("not x == aim", []),
        ("x > 1 and not terminated", [0.0]),
    ],
)
def test_distance_of_each_comparison(rule: str, expected: list[float]) -> None:
    found = [eval(d.code.format(s="s"), {"np": np, "s": State, "AIM": 2.0}) for d in distances(card(rule))]
    assert [float(v[0]) for v in found] == expected
