"""Every kind of action space."""

from typing import Any

import numpy as np
from gymnasium import spaces

from zoo.kit import acting


def still(action: Any) -> float:
    """Whatever is done, nothing moves."""
    return 0.0


def first(action: Any) -> float:
    """By the first number."""
    return float(np.ravel(action)[0])


acting("Lever", spaces.Discrete(3, start=-1), lambda a: 0.5 * float(a))
acting("LeverFromZero", spaces.Discrete(3), lambda a: 0.5 * float(a - 1))
acting("OneChoice", spaces.Discrete(1), still)
acting("ManyChoices", spaces.Discrete(500), lambda a: (float(a) - 250.0) / 500.0)
acting("Several", spaces.MultiDiscrete([2, 3]), lambda a: 0.5 * float(a[0]) - 0.25 * float(a[1]))
acting("SeveralFrom", spaces.MultiDiscrete([2, 3], start=[5, -1]), lambda a: 0.5 * float(a[0] - 5) - 0.25 * float(a[1]))
acting("SeveralInRows", spaces.MultiDiscrete([[2, 3], [2, 2]]), lambda a: 0.5 * float(a[0, 0]) - 0.25 * float(a[1, 1]))
acting("Switches", spaces.MultiBinary(2), lambda a: 0.5 * float(a[0]) - 0.5 * float(a[1]))
acting("SwitchesInRows", spaces.MultiBinary((2, 2)), lambda a: 0.5 * float(a[0, 0]) - 0.5 * float(a[1, 1]))
acting("Unit", spaces.Box(-1, 1, (1,), np.float32), first)
acting("HalfAStep", spaces.Box(-1, 1, (1,), np.float32), lambda a: 0.5 * first(a))
acting("Watts", spaces.Box(0, 1000, (1,), np.float32), lambda a: first(a) / 1000.0 - 0.5)
acting("WattsFromZero", spaces.Box(0, 1, (1,), np.float32), lambda a: first(a) - 0.5)
acting("Lopsided", spaces.Box(np.array([-3, 0], np.float32), np.array([0.5, 1e-3], np.float32)), first)
acting("NoFreedom", spaces.Box(np.array([-1, 2], np.float32), np.array([1, 2], np.float32)), first)
acting("Exact", spaces.Box(-1, 1, (2,), np.float64), first)
acting("Half", spaces.Box(-1, 1, (2,), np.float16), first)
acting("Notches", spaces.Box(-2, 2, (1,), np.int32), lambda a: 0.5 * first(a))
acting("Bytes", spaces.Box(0, 255, (1,), np.uint8), lambda a: first(a) / 255.0 - 0.5)
acting("Boundless", spaces.Box(-np.inf, np.inf, (1,), np.float32), first)
acting("HalfBoundless", spaces.Box(0, np.inf, (1,), np.float32), still)
acting("Grid", spaces.Box(-1, 1, (2, 2), np.float32), first)
acting("Scalar", spaces.Box(-1, 1, (), np.float32), first)
acting("Named", spaces.Dict({"push": spaces.Box(-1, 1, (1,), np.float32), "mode": spaces.Discrete(2)}), still)
acting("Pair", spaces.Tuple((spaces.Discrete(2), spaces.Discrete(2))), still)
acting("Spoken", spaces.Text(4), still)
acting("AnyLength", spaces.Sequence(spaces.Discrete(2)), still)
acting("OneOfTwo", spaces.OneOf((spaces.Discrete(2), spaces.Box(-1, 1, (1,), np.float32))), still)
acting("Wired", spaces.Graph(spaces.Box(-1, 1, (2,)), spaces.Discrete(3)), still)
