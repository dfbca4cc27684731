"""What people or models prefer, in words, beside what was measured."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import partial

from autoreward.evaluation.bradley_terry import ahead, answerers, own_views
from autoreward.evaluation.judging import (
    agreement_with,
    answer_of_the_rule,
    cannot_tell,
    preferred_share,
    share_interval,
)
from autoreward.records import AnsweredWeights, Preference
from autoreward.report.reading import RunView

EVEN = 1e-6
"""Difference of strengths below which there is nothing between two candidates."""
UNLIKE = 2.0
"""Errors from which on somebody sees a candidate unlike the others."""
NAMED = 3
"""Such views that are told, the clearest ones."""


def beaten(preferences: Sequence[Preference], candidate_id: str) -> str:
    """Whom a candidate was preferred to, and how often."""
    over = Counter(name for p in preferences if p.winner == candidate_id for name in p.losers)
    return ", ".join(f"{name} x {times}" if times > 1 else name for name, times in sorted(over.items()))


def what_is_preferred(reading: RunView) -> str:
    """A heading."""
    return "What people prefer" if reading.answered else "What the judge prefers"


def agreement(reading: RunView) -> str:
    """Whether the first of those compared is the measurement's, and the run's winner, by people or by models; there are some."""
    liked, answers = reading.strengths.items[0], reading.preferences
    names = tuple(dict.fromkeys(judgement.by for judgement in reading.judgements))
    who = "people" if reading.answered else " and ".join(names)
    first = who.capitalize() if reading.answered else who
    count = f"{len(answers)} answer{'s' * (len(answers) > 1)}"
    s = "" if reading.answered or len(names) > 1 else "s"
    said = "" if reading.answered else " " + judged(reading)
    if not reading.measured:
        unruled = f"{first} ({count}) put{s} {liked.candidate_id} first; no rule says what else to measure.{said}"
        return " ".join(filter(None, (unruled, people_differ(answers))))
    measured = reading.measured[0]
    compared = {strength.candidate_id for strength in reading.strengths.items}
    lead, error = ahead(answers, liked.candidate_id, measured) if measured in compared else (0.0, 0.0)
    if liked.candidate_id == measured:
        sentence = f"{first} ({count}) and the measurement agree: {measured} is the best of those compared."
    elif lead < EVEN:
        sentence = (
            f"{first} ({count}) see{s} nothing between {liked.candidate_id} and {measured}, which the measurement "
            "puts first."
        )
    elif lead <= error:
        sentence = (
            f"{first} ({count}) put{s} {liked.candidate_id} first and the measurement {measured}, which is no disagreement yet: "
            f"the difference is {lead:.2f} ± {error:.2f}."
        )
    else:
        sentence = (
            f"{first} and the measurement disagree: {who} ({count}) put{s} {liked.candidate_id} first, the measurement {measured}. "
            f"Asked again, {who} would prefer {liked.candidate_id} in {1 / (1 + math.exp(-lead)):.0%} of the decided pairs."
        )
    won = reading.run.best if reading.run else ""
    if won and won != liked.candidate_id and lead > max(error, EVEN):
        sentence += f" The run's winner is {won}."
    return " ".join(filter(None, (sentence + said, people_differ(answers))))


def people_differ(preferences: Sequence[Preference]) -> str:
    """How many answers each of several people gave, and whom they see unlike each other; empty where one person answered."""
    people, given = answerers(preferences), Counter(p.by for p in preferences)
    if len(people) < 2:
        return ""
    named = {by: by or "somebody without a name" for by in people}
    # what one of two sees higher the other sees lower
    who = people[:1] if len(people) == 2 else people
    views = [view for view in own_views(preferences) if view.by in who and abs(view.above) > UNLIKE * view.error][
        :NAMED
    ]
    told = "; ".join(
        f"{named[v.by]} puts {v.candidate_id} {abs(v.above):.2f} \u00b1 {v.error:.2f} {'higher' if v.above > 0 else 'lower'}"
        for v in views
    )
    counts = ", ".join(f"{named[by]} {given[by]}" for by in people)
    apart = (
        f"They disagree: {told} than the others."
        if told
        else "Nobody's ranking differs from the others' beyond its error."
    )
    return f"Answers: {counts}. {apart}"


def weights_said(told: AnsweredWeights) -> str:
    """What the parts of a program should weigh by what people and judges said, and what speaks for it."""
    weights = ", ".join(f"{part} x {factor:g}" for part, factor in told.factors)
    shares = f"{told.told_after:.0%} of those that they were not fitted to, its own weights {told.told_before:.0%}"
    if not told.tells_more:
        return f"No other weights of {told.candidate_id} tell {told.source} better than its own: fitted ones tell {shares}."
    return f"By {told.source} the parts of {told.candidate_id} should weigh: {weights}. Such weights tell {shares}."


def debates_said(reading: RunView) -> str:
    """How many pairs were debated, and what came of it; empty without one."""
    if not (debates := reading.debates):
        return ""
    decided = sum(judgement.answer != "tie" for judgement in debates)
    struck = sum(judgement.debate.struck for judgement in debates if judgement.debate)
    many = len(debates) > 1
    return (
        f"{len(debates)} pair{'s' * many} of which a judge said two things {'were' if many else 'was'} debated: {decided} decided, "
        f"{len(debates) - decided} left a tie, {struck} false fact{'s' * (struck != 1)} struck."
    )


def judged(reading: RunView) -> str:
    """How often models preferred their first, and how well each judges: by the rule, where there is one, and by itself."""
    first = reading.strengths.items[0].candidate_id
    won, times = preferred_share(reading.judgements, first)
    low, high = share_interval(won, times)
    said = [
        f"{first} was preferred in {won / times:.2f} [{low:.2f}, {high:.2f}] of {times} comparisons, ties as halves."
    ]
    scores = {saved.score.trial_id: saved.score for saved in reading.search_scores}
    for name in dict.fromkeys(judgement.by for judgement in reading.judgements):
        own = [judgement for judgement in reading.judgements if judgement.by == name]
        if why := cannot_tell(own):
            said.append(f"{name}: {why}.")
        if reading.header.task.ruled and (agreed := agreement_with(own, partial(answer_of_the_rule, scores))).pairs:
            said.append(f"{name} agrees with the rule in {agreed.said} that the rule tells apart.")
    return " ".join(filter(None, (*said, debates_said(reading))))
