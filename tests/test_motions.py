"""Which field is the velocity of which place, from sampled transitions."""

import numpy as np
import pytest
from numpy.typing import NDArray

from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.tasks.files import find_task
from autoreward.worker.jobs.motions import motions

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
