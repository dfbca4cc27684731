"""Film one episode of a policy: an animated WebP from the environment's own renderer, where it has one that works here."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from stable_baselines3.common.vec_env import DummyVecEnv

from autoreward.tasks import Task
from autoreward.worker import environments, policies
from autoreward.worker.score import chooser

WIDTH = 240
FRAMES = 90
"""Most frames of a clip; longer episodes are shown faster."""
MILLISECONDS = 50


def film(task: Task, weights: bytes, seed: int, built: Callable[[], None]) -> dict[str, bytes]:
    """`clip.webp` of one deterministic episode; nothing where the environment can't be drawn on this machine."""
    try:
        env = environments.make(task, render_mode="rgb_array")
        env.reset(seed=seed % 2**31)
        first = env.render()
    except Exception:
        return {}
    if not isinstance(first, np.ndarray):
        return {}
    model = policies.build(task, DummyVecEnv([lambda: environments.make(task)]), seed=0)
    mean, variance = policies.from_bytes(model, weights)
    built()
    choose = chooser(model, mean, variance)
    frames: list[NDArray[Any]] = [first]
    observation, _ = env.reset(seed=seed % 2**31)
    over = False
    while not over:
        observation, _, ended, cut, _ = env.step(choose(np.asarray(observation)[None])[0])
        frames.append(np.asarray(env.render()))
        over = ended or cut
        if len(frames) > 2 * FRAMES:
            frames = frames[::2]
    env.close()
    return {"clip.webp": _webp(frames)}


def _webp(frames: list[NDArray[Any]]) -> bytes:
    stride = max(1, len(frames) // FRAMES)
    height = round(frames[0].shape[0] * WIDTH / frames[0].shape[1])
    images = [Image.fromarray(f).resize((WIDTH, height)) for f in (*frames[::stride], frames[-1])]
    buffer = io.BytesIO()
    images[0].save(buffer, "WEBP", save_all=True, append_images=images[1:], duration=MILLISECONDS, loop=0, quality=50)
    return buffer.getvalue()
