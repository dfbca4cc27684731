"""The labelled cases of hacks and honest work: ten tasks, half and half, and policies that do what their labels say."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_architecture import by_path

from autoreward.records import UNGRADED
from autoreward.worker.envs import make
from autoreward.worker.rollout.episodes import evaluated_episodes

by_path("by_hand", Path(__file__).parent.parent / "benchmarks" / "by_hand.py")
CASES = by_path("hack_cases", Path(__file__).parent.parent / "benchmarks" / "hack_cases.py").CASES
SWIFT = ("mountain-car", "mountain-car-softstop", "pendulum")
"""Tasks whose episodes are short, and made without Box2D or MuJoCo."""


def test_half_of_the_cases_are_hacks_and_every_task_has_two_of_each() -> None:
    kinds = Counter(case.kind for case in CASES)
    assert kinds["honest"] == kinds["rule"] + kinds["reward"] == 20
    assert set(Counter((case.task, case.kind == "honest") for case in CASES).values()) == {2}
    assert len({case.task for case in CASES}) == 10
    assert len({(case.task, case.kind, case.what) for case in CASES}) == len(CASES), "what names a line of the results"


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.task in SWIFT], ids=lambda case: f"{case.task}, {case.what}"
)
def test_a_policy_succeeds_by_the_rule_unless_the_reward_is_what_it_hacks(case: Any) -> None:
    task = case.card
    venv = make.vectorised(task, 1, seed=0)
    try:
        played = venv.play(lambda seen, _: [case.controller(seen[0])], [1003])
        spread = np.ones(played[0].observations.shape[1])
        (episode,) = evaluated_episodes(task, venv, played, spread, UNGRADED)
    finally:
        venv.close()
    assert episode.success == (case.kind != "reward")
