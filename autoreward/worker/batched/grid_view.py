"""A grid world of EnvPool's as a card's state.py reads it: by the names that MiniGrid's own environments have."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_EMPTY, _UNSEEN = 1, 0
_TYPES = ("unseen", "empty", "wall", "floor", "door", "key", "ball", "box", "goal", "lava", "agent")
_COLORS = ("red", "green", "blue", "purple", "yellow", "grey")
_OPEN, _LOCKED = 0, 2
"""States of a door; 1: closed."""
_AHEAD = ((1, 0), (0, 1), (-1, 0), (0, -1))
"""By direction: right, down, left, up."""


class GridThing(NamedTuple):
    """What is on a square, or carried."""

    type: str
    color: str
    state: int

    @property
    def is_open(self) -> bool:
        """Of a door."""
        return self.type == "door" and self.state == _OPEN

    @property
    def is_locked(self) -> bool:
        """Of a door."""
        return self.type == "door" and self.state == _LOCKED


def _thing(kind: int, color: int, state: int) -> GridThing | None:
    return None if kind in (_EMPTY, _UNSEEN) else GridThing(_TYPES[kind], _COLORS[color], state)


@lru_cache(4096)
def _things(cells: tuple[int, ...]) -> tuple[GridThing | None, ...]:
    """What is on each square: grids change in few of an episode's steps."""
    return tuple(_thing(*cells[k : k + 3]) for k in range(0, len(cells), 3))


class GridMap:
    """The squares."""

    def __init__(self, cells: Sequence[int], width: int, height: int) -> None:
        """`cells`: type, color and state of each square, column by column."""
        self._things = _things(tuple(cells))
        self.width, self.height = width, height

    def get(self, i: int, j: int) -> GridThing | None:
        """What is on the square of column i and row j; None for nothing."""
        if not (0 <= i < self.width and 0 <= j < self.height):
            raise AssertionError(f"({i}, {j}) is outside of {self.width} x {self.height} squares")  # as MiniGrid does
        return self._things[i * self.height + j]


class GridWorld:
    """One environment at one moment. What it does not have, MiniGrid's environments have and EnvPool does not tell."""

    def __init__(self, told: Any) -> None:
        """`told` is what EnvPool says of an environment (`debug_states`)."""
        self.width, self.height = int(told.width), int(told.height)
        self.grid = GridMap(told.grid, self.width, self.height)
        self.agent_pos: tuple[int, int] = told.agent_pos
        self.agent_dir: int = told.agent_dir
        self.max_steps: int = told.max_steps
        self.mission: str = told.mission
        self.carrying = (
            _thing(told.carrying_type, told.carrying_color, told.carrying_state) if told.has_carrying else None
        )

    @property
    def dir_vec(self) -> NDArray[np.int64]:
        """Where it looks, (x, y)."""
        return np.array(_AHEAD[self.agent_dir])

    @property
    def front_pos(self) -> NDArray[np.int64]:
        """The square ahead, (x, y)."""
        return np.array(self.agent_pos) + self.dir_vec
