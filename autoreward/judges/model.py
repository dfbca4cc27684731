"""Models as the judges: pairs of policies are shown to them, and what they prefer ranks the candidates."""

from collections.abc import Sequence

from autoreward import events
from autoreward.errors import LimitReached
from autoreward.evaluation.bradley_terry import answers_about, policies, questions, strengths
from autoreward.evaluation.judging import cannot_tell
from autoreward.evaluation.ranking import UNASKED
from autoreward.records import Judgement, Judgements, Preference, Question, Score, Strengths
from autoreward.search.study import Study
from autoreward.store.book import Page
from autoreward.store.keys import JUDGED, JUDGEMENTS

PAIRS = 8
"""Asked about at a time: the answers so far say which are the most telling ones."""
BATCHES = 3
"""Of a round, at most; each is asked twice of every judge, once in either order."""
LOOKS_WANTED = 8
"""Comparisons of every policy after which no more are asked."""


class ModelJudge:
    """One model, or several that have a voice each."""

    needs_rule = False
    sets_target = False
    waits = False
    note = "A model judges this run: those that trained to the end are ranked by what it prefers."

    def rank(self, study: Study, page: Page, scores: Sequence[Sequence[Score]]) -> Strengths:
        """By what the models said of the policies of all rounds, in this one's questions, too.

        Raises:
            LimitReached: nothing may be asked, nothing was said before, and no rule could rank instead.
        """

        def ask(batch: int, chosen: Sequence[Question]) -> Judgements:
            return page.once(JUDGEMENTS.of(str(batch)), lambda: study.steps.compare(page, batch, chosen))

        def by_models() -> Strengths:
            compared = policies(scores)
            earlier = [each for each in study.book.pages() if each.round < page.round]
            said: list[Judgement] = [one for each in earlier for batch in each.saved(JUDGEMENTS) for one in batch.items]

            def answers() -> list[Preference]:
                return [judgement.preference for judgement in answers_about(compared, said)]

            wanted = min(PAIRS * BATCHES, len(compared) * LOOKS_WANTED // 2)
            for batch in range(BATCHES):
                count = min(PAIRS, wanted - batch * PAIRS)
                chosen = questions(compared, answers(), study.config.episodes, count)
                if not chosen:
                    break
                try:
                    said.extend(ask(batch, chosen).items)
                except LimitReached:
                    if not said and not study.task.ruled:
                        raise
                    break
            for name in dict.fromkeys(judgement.by for judgement in said):
                if why := cannot_tell([judgement for judgement in said if judgement.by == name]):
                    study.listener(events.ModelSaid(f"{name} as the judge: {why}."))
            return strengths(answers()) if answers() else UNASKED

        return page.once(JUDGED, by_models)


MODEL = ModelJudge()
