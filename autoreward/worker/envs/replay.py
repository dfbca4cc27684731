"""Episodes in progress: how they came about, and how another process brings them back to the step they were at.

A training that goes on in another process would otherwise start all its environments anew, at once. Where a leg is not much
longer than an episode, that changes what is learned: no episode gets old, and all are of the same age in every rollout.
"""

import json
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv

BEGINNINGS, ACTIONS = "beginnings", "actions."
GENERATOR = "PCG64"


class Past(NamedTuple):
    """All that an episode depends on, so far."""

    seed: int | None
    """Its reset's seed, or None for a reset that went on with the environment's random numbers."""
    random: dict[str, Any] | None
    """State of those random numbers before it."""
    actions: list[NDArray[Any]]


class Replayed(NamedTuple):
    """An episode up to where it is."""

    observations: list[NDArray[Any]]
    """From the reset's on."""
    native: list[float]
    """The environment's own rewards, one per step."""


class Replayable(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment whose current episode can be played again elsewhere.

    That is exact where chance comes from `np_random` alone, as Gymnasium asks for; else it is another episode of that age.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.past = Past(None, None, [])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset, and remember from where."""
        self.past = Past(seed, _random(self.env) if seed is None else None, [])
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, and remember the action."""
        self.past.actions.append(np.array(action))
        return self.env.step(action)


def in_progress(venv: DummyVecEnv) -> dict[str, torch.Tensor]:
    """The episodes that environments are in, as tensors."""
    pasts: list[Past] = venv.get_attr("past")
    beginnings = json.dumps([[past.seed, past.random] for past in pasts]).encode()
    actions = {f"{ACTIONS}{i}": torch.from_numpy(np.array(past.actions)) for i, past in enumerate(pasts)}
    return {BEGINNINGS: torch.frombuffer(bytearray(beginnings), dtype=torch.uint8), **actions}


def take_out(tensors: dict[str, torch.Tensor]) -> list[Past]:
    """Take what `in_progress` made out of other tensors. Raises KeyError or ValueError if it is not there."""
    beginnings = json.loads(tensors.pop(BEGINNINGS).numpy().tobytes())
    return [
        Past(seed, random, list(tensors.pop(f"{ACTIONS}{i}").numpy())) for i, (seed, random) in enumerate(beginnings)
    ]


def replay(env: gymnasium.Env[Any, Any], past: Past) -> Replayed:
    """Bring an environment to the step that an episode was at; to a new one's start if it ends on the way."""
    if past.random is not None:
        env.unwrapped.np_random.bit_generator.state = past.random
    seen, native = [np.asarray(env.reset(seed=past.seed)[0])], []
    for action in past.actions:
        observation, reward, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            return Replayed([np.asarray(env.reset()[0])], [])
        seen.append(np.asarray(observation))
        native.append(float(reward))
    return Replayed(seen, native)


def _random(env: gymnasium.Env[Any, Any]) -> dict[str, Any] | None:
    """State of the environment's random numbers; None if they are not of Gymnasium's kind."""
    generator = getattr(env.unwrapped.np_random, "bit_generator", None)
    state = None if generator is None else generator.state
    return dict(state) if state and state["bit_generator"] == GENERATOR else None
