"""Load a policy written as code and ask it for actions: under the rules and within the walls of a reward program."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.core.contract import CONTROLLER_SIGNATURE, MAX_PARTS
from autoreward.core.transitions import Transitions
from autoreward.rewards.gate import gate
from autoreward.sandbox.child.fields import Fields
from autoreward.sandbox.child.memory import Memory
from autoreward.sandbox.child.namespace import fresh
from autoreward.sandbox.child.program import ContractBroken, loaded, picked

_ACT = CONTROLLER_SIGNATURE.function


class Controller:
    """One loaded controller; asked as a program is, its answer's columns are what parts are there."""

    def __init__(self, source: str) -> None:
        """Gate, compile and load. Raises gate.Refused, or whatever the module's constants raise."""
        space = loaded(gate.checked_tree(source, CONTROLLER_SIGNATURE), fresh())
        self._act = space[_ACT]
        self._width: int | None = None
        self._memory: Memory | None = None

    def forget(self) -> None:
        """Empty the memory, as before the first call."""
        self._memory = None

    def evaluate(self, batch: Transitions, stepped: bool) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Names of the action's numbers, and these as one array of shape (k, T * n); see Program.evaluate."""
        steps, envs = batch.shape
        if not stepped:
            return self._call(picked(batch, steps * envs, None)["state"], Memory(steps * envs), steps * envs)
        memory = self._memory = self._memory or Memory(envs)
        asked = []
        for t in range(steps):
            memory.begin(batch.step[t] == 1)
            asked.append(self._call(picked(batch, envs, t)["state"], memory, envs))
        return asked[0][0], np.concatenate([columns for _, columns in asked], axis=1)

    def _call(
        self, state: dict[str, NDArray[Any]], memory: Memory, rows: int
    ) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        columns = _columns(self._act(Fields("state", state), memory), rows)
        if self._width not in (None, len(columns)):
            raise ContractBroken(f"{_ACT} gave {len(columns)} numbers a row, and {self._width} before")
        self._width = len(columns)
        return tuple(f"action_{i}" for i in range(len(columns))), columns


def _columns(answer: Any, rows: int) -> NDArray[np.float64]:
    """An answer as one array of shape (k, rows). Raises ContractBroken."""
    if not isinstance(answer, np.ndarray):
        raise ContractBroken(
            f"{_ACT} must return an array with a row for each of the {rows} states, not {type(answer).__name__}: make it from "
            "the fields, or with np.full_like(field, value)"
        )
    if answer.dtype.kind not in "fiub":
        raise ContractBroken(f"{_ACT} must return real numbers, not {answer.dtype}")
    if answer.ndim not in (1, 2) or answer.shape[0] != rows:
        raise ContractBroken(f"{_ACT} returned shape {answer.shape}, not ({rows},) or ({rows}, k)")
    columns = answer.reshape(rows, -1).T.astype(np.float64)
    if not 1 <= len(columns) <= MAX_PARTS:
        raise ContractBroken(f"{_ACT} may return between 1 and {MAX_PARTS} numbers a row, not {len(columns)}")
    return columns
