"""The grammar's larger ideas, by what their programs pay: courses, new ground, standing points, stages."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving import STEP_TIME, described
from numpy.typing import NDArray

from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.design.grammar.courses import courses
from autoreward.design.grammar.kit import Kit
from autoreward.design.grammar.program import source
from autoreward.design.grammar.terms import Genome, Term
from autoreward.records import Description, Motion
from autoreward.rewards.gate.gate import examine
from autoreward.sandbox.jail import Jail
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

HARD = Path(__file__).parents[1] / "benchmarks" / "data" / "hard"
STOP = find_task("cheetah-stop", (HARD,))
MOVING = described(STOP)
Array = NDArray[np.float64]
Pay = Callable[..., dict[str, Array]]


def hard(name: str) -> Task:
    return find_task(name, (envs_folder(), HARD))


def kit_of(name: str) -> Kit:
    return Kit(hard(name), described(hard(name)))


def course_of(name: str, place: str, description: Description | None = None) -> str:
    """The line that says how fast to go, without what it is called."""
    task = hard(name)
    kit = Kit(task, description or described(task))
    key = next(c.key for c in kit.courses if c.name == place)
    text = source(task, Genome(terms=tuple(t for t in kit.course(Random(0)) if t.on == key)), kit.things)
    return next(line.partition(" = ")[2] for line in text.splitlines() if "_wanted = " in line)


@pytest.fixture
def paid(jail: Jail) -> Pay:
    """What each part of the kit's terms pays, shape (T, n), for paths of the fields, shape (T + 1, n) or (T + 1, n, k)."""

    def pay(name: str, terms: list[Term], paths: dict[str, Array]) -> dict[str, Array]:
        task = hard(name)
        text = source(task, Genome(terms=tuple(terms)), kit_of(name).things)
        assert not examine(text).problems, text
        steps, n = next(iter(paths.values())).shape[:2]
        sizes = {s.name: s.size for s in described(task).state}
        still = {n_: np.zeros((steps, n, k) if k else (steps, n)) for n_, k in sizes.items()} | paths
        batch = Transitions(
            state={key: path[:-1] for key, path in still.items()},
            action={key: np.zeros((steps - 1, n)) for key in task.action},
            next_state={key: path[1:] for key, path in still.items()},
            step=np.tile(np.arange(1, steps)[:, None], (1, n)),
            terminated=np.zeros((steps - 1, n), dtype=np.bool_),
        )
        with jail.open(text) as room:
            return dict(room.client.evaluate(batch, stepped=True))

    return pay


def moved(start: float, speeds: Array) -> Array:
    """Where a place is after each step at these speeds, shape (T + 1,)."""
    return start + np.concatenate([[0.0], np.cumsum(speeds) * STEP_TIME])


def test_a_course_pays_most_for_arriving_and_stopping(paid: Pay) -> None:
    """Of standing still, running on, arriving and stopping, and turning back, over a whole episode of cheetah-stop."""
    seconds = np.arange(200) * STEP_TIME
    stopping = np.where(seconds < 2.0, 1.5, 0.0)
    speeds = np.stack([0 * seconds, np.full(200, 1.5), stopping, np.where(seconds < 2.0, 1.5, -1.5)], axis=1)
    paths = np.stack([moved(0.0, column) for column in speeds.T], axis=1)
    own = np.concatenate([speeds[:1], speeds])
    parts = paid("cheetah-stop", kit_of("cheetah-stop").course(Random(0)), {"x": paths, "x_speed": own})
    still, on, stopped, back = parts["course_x"].sum(axis=0)
    assert stopped > max(still, on, back)
    assert (parts["course_x"][-20:, 2] > parts["course_x"][-20:, 1] + 0.1).all(), "there, standing beats running on"


@given(way=st.floats(1.0, 1e3), up=st.booleans(), steps=st.integers(20, 500), step_time=st.floats(1e-3, 1.0))
@settings(max_examples=20, deadline=None)
def test_whoever_follows_a_course_never_goes_past_the_place_and_is_there_in_time(
    way: float, up: bool, steps: int, step_time: float
) -> None:
    """Whatever the lengths, the time limit and the units are: a tenth of the way is left at the end, at most."""
    place = way if up else -way
    there = STOP.constants["stop_at"].model_copy(update={"value": place})
    task = STOP.model_copy(update={"constants": STOP.constants | {"stop_at": there}})
    moves = (Motion(name="x", start=0.0, change=1.0, velocity="x_speed", step_time=step_time),)
    (course,) = courses(task, MOVING.model_copy(update={"motions": moves, "max_steps": steps}))
    x = 0.0
    for _ in range(steps):
        after = x + step_time * float(np.clip(course.gain * (place - x), -course.scale, course.scale))
        assert abs(place - after) <= abs(place - x)
        x = after
    assert abs(place - x) < 0.1 * way


