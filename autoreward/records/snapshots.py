"""Snapshots: states on the ways of recorded episodes, at which episodes of trainings may begin."""

from pydantic import Field

from autoreward.records.base import Record, Said

SNAPSHOTS_FILE = "snapshots.npz"
"""File of `Snapshots`: seeds and actions that lead there."""


class Teacher(Record):
    """A recorded episode whose way has snapshots."""

    kind: Said
    """`demo`, `scripted`, `explored` or `bred by the rule`."""
    seed: int
    length: int
    """Steps up to its last snapshot."""
    progress: float
    """Of the whole episode."""
    success: bool


class Snapshots(Record):
    """What a run has found to begin episodes at."""

    teachers: tuple[Teacher, ...] = ()
    count: int = Field(default=0, ge=0)
    """Snapshots on all ways."""
    clusters: int = Field(default=0, ge=0)
    """Groups of them that are about as near to success; each is as likely to be begun at."""
    steps: int = Field(default=0, ge=0)
    """Environment steps that it took to find them, which are none of any training's."""
    differing: int = Field(default=0, ge=0)
    """Demonstrations that their seeds and actions did not give again, and that were left out."""
    why_not: Said = ""
    """Why there are none, as a clause; empty where there are."""
    taken_from: Said = ""
    """The run that found them, where they were taken over."""
