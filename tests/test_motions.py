"""Which field is the velocity of which place, from sampled transitions."""

import numpy as np
import pytest
from in_process import HERE
from numpy.typing import NDArray

from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.tasks.files import find_task
from autoreward.worker.jobs.describe import describe
from autoreward.worker.jobs.motions import motions
from autoreward.worker.jobs.records import DescribeJob

Array = NDArray[np.float64]


def sampled(columns: dict[str, Array], steps: int) -> Transitions:
    return Transitions(
        state={key: path[:-1] for key, path in columns.items()},
        action={},
        next_state={key: path[1:] for key, path in columns.items()},
        step=np.tile(np.arange(1, steps + 1)[:, None], (1, 4)),
        terminated=np.zeros((steps, 4), dtype=np.bool_),
    )


def test_velocities_are_known_by_how_places_change() -> None:
    """Whatever they are called and whatever their unit of time is; a field that only looks like one is none."""
    task = find_task("lunar-lander", (envs_folder(),))
    rng = np.random.default_rng(0)
    walks = {v: np.cumsum(rng.normal(0, 0.05, (101, 4)), axis=0) for v in ("x_speed", "climb", "spin")}
    places = {p: 1.4 + np.concatenate([np.zeros((1, 4)), np.cumsum(0.01 * walks[v][1:], axis=0)])
              for p, v in (("x", "x_speed"), ("height", "climb"))}  # fmt: skip
    other = {n: rng.normal(0, 0.1, (101, 4)) for n in ("angle", "left_leg", "right_leg")}
    found = {m.name: m for m in motions(task, sampled(walks | places | other, 100))}
    assert {n: m.velocity for n, m in found.items() if m.velocity} == {"x": "x_speed", "height": "climb"}
    assert found["height"].step_time == pytest.approx(0.01, rel=0.05)
    assert found["height"].start == pytest.approx(1.4)


def test_an_angle_that_comes_round_still_has_its_velocity() -> None:
    task = find_task("pendulum", (envs_folder(),))
    rng = np.random.default_rng(0)
    speed = 4.0 + np.cumsum(rng.normal(0, 0.3, (101, 4)), axis=0)
    turned = np.concatenate([np.zeros((1, 4)), np.cumsum(0.05 * speed[1:], axis=0)])
    angle = (turned + np.pi) % (2 * np.pi) - np.pi
    found = {m.name: m for m in motions(task, sampled({"angle": angle, "speed": speed}, 100))}
    assert found["angle"].velocity == "speed"
    assert found["angle"].step_time == pytest.approx(0.05, rel=0.05)


def test_names_help_where_contacts_blur_a_velocity_and_do_not_invent_one() -> None:
    """A correlation of about 0.75 is enough with the name of a speed, and no correlation is not."""
    task = find_task("cartpole-hold", (envs_folder(),))
    rng = np.random.default_rng(1)
    velocity = rng.normal(0, 1.0, (101, 4))
    changes = 0.02 * ((velocity[1:] + velocity[:-1]) / 2 + rng.normal(0, 0.6, (100, 4)))
    place = np.concatenate([np.zeros((1, 4)), np.cumsum(changes, axis=0)])
    noise = {"angle": np.cumsum(rng.normal(0, 0.01, (101, 4)), axis=0), "angular_velocity": rng.normal(0, 1, (101, 4))}
    columns = {"position": place, "velocity": velocity} | noise
    found = {m.name: m.velocity for m in motions(task, sampled(columns, 100))}
    assert found == {"position": "velocity", "velocity": "", "angle": "", "angular_velocity": ""}


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # as an error, a warning at the import of Box2D ends the process
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mountain-car", {"position": ("velocity", 1.0)}),
        ("cartpole-hold", {"position": ("velocity", 0.02), "angle": ("angular_velocity", 0.02)}),
        ("pendulum", {"angle": ("speed", 0.05)}),
        ("lunar-lander", {"x": ("x_speed", 0.01), "height": ("climb", 0.0225), "angle": ("spin", 0.05)}),
        ("hopper", {"x": ("x_speed", 0.008), "height": ("z_speed", 0.008), "lean": ("spin", 0.008),
                    "joint_angles": ("joint_speeds", 0.008)}),
        ("half-cheetah", {"x": ("x_speed", 0.05), "height": ("z_speed", 0.05), "pitch": ("pitch_speed", 0.05),
                          "joint_angles": ("joint_speeds", 0.05)}),
        ("pusher", {"joint_angles": ("joint_speeds", 0.05)}),
        ("acrobot", {}),
    ],
)  # fmt: skip
def test_the_velocities_of_real_environments(name: str, expected: dict[str, tuple[str, float]]) -> None:
    """All that are there, none that are not, and the length of a step as the environment has it."""
    job = DescribeJob(task=find_task(name, (envs_folder(),)), seed=0, demonstrated=False)
    found = {m.name: m for m in describe(job, {}, HERE)[0].motions}
    assert {m.name: m.velocity for m in found.values() if m.velocity} == {n: v for n, (v, _) in expected.items()}
    for place, (_, step_time) in expected.items():
        assert found[place].step_time == pytest.approx(step_time, rel=0.2)
