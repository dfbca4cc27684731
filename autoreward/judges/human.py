"""Where people are the judges: their ranking after a round, or the end of the road until they have answered."""

from collections.abc import Sequence

from autoreward.errors import JudgementNeeded
from autoreward.evaluation.bradley_terry import policies, questions, said_of, strengths
from autoreward.records import Score, Strengths
from autoreward.search.study import Study
from autoreward.store.book import Page
from autoreward.store.keys import JUDGED, PREFERENCES


def preference_ranking(study: Study, page: Page, rounds: Sequence[Sequence[Score]]) -> Strengths:
    """People's ranking after a round, by the scores of all rounds, where they are to judge; empty where the task's rule does.

    Raises:
        JudgementNeeded: too little was said so far.
    """
    book = study.book
    if study.config.judge == "rule":
        return Strengths()

    def rank() -> Strengths:
        shown = policies(rounds)
        answers = said_of(shown, book.saved(PREFERENCES))
        if waiting := questions(shown, answers, study.config.episodes):
            raise JudgementNeeded(len(waiting), book.folder)
        return strengths(answers)

    return page.once(JUDGED, rank)
