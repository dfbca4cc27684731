"""What a check of an environment found, row by row."""

from typing import Literal

from autoreward.records.base import Record, Said

Gravity = Literal["note", "warn", "fail"]
"""`note`: good to know, or handled. `warn`: it trains, but what comes out may mislead or take long. `fail`: nothing trains."""
Allowed = Literal["network", "programs"]
"""What `[process]` of a card may let its environment do, beside reading and changing what it names."""


LAST_CHECK = "closing it"
"""What a check does last: whatever becomes of that, nothing of it is lost."""


class EnvRow(Record):
    """One thing that was found."""

    name: Said
    """What was looked at, in a word or two."""
    gravity: Gravity
    found: Said
    advice: Said = ""
    """What to do; empty where nothing is to be done."""
    asks: tuple[Said, ...] = ()
    """What the card would have to allow: one of `Allowed`, or `read=` and a path."""

    def __str__(self) -> str:
        return f"{self.gravity}  {self.name}: {self.sentence}"

    @property
    def sentence(self) -> str:
        """What was found and what to do, as sentences."""
        return f"{self.found}{'' if self.found.endswith(('.', '?', '!')) else '.'} {self.advice}".rstrip()


class EnvCheck(Record):
    """What Gymnasium's checker, Stable-Baselines3's and ours say of an environment, in this order."""

    env: Said
    rows: tuple[EnvRow, ...] = ()
    doing: Said = ""
    """What was under way; empty once all of it was checked."""

    @property
    def failed(self) -> tuple[EnvRow, ...]:
        """The rows for which nothing can be trained."""
        return tuple(row for row in self.rows if row.gravity == "fail")

    def __str__(self) -> str:
        return "\n".join(map(str, self.rows)) or f"{self.env}: nothing to say"
