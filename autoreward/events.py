"""What the loop tells whoever watches: small frozen facts, never needed to go on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autoreward.config import RunConfig
from autoreward.records import (
    Candidate,
    Controllers,
    Diagnosis,
    Exploration,
    Hunt,
    Remembered,
    Round,
    Run,
    Score,
    Screened,
    Snapshots,
    Standings,
    SuccessAudit,
    TrainingSimulator,
    Trial,
    Verdict,
)
from autoreward.tasks.card import Task


@dataclass(frozen=True)
class RunStarted:
    """A run begins or goes on."""

    task: Task
    config: RunConfig
    folder: Path


@dataclass(frozen=True)
class ExploitsRemembered:
    """Earlier runs of the task left exploits to screen by."""

    remembered: Remembered


@dataclass(frozen=True)
class Explored:
    """The environment was explored, or that was taken over."""

    exploration: Exploration


@dataclass(frozen=True)
class SnapshotsFound:
    """It was looked for what episodes of trainings may begin at, or that was taken over."""

    snapshots: Snapshots


@dataclass(frozen=True)
class SimulatorChosen:
    """The environment was described; what trainings step is known."""

    simulator: TrainingSimulator


@dataclass(frozen=True)
class RoundStarted:
    """A round begins."""

    number: int


@dataclass(frozen=True)
class ModelSaid:
    """Something about asking a model: a retry, a prompt that waits for a person."""

    line: str


@dataclass(frozen=True)
class Mended:
    """Something was lost, such as a killed process, and is done again."""

    line: str


@dataclass(frozen=True)
class Designed:
    """A round's candidates are written."""

    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Checked:
    """They have been checked."""

    verdicts: tuple[Verdict, ...]
    screened: Screened


@dataclass(frozen=True)
class HuntsDone:
    """Those that may train were hunted for exploits."""

    hunts: tuple[Hunt, ...]


@dataclass(frozen=True)
class ControllersPlayed:
    """Policies written as code have played."""

    controllers: Controllers


@dataclass(frozen=True)
class RungDone:
    """The field of the race was halved."""

    standings: Standings


@dataclass(frozen=True)
class TrainingsBegin:
    """Trainings of a round begin, or go on to the race's next rung; of them those that are saved are not done again."""

    trial_ids: tuple[str, ...]
    begin: int
    """Environment steps that each has."""
    steps: int
    """And that it is to have."""
    rung: int
    """The rung that they go to, from 1; 0: they are further seeds of the finalists."""
    rungs: int
    """How many the race has."""


@dataclass(frozen=True)
class GoesOn:
    """A training that had stopped, or was at its end, goes on."""

    trial_id: str
    begin: int
    """Environment steps that it has."""
    steps: int
    """And that it is to have."""
    why: str


@dataclass(frozen=True)
class Lengthened:
    """Trainings are longer from this round on."""

    before: int
    """Environment steps of one until now."""
    steps: int
    """And from now on."""


@dataclass(frozen=True)
class TrialProgress:
    """A training has come so far."""

    trial_id: str
    step: int
    steps: int


@dataclass(frozen=True)
class TrialDone:
    """A training ended."""

    trial: Trial


@dataclass(frozen=True)
class ScoreDone:
    """A policy was scored."""

    score: Score


@dataclass(frozen=True)
class Diagnosed:
    """A candidate was diagnosed."""

    diagnosis: Diagnosis


@dataclass(frozen=True)
class Audited:
    """Successes were held against the goal, and something was found."""

    audit: SuccessAudit


@dataclass(frozen=True)
class JudgedAgain:
    """A round that was trained under an earlier rule was judged by the rule of now."""

    before: dict[str, float]
    """Success of each candidate by the earlier rule."""
    now: dict[str, float]


@dataclass(frozen=True)
class RoundDone:
    """A round is complete."""

    round: Round
    best: str
    """The best candidate of the run so far; empty without one."""


@dataclass(frozen=True)
class Confirming:
    """Winner and baselines train on fresh seeds."""

    trial_ids: tuple[str, ...]


@dataclass(frozen=True)
class LessonsUnkept:
    """The search is done; what its changes came to could not be kept for later ones."""

    line: str


@dataclass(frozen=True)
class RunDone:
    """The run is complete."""

    run: Run
    folder: Path


Event = (
    RunStarted
    | SimulatorChosen
    | ExploitsRemembered
    | Explored
    | SnapshotsFound
    | HuntsDone
    | ControllersPlayed
    | RoundStarted
    | ModelSaid
    | Mended
    | LessonsUnkept
    | Designed
    | Checked
    | RungDone
    | TrainingsBegin
    | GoesOn
    | Lengthened
    | TrialProgress
    | TrialDone
    | ScoreDone
    | Diagnosed
    | Audited
    | JudgedAgain
    | RoundDone
    | Confirming
    | RunDone
)

Listener = Callable[[Event], None]
"""Hears every event, as it happens."""
