"""Where a coding agent and the loop meet: the one hands in programs, the other asks for them; each waits in a thread of its own."""

import threading
from collections.abc import Callable
from typing import Literal, NamedTuple

from autoreward import events
from autoreward.errors import LimitReached
from autoreward.llm.conversation import Tools
from autoreward.records import Candidate, Candidates, PlayedController, Round, Run, Verdict
from autoreward.roles.brief import Brief

GONE = "the agent's session is over"
"""Why a search by an agent ends where nobody hands in any more."""
SessionStage = Literal["starting", "waiting", "training", "confirming", "over"]
"""Of a session: the environment is looked at; a program may be handed in; one trains; fresh seeds are trained; it has ended."""


class WantedProgram(NamedTuple):
    """What the loop has for an agent when it asks for a program."""

    about: Brief
    rounds: tuple[Round, ...]
    """So far."""
    tools: Tools | None
    """That run on all that is recorded so far; None without any recording."""
    review: Callable[[Candidate], Verdict]
    draw: Callable[[int], bytes]
    """A PNG with frames of a recorded episode, by its number. Raises `agent_tools.CallRefused` where there are none."""
    again: "Callable[[tuple[Round, ...]], WantedProgram]"
    """The same once more rounds are over: with what they recorded."""


Author = Callable[[WantedProgram], Candidates]
"""Hands in the next round's programs, and takes as long as it likes. Raises LimitReached to end the search."""


class Desk:
    """May be used from several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._handed: Candidate | None = None
        self._leaving = ""
        self._stage: SessionStage = "starting"
        self._progress = ""
        self._rounds: tuple[Round, ...] = ()
        self._controllers: tuple[PlayedController, ...] = ()
        self._run: Run | None = None
        self._error = ""
        self.wanted: WantedProgram | None = None
        """What the loop last asked for; None while it starts."""

    def author(self, wanted: WantedProgram) -> Candidates:
        """The next program, when the agent hands it in. Raises LimitReached when it goes."""
        with self._changed:
            self.wanted, self._rounds = wanted, wanted.rounds
            self._turn("waiting")
            self._changed.wait_for(lambda: self._handed or self._leaving)
            handed, self._handed = self._handed, None
            if handed is None:
                raise LimitReached(self._leaving)
            return Candidates(items=(handed,))

    def hear(self, event: events.Event) -> None:
        """Listener of the run."""
        with self._changed:
            match event:
                case events.TrialProgress(trial_id=trial, step=step, steps=steps):
                    self._progress = f"{trial} is at {step:,} of {steps:,} steps"
                case events.RoundDone(round=played):
                    self._rounds = (*self._rounds[: played.number], played)
                    self._changed.notify_all()
                case events.ControllersPlayed(controllers=found):
                    self._controllers = found.items
                case events.Confirming():
                    self._turn("confirming")
                case events.RunDone(run=run):
                    self._run = run

    def close(self, error: str = "") -> None:
        """The loop has ended; `error`: by what, where it did not come to its end."""
        with self._changed:
            self._error = error
            self._turn("over")

    def hand_in(self, candidate: Candidate) -> None:
        """Give the loop its next program; it must be waiting for one. Raises RuntimeError if it is not."""
        with self._changed:
            if self._stage != "waiting":
                raise RuntimeError(f"nobody waits for a program: {self._stage}")
            self._handed, self._progress = candidate, ""
            self._turn("training")

    def leave(self, why: str = GONE) -> None:
        """Hand in nothing more: the search ends when its training is done."""
        with self._changed:
            self._leaving = why
            if self._stage == "waiting":
                self._turn("confirming")
            self._changed.notify_all()

    def wait(self, seconds: float, until: tuple[SessionStage, ...] = ("waiting", "over")) -> SessionStage:
        """The stage, once it is one of these or that much time has passed."""
        with self._changed:
            self._changed.wait_for(lambda: self._stage in until, seconds)
            return self._stage

    @property
    def rounds(self) -> tuple[Round, ...]:
        """All that are over."""
        return self._rounds

    @property
    def controllers(self) -> tuple[PlayedController, ...]:
        """Policies written as code that were played before anything is trained."""
        return self._controllers

    @property
    def progress(self) -> str:
        """Of the training under way, in words; empty where nothing is known of one."""
        return self._progress

    @property
    def run(self) -> Run | None:
        """The end of the run; None before it."""
        return self._run

    @property
    def error(self) -> str:
        """What ended the loop, if it was not its end."""
        return self._error

    def _turn(self, stage: SessionStage) -> None:
        self._stage = stage
        self._changed.notify_all()
