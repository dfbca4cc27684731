"""What people prefer, and models that judge: which of two policies, or of up to four, does the most of what was meant."""

from typing import Literal, Self

from pydantic import Field, model_validator

from autoreward.records.base import Id, Line, Part, Record, Said
from autoreward.records.ids import TrialName

Answer = Literal["a", "b", "tie"]
"""Of a pair."""
Chosen = Literal["a", "b", "c", "d", "tie"]
"""Of what people are asked about; a tie is one of all that are shown."""
SIDES: tuple[Chosen, ...] = ("a", "b", "c", "d")
"""What those that are shown are called, in their order."""


class Further(Record):
    """A policy that is shown beside two others."""

    candidate_id: Id
    trial_id: TrialName
    """The training that it comes from."""


class Question(Record):
    """Two policies in the same held-out episode, or up to four."""

    a: Id
    """Candidate whose policy is shown as A."""
    b: Id
    a_trial: TrialName
    """The training that the policy shown as A comes from."""
    b_trial: TrialName
    episode: int
    """Index of the held-out episode that all are shown in."""
    further: tuple[Further, ...] = Field(default=(), max_length=len(SIDES) - 2)
    """Those that are shown as C and D."""

    @property
    def id(self) -> str:
        """`r000c1-s0-leg4~r000c3-s0-leg4~7`."""
        return "~".join((*self.trials, str(self.episode)))

    @property
    def candidates(self) -> tuple[str, ...]:
        """Whose policies are shown, in the order of SIDES."""
        return (self.a, self.b, *(one.candidate_id for one in self.further))

    @property
    def trials(self) -> tuple[str, ...]:
        """The trainings that they come from."""
        return (self.a_trial, self.b_trial, *(one.trial_id for one in self.further))

    @property
    def sides(self) -> tuple[Chosen, ...]:
        """What those that are shown are called."""
        return SIDES[: len(self.trials)]


class Preference(Record):
    """A person's answer to one question."""

    question: Question
    answer: Chosen
    reason: Said = ""
    """Why, in the person's words."""
    by: Id = ""
    """Who answered, where several people do; empty: the one person who does."""

    @model_validator(mode="after")
    def _names_one_that_was_shown(self) -> Self:
        if self.answer not in (*self.question.sides, "tie"):
            raise ValueError(f"{self.answer} was not shown")
        return self

    @property
    def winner(self) -> str:
        """Id of the candidate that was preferred; empty for a tie."""
        return "" if self.answer == "tie" else self.question.candidates[SIDES.index(self.answer)]

    @property
    def losers(self) -> tuple[str, ...]:
        """Ids of the candidates that it was preferred to; none for a tie."""
        sides = zip(self.question.sides, self.question.candidates, strict=True)
        return () if self.answer == "tie" else tuple(name for side, name in sides if side != self.answer)

    @property
    def id(self) -> str:
        """The question's, and who answered it: `r000c1-s0-leg4~r000c3-s0-leg4~7~anna`."""
        return self.question.id + (f"~{self.by}" if self.by else "")

    def aspect(self, side: str) -> str:
        """The id of what the reason says of one side, one of SIDES: `r000c1-s0-leg4_r000c3-s0-leg4_7_a`."""
        return "_".join(filter(None, (*self.question.trials, str(self.question.episode), self.by, side)))


class Debate(Record):
    """What came of a pair on which a judge contradicted itself: facts for either side, and what it says by these alone."""

    for_a: tuple[Said, ...] = ()
    """What speaks for A, and is so: `a, step 40: position is 0.513`."""
    for_b: tuple[Said, ...] = ()
    struck: int = 0
    """Facts that were named and are not so."""
    forwards: Answer | None = None
    """What it said with A first; None: nothing that could be used."""
    backwards: Answer | None = None
    """What it said with B first."""
    reason: Said = ""

    @property
    def answer(self) -> Answer:
        """What it said both times; a tie where it said two things again."""
        return self.forwards if self.forwards is not None and self.forwards == self.backwards else "tie"


