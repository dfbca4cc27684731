"""What is found when an environment is first met: settings that its algorithm does not take, demonstrations that do not fit."""

import io
from typing import Any

import gymnasium
import numpy as np
import pytest
from in_process import HERE

from autoreward.core.resources import envs_folder
from autoreward.errors import TaskError
from autoreward.records import Description
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.worker.envs import make
from autoreward.worker.envs.stated import stated
from autoreward.worker.envs.vector import RolloutEpisode
from autoreward.worker.jobs import reference_episodes
from autoreward.worker.jobs.describe import describe
from autoreward.worker.jobs.records import DescribeJob

TASK = find_task("mountain-car", (envs_folder(),))
CONTINUOUS = find_task("mountain-car-continuous", (envs_folder(),))
E, L = 3, 5


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"n_step": 64}, r"\[train\.hyperparameters\]: PPO has no setting 'n_step'\. Did you mean 'n_steps'\?"),
        ({"gamma": "high"}, r"gamma = 'high' is no number; PPO's own is 0\.99"),
        ({"gamma": 7.0}, "gamma = 7 is not between 0 and 1"),
        ({"n_steps": 0}, "PPO can't be built with these settings: `n_steps"),
        ({"n_steps": 64.0}, "PPO can't be built with these settings: 'float'"),
    ],
)
def test_settings_that_the_algorithm_does_not_take_are_found_first(settings: dict[str, Any], said: str) -> None:
    train = TASK.train.model_copy(update={"hyperparameters": {**TASK.train.hyperparameters, **settings}})
    with pytest.raises(TaskError, match=said):
        described({"train": train})


@pytest.mark.parametrize(
    ("env", "seconds"), [("Pendulum-v1", 0.05), ("CartPole-v1", 0.02), ("MountainCar-v0", None), ("Acrobot-v1", 0.2)]
)
def test_an_environment_says_how_long_a_step_is_and_nothing_of_its_reward(env: str, seconds: float | None) -> None:
    found = stated(gymnasium.make(env))
    assert found.dt == seconds
    assert "## Starting State" in found.doc
    assert "## Rewards" not in found.doc


def test_random_episodes_are_whole_ones() -> None:
    """An episode may be longer than what is sampled of it: mountain-car's are never over before their limit."""
    about = described({"max_steps": 300})
    assert (about.random_length, about.terminates) == (300, False)
    assert "Mountain Car" in about.doc


@pytest.mark.slow
def test_a_large_replay_buffer_is_only_tried_small() -> None:
    """A million transitions of an image would not fit beside a description."""
    settings = {"buffer_size": 10**12}
    train = CONTINUOUS.train.model_copy(update={"algorithm": "SAC", "hyperparameters": settings})
    assert described({"train": train}, CONTINUOUS).max_steps > 0


def described(changed: dict[str, Any], card: Task = TASK) -> Description:
    job = DescribeJob(task=card.model_copy(update=changed), seed=0, demonstrated=False)
    return describe(job, {}, HERE)[0]


def demos(**changed: Any) -> bytes:
    arrays = {
        "observations": np.zeros((E, L + 1, 2)),
        "actions": np.ones((E, L), int),
        "lengths": np.full(E, L),
        "terminated": np.zeros(E, bool),
    }
    file = io.BytesIO()
    np.savez(file, **{name: array for name, array in {**arrays, **changed}.items() if array is not None})
    return file.getvalue()


def read(data: bytes, task: Task = TASK) -> list[RolloutEpisode]:
    venv = make.vectorised(task, 1, seed=0)
    try:
        return reference_episodes.demonstrated(task, venv, data)
    finally:
        venv.close()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"junk", "it is no .npz file"),
        (npy(), "it is no .npz file"),
        (demos()[:400], "it is no .npz file"),
        (demos(lengths=None), "it has no lengths"),
        (demos(lengths=np.array([[1], "a"], dtype=object)), "they are torn, or hold no numbers"),
        (demos(lengths=np.array(["a"] * E)), "lengths has 1 axes of <U1"),
        (demos(lengths=np.full(E, L + 1)), f"episode 0 has length {L + 1}"),
        (demos(lengths=np.array([L, 0, L])), "episode 1 has length 0"),
        (demos(terminated=np.zeros(E - 1, bool)), "it holds no episode, or not as many of each"),
        (
            demos(observations=np.zeros((0, L + 1, 2)), actions=np.zeros((0, L)), lengths=np.zeros(0), terminated=np.zeros(0)),
            "it holds no episode",
        ),
        (demos(observations=np.zeros((E, L + 1, 3))), r"observations of shape (3,), not (2,)"),
        (demos(observations=np.full((E, L + 1, 2), np.nan)), "an observation of episode 0 is not finite"),
        (demos(actions=np.full((E, L), 7)), "action 7 of episode 0 is none of Discrete(3)"),
        (demos(actions=np.full((E, L), 0.5)), "action 0.5 of episode 0 is none of Discrete(3)"),
        (demos(actions=np.ones((E, L - 1))), "actions of shape"),
    ],
)  # fmt: skip
def test_demonstrations_that_do_not_fit_are_one_sentence(data: bytes, said: str) -> None:
    with pytest.raises(TaskError) as caught:
        read(data)
    assert said in str(caught.value)
    assert "pickle" not in str(caught.value)
    assert "lengths (E,) and terminated (E,) for E episodes." in str(caught.value)


def test_demonstrations_that_fit() -> None:
    assert [w.actions.tolist() for w in read(demos(lengths=np.array([1, 2, L])))] == [[1], [1, 1], [1] * L]
    whole = read(demos(actions=np.ones((E, L))))[0].actions
    assert whole.dtype == np.int64, "whole numbers, however they were saved"


def test_actions_of_a_box_may_leave_it_as_the_environment_clips() -> None:
    assert read(demos(actions=np.full((E, L, 1), 9.0)), CONTINUOUS)[0].actions.tolist() == [[9.0]] * L
    with pytest.raises(TaskError, match=r"action \[nan\] of episode 0 is none of Box"):
        read(demos(actions=np.full((E, L, 1), np.nan)), CONTINUOUS)
    with pytest.raises(TaskError, match="actions of shape"):
        read(demos(), CONTINUOUS)
