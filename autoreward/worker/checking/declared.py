"""What the spaces of an environment say before a step is taken."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces

from autoreward.errors import TaskError
from autoreward.records import EnvRow
from autoreward.worker.checking.subject import Env, Subject
from autoreward.worker.envs import make
from autoreward.worker.envs.flatten import Layout, layout_of

_LARGEST_SHOWN = 3


def trainable(subject: Subject) -> Iterator[EnvRow]:
    """Whether policies can choose its actions and read its observations, and what is done to both on the way."""
    env = subject.another() if subject.another else subject.env
    try:
        layout = layout_of(make.fitted(env, subject.task))
    except TaskError as error:
        words = str(error).removeprefix(f"task {subject.task.name}: ").replace(f"{subject.task.env} ", "it ", 1)
        words = words.replace(" of it is", " is")
        found, _, advice = words.partition("; ")
        yield EnvRow(name="spaces", gravity="fail", found=found, advice=f"{advice[:1].upper()}{advice[1:]}")
    else:
        yield from _names(subject.env.observation_space, layout)
        yield from _changed(env)
    yield from _actions(subject.env.action_space)


def playable(env: Env) -> bool:
    """Whether there are spaces, and actions to be had of one."""
    if not all(isinstance(space, spaces.Space) for space in (env.action_space, env.observation_space)):
        return False
    try:
        env.action_space.sample()
    except Exception:  # bounds that are none, spaces of an environment's own
        return False
    return True


def _changed(env: Env) -> Iterator[EnvRow]:
    before = env.action_space
    env.reset(seed=0)
    if env.action_space != before:
        yield EnvRow(
            name="spaces",
            gravity="fail",
            found=f"a reset changes action_space from {before} to {env.action_space}",
            advice="State it in __init__, the same for all episodes: policies choose from one for ever.",
        )


def _actions(space: spaces.Space[Any]) -> Iterator[EnvRow]:
    name = "actions"
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        first = np.atleast_1d(space.start).reshape(-1)
        if first.any():
            yield EnvRow(
                name=name,
                gravity="note",
                found=f"they count from {', '.join(map(str, first[:_LARGEST_SHOWN].tolist()))}, not from 0",
                advice="Handled: policies choose from 0, the environment and the fields of a card have its own numbers.",
            )
    elif isinstance(space, spaces.Box) and space.is_bounded():
        low, high = float(space.low.min()), float(space.high.max())
        if not (np.all(space.low == -1) and np.all(space.high == 1)):
            yield EnvRow(
                name=name,
                gravity="note",
                found=f"they go from {low:g} to {high:g}" if (low, high) != (-1.0, 1.0) else "not all go from -1 to 1",
                advice="Handled: policies act within -1 and 1, the environment and the fields of a card have its own units.",
            )


def _names(space: spaces.Space[Any], layout: Layout) -> Iterator[EnvRow]:
    raw = [word for word in _paths(space, ()) if word]
    taken = Counter("".join(c if c.isalnum() else "_" for c in word) for word in raw)
    alike = [name for name, count in taken.items() if count > 1]
    if alike:
        keys = [leaf.key for leaf in layout.leaves]
        apart = len(set(keys)) == len(keys)
        both = ", ".join(repr(w) for w in raw if "".join(c if c.isalnum() else "_" for c in w) == alike[0])
        yield EnvRow(
            name="names",
            gravity="note" if apart else "fail",
            found=f"{both} are all obs.{alike[0]} as names",
            advice=f"Handled: they are {', '.join(f'obs.{key}' for key in keys if key.startswith(alike[0]))}."
            if apart
            else "Rename the keys of the observation: a card could name one of them only.",
        )
    if layout.left_out:
        yield EnvRow(
            name="names",
            gravity="note",
            found=f"{', '.join(layout.left_out)} of the observation: not a number, and left out",
            advice="A state.py beside the card can turn it into numbers.",
        )


def _paths(space: spaces.Space[Any], path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(space, spaces.Dict | spaces.Tuple):
        inner = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        for key, part in inner:
            yield from _paths(part, (*path, str(key) if isinstance(space, spaces.Dict) else f"item{key}"))
    else:
        yield "_".join(path)
