"""`memory`: the only state of a reward program that survives a call."""

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

MAX_KEYS = 32
MAX_WIDTH = 1_000
"""Numbers of one array in one row."""


class NotInMemory(KeyError):
    """The key was never written."""

    def __str__(self) -> str:
        """KeyError alone would show the key and nothing else."""
        return f"memory has no {self.args[0]!r} yet: use memory.get({self.args[0]!r}, 0.0)"


class Memory:
    """Named arrays, one row per environment. A row is zeroed, and counts as unset, when its episode starts."""

    __slots__ = ("_arrays", "_rows", "_unset")

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._arrays: dict[str, NDArray[Any]] = {}
        self._unset: dict[str, NDArray[np.bool_]] = {}

    def begin(self, starting: NDArray[np.bool_]) -> None:
        """Zero the rows whose episode starts with the coming transition. `starting`: shape (n,)."""
        if self._arrays and starting.any():
            for key, array in self._arrays.items():
                array[starting] = 0
                self._unset[key] |= starting

    def of(self, rows: Sequence[int]) -> "Memory":
        """A copy that holds these rows alone; a row may be there twice."""
        memory = Memory(len(rows))
        memory._arrays = {key: array[list(rows)] for key, array in self._arrays.items()}
        memory._unset = {key: unset[list(rows)] for key, unset in self._unset.items()}
        return memory

    def get(self, key: str, default: Any = 0.0) -> NDArray[Any]:
        """The stored array, shape (n,) or (n, k), with `default` in the rows not written since their episode began."""
        if np.asarray(default).dtype.kind not in "fiub":
            raise TypeError(f"memory.get({key!r}, ...) with {default!r:.20}: give a number or an array as the default")
        if key not in self._arrays:
            return np.array(np.broadcast_to(np.asarray(default), self._shape(default)))
        array, unset = self._arrays[key], self._unset[key]
        if not unset.any():
            return array.copy()
        mask = unset.reshape(unset.shape + (1,) * (array.ndim - 1))
        return np.where(mask, np.asarray(default), array)

    def __getitem__(self, key: str) -> NDArray[Any]:
        """The stored array; unset rows are 0. Raises NotInMemory if it was never written."""
        if key not in self._arrays:
            raise NotInMemory(key)
        return self._arrays[key].copy()

    def __setitem__(self, key: str, value: Any) -> None:
        array = np.asarray(value)
        if not isinstance(key, str) or len(key) > 64:
            raise TypeError("memory keys are short texts")
        if array.ndim == 0:
            array = np.full(self._rows, array)
        if array.shape[0] != self._rows or array.ndim > 2 or array.dtype.kind not in "fiub":
            raise ValueError(
                f"memory[{key!r}] must be {self._rows} rows of numbers, not {array.dtype} of shape {array.shape}"
            )
        if array.ndim == 2 and array.shape[1] > MAX_WIDTH:
            raise ValueError(f"memory[{key!r}] may hold {MAX_WIDTH:,} numbers a row at most, not {array.shape[1]:,}")
        if key not in self._arrays and len(self._arrays) >= MAX_KEYS:
            raise ValueError(f"memory holds at most {MAX_KEYS} arrays")
        self._arrays[key] = array.copy()
        self._unset[key] = np.zeros(self._rows, dtype=np.bool_)

    def __iter__(self) -> NoReturn:
        raise TypeError("memory can't be listed: use memory.get(key, default) for each key")

    def __contains__(self, key: object) -> bool:
        return key in self._arrays

    def _shape(self, default: Any) -> tuple[int, ...]:
        shape = np.shape(default)
        return shape if shape and shape[0] == self._rows else (self._rows, *shape)
