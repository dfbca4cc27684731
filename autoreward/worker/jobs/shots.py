"""One episode of a policy with the pictures of it: from the environment's own renderer, thinned to a number of frames."""

from contextlib import ExitStack
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autoreward.core.transitions import Transitions
from autoreward.errors import CannotDraw, EnvironmentFault
from autoreward.tasks.card import Task
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import PolicyActions
from autoreward.worker.envs.flatten import layout_of
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import EpisodeRows, RolloutEpisode
from autoreward.worker.rollout.episodes import as_transitions

QUICKEST = 30.0
"""Frames a second that are enough; an environment that steps faster is shown some of its steps."""
_USUAL = 20.0
"""Steps a second where the environment does not say how fast it is."""
GRAPHICS = ("glfw", "mujoco", "OpenGL")
"""Packages whose own errors mean that this machine lacks what MuJoCo draws with."""


class Lens(NamedTuple):
    """How pictures are taken."""

    width: int
    """Of a picture, in pixels."""
    frames: int
    """Most pictures of an episode."""


class Shot(NamedTuple):
    """A filmed episode of L steps."""

    episode: Transitions
    """Shape (L, 1)."""
    pictures: tuple[Image.Image, ...]
    """All of one size; empty where the environment was not drawn."""
    every: int
    """Steps from one picture to the next; the first is of the start, step 0."""
    rate: float
    """Steps a second, in the environment's own time."""


def shoot(task: Task, weights: bytes, seed: int, lens: Lens | None, closing: ExitStack) -> Shot:
    """Play one deterministic episode, and take pictures of it if there is a lens.

    Raises CannotDraw where there is one and the environment can't be drawn on this machine.
    """
    env = _camera(task) if lens else make.make_env(task)
    closing.callback(env.close)
    observation, _ = env.reset(seed=seed % 2**31)
    pictures = [_picture(env, lens)] if lens else []  # first: what can't be drawn is told at once
    model = policies.blank(task, closing)
    actions = PolicyActions(env.action_space, task.train)
    view = PolicyView(task, layout_of(env))
    choose = policies.policy_function(model, view, actions, *policies.from_bytes(model, weights))
    rate = float(env.metadata.get("render_fps") or _USUAL)
    every = max(round(rate / QUICKEST), 1)
    observations = [np.asarray(observation)]
    chosen: list[Any] = []
    over = ended = False
    while not over:
        turn = EpisodeRows(np.zeros(1, np.intp), np.array([not chosen]))
        chosen.append(choose(observations[-1][None], turn)[0])
        observation, _, ended, cut, _ = env.step(chosen[-1])
        observations.append(np.asarray(observation))
        over = ended or cut
        if lens and len(chosen) % every == 0:
            pictures.append(_picture(env, lens))
            if len(pictures) > lens.frames:
                pictures, every = pictures[::2], 2 * every
    if lens and len(chosen) % every:  # how it ends
        pictures.append(_picture(env, lens))
    played = RolloutEpisode(np.stack(observations), np.stack(chosen), bool(ended))
    return Shot(as_transitions(task, _Space(env), [played]), tuple(pictures), every, rate)


def start_picture(task: Task, seed: int, lens: Lens, closing: ExitStack) -> Image.Image:
    """What an episode begins with. Raises CannotDraw where the environment can't be drawn on this machine."""
    env = _camera(task)
    closing.callback(env.close)
    env.reset(seed=seed % 2**31)
    return _picture(env, lens)


class _Space:
    """What an episode was played in."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        self.layout = layout_of(env)
        self.action_space = env.action_space


def _camera(task: Task) -> gymnasium.Env[Any, Any]:
    """The environment, made to be drawn. Raises CannotDraw; what an environment raises can be anything."""
    try:
        return make.make_env(task, render_mode="rgb_array")
    except Exception as error:
        raise CannotDraw(_reason(error)) from error


def _picture(env: gymnasium.Env[Any, Any], lens: Lens) -> Image.Image:
    """What the environment looks like now. Raises CannotDraw."""
    try:
        picture: object = env.render()
    except Exception as error:
        raise CannotDraw(_reason(error)) from error
    if not isinstance(picture, np.ndarray):
        raise CannotDraw(f"the environment's renderer gives no picture but {type(picture).__name__}")
    return _resized(picture, lens.width)


def _resized(picture: NDArray[Any], width: int) -> Image.Image:
    return Image.fromarray(picture).convert("RGB").resize((width, round(picture.shape[0] * width / picture.shape[1])))


def _reason(error: BaseException) -> str:
    """Why nothing was drawn, in one line. The errors of graphics packages say nothing that helps a person."""
    if isinstance(error, EnvironmentFault) and error.__cause__:
        return _reason(error.__cause__)
    if type(error).__module__.partition(".")[0] in GRAPHICS:
        return "MuJoCo found no OpenGL to draw with; install EGL or OSMesa and set MUJOCO_GL to egl or osmesa"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
