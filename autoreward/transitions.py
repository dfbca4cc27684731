"""Recorded transitions as named arrays: what a reward program is called on."""

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Transitions:
    """T time steps of n environments side by side; a column runs through its episodes in order."""

    state: dict[str, NDArray[Any]]
    """Field -> array of shape (T, n) or (T, n, k), in the environment's units."""
    action: dict[str, NDArray[Any]]
    """Field -> array of shape (T, n) or (T, n, k)."""
    next_state: dict[str, NDArray[Any]]
    """Like `state`, after the action; the true last state where an episode ends."""
    step: NDArray[np.int64]
    """Shape (T, n): index of `next_state` in its episode; 1 marks an episode's first transition."""
    terminated: NDArray[np.bool_]
    """Shape (T, n): the episode ended by itself here (not by the time limit)."""

    @property
    def shape(self) -> tuple[int, int]:
        """(T, n)."""
        steps, envs = self.step.shape
        return steps, envs

    def cut(self, rows: Any = slice(None), columns: Any = slice(None)) -> "Transitions":
        """Some time steps of some environments: slices, or a list of columns."""
        return Transitions(
            state={k: v[rows, columns] for k, v in self.state.items()},
            action={k: v[rows, columns] for k, v in self.action.items()},
            next_state={k: v[rows, columns] for k, v in self.next_state.items()},
            step=self.step[rows, columns],
            terminated=self.terminated[rows, columns],
        )

    def to_bytes(self) -> bytes:
        """An .npz without pickles."""
        buffer = io.BytesIO()
        groups = {"state": self.state, "action": self.action, "next_state": self.next_state}
        arrays = {f"{group}.{name}": array for group, fields in groups.items() for name, array in fields.items()}
        np.savez_compressed(buffer, allow_pickle=False, step=self.step, terminated=self.terminated, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Transitions":
        """Read what `to_bytes` wrote. Raises ValueError on anything else."""
        groups: dict[str, dict[str, NDArray[Any]]] = {"state": {}, "action": {}, "next_state": {}}
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                for key in archive.files:
                    group, _, name = key.partition(".")
                    if name:
                        groups[group][name] = archive[key]
                return cls(**groups, step=archive["step"], terminated=archive["terminated"])
        except (OSError, EOFError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"no recorded transitions ({error})") from None
