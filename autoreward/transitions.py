"""Recorded transitions as named arrays: what a reward program is called on."""

import io
import zipfile
import zlib
from collections.abc import Sequence
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

    @classmethod
    def picked(cls, batches: Sequence["Transitions"], rows: NDArray[np.int64]) -> "Transitions":
        """Rows of several batches, counted through all of them, as the time steps of one environment."""

        def chosen(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
            flat = [array.reshape(-1, *array.shape[2:]) for array in arrays]
            return (flat[0] if len(flat) == 1 else np.concatenate(flat))[rows][:, None]

        return cls(
            state={k: chosen([b.state[k] for b in batches]) for k in batches[0].state},
            action={k: chosen([b.action[k] for b in batches]) for k in batches[0].action},
            next_state={k: chosen([b.next_state[k] for b in batches]) for k in batches[0].next_state},
            step=chosen([b.step for b in batches]),
            terminated=chosen([b.terminated for b in batches]),
        )

    @classmethod
    def joined(cls, batches: Sequence["Transitions"]) -> "Transitions":
        """Batches of the same environments, one after the other in time."""
        if len(batches) == 1:
            return batches[0]
        first = batches[0]
        return cls(
            state={k: np.concatenate([b.state[k] for b in batches]) for k in first.state},
            action={k: np.concatenate([b.action[k] for b in batches]) for k in first.action},
            next_state={k: np.concatenate([b.next_state[k] for b in batches]) for k in first.next_state},
            step=np.concatenate([b.step for b in batches]),
            terminated=np.concatenate([b.terminated for b in batches]),
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
