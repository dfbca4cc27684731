"""What a policy sees of a task's observation vectors: all but what the card keeps from it.

Vectors hold everything that success rule and rewards read. Whatever asks a policy for an action, or lets one learn, shows it
what this gives.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.errors import TaskError
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.names import of_info
from autoreward.worker.envs.flatten import Layout


class PolicyView:
    """The entries of a task's vectors that its policies see, in their order."""

    def __init__(self, task: Task, layout: Layout) -> None:
        """Raises TaskError if nothing is left to see, or a field that policies see reads what another one keeps from them."""
        self.layout = layout
        kept = unseen_places(task, layout)
        self.places = np.array([i for i in range(layout.observed) if i not in kept], dtype=np.intp)
        """Shape (v,)."""
        if not len(self.places):
            raise TaskError(
                f"task {task.name}: the policy sees nothing; leave policy = false out of a field that it needs."
            )
        self._all = len(self.places) == layout.size
        self._kind = layout.kind

    def of(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """Vectors (..., d) as policies see them, (..., v), of the type that the environment observes; themselves if all is seen."""
        if self._all:
            return vectors
        return np.asarray(vectors[..., self.places], dtype=self._kind or vectors.dtype)

    def space(self, vectors: spaces.Space[Any]) -> spaces.Space[Any]:
        """What `of` gives for elements of a space."""
        if self._all or not isinstance(vectors, spaces.Box):
            return vectors
        kind = self._kind or vectors.dtype
        return spaces.Box(vectors.low[self.places].astype(kind), vectors.high[self.places].astype(kind), dtype=kind)


def unseen_places(task: Task, layout: Layout) -> dict[int, str]:
    """Entries of the observation that the card keeps from policies, each with a field that says so.

    Raises TaskError where a field that policies see reads one of them, or reaches outside the observation.
    """
    unseen: dict[int, str] = {}
    for name in task.unseen:
        source = task.state_sources[name]
        if not any(map(of_info, source.names)):  # of a formula over both, what it adds to the observation is kept
            unseen |= dict.fromkeys(_read(task, name, layout), name)
    for name in task.state.keys() - set(task.unseen):
        if both := sorted(unseen.keys() & _read(task, name, layout)):
            raise TaskError(
                f"task {task.name}: [state.{name}] and [state.{unseen[both[0]]}] read the same number of the observation "
                f"({both[0]}), which the policy sees by the one and not by the other; write policy = false in both, or in neither."
            )
    return unseen


def _read(task: Task, name: str, layout: Layout) -> set[int]:
    """Entries of the observation that a field reads; of an integer, all that stand for it."""
    entries = {"obs": [range(i, i + 1) for i in range(layout.observed)]}
    entries |= {f"obs.{leaf.key}": leaf.entries for leaf in layout.leaves}
    found: set[int] = set()
    for reading in task.state_sources[name].readings():
        (read,) = reading.names
        if read in entries:
            taken = reading.evaluate({read: np.arange(len(entries[read]))})
            found.update(*(entries[read][i] for i in np.atleast_1d(taken)))
    return found
