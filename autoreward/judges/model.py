"""Models as the judges: pairs of policies are shown to them, and what they prefer ranks the candidates."""

from collections import Counter
from collections.abc import Sequence

from autoreward import events
from autoreward.errors import LimitReached
from autoreward.evaluation.bradley_terry import strengths
from autoreward.evaluation.judging import after_debates, cannot_tell
from autoreward.evaluation.questions import answers_about, policies, questions
from autoreward.evaluation.ranking import UNASKED
from autoreward.records import Judgement, Judgements, Preference, Question, Score, Strengths
from autoreward.search.study import Study
from autoreward.store.book import Page
from autoreward.store.keys import DEBATED, JUDGED, JUDGEMENTS

PAIRS = 8
"""Asked about at a time: the answers so far say which are the most telling ones."""
BATCHES = 3
"""Of a round, at most; each is asked about twice, once in either order. A debate takes two calls, and the last one's place."""
LOOKS_WANTED = 8
"""Comparisons of every policy after which no more are asked."""
DEBATED_RATHER = 4
"""Pairs of which one judge said two things from which on a debate of them tells more than further pairs."""


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

        def by_models() -> Strengths:
            compared = policies(scores)
            before = _said_before(study, page)
            said = [*before, *_asked(study, page, scores, before)]
            for name in dict.fromkeys(judgement.by for judgement in said):
                if why := cannot_tell([judgement for judgement in said if judgement.by == name]):
                    study.listener(events.ModelSaid(f"{name} as the judge: {why}."))
            answers = _preferences(answers_about(compared, said))
            return strengths(answers) if answers else UNASKED

        return page.once(JUDGED, by_models)


def _said_before(study: Study, page: Page) -> list[Judgement]:
    """What models said in earlier rounds, after their debates."""
    said: list[Judgement] = []
    for earlier in (each for each in study.book.pages() if each.round < page.round):
        items = [one for batch in earlier.saved(JUDGEMENTS) for one in batch.items]
        said += after_debates(items, (earlier.lone(DEBATED) or Judgements()).items)
    return said


def _asked(study: Study, page: Page, scores: Sequence[Sequence[Score]], before: Sequence[Judgement]) -> list[Judgement]:
    """What models say in this round. Raises LimitReached as `rank` does."""
    compared = policies(scores)
    here: list[Judgement] = []

    def ask(number: int, chosen: Sequence[Question]) -> Judgements:
        return page.once(JUDGEMENTS.of(str(number)), lambda: study.steps.compare(page, number, chosen))

    wanted = min(PAIRS * BATCHES, len(compared) * LOOKS_WANTED // 2)
    batch = 0
    while batch < BATCHES and not (batch == BATCHES - 1 and _most_contradictions(here) >= DEBATED_RATHER):
        answers = _preferences(answers_about(compared, [*before, *here]))
        chosen = questions(compared, answers, study.config.episodes, min(PAIRS, wanted - batch * PAIRS))
        if not chosen:
            break
        try:
            here += ask(batch, chosen).items
        except LimitReached:
            if not before and not here and not study.task.ruled:
                raise
            return here
        batch += 1
    return _debated(study, page, here) if batch < BATCHES else here


def _debated(study: Study, page: Page, said: Sequence[Judgement]) -> list[Judgement]:
    """What was said, after a debate of those pairs of which a judge said two things, the most telling ones first."""
    contradicted = [
        one
        for name in dict.fromkeys(judgement.by for judgement in said)
        for one in [judgement for judgement in said if judgement.by == name and judgement.contradicted][:PAIRS]
    ]
    if not contradicted:
        return list(said)
    debated = page.once(DEBATED, lambda: study.steps.debate(page, contradicted)).items
    decided = sum(judgement.answer != "tie" for judgement in debated)
    study.listener(
        events.ModelSaid(
            f"{len(contradicted)} pair{'s' * (len(contradicted) > 1)} of which a judge said two things "
            f"{'were' if len(contradicted) > 1 else 'was'} debated: {decided} decided."
        )
    )
    return after_debates(said, debated)


def _most_contradictions(said: Sequence[Judgement]) -> int:
    """Pairs of which one judge said two things, of the judge that did so most often."""
    return max(Counter(judgement.by for judgement in said if judgement.contradicted).values(), default=0)


def _preferences(said: Sequence[Judgement]) -> list[Preference]:
    return [judgement.preference for judgement in said]


MODEL = ModelJudge()
