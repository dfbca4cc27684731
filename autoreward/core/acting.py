"""From what a policy emits to what the environment takes: one definition for training, scoring and every export.

Exported files hold the source of this class.
"""

from typing import Any

import numpy as np


class Acting:
    """The line between a policy's numbers and the actions of one space.

    A policy counts choices from 0, whatever number the environment's first one has. Where it is rescaled it emits real numbers in
    [-1, 1], which become those between the space's bounds: 0 is their middle, also where they do not lie evenly about 0.
    """

    def __init__(self, space: Any, rescale: bool) -> None:
        """`space`: of Gymnasium. `rescale`: whether the policy leaves the bounds of real numbers to this."""
        self.start = getattr(space, "start", 0)
        low, high = getattr(space, "low", None), getattr(space, "high", None)
        self.dtype = space.dtype
        self.whole = np.issubdtype(self.dtype, np.integer)
        emits = np.can_cast(
            np.float32, self.dtype
        )  # what a policy emits is of that type, and no environment's of a shorter one
        unit = low is None or (bool(np.all(low == -1)) and bool(np.all(high == 1)) and emits)
        self.rescaled = rescale and not unit
        self.same = not self.rescaled and not np.any(self.start)
        self.low: Any = np.asarray(low, dtype=np.float64) if self.rescaled else None
        self.high: Any = np.asarray(high, dtype=np.float64) if self.rescaled else None

    def acted(self, emitted: Any) -> Any:
        """The environment's actions, of the shape of what was emitted: (), (a,), (m,) or (m, a)."""
        if self.same:
            return emitted
        if not self.rescaled:
            return np.asarray(emitted) + self.start
        shares = 0.5 * (np.asarray(emitted, dtype=np.float64) + 1.0)
        actions = np.clip(self.low + shares * (self.high - self.low), self.low, self.high)
        return (np.rint(actions) if self.whole else actions).astype(self.dtype)

    def emitted(self, acted: Any) -> Any:
        """What a policy emits for such actions; 0 where the bounds leave one number alone."""
        if self.same:
            return acted
        if not self.rescaled:
            return np.asarray(acted) - self.start
        width = np.where(self.high > self.low, self.high - self.low, 1.0)
        shares = (np.asarray(acted, dtype=np.float64) - self.low) / width
        return np.where(self.high > self.low, 2.0 * shares - 1.0, 0.0).astype(np.float32)
