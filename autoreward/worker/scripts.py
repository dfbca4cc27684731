"""Policies that are written down, not learned: a card's formula, or a program that its room is asked about."""

import socket
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.errors import TaskError
from autoreward.sandbox.client import RewardClient, RewardFailed
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.shapes import of_rows, width
from autoreward.worker.envs.fields import NamedArrays, state_fields
from autoreward.worker.envs.flatten import Layout
from autoreward.worker.envs.vector import EpisodeRows, PolicyFunction, VectorEnv


class ScriptPolicy:
    """The script of a task, as a policy of one episode at a time."""

    def __init__(self, task: Task, layout: Layout, space: spaces.Space[Any], room: socket.socket | None = None) -> None:
        """`room`: that of the script's program; None: the script is a formula."""
        self._task, self._layout, self._space = task, layout, space
        self._client = RewardClient(room) if room else None
        self._seen = task.state.keys() - set(task.unseen)
        self._step = 0

    def begin(self, venv: VectorEnv) -> PolicyFunction:
        """What chooses the actions of one new episode in `venv`. Raises TaskError, when asked, if it gives no action.

        An episode that the environment lost begins again, and the program's memory with it.
        """
        self._forget()
        lost = venv.lost_episodes

        def choose(observations: NDArray[Any], turn: EpisodeRows) -> list[Any]:
            nonlocal lost
            if venv.lost_episodes != lost:
                lost = venv.lost_episodes
                self._forget()
            return self.actions(observations)

        return choose

    def actions(self, observations: NDArray[Any]) -> list[Any]:
        """The action in each of these states (n, d). Raises TaskError if it is none of the space."""
        fields = state_fields(self._task, self._layout, observations)
        values = self._asked(fields, len(observations)) if self._client else self._worked_out(fields)
        return actions_of(
            self._space, values, len(observations), f"task {self._task.name}, script: {self._task.script!r}"
        )

    def _forget(self) -> None:
        self._step = 0
        if self._client:
            self._client.forget()

    def _worked_out(self, fields: NamedArrays) -> NDArray[np.float64]:
        formula = self._task.script_formula
        assert formula is not None
        constants = {name: constant.value for name, constant in self._task.constants.items()}
        width(formula, {**{name: of_rows(rows) for name, rows in fields.items()}, **dict.fromkeys(constants)})
        return np.asarray(formula.evaluate({**fields, **constants}), dtype=np.float64)

    def _asked(self, fields: NamedArrays, rows: int) -> NDArray[np.float64]:
        assert self._client is not None
        self._step += 1
        batch = Transitions(
            state={name: values[None] for name, values in fields.items() if name in self._seen},
            action={},
            next_state={},
            step=np.full((1, rows), self._step),
            terminated=np.zeros((1, rows), dtype=np.bool_),
        )
        try:
            columns = self._client.evaluate(batch, stepped=True)
        except RewardFailed as failed:
            line = f" line {failed.line}" if failed.line else ""
            raise TaskError(f"task {self._task.name}, script {self._task.script}{line}: {failed.message}.") from None
        stacked = np.stack([values[0] for values in columns.values()], axis=1)
        return stacked[:, 0] if stacked.shape[1] == 1 else stacked


def actions_of(space: spaces.Space[Any], values: NDArray[np.float64], count: int, whose: str) -> list[Any]:
    """So many actions of numbers (n,) or (n, k), those of a box cut to its bounds. Raises TaskError if one is no action."""
    try:
        if isinstance(space, spaces.Box):
            shaped = np.broadcast_to(
                values.reshape(*values.shape, 1) if values.ndim < 2 else values, (count, *space.shape)
            )
            return list(np.clip(shaped, space.low, space.high).astype(space.dtype))
        whole = np.rint(np.broadcast_to(values, (count, *(space.shape or ())))).astype(np.int64)
    except ValueError:
        whole = np.full((count, 1), -1)
    if not all(space.contains(action) for action in whole):
        raise TaskError(f"{whose} gives {whole[0]}, which is no action of {space}.")
    return list(whole)
