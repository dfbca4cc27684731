"""What successful episodes do that the success rule does not speak of."""

import math

from pydantic import Field

from autoreward.records.base import FormulaText, Id, Name, Record, Said

CENTRED = 0.25
"""A bound is the same on both sides where the usual value is within this share of it from 0."""


class Departure(Record):
    """A number of the state that the rule does not name, and that most successes end far from where untrained episodes do."""

    field: Name
    index: int | None = None
    """Which entry of the field; None for a field of one number."""
    low: float
    high: float
    """What successes are held against: untrained episodes and start states lie between these."""
    below: int
    above: int
    """Successes that stay beyond either bound throughout the rule's window."""
    successes: int
    typical: float
    """Median over the successes that lie beyond."""
    start: float
    """Median at the start of episodes."""
    usual: float
    """Median at the end of reference episodes."""
    spread: float
    """Robust standard deviation of that."""
    past_the_seam: bool = False
    """Of an angle: whether the bounds reach beyond where its numbers come round, so that only a distance says what lies between."""

    @property
    def quantity(self) -> str:
        """`pitch`, or `joint_angle[3]`."""
        return self.field if self.index is None else f"{self.field}[{self.index}]"

    @property
    def beyond(self) -> int:
        """Successes beyond a bound."""
        return self.below + self.above

    @property
    def distance(self) -> float:
        """How far the typical success is from the usual end, in robust standard deviations."""
        return abs(self.typical - self.usual) / self.spread

    @property
    def condition(self) -> str:
        """A formula that holds within the bounds, loosened to two digits: what a rule might ask for besides."""
        if self.past_the_seam:
            return f"abs({self.quantity} - {self.usual:.3g}) < {_loosened(max(self.usual - self.low, self.high - self.usual), 1):g}"
        widest = max(abs(self.low), abs(self.high))
        if abs(self.usual) <= CENTRED * widest:
            return f"abs({self.quantity}) < {_loosened(widest, 1):g}"
        below = f"{self.quantity} > {_loosened(self.low, -1):g}"
        above = f"{self.quantity} < {_loosened(self.high, 1):g}"
        return " and ".join(([below] if self.below else []) + ([above] if self.above else []))

    @property
    def sentence(self) -> str:
        """What people are told of it."""
        sides = [f"above {self.high:.2g}"] * (self.above > 0) + [f"below {self.low:.2g}"] * (self.below > 0)
        return (
            f"in {self.beyond} of {self.successes} successes `{self.quantity}` ends {' or '.join(sides)} (typically "
            f"{self.typical:.2g}); at the start it is {self.start:.2g}, untrained episodes end at {self.usual:.2g}: "
            "the rule does not name it"
        )


class MissingCondition(Record):
    """A condition that a model finds the goal to ask for and the rule not to."""

    condition: FormulaText
    """In the language of task cards, over fields and constants."""
    why: Said
    fails: int
    """Recorded successes that do not meet it."""
    successes: int

    @property
    def sentence(self) -> str:
        """What people are told of it."""
        return f"{self.fails} of {self.successes} successes do not meet `{self.condition}`: {self.why.rstrip('.')}"


class SuccessAudit(Record):
    """Whether what counts as a success does what the goal says, as far as numbers and a model can tell."""

    candidate_id: Id = ""
    """Whose successes; empty: of all programs of a round."""
    successes: int = 0
    departures: tuple[Departure, ...] = ()
    """Gravest first."""
    missing: tuple[MissingCondition, ...] = ()
    findings: tuple[Said, ...] = ()
    """What was wrong with a model's answer, or why nobody was asked."""
    passing: int = Field(default=0, ge=0)
    """Successes by a rule of any step that is no longer met at their end, where the goal speaks of staying; 0 where few are."""
    silent: Said = Field(default="")
    """Why the numbers were not compared; empty if they were."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything that it found, in words."""
        passing = (
            f"in {self.passing} of {self.successes} successes the rule is met in passing, and no longer at the end: the goal "
            'speaks of staying; `within = "last N steps"` in the card asks for that',
        )
        return (
            *(m.sentence for m in self.missing),
            *(d.sentence for d in self.departures),
            *(passing if self.passing else ()),
        )

    @property
    def proposal(self) -> str:
        """A formula that the rule might ask for besides: a model's conditions, else the departures'; may be empty, also where
        something was found."""
        found: tuple[MissingCondition | Departure, ...] = self.missing or self.departures
        return " and ".join(one.condition for one in found)


def _loosened(bound: float, side: int) -> float:
    """The bound moved outward (`side`: 1 up, -1 down) to two digits."""
    if bound == 0.0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(bound))) - 1)
    return float(f"{(math.ceil(bound / unit - 1e-9) if side > 0 else math.floor(bound / unit + 1e-9)) * unit:.12g}")
