"""What to ask about a goal next, or which reading of it is meant, by what was answered so far. A function of records alone."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.evaluation.clarify import LEAST_GAIN, SKIP, Split, after, entropy, merged, most_telling
from autoreward.evaluation.goal_episodes import GoalEpisode, calls_success
from autoreward.tasks.card import Task
from autoreward.tasks.readings import (
    AS_IT_IS,
    NONE_OF_THEM,
    Clarification,
    GoalAnswers,
    GoalOption,
    GoalQuestion,
    Reading,
    Readings,
    understood,
)
from autoreward.tasks.tables import Clarified

_MOST_LISTED = 4
"""Readings that a person is asked to choose among by their words alone."""
_SURE = 0.05
"""Probability from which on a reading that is not chosen is worth telling of."""
POOR = "No recorded episode tells these apart."
Array = NDArray[np.float64]


class Deliberation(NamedTuple):
    """Where the questions about a goal stand."""

    question: GoalQuestion | None
    """What to ask next; None: nothing is worth asking, or may be."""
    note: str
    """What a person should know of the question, in a sentence; may be empty."""
    chosen: Reading
    """The most probable reading by now; the card's own where somebody said that none is meant."""
    probability: float
    """Of it, by what was answered."""
    alike: tuple[Reading, ...]
    """What nothing told apart from it."""
    left: tuple[Reading, ...]
    """Others that may be meant as well."""


class Deliberator:
    """The readings of one goal, held against the episodes that are there."""

    def __init__(self, task: Task, readings: Readings, pool: Sequence[GoalEpisode], max_steps: int) -> None:
        """`readings`: all of them can be read by the task, see `calls_success`; `max_steps`: the time limit, in steps."""
        self.readings = readings
        self._items = readings.items
        self._numbers = {reading.id: number for number, reading in enumerate(self._items)}
        meant = [understood(task, reading) for reading in self._items]
        self._judged = np.array(
            [
                [calls_success(own, reading.limits, episode, max_steps) for episode in pool]
                for own, reading in zip(meant, self._items, strict=True)
            ],
            dtype=np.bool_,
        ).reshape(len(self._items), len(pool))
        written = [self._over_readings(question) for question in readings.questions]
        rules = [own.model_dump_json(include={"success", "limits"}) for own in meant]
        self.groups = merged(self._judged, rules, written)
        """Readings that nothing tells apart, by number."""
        weights = np.array([sum(self._items[i].weight for i in group) for group in self.groups])
        self._prior: Array = weights / weights.sum()
        self._questions = (*readings.questions, *self._about_episodes(pool))

    def stand(self, answers: GoalAnswers, most: int) -> Deliberation:
        """What to ask next if `most` questions may be asked, and what is meant as far as is known."""
        probable = self._prior
        for given in answers.items:
            probable = after(probable, self._split(given.question), SKIP if given.option < 0 else given.option)
        best = int(np.argmax(probable))
        refused = any(given.option == NONE_OF_THEM for given in answers.items)
        question = None if refused or len(answers.items) >= most else self._next(probable, answers)
        of_best = sorted((self._items[i] for i in self.groups[best]), key=lambda r: (-r.weight, r.id != AS_IT_IS))
        others = [g for g, p in zip(self.groups, probable, strict=True) if p > _SURE and g is not self.groups[best]]
        if refused:
            own = self._items[self._numbers[AS_IT_IS]]
            return Deliberation(None, "", own, float(probable[self._group_of(AS_IT_IS)]), (), ())
        return Deliberation(
            question,
            POOR if question is not None and not self._told_by_episodes(question) else "",
            of_best[0],
            float(probable[best]),
            tuple(of_best[1:]),
            tuple(self._items[group[0]] for group in others),
        )

    def _next(self, probable: Array, answers: GoalAnswers) -> GoalQuestion | None:
        asked = {given.question.id for given in answers.items}
        open_ones = [question for question in self._questions if question.id not in asked]
        best = most_telling(probable, [self._split(question) for question in open_ones])
        if best is not None:
            return open_ones[best]
        listed = self._list(probable)
        return listed if listed.id not in asked and entropy(probable) > LEAST_GAIN else None

    def _list(self, probable: Array) -> GoalQuestion:
        """The most probable readings by their words, where no question tells them apart."""
        order = sorted(range(len(self.groups)), key=lambda g: -probable[g])[:_MOST_LISTED]
        options = [self._items[max(self.groups[g], key=lambda i: self._items[i].weight)] for g in sorted(order)]
        return GoalQuestion.model_construct(
            id="list", text="Which of these do you mean?",
            options=tuple(GoalOption(text=_by_its_words(r), readings=(r.id,)) for r in options),
        )  # fmt: skip

    def _about_episodes(self, pool: Sequence[GoalEpisode]) -> list[GoalQuestion]:
        """A question for each way in which episodes part the readings."""
        questions: list[GoalQuestion] = []
        seen: set[bytes] = set()
        for episode, column in zip(pool, self._judged.T, strict=True):
            if column.all() or not column.any() or column.tobytes() in seen:
                continue
            seen.add(column.tobytes())
            names = [
                tuple(r.id for r, met in zip(self._items, column, strict=True) if met == want) for want in (True, False)
            ]
            options = tuple(GoalOption(text=word, readings=ids) for word, ids in zip(("yes", "no"), names, strict=True))
            questions.append(
                GoalQuestion(id=episode.name, text=f"Would this be a success? {episode.words}", options=options)
            )
        return questions

    def _told_by_episodes(self, question: GoalQuestion) -> bool:
        """Whether some episode parts what the question parts: two readings of different answers, and not only by their words."""
        split = self._over_readings(question).answers
        rows = [{self._judged[i].tobytes() for i in meant} for meant in split]
        return any(not (one & other) for k, one in enumerate(rows) for other in rows[k + 1 :] if one and other)

    def _over_readings(self, question: GoalQuestion) -> Split:
        return Split(
            tuple(frozenset(self._numbers[i] for i in o.readings if i in self._numbers) for o in question.options)
        )

    def _split(self, question: GoalQuestion) -> Split:
        """What a question's answers mean for the groups."""
        return Split(
            tuple(
                frozenset(g for g, group in enumerate(self.groups) if meant & {*group})
                for meant in self._over_readings(question).answers
            )
        )

    def _group_of(self, identity: str) -> int:
        return next(g for g, group in enumerate(self.groups) if self._numbers[identity] in group)


