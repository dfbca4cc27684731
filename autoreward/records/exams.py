"""The exam of models that review programs: what they are asked about, and how they did."""

from pydantic import Field

from autoreward.records.base import FormulaText, Line, Name, ProgramText, Record, Said
from autoreward.records.candidates import CompositionName


class PlantedFault(Record):
    """A good program with one fault put into it."""

    kind: Line
    """What was done to it, such as `sign`."""
    source: ProgramText
    lines: tuple[int, ...] = Field(min_length=1)
    """Where a reader may say that it is."""
    shown: Line
    """How recorded episodes show that it is one."""


class ExamProgram(Record):
    """A program without a fault that recorded episodes show, and the same with faults."""

    name: Name
    thought: Line
    composition: CompositionName = "sum"
    source: ProgramText
    success: float | None = Field(default=None, ge=0.0, le=1.0)
    """Held-out success of a policy that was trained with it for this exam; None: none was."""
    faults: tuple[PlantedFault, ...] = Field(min_length=1)


class ExamPaper(Record):
    """The programs of one shipped task, and the policies whose episodes programs are judged by."""

    task: Line
    behaviours: tuple[FormulaText, ...]
    """Scripts, as a card's is one: some succeed, and some do what a faulty reward would want."""
    programs: tuple[ExamProgram, ...]


class ReadProgram(Record):
    """What a critic made of one program."""

    task: Line
    program: Name
    fault: Line = ""
    """The kind of what was planted; empty for a good program."""
    objected: bool
    """Whether it said anything serious."""
    right_line: bool = False
    """Whether that was said of the line with the fault."""
    repaired: bool = False
    """Whether the program that was written anew after its remarks may train and has the fault no more."""


class CriticExam(Record):
    """How well a model reviews programs."""

    by: Line
    items: tuple[ReadProgram, ...] = Field(min_length=1)
    findings: tuple[Said, ...] = ()
    """What was wrong with its answers."""
    dollars: float | None = None
    """None: a price is not known."""


class CriticStanding(Record):
    """What the critic's remarks may do in a run, as was decided at its start."""

    by: Line
    acts: bool = True
    """False: they are notes, and nothing is rewritten for them."""
    said: Said
    """Why."""
