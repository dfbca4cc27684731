"""A run that goes on from another one's trainings, by a success rule that asks for more."""

from autoreward.records.base import FolderName, FormulaText, Id, Record
from autoreward.records.runs import Standings


class Tightened(Record):
    """Where a run's first rounds were trained, and what its rule asks for besides."""

    source: FolderName
    """The earlier run, which lies beside this one and stays as it is."""
    condition: FormulaText
    rounds: int
    """How many of its rounds are taken over: those that were finished."""


class TakenOver(Record):
    """A round whose trainings are another run's: they are judged again, and never trained again."""

    rungs: tuple[Standings, ...] = ()
    """Its race as it was run; by the earlier rule."""
    success: dict[Id, float]
    """Success of each candidate by the earlier rule, over its trainings."""
