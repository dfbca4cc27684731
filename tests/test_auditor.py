"""The auditor role: what a model finds missing in a rule is held against the recorded successes."""

import json
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, client
from test_success_audit import found, kinds, task, untrained, winners

from autoreward.errors import LimitReached, TaskError
from autoreward.evaluation.success_audit import Successes, still_won
from autoreward.records import Description, MissingCondition
from autoreward.roles.auditor import Evidence, find_forgotten
from autoreward.roles.brief import brief
from autoreward.tasks.tightened import tightened_task

TASK = task()
DESCRIBED = Description(
    state=(), action=(), max_steps=60, terminates=False, random_length=60, reference_episodes=tuple(kinds())
)
TILTED, UPRIGHT = winners(tilt=1.5, count=6), winners(count=4)


def asked(folder: Path, *answers: Any, policies: tuple[Successes, ...] = (TILTED, UPRIGHT)) -> tuple[Any, Scripted]:
    keys = ("r000-auditor", "r000-auditor-again-1", "r000-auditor-again-2")
    model = Scripted(dict(zip(keys, answers, strict=False)))
    evidence = Evidence(found(*policies), policies, untrained())
    return find_forgotten(client(model, folder), "r000-auditor", brief(TASK, 1000, 20, DESCRIBED), evidence), model


def missing(*conditions: str) -> dict[str, Any]:
    return {"missing": [{"condition": c, "why": "It lies on its side."} for c in conditions]}


def test_a_condition_is_counted_on_the_recorded_successes(tmp_path: Path) -> None:
    (conditions, findings), _ = asked(tmp_path, missing("abs(tilt) < 0.5"))
    assert conditions == (
        MissingCondition(condition="abs(tilt) < 0.5", why="It lies on its side.", fails=6, successes=10),
    )
    assert findings == ()


@pytest.mark.parametrize(
    ("condition", "finding"),
    [
        ("abs(pitch) < 0.5", "pitch"),
        ("tilt <", "is not a formula"),
        ("abs(tilt) < 9", "changes nothing: all 10 successes meet it"),
        ("x > 2.6", "changes nothing"),
        ("1 < 2", "names no field"),
        ("legs < 1", "joins one number and a vector of 2"),
        ("__import__('os').system('true')", "not part of the formula language"),
        ("\x1b[2Jtilt < 1" + "z" * 999, "the condition: "),
    ],
)
def test_what_says_nothing_is_a_finding(tmp_path: Path, condition: str, finding: str) -> None:
    (conditions, findings), _ = asked(tmp_path, missing(condition, "tilt < 1"))
    assert [c.condition for c in conditions] == ["tilt < 1"]
    assert len(findings) == 1
    assert finding in findings[0]
    assert "\x1b" not in findings[0]


def test_nothing_missing_and_too_much_missing(tmp_path: Path) -> None:
    assert asked(tmp_path / "none", missing())[0] == ((), ())
    (conditions, _), _ = asked(tmp_path / "many", missing(*[f"tilt < {n / 10}" for n in range(1, 6)]))
    assert [c.condition for c in conditions] == ["tilt < 0.1", "tilt < 0.2", "tilt < 0.3"]


def test_an_answer_that_can_not_be_read_is_asked_for_again(tmp_path: Path) -> None:
    (conditions, findings), model = asked(tmp_path, "It looks fine to me.", missing("tilt < 1"))
    assert [c.condition for c in conditions] == ["tilt < 1"]
    assert len(findings) == 1
    assert "Your last answer could not be used" in model.asked["r000-auditor-again-1"]


def test_the_prompt_shows_the_rule_the_numbers_and_episodes(tmp_path: Path) -> None:
    _, model = asked(tmp_path, missing(), policies=(TILTED,))
    prompt = model.asked["r000-auditor"]
    assert "abs(x - 3) < 0.5" in prompt
    assert "after each of its last 20 steps" in prompt
    assert "in 6 of 6 successes `tilt` ends above" in prompt
    assert prompt.count("# Successful episode") == 3
    assert "| step | x | v | tilt | legs[0] | legs[1] |" in prompt
    assert "| 60 | 3 | 0 | 1.5 |" in prompt
    assert "At the start: x 0" in prompt
    assert json.dumps(TASK.goal) in prompt
    for step in (57, 58, 59, 60):
        assert f"| {step} | 3 |" in prompt, "the last steps are where the rule looks"


def test_episodes_of_different_policies_are_shown_first(tmp_path: Path) -> None:
    _, model = asked(tmp_path, missing(), policies=(TILTED, UPRIGHT, winners(tilt=-1.5, count=3)))
    tables = model.asked["r000-auditor"].split("# Successful episode")[1:]
    assert [
        "| 60 | 3 | 0 | 1.5 |" in tables[0],
        "| 60 | 3 | 0 | 0 |" in tables[1],
        "| 60 | 3 | 0 | -1.5 |" in tables[2],
    ] == [True] * 3


def test_a_limit_is_not_swallowed_here(tmp_path: Path) -> None:
    evidence = Evidence(found(TILTED), (TILTED,), untrained())
    with pytest.raises(LimitReached):
        find_forgotten(
            client(Scripted({}), tmp_path, max_calls=0), "r000-auditor", brief(TASK, 1000, 20, DESCRIBED), evidence
        )


def test_a_stricter_rule_looks_in_the_same_window() -> None:
    stricter = tightened_task(TASK, "abs(tilt) < 0.5")
    assert still_won(stricter, TILTED) == (False,) * 6
    assert still_won(stricter, UPRIGHT) == (True,) * 4
    assert still_won(stricter, UPRIGHT._replace(won=(True, False, True, True))) == (True, False, True, True)
    most = stricter.model_copy(
        update={"success": stricter.success.model_copy(update={"within": "last 60 steps", "share": 0.1})}
    )
    assert still_won(most, TILTED) == (False,) * 6, "on its way it is upright, and not yet there"
    with pytest.raises(TaskError, match="joins one number and a vector of 2"):
        still_won(tightened_task(TASK, "legs < 0.5"), TILTED)
