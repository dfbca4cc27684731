"""Image-text similarity: known answers, what an encoder promises, and a tiny model of random weights for the mechanics.

No test here says how well a real model tells a goal: no weights are at hand.
"""

import json
import shutil
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray
from seeing import BLUE, GREEN, RED, Colours, tiny_clip

from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.errors import TaskError
from autoreward.records import CONTROLLER_EPISODES
from autoreward.sandbox.jail import Jail
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.training.workers import Workers
from autoreward.worker.image_text import ImageText, ImageTextEncoder, clip_encoder, projected_similarity
from autoreward.worker.jobs.script_record import ScriptJob


def test_without_projection_it_is_the_cosine() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    goal, *others = vectors
    assert projected_similarity(np.stack(others), goal, goal - others[0], 0.0) == pytest.approx(np.stack(others) @ goal)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_the_goal_is_1_and_the_baseline_its_cosine_whatever_the_strength(strength: float) -> None:
    like = ImageText(Colours(), "red", "green", strength)
    assert like(RED) == pytest.approx(1.0)
    assert like(GREEN) == pytest.approx(0.0)


def test_with_strength_1_what_is_not_between_the_two_counts_nothing() -> None:
    """Blue - red = (-1, 0, 1) is (-1/2, 1/2, 0) along red - green; half of either is (-3/4, 1/4, 1/2)."""
    assert ImageText(Colours(), "red", "green", 1.0)(BLUE) == pytest.approx(0.75)
    assert ImageText(Colours(), "red", "green", 0.5)(BLUE) == pytest.approx(1.0 - (0.5625 + 0.0625 + 0.25) / 2)
    assert ImageText(Colours(), "red")(BLUE) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("goal", "baseline", "strength", "said"),
    [
        ("", "", 0.0, "give a goal"),
        ("red", "green", 1.5, "strength from 0 to 1"),
        ("red", "", 0.5, "a baseline where it is more than 0"),
        ("red", "red", 0.5, "no difference between 'red' and 'red'"),
    ],
)
def test_what_can_not_be_projected_is_said(goal: str, baseline: str, strength: float, said: str) -> None:
    with pytest.raises(TaskError, match=said):
        ImageText(Colours(), goal, baseline, strength)


@pytest.mark.parametrize("picture", [None, np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_what_is_no_picture_is_said(picture: NDArray[np.uint8]) -> None:
    with pytest.raises(TaskError, match='render_mode = "rgb_array"'):
        ImageText(Colours(), "red")(picture)


def test_weights_are_a_folder_and_nothing_is_downloaded(memory_folder: Path) -> None:
    with pytest.raises(TaskError, match=r"openai/clip has no config.json.*nothing is downloaded"):
        clip_encoder("openai/clip")
    (memory_folder / "config.json").write_text("{}")
    (memory_folder / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(TaskError, match=r"has no model.safetensors"):
        clip_encoder(str(memory_folder))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("clip"))


def promises(encoder: ImageTextEncoder) -> None:
    seen, told = encoder.pictures((RED, GREEN, BLUE)), encoder.texts(("red", "blue"))
    assert seen.dtype == told.dtype == np.float64
    assert seen.shape[0] == 3
    assert told.shape == (2, seen.shape[1])
    for vectors in (seen, told):
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0)
    assert encoder.pictures((BLUE, RED)) == pytest.approx(seen[[2, 0]], abs=1e-5), (
        "a picture is seen alike beside others"
    )
    assert not np.allclose(told[0], told[1])


def test_the_fake_encoder_keeps_what_encoders_promise() -> None:
    promises(Colours())


STATE = """
from autoreward.worker.image_text import ImageText, clip_encoder

like = ImageText(clip_encoder({folder!r}), "a car on a hill", "a car", 0.5)

def observe(env, observation, info):
    return {{"robot": observation, "like_goal": like(env.render())}}
"""


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_a_model_of_random_weights_sees_the_same_in_a_confined_worker_as_here(tiny: Path, tmp_path: Path) -> None:
    promises(clip_encoder(str(tiny)))
    assert clip_encoder(str(tiny)) is clip_encoder(str(tiny)), "loaded once a process"
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(TaskError, match="can't be read as a CLIP model"):
        clip_encoder(str(broken))
    card = json.loads(find_task("mountain-car-continuous", (envs_folder(),)).model_dump_json())
    for name, field in card["state"].items():
        field["source"] = f"obs.robot[{('position', 'velocity').index(name)}]"
    seen = {"source": "obs.like_goal[0]", "about": "how much it looks like a car on a hill", "policy": False}
    change = {
        "state_program": STATE.format(folder=str(tiny)),
        "state": card["state"] | {"like_goal": seen},
        "kwargs": {"render_mode": "rgb_array"},
        "process": {"read": (str(tiny),)},
        "max_steps": 4,
    }
    task = Task.model_validate(card | change)
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:
        _, files = workers.look(ScriptJob(task=task, scoring=(1,), recording=(2,)), {})
    played = Transitions.from_bytes(files[CONTROLLER_EPISODES])
    env = gymnasium.make(task.env, render_mode="rgb_array")
    env.reset(seed=2)
    like, here = ImageText(clip_encoder(str(tiny)), "a car on a hill", "a car", 0.5), []
    for force in played.action["force"][:, 0]:
        env.step(np.asarray(force, np.float32).reshape(1))
        here.append(like(np.asarray(env.render())))
    env.close()
    assert played.next_state["like_goal"][:, 0] == pytest.approx(here, abs=1e-4)
    assert len(set(here)) > 1, "the picture changes"