def clarification(task: Task, stand: Deliberation, answers: GoalAnswers) -> Clarification:
    """What is kept of it: the chosen reading's rule, and all that was said of the goal."""
    meant = understood(task, stand.chosen)
    said = tuple(Clarified(question=given.question.text, answer=given.said) for given in answers.items)
    return Clarification(
        reading=stand.chosen.id, success=meant.success, limits=meant.limits, clarified=(*task.clarified, *said)
    )


def meaning_lines(stand: Deliberation, asked: int) -> list[str]:
    """What came of the questions, for people."""
    chosen = stand.chosen
    lines = [
        f"the goal is read as: {_by_its_words(chosen)} ({stand.probability:.0%} by {asked} answer{'s' if asked != 1 else ''})"
    ]
    lines += [f"nothing told it apart from: {_by_its_words(other)}" for other in stand.alike]
    lines += [f"it could also mean: {_by_its_words(other)}" for other in stand.left]
    return lines


def _by_its_words(reading: Reading) -> str:
    plan = reading.success.plan
    windows = [reading.success.said(stage) for stage in plan]
    rule = ", then ".join(f"{s.when} {said}".strip() for s, said in zip(plan, windows, strict=True))
    rule += f"; always {reading.success.always}" if reading.success.always else ""
    rule += "".join(f"; {limit.said}" for limit in reading.limits.values())
    return f"{reading.words} [{rule}{', over the full length' if reading.success.full_length else ''}]"