@pytest.mark.parametrize(
    ("name", "place", "expected"),
    [
        ("cheetah-stop", "x", "np.clip(STOP_AT - next_state.x, -2.0, 2.0)"),
        ("hopper-back", "x", "np.clip(-BACKWARD_BY - 0.2 - next_state.x, -1.0, 1.0)"),
        ("lander-left", "x", "np.clip(0.5 * (LEFT_END + RIGHT_END) - next_state.x, -0.5, 0.5)"),
        ("lander-left", "height", "np.clip(-next_state.height, -1.0, 0.0) - 0.05"),
        ("mountain-car", "position", "np.clip(FLAG + 0.05 - next_state.position, -0.5, 0.5)"),
    ],
)
def test_courses_of_all_kinds_of_rules(name: str, place: str, expected: str) -> None:
    """To a value, beyond a single bound, to the middle of two, to a ground of which only the speed is ruled."""
    assert course_of(name, place) == expected


def test_a_course_goes_by_the_time_limit_and_the_length_of_a_step() -> None:
    task = hard("cheetah-stop")
    usual = described(task)
    longer = usual.model_copy(update={"max_steps": 4 * usual.max_steps})
    assert course_of("cheetah-stop", "x", longer) == "np.clip(0.5 * (STOP_AT - next_state.x), -0.5, 0.5)"


def test_no_course_without_a_velocity_or_somewhere_to_go() -> None:
    """Where nothing is known of motions, where a place is there from the start, and where the rule leaves it free."""
    task = hard("cheetah-stop")
    assert not courses(task, described(task).model_copy(update={"motions": ()}))
    there = task.model_copy(
        update={"constants": task.constants | {"stop_at": task.constants["stop_at"].model_copy(update={"value": 0.0})}}
    )
    assert not courses(there, described(there)), "0.3 away at random, and 0.5 counts"
    assert [c.name for c in courses(hard("hopper-back"), described(hard("hopper-back")))] == ["x"]


def test_new_ground_pays_nothing_for_going_back_and_forth(paid: Pay) -> None:
    """A second visit pays nothing, in each of two environments at once; coming near at first pays the same however it goes."""
    there_and_back = np.array([0.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.5])
    straight = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.4, 2.5])
    terms = kit_of("cheetah-stop").ground(Random(0))
    part = paid("cheetah-stop", terms, {"x": np.stack([there_and_back, straight], axis=1)})["ground_x"]
    assert part[2:5, 0].tolist() == [0.0, 0.0, 0.0]
    assert (part[[0, 1, 5], 0] > 0).all()
    assert part.sum(axis=0) == pytest.approx([part[:, 0].sum()] * 2)


def test_new_ground_starts_anew_with_every_episode(paid: Pay, jail: Jail) -> None:
    """Nothing of the best of the last episode is left: the same way pays the same again."""
    task, kit = hard("hopper-back"), kit_of("hopper-back")
    text = source(task, Genome(terms=tuple(kit.ground(Random(0)))), kit.things)
    way = np.array([0.0, -0.5, -1.0, -0.2])
    before, after = np.tile(way[:-1], 2)[:, None], np.tile(way[1:], 2)[:, None]
    still = {s.name: np.zeros((6, 1, s.size) if s.size else (6, 1)) for s in described(task).state}
    batch = Transitions(
        state=still | {"x": before},
        action={key: np.zeros((6, 1)) for key in task.action},
        next_state=still | {"x": after},
        step=np.array([1, 2, 3, 1, 2, 3])[:, None],
        terminated=np.zeros((6, 1), dtype=np.bool_),
    )
    with jail.open(text) as room:
        part = room.client.evaluate(batch, stepped=True)["ground_x"][:, 0]
    assert part[:3].tolist() == part[3:].tolist()
    assert (part[:2] > 0).all()
    assert part[2] == 0.0


def test_new_ground_is_of_places_not_of_speeds() -> None:
    kit = kit_of("cheetah-stop")
    assert [kit.things[t.on].name for t in kit.ground(Random(0))] == ["x"]


