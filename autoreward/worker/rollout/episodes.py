"""Whole episodes, played or shown: evaluated by the task's rule, and put side by side as transitions."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.records import Episode, Grading
from autoreward.tasks.card import Task
from autoreward.tasks.limited import episode_limits
from autoreward.worker.envs.fields import NamedArrays, action_fields, state_fields
from autoreward.worker.envs.flatten import Layout
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import RolloutEpisode, VectorEnv
from autoreward.worker.success import SuccessRule


class Spaced(Protocol):
    """What episodes were played in: a `VectorEnv`, or one environment."""

    @property
    def layout(self) -> Layout:
        """What the entries of an observation are."""
        ...

    @property
    def action_space(self) -> spaces.Space[Any]:
        """What one environment takes."""
        ...


def evaluated_episodes(
    task: Task, venv: VectorEnv, episodes: Sequence[RolloutEpisode], spread: NDArray[Any], grading: Grading
) -> list[Episode]:
    """What the rule says of each, and what its limits come to; `spread` (v,) is what a change of what policies see is measured in.

    Raises TaskError.
    """
    rule = SuccessRule(task, venv.time_limit, grading)
    view = PolicyView(task, venv.layout)

    def evaluated(episode: RolloutEpisode) -> Episode:
        fields = played_fields(task, venv, episode)
        movement = float(np.abs(np.diff(view.of(episode.observations), axis=0) / spread).mean())
        limits = episode_limits(task, fields, episode.terminated)
        return rule.episode(fields, episode.terminated, movement).model_copy(update={"limits": limits})

    return [evaluated(episode) for episode in episodes]


def played_fields(task: Task, venv: VectorEnv, episode: RolloutEpisode) -> NamedArrays:
    """What the rule reads of an episode: the fields after each of its L steps and the actions, (L,) or (L, k). Raises TaskError."""
    acted = action_fields(task, venv.action_space, episode.actions)
    after = state_fields(task, venv.layout, episode.observations[1:])
    return {**{name: array.astype(np.float64) for name, array in acted.items()}, **after}


def as_transitions(task: Task, venv: Spaced, episodes: Sequence[RolloutEpisode]) -> Transitions:
    """Episodes as columns, shapes (T, n) and (T, n, k); after its end an episode's last row repeats with step 0."""
    longest = max(len(episode.actions) for episode in episodes)

    def column(rows: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([rows, np.repeat(rows[-1:], longest - len(rows), axis=0)])

    actions = np.stack([column(episode.actions) for episode in episodes], axis=1)
    lengths = np.array([len(episode.actions) for episode in episodes])
    clock = np.arange(1, longest + 1)[:, None]
    before = np.stack([column(episode.observations[:-1]) for episode in episodes], axis=1)
    after = np.stack([column(episode.observations[1:]) for episode in episodes], axis=1)
    return Transitions(
        state=state_fields(task, venv.layout, before),
        action=action_fields(task, venv.action_space, actions),
        next_state=state_fields(task, venv.layout, after),
        step=np.where(clock <= lengths, clock, 0),
        terminated=(clock == lengths) & np.array([episode.terminated for episode in episodes]),
    )
