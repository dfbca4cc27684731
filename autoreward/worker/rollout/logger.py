"""What Stable-Baselines3 logs in a training, kept by step: what it would have written to TensorBoard."""

from typing import Any

import numpy as np
from stable_baselines3.common.logger import KVWriter

from autoreward.records import Logged, LoggedPoint


class Logbook(KVWriter):
    """An output of SB3's logger that only remembers. Numbers alone are kept, and of those the finite ones."""

    def __init__(self) -> None:
        self._points: list[LoggedPoint] = []

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        """Take one dump, without what SB3 keeps from TensorBoard."""
        values = {
            name: float(value)
            for name, value in key_values.items()
            if "tensorboard" not in key_excluded[name] and isinstance(value, int | float | np.number)
        }
        finite = {name: value for name, value in values.items() if np.isfinite(value)}
        self._points.append(LoggedPoint(step=step, values=finite))

    def close(self) -> None:
        """Nothing is open."""

    def to_bytes(self) -> bytes:
        """Everything so far, as the JSON of `Logged`."""
        return Logged(points=tuple(self._points)).model_dump_json().encode()
