"""Policies that were written as code, a card's script or a designer's, and how they did beside trained ones."""

from typing import Literal

from pydantic import Field

from autoreward.core.outcomes import Outcome
from autoreward.records.base import ProgramText, Record, Said
from autoreward.records.environments import ReferenceEpisode
from autoreward.records.limits import LimitReading

CONTROLLER_EPISODES = "proposed.npz"
"""File of `Controllers`: the episodes of the designer's controller, one column each."""


class PlayedController(Record):
    """A policy written as code, on the held-out episodes that trained policies are scored on."""

    by: Literal["card", "designer"]
    text: ProgramText
    """Its program, or its formula."""
    outcome: Outcome = Outcome.COMPLETED
    message: Said = ""
    """What was wrong with it, where it could not be played to the end."""
    success: float = Field(default=0.0, ge=0.0, le=1.0)
    progress: float = 0.0
    metric: float | None = None
    limits: tuple[LimitReading, ...] = ()
    enough: bool = False
    """Whether it reaches the target success rate and holds the limits: then nothing need be trained."""
    trained: float | None = None
    """Success of the best trained policy, on the same episodes where it was confirmed; None without one."""

    @property
    def lines(self) -> int:
        """Those of its text that are neither empty nor a comment."""
        return sum(1 for line in self.text.splitlines() if line.strip() and not line.strip().startswith("#"))


class Controllers(Record):
    """Those of a run."""

    items: tuple[PlayedController, ...] = ()
    episodes: tuple[ReferenceEpisode, ...] = ()
    """Recorded episodes of the designer's; those of the card's script are reference episodes."""
    findings: tuple[Said, ...] = ()
    """What was wrong with the designer's answers."""


class ControllerEpisodes(Record):
    """What a job makes of a controller: its score on held-out episodes, and other episodes of it, as the rule judges them."""

    success: float
    progress: float
    metric: float | None = None
    limits: tuple[LimitReading, ...] = ()
    recorded: tuple[ReferenceEpisode, ...] = ()
