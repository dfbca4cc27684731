"""Policies of a few numbers: an action that changes at a few knots of time, with a wave on top, or one that answers the state."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import EpisodeRows, PolicyFunction, RolloutEpisode, VectorEnv

KNOTS = 8
"""Stretches of time in which a plan's action is the same."""
HORIZON = 200
"""Steps over which they are spread, at most; the last one holds from there on."""
PILOTS = 4
"""Random episodes that say what varies."""
LONGEST_ANSWER = 48
"""Numbers of an observation up to which a policy can answer it: with more of them, gains would be drawn in vain."""
LONGEST_WAVE = 6.0
"""Binary logarithm of the longest half wave, in steps."""
Array = NDArray[np.float64]


class Seen(NamedTuple):
    """What policies see, and what that is measured by, each of shape (v,)."""

    view: PolicyView
    middle: Array
    spread: Array

    @classmethod
    def of_episodes(cls, view: PolicyView, episodes: Sequence[RolloutEpisode]) -> "Seen":
        """From all that was seen in some episodes."""
        values = view.of(np.concatenate([episode.observations for episode in episodes])).astype(np.float64)
        return cls(view, values.mean(axis=0), values.std(axis=0) + 1e-4)


class SimplePolicies:
    """All policies of one kind for one action space; each is a vector of `size` numbers, of about 1 where nothing is known."""

    def __init__(self, space: spaces.Space[Any], seen: Seen, limit: int, answers: bool) -> None:
        """`answers`: the action follows the observation, by a constant and a gain for each number; else it follows the clock."""
        self._space = space
        self._seen = seen
        self._answers = answers
        self._width = _width(space)
        self._stretch = max(min(limit, HORIZON) / KNOTS, 1.0)
        self.size = self._width * (1 + len(seen.middle)) if answers else self._width * (KNOTS + 1) + 1

    def policy(self, numbers: Array) -> PolicyFunction:
        """One of them, for one episode in one environment: it counts its steps."""
        clock = -1

        def choose(observations: NDArray[Any], turn: EpisodeRows) -> list[Any]:
            nonlocal clock
            clock += 1
            return [_action(self._space, self._emitted(numbers, clock, self._seen.view.of(observations[0])))]

        return choose

    def _emitted(self, numbers: Array, clock: int, observation: NDArray[Any]) -> Array:
        if self._answers:
            gains = numbers.reshape(self._width, -1)
            near = np.clip((observation - self._seen.middle) / self._seen.spread, -5.0, 5.0)
            return np.asarray(gains[:, 0] + gains[:, 1:] @ near)
        knots = numbers[: self._width * KNOTS].reshape(KNOTS, self._width)
        wave, pace = numbers[self._width * KNOTS : -1], numbers[-1]
        half = round(2.0 ** (LONGEST_WAVE / (1.0 + np.exp(-pace))))
        turn = 1.0 if clock // half % 2 else -1.0
        return np.asarray(knots[min(int(clock / self._stretch), KNOTS - 1)] + turn * wave)


def play_one(venv: VectorEnv, choose: PolicyFunction, seed: int) -> RolloutEpisode:
    """One episode from that seed, in the first environment."""
    (episode,) = venv.play(choose, [seed])
    return episode


def pilot(venv: VectorEnv, seed: int) -> tuple[bool, list[RolloutEpisode]]:
    """Random episodes, and whether an episode can be replayed: whether its seed and actions give it again, after another one."""
    episodes = [play_one(venv, lambda *_: [venv.action_space.sample()], own) for own in pilot_seeds(seed)[:-1]]
    first = episodes[0]
    again = play_one(venv, replayed(first.actions), seed)
    same = first.terminated == again.terminated and np.array_equal(
        first.observations, again.observations, equal_nan=True
    )
    return same, [*episodes, again]


def pilot_seeds(seed: int) -> tuple[int, ...]:
    """Of those episodes, in their order; the last one is the first again."""
    return *range(seed, seed + PILOTS), seed


def replayed(actions: NDArray[Any]) -> PolicyFunction:
    """These actions again, the last one for ever."""
    clock = -1

    def choose(observations: NDArray[Any], turn: EpisodeRows) -> list[Any]:
        nonlocal clock
        clock += 1
        return [actions[min(clock, len(actions) - 1)]]

    return choose


def _width(space: spaces.Space[Any]) -> int:
    """Numbers that an action is made of: one for each entry, or for each choice."""
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.sum())
    return int(np.prod(space.shape or ()))


def _action(space: spaces.Space[Any], emitted: Array) -> Any:
    """The action that these numbers mean: the largest one of choices, a place between the bounds of a real number."""
    if isinstance(space, spaces.Box):
        share = (np.clip(emitted, -1.0, 1.0).reshape(space.shape) + 1.0) / 2.0
        return (space.low + share * (space.high - space.low)).astype(space.dtype)
    if isinstance(space, spaces.Discrete):
        return np.int64(space.start + int(emitted.argmax()))
    if isinstance(space, spaces.MultiDiscrete):
        ends = np.cumsum(space.nvec.ravel())
        chosen = [int(piece.argmax()) for piece in np.split(emitted, ends[:-1])]
        return (space.start + np.array(chosen).reshape(space.nvec.shape)).astype(space.dtype)
    return (emitted > 0.0).reshape(space.shape or ()).astype(space.dtype)