class Judgement(Record):
    """What a model says of a question, asked twice: with A shown first, and with B shown first."""

    question: Question
    by: Line
    """The model's name."""
    answer: Answer
    """What it said both times; where it said two things, what it said after a debate, or a tie."""
    forwards: Answer | None = None
    """What it said with A first; None: nothing that could be used."""
    backwards: Answer | None = None
    """What it said with B first."""
    reason: Said = ""
    cited: int = 0
    """Facts that it named and that are so, of both answers."""
    struck: int = 0
    """Facts that it named and that are not so."""
    principles: tuple[tuple[float, float], ...] = ()
    """What it gave A and B by each principle of the card, from 1 to 5, on average of both orders; empty without any."""
    debate: Debate | None = None
    """None: there was none."""
    similarities: tuple[float, float] | None = None
    """How much the pictures of A and of B look like the goal, on average, to an image-text model; None of others."""

    @property
    def contradicted(self) -> bool:
        """Whether it said two things of one pair."""
        return None not in (self.forwards, self.backwards) and self.forwards != self.backwards

    @property
    def by_place(self) -> bool:
        """Whether it chose the one that was shown first both times, or the one that was shown last, and no debate decided."""
        chose = (self.forwards, self.backwards) in (("a", "b"), ("b", "a"))
        return chose and not (self.debate and self.debate.answer != "tie")

    @property
    def preference(self) -> Preference:
        """The same as an answer like a person's."""
        return Preference(question=self.question, answer=self.answer)


class Judgements(Record):
    """What models said of some questions."""

    items: tuple[Judgement, ...] = ()
    findings: tuple[Said, ...] = ()
    """What was wrong with their answers."""


class JudgedTask(Record):
    """How a model that judges did on policies of one task whose rule says which are better."""

    task: Line
    agreed: float = Field(ge=0.0)
    """Pairs of which it said what the rule says; ties are halves."""
    pairs: int = Field(ge=1)


class JudgeExam(Record):
    """How well a model judges."""

    by: Line
    tasks: tuple[JudgedTask, ...] = Field(min_length=1)
    by_place: int
    """Pairs in which it chose by the order in which they were shown."""
    findings: tuple[Said, ...] = ()


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
    """The ranking by what people or models prefer, best first; empty where nobody was asked."""

    items: tuple[Strength, ...] = ()

    def place(self, candidate_id: str) -> tuple[bool, float]:
        """What a candidate is sorted by, larger is better: who was compared is ahead of who was not, then the strength."""
        strength = self.of(candidate_id)
        return (True, strength.value) if strength else (False, 0.0)

    def of(self, candidate_id: str) -> Strength | None:
        """One candidate's strength; None if it was not compared."""
        return next((s for s in self.items if s.candidate_id == candidate_id), None)


class AnsweredWeights(Record):
    """Weights of a program's parts by which what was preferred is paid more."""

    candidate_id: Id
    factors: tuple[tuple[Part, float], ...]
    """By what each part is multiplied."""
    answers: int = Field(ge=0)
    """Those that preferred one of the episodes that they were about."""
    stretches: int = Field(ge=0)
    """Pairs of steps of which one was praised and the other blamed."""
    told_before: float = Field(ge=0.0, le=1.0)
    """Share of the pairs that these make of which the program's own weights pay the better side more; ties are halves."""
    told_after: float = Field(ge=0.0, le=1.0)
    """The same by weights that were fitted to the others."""

    @property
    def source(self) -> str:
        """What they are made of, in words."""
        answers = f"{self.answers} answer{'s' * (self.answers != 1)}"
        stretches = f"{self.stretches} pair{'s' * (self.stretches != 1)} of praised and blamed steps"
        return " and ".join(filter(None, (answers if self.answers else "", stretches if self.stretches else "")))

    @property
    def tells_more(self) -> bool:
        """Whether weights like these tell answers that they were not fitted to better than the program's own."""
        return self.told_after > self.told_before
