"""The task's success rule as the judge: what was measured ranks the candidates, and nobody is asked."""

from collections.abc import Sequence

from autoreward.evaluation.ranking import UNASKED
from autoreward.records import Score, Strengths
from autoreward.search.study import Study
from autoreward.store.book import Page


class _Rule:
    needs_rule = True
    sets_target = True
    waits = False
    note = ""

    def rank(self, study: Study, page: Page, scores: Sequence[Sequence[Score]]) -> Strengths:
        return UNASKED


RULE = _Rule()
