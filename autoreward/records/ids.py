"""Ids: each kind prints itself, and parses itself where it is read back; nobody else takes one apart or puts one together.

Records and names of files hold the printed form.
"""

import re
from typing import Annotated, NamedTuple, Self

from pydantic import Field

_NUMBER = r"(0|[1-9][0-9]*)"
_TRIAL = rf"^([A-Za-z0-9_]+)-s{_NUMBER}(?:-leg{_NUMBER})?$"
_REPLY = r"^r([0-9]{3}|[1-9][0-9]{3,})-(.+)$"

CandidateName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$", max_length=100)]
"""A candidate's id in records: a `CandidateId`, or made of the name of a person's file; without the `-` of a `TrialId`."""
TrialName = Annotated[str, Field(pattern=_TRIAL, max_length=200)]
"""A `TrialId` in records."""


class CandidateId(NamedTuple):
    """A candidate that a designer made: `r003c1`; or `r003w`, the best one so far with its weights tuned."""

    round: int
    place: int | None
    """Among the candidates of its round; None: it is the one with tuned weights."""

    def __str__(self) -> str:
        return f"r{self.round:03d}" + ("w" if self.place is None else f"c{self.place}")


def order_of_design(candidate_id: str) -> list[str | int]:
    """What ids are sorted by to be in the order of design: `r000c10` comes after `r000c2`."""
    return [int(piece) if piece.isdigit() else piece for piece in re.split(r"([0-9]+)", candidate_id)]


class TrialId(NamedTuple):
    """A training, or one leg of it: `r003c1-s0`, `r003c1-s0-leg2`, `native-s4`."""

    candidate: str
    """Id of the candidate, or `native`, `sparse` or `none`."""
    seed: int
    """Which of its training seeds, counted from 0."""
    leg: int | None = None
    """None: the whole training."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The id that prints as this. Raises ValueError if there is none; there is one for every `TrialName`."""
        match = re.fullmatch(_TRIAL, text)
        if match is None:
            raise ValueError(f"{text!r} is no id of a training")
        candidate, seed, leg = match.groups()
        return cls(candidate, int(seed), None if leg is None else int(leg))

    def __str__(self) -> str:
        return f"{self.candidate}-s{self.seed}" + ("" if self.leg is None else f"-leg{self.leg}")

    @property
    def training(self) -> Self:
        """The whole training that it is a leg of."""
        return self._replace(leg=None)

    def on_leg(self, leg: int) -> Self:
        """That leg of the same training."""
        return self._replace(leg=leg)


class ReplyKey(NamedTuple):
    """What a model was asked for a round: `r003-designer`, `r003-critic-1`."""

    round: int
    question: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The key that prints as this; None if it is none."""
        match = re.fullmatch(_REPLY, text)
        return cls(int(match[1]), match[2]) if match else None

    def __str__(self) -> str:
        return f"r{self.round:03d}-{self.question}"
