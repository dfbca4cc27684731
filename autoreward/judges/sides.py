"""The policies of a question, each in the episode that it is about: from where its round keeps them."""

from collections.abc import Iterable
from typing import NamedTuple

from autoreward.core.transitions import Transitions
from autoreward.records import Question, Score, policy_file
from autoreward.store.book import Page
from autoreward.store.keys import SCORES, TRIALS
from autoreward.store.played import played_episode


class Side(NamedTuple):
    """One policy in one episode."""

    page: Page
    score: Score
    episode: int

    @property
    def name(self) -> str:
        """`r000c1-s0-leg4~7`."""
        return f"{self.score.trial_id}~{self.episode}"

    @property
    def transitions(self) -> Transitions:
        """The episode, one column."""
        return played_episode(self.page, self.score.trial_id, self.episode)

    @property
    def weights(self) -> bytes:
        """The policy. Raises RunDamaged."""
        return self.page.file(TRIALS.of(self.score.trial_id), policy_file(self.score.kept))


class Sides:
    """Finds the sides of questions on the pages of a run."""

    def __init__(self, pages: Iterable[Page]) -> None:
        """`pages`: of all rounds."""
        self.scores = [(page, page.saved(SCORES)) for page in pages]
        self._by_trial = {score.trial_id: (page, score) for page, scores in self.scores for score in scores}

    def of(self, question: Question) -> tuple[Side, ...]:
        """In the order in which they are shown. Raises KeyError if the run has no such trainings."""
        return tuple(Side(*self._by_trial[trial], question.episode) for trial in question.trials)
