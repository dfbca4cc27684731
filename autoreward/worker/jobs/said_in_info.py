"""What an environment says in `info` while it is surveyed: values that are numbers at every step, which fields could read."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.core.visible import LONGEST_WORD
from autoreward.records import InfoValue

MOST_VALUES = 20
"""Values that are told of, at most."""
_DEEPEST = 3
"""Dicts in dicts that are looked into."""
_LARGEST = 64
"""Numbers of one value; larger ones are pictures or maps."""


class SaidInInfo:
    """Sees the info of each reset and step."""

    def __init__(self) -> None:
        self._steps = self._resets = 0
        self._seen: dict[tuple[str, ...], list[NDArray[np.float64]]] = {}
        self._at_reset: dict[tuple[str, ...], int] = {}

    def reset(self, info: Mapping[str, Any]) -> None:
        """What a reset says."""
        self._resets += 1
        for keys, _ in _numbers(info, ()):
            self._at_reset[keys] = self._at_reset.get(keys, 0) + 1

    def step(self, info: Mapping[str, Any]) -> None:
        """What a step says."""
        self._steps += 1
        for keys, value in _numbers(info, ()):
            self._seen.setdefault(keys, []).append(value)

    @property
    def values(self) -> tuple[InfoValue, ...]:
        """Those that were there at every step, finite and always of one shape, in the order that the environment has."""
        always = {
            keys: np.stack(seen)
            for keys, seen in self._seen.items()
            if len(seen) == self._steps and len({value.shape for value in seen}) == 1 and np.isfinite(seen).all()
        }
        return tuple(
            InfoValue(
                keys=keys,
                size=values[0].size if values.ndim > 1 else 0,
                low=float(values.min()),
                high=float(values.max()),
                flag=bool(np.isin(values, (0.0, 1.0)).all()),
                at_reset=self._at_reset.get(keys) == self._resets,
            )
            for keys, values in list(always.items())[:MOST_VALUES]
        )


def _numbers(info: Mapping[str, Any], before: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], NDArray[np.float64]]]:
    """The values that are numbers, with their keys, as far as a formula can say these."""
    for key, value in info.items():
        if not isinstance(key, str) or not key.isascii() or not key.isprintable() or len(key) > LONGEST_WORD:
            continue
        keys = (*before, key)
        if isinstance(value, Mapping):
            if len(keys) < _DEEPEST:
                yield from _numbers(value, keys)
        elif isinstance(value, bool | int | float | np.generic | np.ndarray):
            array = np.asarray(value)
            if array.dtype.kind in "biuf" and 0 < array.size <= _LARGEST:
                yield keys, array.astype(np.float64)
