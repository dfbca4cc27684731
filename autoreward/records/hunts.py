"""What was looked for before a training: states that are worth knowing, and episodes that a reward pays too well."""

from pydantic import Field

from autoreward.core.outcomes import Outcome
from autoreward.records.base import Id, Part, Record, Said
from autoreward.records.environments import ReferenceEpisode
from autoreward.records.trials import Episode

EXPLORED, HUNTED = "explored.npz", "hunted.npz"
"""Files: the episodes of an `Exploration`, and the one of a `Hunted`, one column each."""


class Exploration(Record):
    """Episodes that were found without a reward program and without a training; their transitions are in explored.npz."""

    episodes: tuple[ReferenceEpisode, ...] = ()
    steps: int = 0
    """Environment steps that it took."""
    played: int = 0
    """Episodes that it played; the telling ones of them are kept."""
    replayable: bool = True
    """Whether the same seed and actions give the same episode; only then it goes back to where it was."""
    cells: int = 0
    """Different cells of the state that were visited."""
    by_chance: int = 0
    """Those that its first few random episodes visited."""
    numbers: int = 0
    """Numbers of the state that make a cell."""
    successes: int = 0
    """Of all that were played."""
    mean: float = 0.0
    """Mean graded progress of all that were played."""
    best: float = 0.0
    """The best one's."""
    taken_from: Said = ""
    """The run that made it, where it was taken over."""


class Payment(Record):
    """What one part of a reward paid over an episode."""

    name: Part
    total: float


class Hunted(Record):
    """What a hunt reports: the episode that earned most and reached nothing, and what the best success earned."""

    candidate_id: Id
    outcome: Outcome
    message: Said = ""
    steps: int = Field(default=0, ge=0)
    """Environment steps that it took."""
    episodes: int = Field(default=0, ge=0)
    replayable: bool = True
    found: bool = False
    """Whether the episode of hunted.npz earned clearly more than any success."""
    success: float | None = None
    """Most that a successful episode earned, as it was known or as it was found; None without one."""
    earned: float | None = None
    """What the episode of hunted.npz earned; None where every episode reached something."""
    episode: Episode | None = None
    paid: tuple[Payment, ...] = ()
    """What that is made of, where the composition is a sum of its parts, the largest first."""


class Hunt(Record):
    """A program, hunted for an exploit before it trained."""

    candidate_id: Id
    found: bool = False
    said: Said
    """What was found, in words; or why nothing was, which never means that nothing is there."""
    steps: int = Field(default=0, ge=0)
    """Environment steps that it took."""
    episode: Episode | None = None
    """What was found, as the rule judges it; its transitions are in hunted.npz."""
