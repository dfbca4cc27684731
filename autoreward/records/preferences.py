"""What people prefer: which of two policies does more of what was meant."""

from typing import Literal

from autoreward.records.base import Id, Record
from autoreward.records.ids import TrialName

Answer = Literal["a", "b", "tie"]


class Question(Record):
    """Two policies in the same held-out episode."""

    a: Id
    """Candidate whose policy is shown as A."""
    b: Id
    a_trial: TrialName
    """The training that the policy shown as A comes from."""
    b_trial: TrialName
    episode: int
    """Index of the held-out episode that both are shown in."""

    @property
    def id(self) -> str:
        """`r000c1-s0-leg4~r000c3-s0-leg4~7`."""
        return f"{self.a_trial}~{self.b_trial}~{self.episode}"


class Preference(Record):
    """A person's answer to one question."""

    question: Question
    answer: Answer


class Strength(Record):
    """How much a candidate's policies are preferred."""

    candidate_id: Id
    value: float
    """On the logit scale; their mean is 0. With a difference of 1 the stronger one wins 73 % of the decided comparisons."""
    error: float
    """Posterior standard deviation of the value."""
    won: int
    lost: int
    tied: int

    @property
    def said(self) -> str:
        """The count of answers in words."""
        return f"preferred {self.won} times, {self.lost} times not, {self.tied} ties"


class Strengths(Record):
    """The ranking by people's preferences, best first; empty where nobody was asked."""

    items: tuple[Strength, ...] = ()

    def place(self, candidate_id: str) -> tuple[bool, float]:
        """What a candidate is sorted by, larger is better: who was compared is ahead of who was not, then the strength."""
        strength = self.of(candidate_id)
        return (True, strength.value) if strength else (False, 0.0)

    def of(self, candidate_id: str) -> Strength | None:
        """One candidate's strength; None if it was not compared."""
        return next((s for s in self.items if s.candidate_id == candidate_id), None)