@pytest.mark.parametrize("direction", [0.0, 1.0, 2.5, 4.0])
def test_the_standing_point_is_behind_the_object_wherever_the_goal_is(direction: float, paid: Pay) -> None:
    """0.1 beyond the object as seen from its goal pays most, whatever the fingertip's height; it turns with the goal."""
    angles = np.linspace(0.0, 2 * np.pi, 32, endpoint=False)
    thing = np.array([0.3, -0.2])
    goal = thing + 0.4 * np.array([np.cos(direction), np.sin(direction)])
    around = thing + 0.1 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    tips = np.concatenate([around, np.full((32, 1), 0.7)], axis=1)
    kit = kit_of("pusher-own")
    terms = [t for t in kit.behind(Random(0)) if t.on in {q.key for q in kit.standing_points}]
    paths = {
        "fingertip": np.tile(tips, (2, 1, 1)),
        "object": np.tile(thing, (2, 32, 1)),
        "goal": np.tile(goal, (2, 32, 1)),
    }
    (part,) = paid("pusher-own", terms, paths).values()
    best = angles[int(np.argmax(part[0]))]
    assert np.cos(best - direction) == pytest.approx(-1.0, abs=0.02)
    assert part[0].max() == pytest.approx(0.5, abs=0.05), "nothing is left of the way there"


def test_a_reached_goal_needs_no_side_to_stand_on(paid: Pay) -> None:
    """With the object on its goal, the part is finite and the standing point the object itself."""
    kit = kit_of("pusher-own")
    terms = [t for t in kit.behind(Random(0)) if t.on in {q.key for q in kit.standing_points}]
    here = np.zeros((2, 1, 2))
    (part,) = paid("pusher-own", terms, {"object": here, "goal": here, "fingertip": np.zeros((2, 1, 3))}).values()
    assert part[0] == pytest.approx(0.5)


def test_only_what_moves_more_than_the_object_pushes_it() -> None:
    """A hand that must itself be somewhere has no standing point, even beside an object of the same kind."""
    assert [q.mover for q in kit_of("pusher-own").standing_points] == ["fingertip"]
    assert [q.mover for q in kit_of("metaworld-drawer-open").standing_points] == ["hand"]
    assert not kit_of("metaworld-reach").standing_points
    assert not kit_of("reacher").standing_points


def test_a_later_stage_pays_nothing_before_the_earlier_one_and_never_less_when_nearer(paid: Pay) -> None:
    terms = kit_of("cheetah-stop").staged(Random(0))
    assert len(terms) == 2
    x = np.linspace(0.0, 3.0, 61)
    part = paid("cheetah-stop", terms, {"x": np.tile(x, (2, 1)), "x_speed": np.zeros((2, 61))})["staged_x_speed"][0]
    assert (part[x < 2.0] == 0.0).all(), "twice the tolerance away, nothing"
    assert (np.diff(part) >= 0).all()
    assert part[-1] == part.max() > 0
    speeds = np.linspace(2.0, 0.0, 41)
    there = paid("cheetah-stop", terms, {"x": np.full((2, 41), 3.0), "x_speed": np.tile(speeds, (2, 1))})
    assert (np.diff(there["staged_x_speed"][0]) > 0).all(), "and in its own turn it pays for what is its own"


def test_stages_are_places_first_then_speeds_then_the_rest() -> None:
    assert [s.name for s in kit_of("lander-left").stages] == ["x", "x_speed_and_climb", "left_leg_and_right_leg"]
    assert [s.name for s in kit_of("pusher-own").stages] == ["behind_object", "goal"]
    assert not kit_of("hopper-back").stages, "of one condition there is nothing to stage"


def test_the_end_is_judged_by_whether_the_goal_is_reached(jail: Jail) -> None:
    task, kit = hard("lander-left"), kit_of("lander-left")
    text = source(task, Genome(terms=(Term(kind="end", weight=5.0),)), kit.things)
    landed = {"x": -0.45, "left_leg": 1.0, "right_leg": 1.0}
    fields = {
        s.name: np.array([[landed.get(s.name, 0.0), 0.0, landed.get(s.name, 0.0)]]) for s in described(task).state
    }
    batch = Transitions(
        state=fields,
        action={key: np.zeros((1, 3)) for key in task.action},
        next_state=fields,
        step=np.full((1, 3), 2),
        terminated=np.array([[True, True, False]]),
    )
    with jail.open(text) as room:
        assert room.client.evaluate(batch, stepped=True)["end"].tolist() == [[5.0, -5.0, 0.0]]


def test_a_tolerance_of_the_rule_is_no_place_to_be() -> None:
    """`still` is a speed that counts as standing still: nothing pays for being at it."""
    assert [q.name for q in kit_of("cheetah-stop").goals] == ["x", "x_speed"]
    assert [q.name for q in kit_of("pusher-own").goals] == ["goal"]
