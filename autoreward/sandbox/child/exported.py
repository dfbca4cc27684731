"""The Python files of an export, loaded as a person's own Python loads them, in a process that is locked."""

import __future__  # noqa: F401 - reward.py names it, and after the lock nothing can be imported for the first time

import sys
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.sandbox.child.program import ContractBroken, picked

MODULE = "reward"
"""The name that it is imported by."""


class _Beside:
    """Gives the module the other files: this process can open none."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def get_data(self, path: str) -> bytes:
        """The bytes of the file of that name."""
        return self._files[path.rpartition("/")[2]].encode()


class Exported:
    """`reward.py` and what it loads, where nothing but NumPy can be imported; asked as a loaded program is."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """Run `reward.py`. Raises whatever that raises."""
        sys.modules.update({"gymnasium": None})  # type: ignore[dict-item]  # it could not be opened: it is not looked for
        self._module = types.ModuleType(MODULE)
        self._module.__file__ = f"/{MODULE}.py"
        self._module.__loader__ = _Beside(files)  # type: ignore[assignment]
        sys.modules[MODULE] = self._module
        text = files[f"{MODULE}.py"]
        exec(compile(text, f"{MODULE}.py", "exec", dont_inherit=True), self._module.__dict__)  # noqa: S102 - locked in
        self._memory: Any = None

    def forget(self) -> None:
        """Empty the memory, as before the first call."""
        self._memory = None

    def evaluate(self, batch: Transitions, stepped: bool) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Part names, and the parts as one array of shape (P, T * n); see Program.evaluate."""
        steps, envs = batch.shape
        if not stepped:
            return self._parts(batch, steps * envs, None, self._module.Memory(steps * envs))
        self._memory = self._memory or self._module.Memory(envs)
        asked = []
        for t in range(steps):
            self._memory.begin(batch.step[t] == 1)
            asked.append(self._parts(batch, envs, t, self._memory))
        return asked[0][0], np.concatenate([parts for _, parts in asked], axis=1)

    def rewards(self, batch: Transitions) -> NDArray[np.float64]:
        """The rewards of all steps as AutoReward gives them, in step order: shape (1, T * n)."""
        steps, envs = batch.shape
        rewards = self._module.Rewards(envs)
        values = [rewards(**picked(batch, envs, t))[0] for t in range(steps)]
        return np.asarray(values, dtype=np.float64).reshape(1, -1)

    def _parts(
        self, batch: Transitions, rows: int, t: int | None, memory: Any
    ) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        parts = self._module.compute_reward(**picked(batch, rows, t), memory=memory)
        if any(part.shape != (rows,) for part in parts.values()):
            raise ContractBroken(f"reward.py gave parts that are not of shape ({rows},)")
        return tuple(parts), np.stack(list(parts.values()))
