"""Every kind of observation space, and observations that are not what their space says."""

import array
import threading
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from gymnasium import spaces

from zoo.kit import Plain, observing, register

WIDE = spaces.Box(-10, 10, (1,), np.float32)
FAR = spaces.Box(-np.inf, np.inf, (1,), np.float32)
UNIT = spaces.Box(-1, 1, (2,), np.float32)


def whole(env: Plain) -> int:
    """Its place as a whole number from 0 to 19."""
    return int(np.clip(env.x + 10, 0, 19))


class SameArray(Plain):
    """Hands out one array, changed at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = np.zeros(1, np.float32)

    def observed(self) -> Any:
        self.seen[:] = self.x
        return self.seen


class SameDict(SameArray):
    """The same of an array in a dict."""

    observation_space = spaces.Dict({"x": WIDE})

    def observed(self) -> Any:
        return {"x": super().observed()}


class Growing(Plain):
    """Observes one more number after some steps."""

    def observed(self) -> Any:
        return self.vector(0.0) if self.x > 1.0 else self.vector()


class Upright(Plain):
    """Observes a column of three numbers after some steps, where its space has a row."""

    observation_space = spaces.Box(-10, 10, (3,), np.float32)

    def observed(self) -> Any:
        row = self.vector(0.0, 1.0)
        return row[:, None] if self.x > 1.0 else row


class Redrawn(Plain):
    """States another space at every reset."""

    size = 1

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        super().reset(**given)
        self.size = 1 + int(self.np_random.integers(3))
        self.observation_space = spaces.Box(-10, 10, (self.size,), np.float32)
        return self.observed(), {}

    def observed(self) -> Any:
        return np.full(self.size, self.x, np.float32)


class NoSpace(Plain):
    """States no observation space."""

    observation_space = None  # type: ignore[assignment]


class NotANumber(Plain):
    """A division of its own that fails beyond 1."""

    def observed(self) -> Any:
        return np.array([np.nan if self.x > 1.0 else self.x], np.float32)


class SameBuffer(Plain):
    """Hands out one buffer that is no array of NumPy's, changed at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = array.array("f", [0.0])

    def observed(self) -> Any:
        self.seen[0] = self.x
        return self.seen


class Frames:
    """Reads as an array, as stacked frames do."""

    def __init__(self, seen: Any) -> None:
        self.seen = seen

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.seen


class SameFrames(SameArray):
    """Hands out an object that reads as the same array at every step."""

    def observed(self) -> Any:
        return Frames(super().observed())


