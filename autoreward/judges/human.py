"""People as the judges: their ranking after a round, or the end of the road until they have answered."""

from collections.abc import Sequence

from autoreward.errors import JudgementNeeded
from autoreward.evaluation.bradley_terry import strengths
from autoreward.evaluation.questions import answers_about, policies, questions
from autoreward.records import Score, Strengths
from autoreward.search.study import Study
from autoreward.store.book import Page
from autoreward.store.keys import JUDGED, PREFERENCES


class _People:
    needs_rule = False
    sets_target = False
    waits = True
    note = "People judge this run: those that trained to the end are ranked by them."

    def rank(self, study: Study, page: Page, scores: Sequence[Sequence[Score]]) -> Strengths:
        """By everything that people have said of the policies of all rounds."""
        book = study.book

        def by_answers() -> Strengths:
            compared = policies(scores)
            answers = answers_about(compared, book.saved(PREFERENCES))
            if waiting := questions(compared, answers, study.config.episodes):
                raise JudgementNeeded(len(waiting), book.folder)
            return strengths(answers)

        return page.once(JUDGED, by_answers)


HUMAN = _People()
