"""Where people are the judges: their ranking after a round, or the end of the road until they have answered."""

from collections.abc import Sequence

from autoreward.config import RunConfig
from autoreward.errors import JudgementNeeded
from autoreward.evaluation.bradley_terry import policies, questions, said_of, strengths
from autoreward.records import Score, Strengths
from autoreward.store.book import Book, Page
from autoreward.store.keys import JUDGED, PREFERENCES


def preference_ranking(config: RunConfig, book: Book, page: Page, races: Sequence[Sequence[Score]]) -> Strengths:
    """People's ranking after a round, where they are to judge; empty where the task's rule does.

    Raises:
        JudgementNeeded: too little was said so far.
    """
    if config.judge == "rule":
        return Strengths()

    def rank() -> Strengths:
        these = policies(races)
        answers = said_of(these, book.saved(PREFERENCES))
        if waiting := questions(these, answers, config.episodes):
            raise JudgementNeeded(len(waiting), book.folder)
        return strengths(answers)

    return page.once(JUDGED, rank)
