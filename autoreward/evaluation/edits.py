"""Lessons of a search: what its programs changed of their parents, and what that came to."""

import ast
import math
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev
from typing import Literal, NamedTuple

from autoreward.evaluation.judging import share_interval
from autoreward.records import Candidate, Edit, EditCase, Episode, Lesson, Lessons, Score, Verdict

CLEAR = 2.0
"""Standard errors from which a mean gain is no accident."""
TRIED = 3
"""Cases of no clear gain or loss from which a lesson counts as refuted."""
MOST_CASES = 40
"""Of a lesson: the latest."""
_LEAST_ERROR = 0.01
"""Of a gain of progress whose episodes all end alike."""


class Upshot(NamedTuple):
    """What a lesson comes to."""

    gain: float
    """Mean over its cases."""
    error: float
    better: int
    """Cases that were clearly better, each for itself."""
    worse: int
    cases: int

    @property
    def verdict(self) -> Literal["helps", "harms", "refuted", "open"]:
        """`refuted`: tried often enough, and the gains and losses of its cases come to nothing clear."""
        if abs(self.gain) > CLEAR * self.error:
            return "helps" if self.gain > 0.0 else "harms"
        return "refuted" if self.cases >= TRIED else "open"


def upshot(lesson: Lesson) -> Upshot:
    """Mean gain; its error is that of the episodes, or that of the cases' spread if that is larger."""
    gains = [case.gain for case in lesson.cases]
    within = math.sqrt(sum(case.error**2 for case in lesson.cases)) / len(gains)
    between = stdev(gains) / math.sqrt(len(gains)) if len(gains) > 1 else 0.0
    better = sum(case.gain > CLEAR * case.error for case in lesson.cases)
    worse = sum(case.gain < -CLEAR * case.error for case in lesson.cases)
    return Upshot(fmean(gains), max(within, between), better, worse, len(gains))


def lesson_said(lesson: Lesson) -> str:
    """A lesson with its counts, in one line."""
    found = upshot(lesson)
    tasks = len({case.task for case in lesson.cases})
    where = f" on {tasks} tasks" if tasks > 1 else ""
    symptom = lesson.symptom or "no symptom"
    return (
        f"{symptom} in the parent, the child {lesson.edit.said}: {lesson.of} {found.gain:+.2f} +- {found.error:.2f} over "
        f"{found.cases} change{'s' * (found.cases > 1)}{where}, {found.better} clearly better, {found.worse} clearly worse"
    )


def telling(lessons: Lessons, most: int) -> list[Lesson]:
    """Those that help or harm, the best supported first."""
    found = [(upshot(lesson), lesson) for lesson in lessons.items]
    clear = [(u, lesson) for u, lesson in found if u.verdict in ("helps", "harms")]
    clear.sort(key=lambda pair: (-pair[0].cases, -abs(pair[0].gain) / pair[0].error))
    return [lesson for _, lesson in clear[:most]]


class TriedProgram(NamedTuple):
    """A program of a search, and what came of it."""

    candidate: Candidate
    verdict: Verdict
    symptom: str
    """The gravest; empty for none."""


def lessons_of(env: str, task: str, run: str, tried: Iterable[TriedProgram], scores: Iterable[Score]) -> Lessons:
    """The lessons of a search: a case for each program with one parent, both scored after trainings of the same length and seed.

    `scores`: of every leg.
    """
    programs = {one.candidate.id: one for one in tried}
    by_program: dict[str, list[Score]] = {}
    for score in scores:
        if score.outcome.ok and score.ruled and score.episodes:
            by_program.setdefault(score.candidate_id, []).append(score)
    made: list[Lesson] = []
    for child in programs.values():
        parent = programs.get(child.candidate.parents[0]) if len(child.candidate.parents) == 1 else None
        if parent is None:
            continue
        both = _alike(by_program.get(parent.candidate.id, ()), by_program.get(child.candidate.id, ()))
        edit = edit_of(parent.candidate, parent.verdict, child.candidate, child.verdict)
        if both is None or not edit.said:
            continue
        of, gain, error = _gained(*both)
        case = EditCase(run=run, child=child.candidate.id, task=task, gain=gain, error=error)
        made.append(Lesson(symptom=parent.symptom, edit=edit, of=of, cases=(case,)))
    return gathered(env, [Lessons(env=env, items=tuple(made))])


def gathered(env: str, known: Iterable[Lessons]) -> Lessons:
    """Several records of lessons as one: a case that is in more than one of them counts once."""
    cases: dict[tuple[str, Edit, Literal["success", "progress"]], dict[tuple[str, str], EditCase]] = {}
    for lesson in (lesson for lessons in known for lesson in lessons.items):
        own = cases.setdefault((lesson.symptom, lesson.edit, lesson.of), {})
        own |= {(case.run, case.child): case for case in lesson.cases}
    items = [
        Lesson(
            symptom=symptom,
            edit=edit,
            of=of,
            cases=tuple(sorted(own.values(), key=lambda c: (c.run, c.child))[-MOST_CASES:]),
        )
        for (symptom, edit, of), own in cases.items()
    ]
    return Lessons(env=env, items=tuple(sorted(items, key=lambda one: (one.symptom, one.edit.said, one.of))))


def edit_of(parent: Candidate, before: Verdict, child: Candidate, after: Verdict) -> Edit:
    """What a child changed; nothing where it is the same program."""
    adds = tuple(sorted(set(after.parts) - set(before.parts)))
    drops = tuple(sorted(set(before.parts) - set(after.parts)))
    composition = child.composition if child.composition != parent.composition else None
    if adds or drops or composition or child.source == parent.source:
        return Edit(adds=adds, drops=drops, composition=composition)
    return Edit(within="numbers" if _without_numbers(child.source) == _without_numbers(parent.source) else "formulas")


def _without_numbers(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str):
            node.value = 0
    return ast.dump(tree)


def _alike(parents: Sequence[Score], childs: Sequence[Score]) -> tuple[Score, Score] | None:
    """A score of each after the most steps that both trained for, of the same training seed; None without such."""
    known = {(score.seed, score.steps): score for score in parents}
    both = [(known[key], score) for score in childs if (key := (score.seed, score.steps)) in known]
    return max(both, key=lambda pair: pair[1].steps, default=None)


def _gained(parent: Score, child: Score) -> tuple[Literal["success", "progress"], float, float]:
    """The gain, of what, and its standard error over the held-out episodes."""
    if parent.success > 0.0 or child.success > 0.0:
        error = math.hypot(*(_rate_error(score.episodes) for score in (parent, child)))
        return "success", child.success - parent.success, error
    error = math.hypot(*(_progress_error(score.episodes) for score in (parent, child)))
    return "progress", child.progress - parent.progress, max(error, _LEAST_ERROR)


def _rate_error(episodes: Sequence[Episode]) -> float:
    """Half of what the 95 % interval of the rate is long on one side: above 0 for none and for all."""
    low, high = share_interval(sum(e.success for e in episodes), len(episodes))
    return (high - low) / 4.0


def _progress_error(episodes: Sequence[Episode]) -> float:
    values = [e.progress for e in episodes]
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
