"""Where episodes are cut: as the card or the environment says, and as those that were played show it."""

from collections.abc import Sequence
from typing import Any

import gymnasium

from autoreward.errors import TaskError
from autoreward.tasks.card import Task


def time_limit(task: Task, env: gymnasium.Env[Any, Any]) -> int:
    """Steps after which an episode is cut: the card's, or those of the registered environment. Raises TaskError without either."""
    limit = task.max_steps or (env.spec.max_episode_steps if env.spec else None)
    if limit is None:
        raise TaskError(f"task {task.name}: {task.env} has no time limit; set max_steps in task.toml.")
    return int(limit)


def cut_after(lengths: Sequence[int], cut: Sequence[bool]) -> int | None:
    """Steps after which the environment cuts an episode, from whole episodes: how long each was, and whether it was cut.

    None where none was cut, where they were cut after different numbers of steps, and where one went on for longer.
    """
    lasted = {length for length, was in zip(lengths, cut, strict=True) if was}
    return lasted.pop() if len(lasted) == 1 and max(lengths) in lasted else None
