"""Environments that declare float32 and return more digits: what they declare holds, unless it loses what happens.

A space says how the numbers are kept wherever they go, from here to an exported file. Most that return float64 beside a
declared float32 lose nothing that matters. Coordinates of millions of metres do, without a word: they are refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.errors import TaskError
from autoreward.tasks.card import Task
from autoreward.worker.envs.numeric import as_declared, real_numbers

_LARGE = 1e4
"""Numbers below keep a thousandth and less as float32."""
_SHARE = 1e-3
"""Share of what a number varies by that rounding may change it by."""

_LARGEST = 1e18
"""From here on squares, which numbers are normalised by, are near the largest float32."""
_WATCHED = 2_000
"""Observations that are looked at; trainings, which are longer, come after others that were looked at whole."""


def demand_moderate(task: Task, what: str, values: NDArray[Any]) -> None:
    """Raises TaskError where numbers are so large that normalising makes all others 0: often they stand for nothing seen."""
    if (largest := float(np.abs(values).max(initial=0))) > _LARGEST:
        raise TaskError(
            f"task {task.name}: {task.env}: {what} reaches {largest:.3g}, and beside such numbers a policy sees no others; have "
            "the environment return a number near the others' where it has none, or scale it."
        )


class Loss(NamedTuple):
    """A number of an observation that the type of its space, such as float32, does not hold."""

    where: str
    """Such as `obs['north'][0]`."""
    value: float
    rounded: float
    kind: str

    @property
    def found(self) -> str:
        """What is wrong, without the environment's name."""
        return f"{self.where} is declared as {self.kind}, which makes {self.rounded:.12g} of its {self.value:.12g}"

    @property
    def advice(self) -> str:
        """What to do."""
        return "Declare dtype=np.float64 in observation_space: every digit is kept then."


class Rounding:
    """Watches observations of a space for numbers that it declares as float32, or shorter, and that come with more digits."""

    def __init__(self, space: spaces.Space[Any]) -> None:
        self._boxes = list(_narrow(space, (), "obs"))
        self._seen: dict[str, _Span] = {}
        self._left = _WATCHED if self._boxes else 0

    def note(self, observation: Any) -> None:
        """One more observation."""
        if not self._left:
            return
        self._left -= 1
        for steps, where, kind in self._boxes:
            values = _at(observation, steps)
            if values is not None and (values.dtype.kind in "iu" or (values.dtype.kind == "f" and values.dtype > kind)):
                self._seen.setdefault(where, _Span(kind)).note(values.astype(np.float64).reshape(-1))

    @property
    def finer(self) -> tuple[str, ...]:
        """The parts that came with more digits than declared."""
        return tuple(self._seen)

    def loss(self) -> Loss | None:
        """The first number that changes by less than rounding it does, nearly."""
        found = ((where, span.lost(), str(span.kind)) for where, span in self._seen.items())
        return next((Loss(f"{where}[{lost[0]}]", *lost[1:], kind) for where, lost, kind in found if lost), None)


class Declared(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Has an environment's vectors be of the type that it declares, and refuses it where what that loses is what happens in it."""

    def __init__(self, env: gymnasium.Env[Any, Any], task: Task) -> None:
        super().__init__(env)
        self._task = task
        space = env.observation_space
        self._rounding = Rounding(space)
        self._kind = space.dtype if isinstance(space, spaces.Box) else None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset. Raises TaskError if the episodes so far say so; UnusableObservation."""
        if loss := self._rounding.loss():
            advice = f"{loss.advice[:1].lower()}{loss.advice[1:]}"
            raise TaskError(f"task {self._task.name}: of what {self._task.env} returns, {loss.found}; {advice}")
        observation, info = self.env.reset(seed=seed, options=options)
        return self._noted(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step. Raises UnusableObservation."""
        observation, *rest = self.env.step(action)
        return self._noted(observation), *rest

    def _noted(self, observation: Any) -> Any:
        self._rounding.note(observation)
        if self._kind is None or (isinstance(observation, np.ndarray) and observation.dtype == self._kind):
            return observation
        return as_declared(real_numbers(observation), self._kind, "obs")


class _Span:
    """The least and largest that some numbers were, and how far rounding was from each."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self._large = _LARGE * float(np.finfo(np.float32).eps / np.finfo(kind).eps)
        self._low = self._high = self._worst = np.zeros(0)
        self._off = np.zeros(0)

    def note(self, values: Any) -> None:
        if not self._low.size:
            self._low = self._high = self._worst = values
            self._off = np.zeros(values.shape)
        if values.shape != self._low.shape:
            return  # said elsewhere
        with np.errstate(all="ignore"):
            off = np.abs(values - values.astype(self.kind).astype(np.float64))
        self._low, self._high = np.minimum(self._low, values), np.maximum(self._high, values)
        self._worst = np.where(off > self._off, values, self._worst)
        self._off = np.maximum(self._off, off)

    def lost(self) -> tuple[int, float, float] | None:
        """The place, a value there, and what its declared type makes of it."""
        with np.errstate(all="ignore"):
            span = self._high - self._low
            bad = (np.abs(self._worst) > self._large) & (span > 0) & (self._off > _SHARE * span) & np.isfinite(span)
        if not bad.any():
            return None
        place = int(np.argmax(bad))
        return place, float(self._worst[place]), float(self._worst[place].astype(self.kind))


def _narrow(space: spaces.Space[Any], steps: tuple[Any, ...], where: str) -> Iterator[tuple[tuple[Any, ...], str, Any]]:
    """The parts that are declared in floats of four bytes or fewer, with the way to each, and its type."""
    if isinstance(space, spaces.Dict | spaces.Tuple):
        inner = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        for key, part in inner:
            yield from _narrow(part, (*steps, key), f"{where}[{key!r}]")
    elif (
        isinstance(space, spaces.Box) and space.dtype.kind == "f" and space.dtype.itemsize <= 4 and len(space.shape) < 2
    ):
        yield steps, where, space.dtype


def _at(observation: Any, steps: tuple[Any, ...]) -> Any:
    """The array there; None if there is none."""
    for step in steps:
        if isinstance(observation, Mapping):
            observation = observation.get(step)
        elif isinstance(observation, tuple | list) and isinstance(step, int) and step < len(observation):
            observation = observation[step]
        else:
            return None
    if isinstance(observation, np.ndarray):
        return observation
    try:
        return np.asarray(observation) if isinstance(observation, list | tuple | float | int) else None
    except ValueError:
        return None
