"""Film one episode of a policy: an animated WebP from the environment's own renderer."""

import io
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autoreward.errors import CannotDraw
from autoreward.records import CLIP_FILE
from autoreward.tasks.card import Task
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import PolicyActions
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import WEIGHTS_FILE, EmptyReport, FilmJob

WIDTH = 240
FRAMES = 90
"""Most frames of a clip; longer episodes are shown faster."""
MILLISECONDS = 50
GRAPHICS = ("glfw", "mujoco", "OpenGL")
"""Packages whose own errors mean that this machine lacks what MuJoCo draws with."""


def film(job: FilmJob, files: Mapping[str, bytes], context: JobContext) -> tuple[EmptyReport, dict[str, bytes]]:
    """`clip.webp` of one deterministic episode. Raises CannotDraw where the environment can't be drawn on this machine."""
    task = job.task
    env = _camera(task)
    context.closing.callback(env.close)
    observation, _ = env.reset(seed=job.seed % 2**31)
    frames = [_picture(env)]
    model = policies.blank(task, context.closing)
    actions = PolicyActions(env.action_space, task.train)
    choose = policies.policy_function(model, actions, *policies.from_bytes(model, files[WEIGHTS_FILE]))
    over, step, every = False, 0, 1
    while not over:
        observation, _, ended, cut, _ = env.step(choose(np.asarray(observation)[None])[0])
        over, step = ended or cut, step + 1
        if over or step % every == 0:
            frames.append(_picture(env))
        if len(frames) > FRAMES:
            frames, every = frames[::2], 2 * every
    return EmptyReport(), {CLIP_FILE: _webp(frames)}


def _camera(task: Task) -> gymnasium.Env[Any, Any]:
    """The environment, made to be drawn. Raises CannotDraw; what an environment raises can be anything."""
    try:
        return make.make_env(task, render_mode="rgb_array")
    except Exception as error:
        raise CannotDraw(_reason(error)) from error


def _picture(env: gymnasium.Env[Any, Any]) -> NDArray[Any]:
    """What the environment looks like now, (height, width, 3). Raises CannotDraw."""
    try:
        picture: object = env.render()
    except Exception as error:
        raise CannotDraw(_reason(error)) from error
    if not isinstance(picture, np.ndarray):
        raise CannotDraw(f"the environment's renderer gives no picture but {type(picture).__name__}")
    return picture


def _reason(error: Exception) -> str:
    """Why nothing was drawn, in one line. The errors of graphics packages say nothing that helps a person."""
    if type(error).__module__.partition(".")[0] in GRAPHICS:
        return "MuJoCo found no OpenGL to draw with; install EGL or OSMesa and set MUJOCO_GL to egl or osmesa"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _webp(frames: list[NDArray[Any]]) -> bytes:
    height = round(frames[0].shape[0] * WIDTH / frames[0].shape[1])
    images = [Image.fromarray(f).resize((WIDTH, height)) for f in frames]
    buffer = io.BytesIO()
    how = {"duration": MILLISECONDS, "loop": 0, "quality": 50, "method": 6}  # method 6 takes the time to make it small
    images[0].save(buffer, "WEBP", save_all=True, append_images=images[1:], **how)
    return buffer.getvalue()
