"""Cards for environments without one: docstring tables, guesses that say so, files that read back, a model's proposals."""

from pathlib import Path
from typing import Any

import pytest
from in_process import HERE
from scripted import Scripted, client

from autoreward.llm.types import Prompt
from autoreward.records import Entry, Stretch, Survey
from autoreward.roles.card_writer import propose
from autoreward.tasks.draft import docstring_tables
from autoreward.tasks.draft.guess import draft_task
from autoreward.tasks.draft.write import card_text
from autoreward.tasks.files import parse_task, placeholder_task
from autoreward.worker.jobs.audit import audit
from autoreward.worker.jobs.records import AuditJob, SurveyJob
from autoreward.worker.jobs.survey import survey

DOC = """
## Action Space
- 0: push left
- 1: push right

## Observation Space
| Num | Observation            | Min  | Max | Type (Unit)              |
|-----|------------------------|------|-----|--------------------------|
| 0   | Cart Position          | -4.8 | 4.8 | position (m)             |
| 1   | Cart Velocity          | -Inf | Inf | velocity (m/s)           |
| excluded | x of the floor    | -Inf | Inf | position (m)             |

## Rewards
Secret: +1 for every step.

## Episode End
Nothing.
"""


def entry(low: float | None = None, high: float | None = None, seen: tuple[float, float] = (-1.0, 1.0)) -> Entry:
    return Entry(low=low, high=high, seen_low=seen[0], seen_high=seen[1], mean=0.0, std=0.5)


def surveyed(**change: Any) -> Survey:
    plain = {
        "env": "Toy-v0", "doc": DOC, "stretches": (Stretch(key="", entries=(entry(-4.8, 4.8), entry(), entry())),),
        "left_out": (), "action": (), "choices": (2,), "max_steps": 500, "terminates": True, "random_length": 20.0, "longest": 60,
    }  # fmt: skip
    return Survey.model_validate(plain | change)


def written(environment: Survey, kwargs: dict[str, object] | None = None) -> tuple[str, Any]:
    drafted = draft_task(environment, "toy", 'Hold "it" up.', kwargs or {})
    text = card_text(drafted)
    assert parse_task(text, Path("toy/task.toml")) == drafted.task, "the file reads back to what was drafted"
    return text, drafted.task


def test_tables_of_docstrings() -> None:
    rows = docstring_tables.rows(DOC, "observation")
    assert [(r.place, r.about, r.unit) for r in rows] == [(0, "Cart Position", "m"), (1, "Cart Velocity", "m/s")]
    assert docstring_tables.choices(DOC) == {0: "push left", 1: "push right"}
    assert docstring_tables.rows("no table", "observation") == ()


@pytest.mark.parametrize(
    ("about", "name"),
    [
        ("Cart Position", "cart_position"),
        ("angular velocity of the first arm", "angular_velocity_first_arm"),
        ("x = cos(theta)", "x_cos_theta"),
        ("Torque applied at the first hinge (connecting the link)", "torque_first_hinge"),
        ("2nd joint", "n2nd_joint"),
        ("the", ""),
    ],
)
def test_names_are_plain_words(about: str, name: str) -> None:
    assert docstring_tables.field_name(about) == name


def test_what_is_stated_is_taken_and_what_is_not_is_marked() -> None:
    text, task = written(surveyed())
    assert task.state["cart_position"].range == (-4.8, 4.8)
    assert task.state["cart_velocity"].unit == "m/s"
    assert task.action["choice"].about == "0 push left, 1 push right"
    assert "range = [-1.5, 1.5]  # GUESS: random actions gave -1 to 1; no finite bounds are stated" in text
    assert "# GUESS: nothing says what it is: give it a name and a unit\n[state.obs_2]" in text
    assert "# GUESS: random episodes end early" in text


def test_goals_of_goal_environments_become_the_rule() -> None:
    parts = tuple(Stretch(key=k, entries=(entry(),) * 3) for k in ("achieved_goal", "desired_goal", "observation"))
    text, task = written(surveyed(stretches=parts, terminates=False, doc=""))
    assert task.success.when == "norm(achieved_goal - desired_goal) < close_enough"
    assert "close_enough = { value = 0.05" in text


def test_long_vectors_stay_one_field_and_integers_are_read() -> None:
    _, task = written(surveyed(stretches=(Stretch(key="", entries=(entry(),) * 60),), doc="", terminates=False))
    assert list(task.state) == ["observation"]
    _, task = written(surveyed(stretches=(Stretch(key="value", entries=(entry(0, 9),), choices=(10,)),), doc=""))
    assert task.state["value"].source == "obs.value"


def test_kwargs_and_missing_limits_are_written() -> None:
    text, task = written(surveyed(max_steps=None), {"env_name": "reach-v3", "size": [3, 4], "inner": {"a": True}})
    assert 'kwargs = { env_name = "reach-v3", size = [3, 4], inner = { a = true } }' in text
    assert task.max_steps == 600
    assert "# GUESS: the environment states no time limit" in text


def answer(**change: Any) -> dict[str, Any]:
    plain = {
        "fields": [{"name": "place", "source": "obs[0]", "about": "of the cart", "unit": "m"}],
        "constants": [{"name": "far", "value": 2.0, "about": "far away", "unit": "m"}],
        "success": {"when": "place > far", "within": "any step", "share": 1.0, "full_length": False},
        "metric": {"value": "length", "better": "lower"},
        "action": "pushes the cart", "doubts": ["whether far is far"],
    }  # fmt: skip
    return plain | change


def test_a_model_names_fields_and_proposes_the_rule(tmp_path: Path) -> None:
    model = Scripted({"init-0": answer()})
    environment = surveyed()
    drafted, findings = propose(client(model, tmp_path), environment, draft_task(environment, "toy", "Go far.", {}))
    assert findings == ()
    assert drafted.task.state["place"].range == (-4.8, 4.8)
    assert drafted.task.success.when == "place > far"
    text = card_text(drafted)
    assert "# GUESS: written by a model; whether far is far" in text
    assert "Go far." in model.asked["init-0"]
    assert "Cart Position" in model.asked["init-0"]


def test_a_proposal_that_does_not_fit_goes_back_and_the_tables_stay(tmp_path: Path) -> None:
    wrong: list[dict[str, Any]] = [
        answer(success={"when": "nowhere > far", "within": "any step", "share": 1.0, "full_length": False}),
        answer(fields=[{"name": "place", "source": "obs[7]", "about": "x", "unit": ""}]),
        answer(fields=[]),
    ]

    def say(prompt: Prompt) -> dict[str, Any]:
        return wrong[int(prompt.key[-1])]

    model = Scripted({}, say)
    environment = surveyed()
    plain = draft_task(environment, "toy", "Go far.", {})
    drafted, findings = propose(client(model, tmp_path), environment, plain)
    assert drafted == plain
    assert [text in " ".join(findings) for text in ("'nowhere'", "reaches beyond the 3 numbers", "no field")] == [
        True
    ] * 3
    assert "'nowhere', which is not a field" in model.asked["init-1"]


@pytest.mark.slow
@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1", "FrozenLake-v1", "Blackjack-v1"])
def test_real_environments_get_cards_that_fit_them(env: str) -> None:
    environment, _ = survey(SurveyJob(task=placeholder_task(env, {}, "toy")), {}, HERE)
    _, task = written(environment)
    checked, _ = audit(AuditJob(task=task), {}, HERE)
    assert {i.name: i.ok for i in checked.items}["determinism"]
    assert "## reward" not in environment.doc.lower(), "the environment's own reward stays with the environment"
