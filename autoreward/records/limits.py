"""A limit of a task card, as it was measured: what a policy may not do on its way to the goal."""

from typing import Literal

from autoreward.records.base import Name, Record, Unit

Over = Literal["mean", "max", "share", "every step"]
"""What is held against a limit's number: an episode's mean, its largest value, the share of its steps in which a condition holds,
each averaged over episodes; or the worst value of any step of any episode."""


class LimitReading(Record):
    """One limit over some episodes or trainings, with the interval that noise leaves."""

    name: Name
    over: Over
    at_most: float | None = None
    """One of these two is a number."""
    at_least: float | None = None
    unit: Unit = ""
    value: float
    low: float
    high: float
    """`every step` has no noise: one step beyond the number is enough."""

    @property
    def bound(self) -> float:
        """The number."""
        return self.at_most if self.at_most is not None else self.at_least or 0.0

    @property
    def broken(self) -> bool:
        """Whether the whole interval lies beyond the number: noise alone does not explain it."""
        return self.excess > 0.0

    @property
    def held(self) -> bool:
        """Whether the whole interval lies within. Neither held nor broken: these episodes can't tell."""
        return self.high <= self._most if self.at_most is not None else self.low >= self._least

    @property
    def excess(self) -> float:
        """How far the near end of the interval lies beyond the number, as a share of its size (of 1, where it is 0); else 0."""
        beyond = self.low - self._most if self.at_most is not None else self._least - self.high
        return max(beyond, 0.0) / (abs(self.bound) or 1.0)

    @property
    def said(self) -> str:
        """`torque 2.41 [2.30, 2.52] N·m (mean, at most 2)`."""
        spread = f" [{self.low:.3g}, {self.high:.3g}]" if self.low < self.high else ""
        side = "at most" if self.at_most is not None else "at least"
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name} {self.value:.3g}{spread}{unit} ({self.over}, {side} {self.bound:g})"

    @property
    def word(self) -> str:
        """`held`, `broken` or `unclear`."""
        return "held" if self.held else "broken" if self.broken else "unclear"

    @property
    def _most(self) -> float:
        return self.bound + 1e-9 * abs(self.bound)  # what the formula rounds

    @property
    def _least(self) -> float:
        return self.bound - 1e-9 * abs(self.bound)
