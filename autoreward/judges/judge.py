"""What a judge is: whoever ranks the candidates that trained to the end."""

from collections.abc import Sequence
from typing import Protocol

from autoreward.records import Score, Strengths
from autoreward.search.study import Study
from autoreward.store.book import Page


class Judge(Protocol):
    """Ranks candidates, by what is saved in a run."""

    @property
    def needs_rule(self) -> bool:
        """Whether only tasks with a success rule can be judged so."""
        ...

    @property
    def sets_target(self) -> bool:
        """Whether the target success rate ends the search."""
        ...

    @property
    def waits(self) -> bool:
        """Whether the run waits for people: `rank` may raise JudgementNeeded."""
        ...

    @property
    def note(self) -> str:
        """What a report says of the ranking, where people's answers are shown; may be empty."""
        ...

    def rank(self, study: Study, page: Page, scores: Sequence[Sequence[Score]]) -> Strengths:
        """The ranking after a round, saved on its page; empty: the measurement ranks (evaluation/ranking.py).

        The same records give the same ranking, so that a resumed run ends the same.

        Args:
            study: the run.
            page: the round's.
            scores: of each round so far, this one's last.

        Raises:
            JudgementNeeded: people have said too little so far.
        """
        ...
