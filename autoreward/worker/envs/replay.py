"""Episodes in progress: how they came about, and how another process brings them back to the step they were at.

A training that goes on in another process would otherwise start all its environments anew, at once. Where a leg is not much
longer than an episode, that changes what is learned: no episode gets old, and all are of the same age in every rollout.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

BEGINNINGS, ACTIONS = "beginnings", "actions."
GENERATOR = "PCG64"


class EpisodeInputs(NamedTuple):
    """All that an episode in progress depends on."""

    seed: int | None
    """Its reset's seed, or None for a reset that went on with the environment's random numbers."""
    random: dict[str, Any] | None
    """State of those random numbers before it."""
    actions: list[NDArray[Any]]


class EpisodeSoFar(NamedTuple):
    """An episode in progress, up to where it is."""

    observations: list[NDArray[Any]]
    """From the reset's on, one more than steps."""
    actions: list[NDArray[Any]]
    """One per step, as `native`."""
    native: list[float]
    """The environment's own rewards."""


class Replayable(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment whose current episode can be played again elsewhere.

    That is exact where chance comes from `np_random` alone, as Gymnasium asks for; else it is another episode of that age.
    What the environment says in `info` ends here: Stable-Baselines3 copies all of it at each step, and reads its own words into it.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.inputs = EpisodeInputs(None, None, [])
        self.choose_seed: Callable[[], int | None] = _as_asked
        """Asked at each reset; what it says goes before the seed that the reset is given. None: as that says."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset, and remember from where."""
        chosen = self.choose_seed()
        seed = seed if chosen is None else chosen
        self.inputs = EpisodeInputs(seed, _random(self.env) if seed is None else None, [])
        return self.env.reset(seed=seed, options=options)[0], {}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, and remember the action."""
        self.inputs.actions.append(np.array(action))
        return *self.env.step(action)[:4], {}


def to_tensors(episodes: Sequence[EpisodeInputs]) -> dict[str, torch.Tensor]:
    """The episodes that environments are in, as tensors."""
    beginnings = json.dumps([[inputs.seed, inputs.random] for inputs in episodes]).encode()
    actions = {f"{ACTIONS}{i}": torch.from_numpy(np.array(inputs.actions)) for i, inputs in enumerate(episodes)}
    return {BEGINNINGS: torch.frombuffer(bytearray(beginnings), dtype=torch.uint8), **actions}


def take_out(tensors: dict[str, torch.Tensor]) -> list[EpisodeInputs]:
    """Take what `to_tensors` made out of other tensors. Raises KeyError or ValueError if it is not there."""
    beginnings = json.loads(tensors.pop(BEGINNINGS).numpy().tobytes())
    return [
        EpisodeInputs(seed, random, list(tensors.pop(f"{ACTIONS}{i}").numpy()))
        for i, (seed, random) in enumerate(beginnings)
    ]


def replay(env: gymnasium.Env[Any, Any], inputs: EpisodeInputs) -> EpisodeSoFar:
    """Bring an environment to the step that an episode was at; to a new one's start if it ends on the way."""
    if inputs.random is not None:
        env.unwrapped.np_random.bit_generator.state = inputs.random
    kind = env.observation_space.dtype
    observations, native = [np.asarray(env.reset(seed=inputs.seed)[0], dtype=kind)], []
    for action in inputs.actions:
        observation, reward, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            return EpisodeSoFar([np.asarray(env.reset()[0], dtype=kind)], [], [])
        observations.append(np.asarray(observation, dtype=kind))
        native.append(float(reward))
    return EpisodeSoFar(observations, inputs.actions, native)


def _as_asked() -> int | None:
    """No seed of its own."""
    return None


def _random(env: gymnasium.Env[Any, Any]) -> dict[str, Any] | None:
    """State of the environment's random numbers; None if they are not of Gymnasium's kind."""
    generator = getattr(env.unwrapped.np_random, "bit_generator", None)
    state = None if generator is None else generator.state
    return dict(state) if state and state["bit_generator"] == GENERATOR else None
