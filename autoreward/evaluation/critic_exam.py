"""How well a model reviews programs, by its exam; and what its remarks may do from then on."""

from collections.abc import Callable
from typing import NamedTuple

from autoreward.evaluation.judging import share_interval
from autoreward.records import CriticExam, CriticStanding, ReadProgram

MOST_FALSE_ALARMS = 0.3
"""Share of good programs that a critic may call faulty for its remarks to act."""
LEAST_TOLD_APART = 0.2
"""By how much more often it must object to faulty programs than to good ones (Youden 1950: recall less false alarms)."""


class Rate(NamedTuple):
    """A share of programs."""

    hits: int
    of: int

    @property
    def share(self) -> float:
        """0 of nothing."""
        return self.hits / self.of if self.of else 0.0

    @property
    def said(self) -> str:
        """With its 95 % interval, in words."""
        low, high = share_interval(self.hits, self.of)
        return f"{self.share:.2f} [{low:.2f}, {high:.2f}] of {self.of}"


class Marks(NamedTuple):
    """What an exam comes to."""

    recall: Rate
    """Faulty programs that it objected to."""
    false_alarms: Rate
    """Good programs that it objected to."""
    right_line: Rate
    """Of the faulty ones that it objected to: at the line with the fault."""
    repaired: Rate
    """Of the same: the fault is gone from what was written anew, and the program may train."""

    @property
    def passed(self) -> bool:
        """Whether its remarks may act."""
        told_apart = self.recall.share - self.false_alarms.share
        return self.false_alarms.share <= MOST_FALSE_ALARMS and told_apart >= LEAST_TOLD_APART

    @property
    def said(self) -> str:
        """What decides, in words."""
        return f"objects to {self.recall.said} faulty programs and to {self.false_alarms.said} good ones"


def marks(exam: CriticExam) -> Marks:
    """Over all programs of an exam."""
    faulty = [item for item in exam.items if item.fault]
    good = [item for item in exam.items if not item.fault]
    caught = [item for item in faulty if item.objected]
    return Marks(
        recall=_rate(faulty, lambda item: item.objected),
        false_alarms=_rate(good, lambda item: item.objected),
        right_line=_rate(caught, lambda item: item.right_line),
        repaired=_rate(caught, lambda item: item.repaired),
    )


def by_kind(exam: CriticExam) -> dict[str, Rate]:
    """Recall by the kind of fault, in alphabetical order."""
    kinds = sorted({item.fault for item in exam.items if item.fault})
    return {kind: _rate([i for i in exam.items if i.fault == kind], lambda item: item.objected) for kind in kinds}


def standing_by(name: str, exam: CriticExam | None) -> CriticStanding:
    """What a critic's remarks may do: act, unless its exam says that they do harm."""
    if exam is None:
        return CriticStanding(by=name, said=f"critic {name}: nobody has examined it; its remarks act")
    found = marks(exam)
    done = "its remarks act" if found.passed else "its remarks are shown as notes, and nothing is rewritten for them"
    return CriticStanding(by=name, acts=found.passed, said=f"critic {name} {found.said} in its exam: {done}")


def _rate(items: list[ReadProgram], holds: Callable[[ReadProgram], bool]) -> Rate:
    return Rate(sum(map(holds, items)), len(items))
