"""What a rule and a metric can say of a whole episode: values at an event, order, two windows; and further metrics of a card."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import unproven
from fake_steps import FakeSteps
from hypothesis import given
from hypothesis import strategies as st

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.design.grammar.distances import bounds_of_fields, distances
from autoreward.design.grammar.next_stage import stage_ladders
from autoreward.errors import TaskError
from autoreward.evaluation.metrics import metric_cell, metrics_of_episodes, metrics_over_trainings
from autoreward.export.best import kept_files
from autoreward.loop import improve
from autoreward.records import Description, Episode, Run, Score, Trial
from autoreward.report.html import render
from autoreward.report.phrases import score_line
from autoreward.report.reading import read_run
from autoreward.report.tables import show_run
from autoreward.report.terminal import Terminal
from autoreward.roles.brief import brief
from autoreward.roles.designer import design_prompt
from autoreward.roles.history import History
from autoreward.search.study import Study
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, validated_task
from autoreward.tasks.formulas.expression import Expression
from autoreward.worker.success import SuccessRule

CARD = find_task("mountain-car", (envs_folder(),))
SOFT = "at_first(position > 0.5, velocity) < 0.03"
"""The speed at the first moment beyond the flag."""


def card(success: dict[str, Any] | None = None, **more: Any) -> Task:
    return validated_task(CARD.model_dump() | ({"success": success} if success else {}) | more, "card")


def judged(task: Task, positions: list[float], velocities: list[float] | None = None, limit: int = 10) -> Episode:
    states = {"position": np.array(positions), "velocity": np.array(velocities or [0.0] * len(positions))}
    states["push"] = np.zeros(len(positions))
    return SuccessRule(task, limit).episode(states, terminated=False, movement=0.1)


def test_a_value_at_an_event_is_the_one_of_its_first_step() -> None:
    formula = Expression("at_first(x > 1, y)", "here")
    values = {"x": np.array([0.0, 2.0, 0.0, 3.0]), "y": np.array([5.0, 6.0, 7.0, 8.0])}
    np.testing.assert_array_equal(formula.evaluate(values), [np.nan, 6.0, 6.0, 6.0])
    assert np.isnan(formula.evaluate({**values, "x": np.zeros(4)})).all()
    vector = Expression("norm(at_first(x > 1, y))", "here").evaluate({**values, "y": np.arange(8.0).reshape(4, 2)})
    np.testing.assert_allclose(vector[1:], np.hypot(2, 3))


@given(st.lists(st.tuples(st.booleans(), st.floats(-1e6, 1e6)), min_size=1, max_size=12))
def test_a_value_at_an_event_is_what_a_loop_finds(steps: list[tuple[bool, float]]) -> None:
    found, expected = None, []
    for holds, value in steps:
        found = value if holds and found is None else found
        expected.append(np.nan if found is None else found)
    flags, values = (np.array(column) for column in zip(*steps, strict=True))
    np.testing.assert_array_equal(Expression("at_first(a, b)", "here").evaluate({"a": flags, "b": values}), expected)


def test_a_rule_asks_for_the_speed_at_first_contact() -> None:
    task = card({"when": f"position > 0.5 and {SOFT}", "within": "any step"})
    assert judged(task, [0.0, 0.6, 0.6], [0.0, 0.02, 0.05]).success
    late = judged(task, [0.0, 0.6, 0.6], [0.0, 0.05, 0.02])
    assert not late.success, "what comes after the first moment does not mend it"
    assert not judged(task, [0.0, 0.4], [0.0, 0.02]).success, "before the event no comparison holds"
    assert 0.0 <= late.progress < 1.0


def test_what_must_always_hold_from_an_event_on_is_said_by_not() -> None:
    task = card(
        {"when": "position > 0.5", "within": "any step", "always": "not (at_first(position > 0.5, velocity) >= 0.03)"}
    )
    assert judged(task, [0.0, 0.6, 0.0], [0.9, 0.02, 0.9]).success
    assert not judged(task, [0.0, 0.6, 0.6], [0.0, 0.05, 0.0]).success


def test_first_this_then_that_are_stages() -> None:
    task = card({"stages": [{"name": "back", "when": "position < -0.9"}, {"name": "flag", "when": "position > 0.5"}]})
    assert judged(task, [-0.5, -1.0, 0.6]).success
    assert not judged(task, [-0.5, 0.6, -1.0]).success


def test_two_windows_are_two_stages_in_any_order() -> None:
    stages = [
        {"name": "touched", "when": "position > 0.5", "within": "any step"},
        {"name": "rests", "when": "abs(velocity) < 0.01", "within": "last 2 steps"},
    ]
    task = card({"stages": stages, "any_order": True})
    assert judged(task, [0.6, 0.0, 0.0], [0.5, 0.0, 0.0]).success
    assert not judged(task, [0.6, 0.0, 0.0], [0.5, 0.5, 0.0]).success
    assert not judged(task, [0.4, 0.0, 0.0], [0.5, 0.0, 0.0]).success


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"state": {"position": {"source": "at_first(obs[0] > 1, obs[0])", "about": "x"}}}, "reads a whole episode"),
        ({"script": "at_first(position > 0, velocity)"}, "reads a whole episode"),
        ({"limits": {"v": {"value": "at_first(position > 0, velocity)", "at_most": 1}}}, "reads a whole episode"),
        ({"metric": {"value": "at_first(position > 0, velocity)", "better": "lower"}}, "make it one of"),
        ({"success": {"when": "at_first(position, velocity) > 0"}}, "'position' in .* is not a condition"),
        ({"success": {"when": "at_first(position > 0) > 0"}}, "takes 2 values, not 1"),
        ({"metrics": {"progress": {"value": "position", "better": "higher"}}}, "name of something else"),
        ({"metrics": {"far": {"value": "positon", "better": "higher"}}}, "Did you mean 'position'"),
    ],
)
def test_what_can_not_be_said_is_refused_in_a_sentence(change: dict[str, Any], said: str) -> None:
    with pytest.raises(TaskError, match=said):
        card(**({"success": change.pop("success")} if "success" in change else {}), **change)


def test_the_grammar_leaves_out_what_no_single_step_tells() -> None:
    task = card({"when": f"position > 0.5 and {SOFT}", "within": "any step"})
    assert [d.names for d in distances(task)] == [frozenset({"position"})]
    assert [b.field for b in bounds_of_fields(task)] == ["position"]
    staged = card({"stages": [{"name": "soft", "when": SOFT}]})
    nothing = Description(state=(), action=(), max_steps=10, terminates=True, random_length=5)
    assert stage_ladders(staged, nothing) == ()


METRICS = {
    "arrival": {"value": "at_first(position > 0.5, velocity)", "better": "lower", "unit": "m/s"},
    "steps_taken": {"value": "length", "better": "lower"},
}
MEASURED = card({"when": "position > 0.5", "within": "any step"}, metrics=METRICS)


def test_further_metrics_are_of_successful_episodes_in_which_they_are_a_number() -> None:
    soft, hard = judged(MEASURED, [0.0, 0.6], [0.0, 0.02]), judged(MEASURED, [0.6], [0.04])
    missed = judged(MEASURED, [0.0, 0.1, 0.2])
    assert soft.metrics == {"arrival": 0.02, "steps_taken": 2.0}
    assert missed.metrics == {"steps_taken": 3.0}
    assert metrics_of_episodes(tuple(METRICS), [soft, hard, missed]) == {
        "arrival": pytest.approx(0.03), "steps_taken": 1.5
    }  # fmt: skip
    assert metrics_of_episodes(tuple(METRICS), [missed]) == {}


class Measures(FakeSteps):
    """Every policy arrives at 0.03 m/s."""

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        made = super().score(page, trial, purpose)
        return made._replace(record=made.record.model_copy(update={"metrics": {"arrival": 0.0312, "steps_taken": 7.0}}))


BACK = {"when": "position < -0.9", "by": 120}
STAGED = card(
    {"stages": [{"name": "back", **BACK}, {"name": "flag", "when": "position > 0.5"}], "always": "velocity > -0.07"},
    metrics=METRICS,
)


def finished(folder: Path) -> Run:
    config = RunConfig(rounds=1, candidates=2, confirm_seeds=2, steps=400)
    with Book.create(folder, RunHeader.of(STAGED, config)) as book:
        return improve(Study(STAGED, config, Measures(width=2), book, lambda event: None))


def test_further_metrics_are_columns_wherever_the_success_is(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    reading = read_run(tmp_path / "run")
    out = Terminal(width=200)
    with out.capture() as shown:
        out.print(show_run(reading))
    assert shown.get().count("arrival") == 2, "in the standings and in the confirmation"
    assert shown.get().count("0.0312") >= 3
    winner = next(c for c in run.confirmed if c.who == run.best)
    assert winner.metrics == {"arrival": (0.0312, 0.0312), "steps_taken": (7.0, 7.0)}
    assert metric_cell(winner, "arrival") == "0.0312"
    assert metric_cell(winner, "unknown") == "-"
    page = render(reading)
    assert '<th class="n">arrival</th>' in page
    assert '<td class="n">0.0312</td>' in page
    score = reading.search_scores[0].score
    assert "arrival 0.0312, steps_taken 7" in score_line(score)
    assert metrics_over_trainings([score, score.model_copy(update={"metrics": {}})])["arrival"] == 0.0312
    with Book.open(tmp_path / "run") as book:
        kept = kept_files(book, read_run(book.folder), lambda task, weights: {}, unproven).files
    assert f"{run.best} 0.0312, " in kept["card.md"].decode()
    rule = "Success: `position < -0.9` by step 120; then `position > 0.5`; always `velocity > -0.07`; 20 held-out"
    assert rule in kept["card.md"].decode()


def test_models_read_further_metrics_and_what_a_value_at_an_event_is() -> None:
    text = design_prompt(brief(MEASURED, 1000, 20), History(), 0)
    assert "Also measured, and shown beside: arrival" in text
    assert "is the value at the first step at which the condition holds" in text
    plain = design_prompt(brief(CARD, 1000, 20), History(), 0)
    assert "at_first" not in plain
    assert "Also measured" not in plain
