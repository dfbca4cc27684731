"""Recorded transitions as named arrays: what a reward program is called on."""

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_ARRAYS, _LARGEST_UNPACKED = 2_000, 1 << 30
"""Arrays of a recording, and their bytes, at most."""
_DAMAGE = (OSError, EOFError, KeyError, TypeError, MemoryError, RuntimeError, SyntaxError, tokenize.TokenError,
          zipfile.BadZipFile, zlib.error)  # fmt: skip
"""What reading something else ends in, besides ValueError."""
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


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

    @property
    def rule_fields(self) -> dict[str, NDArray[Any]]:
        """What success rules and metrics read of each step: what was done in it, and the fields after it.

        A state field is meant where an action field has the same name.
        """
        return {**{name: array.astype(np.float64) for name, array in self.action.items()}, **self.next_state}

    def without(self, name: str) -> "Transitions":
        """The same without one field of the state."""
        before, after = ({k: v for k, v in fields.items() if k != name} for fields in (self.state, self.next_state))
        return Transitions(before, self.action, after, self.step, self.terminated)

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
            _demand_sizes(data)
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                for key in archive.files:
                    group, _, name = key.partition(".")
                    if name:
                        groups[group][name] = archive[key]
                transitions = cls(**groups, step=archive["step"], terminated=archive["terminated"])
        except _DAMAGE as error:
            raise ValueError(f"no recorded transitions ({error})") from None
        transitions._demand_shapes()
        return transitions

    def _demand_shapes(self) -> None:
        """Raises ValueError if the arrays are not of the same steps and environments, or not of numbers."""
        if self.step.ndim != 2 or self.step.dtype.kind not in "iu" or self.terminated.dtype.kind != "b":
            raise ValueError("no recorded transitions (step or terminated is not what it should be)")
        if self.terminated.shape != self.step.shape:
            raise ValueError("no recorded transitions (step and terminated differ in shape)")
        for fields in (self.state, self.action, self.next_state):
            for name, array in fields.items():
                if array.dtype.kind not in "biuf" or array.ndim not in (2, 3) or array.shape[:2] != self.step.shape:
                    raise ValueError(f"no recorded transitions ({name!r} is {array.dtype} of shape {array.shape})")


def _demand_sizes(data: bytes) -> None:
    """Raises ValueError if an .npz says that more is in it than fits: nothing is unpacked to find out."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if len(members) > _MOST_ARRAYS or sum(member.file_size for member in members) > _LARGEST_UNPACKED:
            raise ValueError(
                f"no recorded transitions (more than {_MOST_ARRAYS} arrays, or {_LARGEST_UNPACKED >> 20} MiB unpacked)"
            )
        for member in members:
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                if version not in _HEADERS:
                    raise ValueError(f"no recorded transitions ({member.filename!r} is of a format that is not known)")
                shape, _, dtype = _HEADERS[version](file)
            if math.prod(shape) * dtype.itemsize > member.file_size:
                raise ValueError(f"no recorded transitions ({member.filename!r} says that it is larger than it is)")
