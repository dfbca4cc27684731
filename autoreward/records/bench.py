"""What is read off recorded episodes for whoever writes a program: a designer's tools and a coding agent's have these answers."""

from autoreward.records.base import Id, Part, Record, Said
from autoreward.records.candidates import Screen


class RecordedEpisode(Record):
    """One episode of the recordings, as the task's rule judges it."""

    number: int
    """Its place in the recordings; what `episode` asks for."""
    kind: Said
    """`random`, `constant 0`, `scripted`, `demo`, a trial's id, `exploit` and a trial's id, ..."""
    success: bool
    progress: float
    length: int


class FieldSpread(Record):
    """One number of the state after a step, or of the action, over all recorded transitions."""

    name: Said
    """`angle`, `velocity[1]`, `action torque`."""
    low: float
    p10: float
    median: float
    p90: float
    high: float
    mean: float
    std: float
    of_best: float
    """Mean over the best recorded episode: a success, if there is one."""


class PaidPart(Record):
    """What one part pays per step in each kind of episode."""

    name: Part
    per_step: tuple[float, ...]
    """In the order of the kinds."""
    peak: float
    """Largest |part| on any recorded transition."""


class PaidParts(Record):
    """What a program pays in a few kinds of recorded episodes."""

    candidate_id: Id
    kinds: tuple[Said, ...]
    steps: tuple[float, ...]
    """Mean length of each kind's episodes."""
    parts: tuple[PaidPart, ...]
    per_step: tuple[float, ...]
    """The composed reward, in the order of the kinds."""
    returns: tuple[float, ...]
    """Its sum over an episode."""


class RankedProgram(Record):
    """Where a program stands among others, by recorded episodes alone."""

    candidate_id: Id
    place: int | None
    """1 is most worth training; None: the screens reject it, or it may not run."""
    rank_correlation: float | None
    """Of its return with the task's judgement of the episodes; None where they say nothing."""
    screens: tuple[Screen, ...] = ()
    why_not: Said = ""
    """Why it may not run; empty if it may."""


class RankedPrograms(Record):
    """Programs, the most promising first."""

    items: tuple[RankedProgram, ...]
    episodes: int
    """Recorded episodes that they were held against."""
