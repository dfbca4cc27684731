"""Fields with `wrap = true`: differences go the shorter way, in rules, progress, limits, plots, velocities and programs."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.design.grammar.distances import distances
from autoreward.design.grammar.quantities import difference
from autoreward.errors import TaskError
from autoreward.evaluation.panels import jumps, panels
from autoreward.export.build import reward_files
from autoreward.records import Candidate, Entry, Stretch, Survey
from autoreward.report.charts import Series, chart
from autoreward.roles.brief import brief
from autoreward.roles.designer import design_prompt
from autoreward.roles.history import History
from autoreward.session.single_transitions import raw_sources
from autoreward.tasks.card import Task
from autoreward.tasks.draft.guess import draft_task
from autoreward.tasks.draft.ranges import is_direction
from autoreward.tasks.draft.write import card_text
from autoreward.tasks.files import find_task, parse_task
from autoreward.tasks.formulas.angles import as_written, circle_of
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.graded import GradedRule
from autoreward.tasks.limited import episode_limits
from autoreward.worker.envs.fields import state_fields
from autoreward.worker.jobs.motions import motions
from autoreward.worker.success import SuccessRule

ANGLES = (("a", circle_of(-3.1416, 3.1416)), ("b", circle_of(0.0, 6.2832)), ("course", circle_of(0.0, 360.0)))
TAU = math.tau


def compass(when: str, **more: Any) -> Task:
    """A boat: its course in degrees, and an unbounded angle that nothing calls one."""
    base = find_task("mountain-car", (envs_folder(),)).model_dump()
    state = {
        "course": {"source": "obs[0]", "about": "of the boat", "unit": "deg", "range": [0.0, 360.0], "wrap": True},
        "wind": {"source": "obs[1]", "about": "where it blows", "unit": "deg", "range": [0.0, 360.0], "wrap": True},
        "twist": {"source": "obs[1]", "about": "of the rope", "unit": "deg", "range": [-720.0, 720.0]},
    }
    constants = {"north": {"value": 0.0, "about": "where north is", "field": "course"}}
    given = {
        "state": state,
        "constants": constants,
        "success": {"when": when},
        "metric": {"value": "length", "better": "lower"},
    }
    return Task.model_validate(base | given | more)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a - b", {"a": -3.0, "b": 3.0}, TAU - 6.0),
        ("a - 3", {"a": -3.0}, TAU - 6.0),
        ("abs(a)", {"a": -3.0}, 3.0),
        ("abs(b)", {"b": 6.0}, TAU - 6.0),  # how far it is from 0, which is round the corner
        ("norm(stack(a, b))", {"a": 0.0, "b": 6.0}, TAU - 6.0),
        ("course - 350", {"course": 10.0}, 20.0),
        ("350 - course", {"course": 10.0}, -20.0),
        ("(course - 180) - 170", {"course": 10.0}, 20.0),
        ("abs(course + 5)", {"course": 350.0}, 5.0),
        ("course + 20", {"course": 350.0}, 370.0),  # all but differences and sizes take the number as it stands
        ("2 * course - 1", {"course": 350.0}, 699.0),
        ("maximum(course, 10)", {"course": 350.0}, 350.0),
        ("sin(a - 3)", {"a": -3.0}, math.sin(-6.0)),
        ("x - 350", {"x": 10.0}, -340.0),
    ],
)
def test_differences_of_angles_go_the_shorter_way(text: str, values: dict[str, float], expected: float) -> None:
    formula = Expression(text, "here", ANGLES)
    assert formula.evaluate({name: np.array([value]) for name, value in values.items()}) == pytest.approx([expected])
    names = {name: np.array([value]) for name, value in values.items()}
    assert eval(formula.as_numpy(str), {"np": np, **names}) == pytest.approx([expected])
    assert as_written(formula.body) == as_written(formula.written), "what people read is what they wrote"


def test_each_number_of_a_vector_goes_its_own_shorter_way() -> None:
    joints = (("joints", circle_of(-math.pi, math.pi)), ("aim", circle_of(-math.pi, math.pi)))
    given = {"joints": np.array([[3.0, 0.5]]), "aim": np.array([[-3.0, 0.1]])}
    near = math.hypot(TAU - 6.0, 0.4)
    assert Expression("norm(joints - aim)", "here", joints).evaluate(given) == pytest.approx([near])
    assert Expression("abs(joints[0] - aim[0])", "here", joints).evaluate(given) == pytest.approx([TAU - 6.0])


def test_a_rule_limit_metric_and_stage_read_angles_so() -> None:
    stages = [
        {"name": "turned", "when": "abs(course - 180) < 10"},
        {"name": "north", "when": "abs(course - north) < 15"},
    ]
    limits = {"off": {"value": "abs(course - wind)", "at_most": 30.0, "over": "max"}}
    task = compass(
        "abs(course - north) < 15", metric={"value": "abs(course - north)", "better": "lower"}, limits=limits
    )
    states = {"course": np.array([200.0, 300.0, 350.0]), "wind": np.array([190.0, 290.0, 5.0]), "twist": np.zeros(3)}
    rule = SuccessRule(task, 200)
    assert rule.succeeded(states, False)
    assert rule.episode(states, False, 0.0).metric == pytest.approx(10.0)
    assert episode_limits(task, states, False) == pytest.approx({"off": 15.0})
    assert not SuccessRule(compass("abs(twist - north) < 15"), 200).succeeded(
        {**states, "twist": np.full(3, 350.0)}, False
    )
    staged = compass("", success={"stages": stages})
    turned = {**states, "course": np.array([175.0, 300.0, 350.0])}
    assert SuccessRule(staged, 200).episode(turned, False, 0.0).stage == 2


def test_what_is_near_across_the_jump_is_near_in_progress() -> None:
    close = compass("abs(course - north) < 5")
    far, near = ({"course": np.array([180.0, to]), "wind": np.zeros(2), "twist": np.zeros(2)} for to in (90.0, 340.0))
    progress = [SuccessRule(close, 200).progress(states, False) for states in (far, near)]
    assert progress[0] < progress[1]
    bounds = GradedRule(Expression("a > 3", "here", ANGLES))
    a = np.array([-3.1, 2.9, 0.0, 3.1])
    assert bounds.misses({"a": a}, 4)[0] == pytest.approx([0.0416, 0.1, 3.0, 0.0], abs=1e-4)
    below = GradedRule(Expression("course < 20", "here", ANGLES))
    assert below.misses({"course": np.array([350.0, 30.0, 10.0])}, 3)[0] == pytest.approx([10.0, 10.0, 0.0], abs=1e-9)
    never = GradedRule(Expression("course < 0", "here", ANGLES))
    assert never.misses({"course": np.array([350.0])}, 1)[0] == pytest.approx([350.0]), (
        "no way round leads below the range"
    )
    equal = GradedRule(Expression("course == 355", "here", ANGLES))
    assert equal.misses({"course": np.array([5.0])}, 1)[0] == pytest.approx([10.0])


def test_a_field_is_brought_into_its_range_and_else_left_as_it_is() -> None:
    class Layout:
        """One vector."""

        @staticmethod
        def values(observations: np.ndarray) -> dict[str, np.ndarray]:
            return {"obs": observations}

    given = np.array([[370.0, -10.0], [0.1, 359.9], [-725.0, 720.0]])
    fields = state_fields(compass("abs(course) < 1"), Layout(), given)  # type: ignore[arg-type]
    assert fields["course"].tolist() == [10.0, 0.1, 355.0]
    assert fields["wind"].tolist() == [350.0, 359.9, 0.0]
    assert fields["twist"].tolist() == [-10.0, 359.9, 720.0]
    source = compass("abs(course) < 1").state_sources["course"].as_numpy(lambda name: f"seen[{name!r}]")
    assert eval(source, {"np": np, "seen": {"obs": given}}).tolist() == [10.0, 0.1, 355.0], "an export does the same"


def test_a_rounded_range_is_a_turn_of_2_pi() -> None:
    assert circle_of(-3.14, 3.14).period == TAU
    assert circle_of(0.0, 6.2832).period == TAU
    assert circle_of(-180.0, 180.0).period == 360.0
    assert circle_of(0.0, 6.0).period == 6.0


def test_what_can_not_be_an_angle_is_refused() -> None:
    with pytest.raises(TaskError, match="joins angles that come round after 6"):
        Expression("a - course", "here", ANGLES)
    with pytest.raises(ValidationError, match="wrap = true needs the range of one turn"):
        compass("twist > 1", state={"twist": {"source": "obs[0]", "about": "x", "wrap": True}}, constants={})


def boats(course: np.ndarray) -> Transitions:
    """`course`: (L + 1,)."""
    path = {"course": course[:, None], "wind": np.zeros((len(course), 1)), "twist": course[:, None]}
    return Transitions(
        state={key: values[:-1] for key, values in path.items()},
        action={"choice": np.zeros((len(course) - 1, 1), dtype=np.int64)},
        next_state={key: values[1:] for key, values in path.items()},
        step=np.arange(1, len(course))[:, None],
        terminated=np.zeros((len(course) - 1, 1), dtype=np.bool_),
    )


def test_plots_draw_no_line_across_the_jump() -> None:
    task = compass("abs(course - north) < 15 and course > 3")
    shown = {panel.title: panel for panel in panels(task, {"one": boats(np.array([340.0, 350.0, 5.0, 20.0]))})}
    assert jumps(shown["course > 3"].values["one"], shown["course > 3"].period) == [1]
    assert jumps(shown["twist"].values["one"], shown["twist"].period) == []
    assert shown["abs(course - north) < 15"].period is None
    lines = [Series("one", [(1.0, 350.0), (2.0, 5.0), (3.0, 20.0)], "red", [1])]
    assert chart(lines, "course").count("<polyline") == 2
    assert chart([lines[0]._replace(breaks=())], "course").count("<polyline") == 1


def test_an_angle_has_its_velocity_and_its_start_across_the_jump() -> None:
    task = find_task("pendulum", (envs_folder(),))
    speed = np.tile(np.linspace(0.5, 2.5, 41)[:, None], (1, 4))
    turned = np.array([3.1, -3.1, 3.0, -3.0]) + np.concatenate([np.zeros((1, 4)), np.cumsum(0.05 * speed[1:], axis=0)])
    angle = (turned + np.pi) % TAU - np.pi
    columns = {"angle": angle, "speed": speed}
    samples = Transitions(
        state={key: path[:-1] for key, path in columns.items()},
        action={},
        next_state={key: path[1:] for key, path in columns.items()},
        step=np.tile(np.arange(1, 41)[:, None], (1, 4)),
        terminated=np.zeros((40, 4), dtype=np.bool_),
    )
    found = {motion.name: motion for motion in motions(task, samples)}
    assert abs(found["angle"].start) == pytest.approx(math.pi, abs=1e-4), (
        "its mean would be upright, where none of them is"
    )
    assert found["angle"].velocity == "speed"
    assert found["angle"].change == pytest.approx(0.05 * float(speed[1:].mean()), rel=1e-6)


def test_the_grammar_writes_the_shorter_way() -> None:
    class State:
        course = np.array([350.0])
        wind = np.array([10.0])

    written = [d.code.format(s="s") for d in distances(compass("abs(course - north) < 15"))]
    assert [eval(code, {"np": np, "s": State, "NORTH": 0.0}).tolist() for code in written] == [[10.0]]
    code = difference(compass("abs(course) < 1"), "{s}.course - {s}.wind", "course", "wind").format(s="s")
    assert eval(code, {"np": np, "s": State}).tolist() == [-20.0]


def test_models_and_readers_of_an_export_are_told() -> None:
    task = compass("abs(course - north) < 15")
    told = design_prompt(brief(task, 1000, 5), History(), 1)
    assert "comes round: the difference d of two is `d - 360 * np.round(d / 360)`" in told
    assert told.count("comes round") == 2, "twist counts its turns"
    winner = Candidate(id="r000c0", thought="", source="", origin="human", how="given")
    assert "course [deg]: of the boat (comes round after 360.0)" in reward_files(task, winner)["reward.py"]


def survey(low: float | None, high: float | None, seen: tuple[float, float], unit: str = "rad") -> Survey:
    doc = f"| Num | Observation | Unit |\n|---|---|---|\n| 0 | heading | angle ({unit}) |\n"
    entry = Entry(low=low, high=high, seen_low=seen[0], seen_high=seen[1], mean=0.0, std=1.0)
    return Survey(env="Toy-v0", doc=doc, stretches=(Stretch(key="", entries=(entry,), vector=True),), left_out=(), action=(),
                  choices=(3,), max_steps=50, terminates=False, random_length=50.0, longest=50)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "wraps"),
    [
        (survey(-3.1416, 3.1416, (-3.13, 3.12)), True),
        (survey(0.0, 360.0, (0.5, 359.0), "deg"), True),
        (survey(-3.1416, 3.1416, (-0.4, 0.3)), False),  # a joint that is bounded there, for all that is known
        (survey(None, None, (-3.13, 3.12)), False),  # MuJoCo's hinges, which count their turns
        (survey(-6.2832, 6.2832, (-6.28, 6.28)), False),
    ],
)
def test_init_proposes_it_for_what_it_can_recognise(given: Survey, wraps: bool) -> None:
    drafted = draft_task(given, "toy", "Turn north.", {})
    assert [field.wrap for field in drafted.task.state.values()] == [wraps]
    assert ("wrap = true" in card_text(drafted)) is wraps
    assert parse_task(card_text(drafted), Path("toy/task.toml")) == drafted.task


@pytest.mark.parametrize(("high", "held"), [(360.0, True), (None, False)])
def test_a_reward_of_single_transitions_reads_an_angle_that_stays_in_its_range(high: float | None, held: bool) -> None:
    """One that counts its turns is another number in the field than in the observation."""
    course = Entry(low=0.0, high=high, seen_low=0.0, seen_high=360.0, mean=0.0, std=1.0)
    raw = raw_sources(compass("abs(course) < 1"), [course, course])
    assert ("course" in raw) is held
    assert raw["twist"].evaluate({"obs": np.array([[0.0, 725.0]])}).tolist() == [725.0]
    assert not held or raw["wind"].evaluate({"obs": np.array([[0.0, 725.0]])}).tolist() == [725.0], "as it is"


def test_an_angle_of_a_direction_is_recognised() -> None:
    assert is_direction("arctan2(obs[1], obs[0])")
    assert not is_direction("obs[0] - arctan2(obs[1], obs[0])")