register("SameBuffer", SameBuffer)
register("SameFrames", SameFrames)
register("SameArray", SameArray)
register("SameDict", SameDict)
register("Growing", Growing)
register("Upright", Upright)
register("Redrawn", Redrawn)
register("NoSpace", NoSpace)
register("NotANumber", NotANumber)
observing("Fresh", WIDE, lambda e: e.vector())
observing("FreshDict", spaces.Dict({"x": WIDE}), lambda e: {"x": e.vector()})
observing("Infinite", WIDE, lambda e: np.array([np.inf if e.x > 1 else e.x], np.float32))
observing("Float64", spaces.Box(0, 1e7, (1,), np.float64), lambda e: np.array([5.4e6 + 0.1 * e.x]))
observing(
    "Float64Dict",
    spaces.Dict({"north": spaces.Box(0, 1e7, (1,), np.float64)}),
    lambda e: {"north": np.array([5.4e6 + 0.1 * e.x])},
)
observing("Float16", spaces.Box(-10, 10, (1,), np.float16), lambda e: np.array([e.x], np.float16))
observing("Whole", spaces.Box(-10, 10, (1,), np.int8), lambda e: np.array([round(e.x)], np.int8))
observing("FewBytes", spaces.Box(0, 255, (2, 2), np.uint8), lambda e: np.full((2, 2), whole(e), np.uint8))
observing("Unbounded", spaces.Box(-np.inf, np.inf, (1,), np.float32), lambda e: e.vector())
observing("HalfBounded", spaces.Box(-10, np.inf, (1,), np.float32), lambda e: e.vector())
observing("Matrix", spaces.Box(-10, 10, (2, 3), np.float32), lambda e: np.full((2, 3), e.x, np.float32))
observing("SingleNumber", spaces.Box(-10, 10, (), np.float32), lambda e: np.float32(e.x))
observing("Nothing", spaces.Box(-10, 10, (0,), np.float32), lambda e: np.zeros(0, np.float32))
observing("Image", spaces.Box(0, 255, (64, 64, 3), np.uint8), lambda e: np.full((64, 64, 3), whole(e), np.uint8))
observing("Long", spaces.Box(-10, 10, (2500,), np.float32), lambda e: np.full(2500, e.x, np.float32))
observing("Wide", spaces.Box(-10, 10, (60,), np.float32), lambda e: np.full(60, e.x, np.float32))
observing("Number", spaces.Discrete(20), whole)
observing("NumberFrom", spaces.Discrete(20, start=-10), lambda e: whole(e) - 10)
observing("NumberOfNumPy", spaces.Discrete(20), lambda e: np.int64(whole(e)))
observing("ManyPlaces", spaces.Discrete(4096), lambda e: 200 * whole(e))
observing("Numbers", spaces.MultiDiscrete([20, 2]), lambda e: np.array([whole(e), 1]))
observing("NumbersInRows", spaces.MultiDiscrete([[20, 2], [2, 2]]), lambda e: np.array([[whole(e), 1], [0, 1]]))
observing("Bits", spaces.MultiBinary(3), lambda e: np.array([e.x > 0, e.x > 1, e.x > 2], np.int8))
observing(
    "Nested",
    spaces.Dict({"arm": spaces.Dict({"at": WIDE, "hand": spaces.Discrete(20)})}),
    lambda e: {"arm": {"at": e.vector(), "hand": whole(e)}},
)
observing("OtherOrder", spaces.Dict({"a": WIDE, "b": UNIT}), lambda e: {"b": np.zeros(2, np.float32), "a": e.vector()})
observing("MoreKeys", spaces.Dict({"a": WIDE}), lambda e: {"a": e.vector(), "debug": object()})
observing("LackingKey", spaces.Dict({"a": WIDE, "b": UNIT}), lambda e: {"a": e.vector()})
observing(
    "Colliding",
    spaces.Dict({"arm/at": WIDE, "arm": spaces.Dict({"at": WIDE}), "arm-at": UNIT}),
    lambda e: {"arm/at": np.float32([0.1]), "arm": {"at": e.vector()}, "arm-at": np.float32([-0.3, 0.3])},
)
observing(
    "Umlauts",
    spaces.Dict({"höhe": WIDE, "位置": WIDE, "lambda": WIDE}),
    lambda e: {k: e.vector() for k in ("höhe", "位置", "lambda")},
)
observing("NumberedKeys", spaces.Dict({1: WIDE, 2: WIDE}), lambda e: {1: e.vector(), 2: e.vector()})  # type: ignore[dict-item]
observing("EmptyKey", spaces.Dict({"": WIDE}), lambda e: {"": e.vector()})
observing("Couple", spaces.Tuple((WIDE, spaces.Discrete(20))), lambda e: (e.vector(), whole(e)))
observing("CoupleAsList", spaces.Tuple((WIDE, spaces.Discrete(20))), lambda e: [e.vector(), whole(e)])
observing("WithText", spaces.Dict({"at": WIDE, "order": spaces.Text(5)}), lambda e: {"at": e.vector(), "order": "go"})
observing("OnlyText", spaces.Text(5), lambda e: "go")
observing("Sequenced", spaces.Sequence(WIDE), lambda e: (e.vector(),))
observing("EitherOr", spaces.OneOf((WIDE, spaces.Discrete(2))), lambda e: (0, e.vector()))
observing("Network", spaces.Graph(UNIT, None), lambda e: spaces.GraphInstance(np.zeros((1, 2), np.float32), None, None))
observing("AsList", WIDE, lambda e: [e.x])
observing("AsTensor", WIDE, lambda e: torch.tensor([e.x], requires_grad=True))
observing("AsTexts", WIDE, lambda e: [str(e.x)])
observing("Loose", WIDE, lambda e: e.x)
observing("BelowFirst", spaces.Discrete(3), lambda e: int(np.sign(e.x)))
observing("BeyondLast", spaces.MultiDiscrete([3, 3]), lambda e: np.array([int(np.sign(e.x)) + 2, 1]))
observing(
    "Swapped",
    spaces.Dict({"a": UNIT, "b": WIDE}),
    lambda e: {"a": e.vector(), "b": np.zeros(2, np.float32)},
)
observing("Finer", WIDE, lambda e: np.array([e.x], np.float64))
observing("FinerFar", FAR, lambda e: np.array([5.4e6 + 0.1 * e.x]))
observing("FinerFarDict", spaces.Dict({"north": FAR}), lambda e: {"north": [5.4e6 + 0.1 * e.x]})
observing("FinerLarge", FAR, lambda e: np.array([5.4e6 + 1e4 * e.x]))
observing("WholeFar", FAR, lambda e: np.array([2**25 + round(10 * e.x)]))
observing("NothingSeen", FAR, lambda e: np.array([1e30 if e.x > 1 else e.x], np.float32))
observing("OutOfBounds", spaces.Box(-0.1, 0.1, (1,), np.float32), lambda e: e.vector())
observing("ZeroBounds", spaces.Box(0.0, 0.0, (1,), np.float64), lambda e: np.array([e.x + 0.5]))
observing("WrongShape", UNIT, lambda e: e.vector(0.0, 0.0))
observing("ReadOnly", WIDE, lambda e: np.broadcast_to(np.float32(e.x), (1,)))
observing("Fractions", spaces.Box(0, 255, (2,), np.uint8), lambda e: np.array([0, abs(e.x) / 10 + 0.01], np.float32))
observing(
    "FractionsDict", spaces.Dict({"a": spaces.Box(-10, 10, (1,), np.int32)}), lambda e: {"a": np.array([e.x + 0.01])}
)
observing("Wraps", spaces.Box(-128, 127, (1,), np.int8), lambda e: np.array([1000 + round(e.x)]))
observing("Overflows", spaces.Box(-np.inf, np.inf, (1,), np.float16), lambda e: np.array([1e5 + e.x]))
observing("HalfBits", spaces.MultiBinary(2), lambda e: np.array([0.7, 1.0]))
observing("Masked", UNIT, lambda e: np.ma.array([e.x, 99.0], mask=[False, True]))
observing("Imaginary", WIDE, lambda e: np.array([e.x + 0j]))
observing("Decimals", WIDE, lambda e: [Decimal(str(e.x))])
observing("LongDouble", spaces.Box(-10, 10, (1,), np.longdouble), lambda e: np.array([e.x], np.longdouble))
observing("AsMapping", spaces.Dict({"x": WIDE}), lambda e: MappingProxyType({"x": e.vector()}))
observing("NoGoal", spaces.Dict({"at": WIDE, "goal": WIDE}), lambda e: {"at": e.vector(), "goal": None})
observing("CoupleForDict", spaces.Dict({"a": WIDE}), lambda e: (e.vector(),))
observing("LockBeside", spaces.Dict({"a": WIDE}), lambda e: {"a": e.vector(), "lock": threading.Lock()})
