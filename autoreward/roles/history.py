"""The search so far as a designer is shown it: every program, what came of it and why; the best ones whole."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from autoreward.core.outcomes import Outcome
from autoreward.core.visible import visible_line
from autoreward.evaluation.edits import lesson_said, telling
from autoreward.evaluation.legs import newest, scored
from autoreward.evaluation.limits import limits_clause, over_trainings
from autoreward.evaluation.ranking import best, ranked
from autoreward.records import DUPLICATE, Candidate, Diagnosis, Lessons, Round, Score, Strengths, Symptom, TrialId
from autoreward.roles.brief import Brief
from autoreward.roles.lessons import lessons, stubborn_starts

_SYMPTOMS = 4
"""Symptoms of a program that is shown whole, the gravest first."""
_LONGEST_CAUSE = 300
"""Characters of a cause or a suggestion, as an analyzer may write them: none is cut."""
_LONGEST_REASON = 200
EARLIER = 5
"""Lessons of earlier runs that a designer is told."""
NEARLY = 0.05
"""Distance of two rewards below which a designer is told of it."""
LONGEST_THOUGHT = 200
"""Characters of a program's idea."""
_SHORT_THOUGHT = 100


class History(NamedTuple):
    """What a designer is told of the search so far."""

    rounds: Sequence[Round] = ()
    parents: Sequence[str] = ()
    """Ids of the programs that it is to build on."""
    starts: Sequence[Candidate] = ()
    """The person's own rewards, which train in the first round and are shown whole in every one."""
    earlier: Lessons | None = None
    """What changes came to in earlier runs of the environment."""


class ShownHistory(NamedTuple):
    """A history as `designer.md.j2` shows it."""

    programs: Sequence[Mapping[str, Any]] = ()
    """The best program, the parents and the person's own, whole, the best first."""
    others: Sequence[str] = ()
    """A line for every other program of all rounds."""
    starts: str = ""
    """Held-out starts that stay failures whatever is trained; empty without such."""
    lessons: Sequence[str] = ()
    """Causes and suggestions for the other programs, of all rounds, oldest first."""
    starting: Sequence[Mapping[str, Any]] = ()
    """The person's own programs before anything was trained."""
    earlier: Sequence[str] = ()
    """What changes came to in earlier runs, with their counts."""

    def shorter(self) -> "ShownHistory | None":
        """With less: the code of the worst program that has some, then what is said of it, then the oldest other programs.

        None if all that is left is the best program and the person's own, whole.
        """
        for what, nothing in (("code", ""), ("why", []), ("curves", [])):
            if having := [
                i for i, program in enumerate(self.programs) if program[what] and i > 0 and not program["own"]
            ]:
                less = {**self.programs[having[-1]], what: nothing}
                return self._replace(programs=[*self.programs[: having[-1]], less, *self.programs[having[-1] + 1 :]])
        if self.others:
            return self._replace(others=self.others[1:])
        if self.lessons:
            return self._replace(lessons=self.lessons[1:])
        return self._replace(earlier=self.earlier[:-1]) if self.earlier else None


def shown_history(brief: Brief, history: History) -> ShownHistory:
    """All rounds, for a prompt without a limit."""
    rounds = history.rounds
    earlier = [lesson_said(lesson) for lesson in telling(history.earlier, EARLIER)] if history.earlier else []
    if not rounds:
        return ShownHistory(starting=[_starting(own) for own in history.starts], earlier=earlier)
    task, liked = brief.task, rounds[-1].liked
    programs = {c.id: c for r in rounds for c in r.candidates}
    order = ranked([s for r in rounds for s in r.scores], task, liked)
    incumbent = best(rounds, task)
    places = {name: place for place, name in enumerate([incumbent, *(name for name in order if name != incumbent)])}
    own = [c.id for c in programs.values() if c.how == "given"]
    whole = [name for name in dict.fromkeys([incumbent, *history.parents, *own]) if name in programs]
    whole.sort(key=lambda name: places.get(name, len(places)))
    trainings: dict[str, list[Score]] = {}
    for score in scored([s for r in rounds for s in r.scores]):
        trainings.setdefault(score.candidate_id, []).append(score)
    return ShownHistory(
        programs=[_program(brief, rounds, programs[name], trainings.get(name, []), liked) for name in whole],
        others=[
            f"{c.id} ({visible_line(c.thought, _SHORT_THOUGHT)}; {c.composition}{f'; {c.settings_line}' * bool(c.settings)}): "
            + "; ".join(
                [_fate(brief, rounds, c, trainings.get(c.id, [])), *_hunted(rounds, c.id), *_alike(rounds, c.id)]
            )
            for c in programs.values()
            if c.id not in whole
        ],
        starts=stubborn_starts(list(newest([s for r in rounds for s in r.scores]).values())),
        lessons=lessons([a for r in rounds for a in r.analyses if a.candidate_id not in whole]),
        earlier=earlier,
    )


def _program(
    brief: Brief, rounds: Sequence[Round], candidate: Candidate, trainings: Sequence[Score], liked: Strengths
) -> dict[str, Any]:
    seeds = f"on {len(trainings)} training seed{'s' * (len(trainings) > 1)}"
    each = f" ({', '.join(f'{s.success:.2f}' for s in trainings)})" if len(trainings) > 1 else ""
    return {
        "id": candidate.id,
        "own": candidate.how == "given",
        "composition": candidate.composition,
        "success": f"{fmean(s.success for s in trainings):.2f}{each} {seeds}"
        if trainings and brief.task.ruled
        else "not measured"
        if trainings
        else "none",
        "parent": ", ".join(candidate.parents),
        "settings": candidate.settings_line,
        "thought": visible_line(candidate.thought, LONGEST_THOUGHT),
        "curves": [*map(_curve, trainings), *_gone_on(rounds, candidate.id)] if brief.task.ruled else [],
        "why": _why(brief, rounds, candidate, trainings, liked),
        "code": candidate.source.rstrip(),
    }


def _starting(own: Candidate) -> dict[str, Any]:
    return {"id": own.id, "composition": own.composition, "code": own.source.rstrip()}


def _curve(score: Score) -> str:
    """A training's success over its checkpoints."""
    runs: list[tuple[int, int, str]] = []
    for point in score.checkpoints:
        said = f"{point.success:.2f}"
        begin = runs.pop()[0] if runs and runs[-1][2] == said else point.step
        runs.append((begin, point.step, said))
    points = [f"{begin:,}: {said}" if begin == end else f"{begin:,} to {end:,}: {said}" for begin, end, said in runs]
    over = f"; success after steps {', '.join(points)}" if points else ""
    return (
        f"training of {score.steps:,} steps: kept checkpoint success {score.success:.2f}, progress "
        f"{score.progress:.2f} of 1{limits_clause(score.limits)}{over}"
    )


def _gone_on(rounds: Sequence[Round], candidate_id: str) -> list[str]:
    """What its training made of more steps than a full training has, where it was given them."""
    given = [r.longer for r in rounds if r.longer.steps and TrialId.parse(r.longer.trial_id).candidate == candidate_id]
    return [
        "given more steps: "
        + ", ".join(
            f"success {success:.2f} and progress {progress:.2f} in training episodes by {steps:,}"
            for steps, success, progress in zip(longer.steps, longer.success, longer.progress, strict=True)
        )
        for longer in given
    ]


def _why(
    brief: Brief, rounds: Sequence[Round], candidate: Candidate, trainings: Sequence[Score], liked: Strengths
) -> list[str]:
    """What people said, symptoms, and all causes, in one line each."""
    diagnoses = (d for r in reversed(rounds) for d in r.diagnoses if d.candidate_id == candidate.id)
    diagnosis: Diagnosis | None = next(diagnoses, None)
    lines = [f"people who compared policies: {strength.said}"] if (strength := liked.of(candidate.id)) else []
    if not trainings or max(s.steps for s in trainings) < brief.steps:
        lines.append(_fate(brief, rounds, candidate, trainings))
    lines += [*_hunted(rounds, candidate.id), *_alike(rounds, candidate.id)]
    lines += [
        hide_condition(brief, f"{s.name}: {s.evidence.rstrip('.')}. {s.advice}")
        for s in (told(diagnosis.symptoms) if diagnosis else ())[:_SYMPTOMS]
    ]
    analyses = [a for r in rounds for a in r.analyses if a.candidate_id == candidate.id]
    return lines + [
        f"cause: {visible_line(c.cause, _LONGEST_CAUSE)} Suggestion: {visible_line(c.suggestion, _LONGEST_CAUSE)}"
        for a in analyses
        for c in a.causes
    ]


def _hunted(rounds: Sequence[Round], candidate_id: str) -> list[str]:
    """The exploit that was found in it before it trained, where one was."""
    return [
        f"exploit found before training: {visible_line(hunt.said, _LONGEST_CAUSE)}"
        for r in rounds
        for hunt in r.hunts
        if hunt.candidate_id == candidate_id and hunt.found
    ]


def _alike(rounds: Sequence[Round], candidate_id: str) -> list[str]:
    """What its reward is nearly the same as, where it trained all the same."""
    return [
        f"nearly the same reward as another, but for scale and shaping: {s.evidence}"
        for r in rounds
        for item in r.screened.items
        for s in item.screens
        if item.candidate_id == candidate_id and s.name == DUPLICATE and s.decision != "rejected"
        if s.number is not None and s.number < NEARLY
    ]


def told(symptoms: Sequence[Symptom]) -> tuple[Symptom, ...]:
    """Those that a reward may have caused: no program can mend the others."""
    outside = {outcome.value for outcome in Outcome if outcome.blames_nobody_here}
    return tuple(symptom for symptom in symptoms if symptom.name not in outside)


def hide_condition(brief: Brief, text: str) -> str:
    """A symptom's text, without the rule's condition where that is kept from models."""
    if brief.rule_shown:
        return text
    success = brief.task.success
    for hidden in (*(s.when for s in success.plan), *filter(None, (success.always,))):
        text = text.replace(f"`{hidden}`", "the goal")
    return text


def _fate(brief: Brief, rounds: Sequence[Round], candidate: Candidate, trainings: Sequence[Score]) -> str:
    """How far a program came, and why no further, in one line."""
    if not trainings:
        trials = [t for r in rounds for t in r.trials if t.candidate_id == candidate.id]
        failed = next((t for t in trials if not t.outcome.ok), None)
        if failed and failed.outcome.blames_nobody_here:
            return "its training was cut short by a failure outside of it, which says nothing of the program"
        if failed:
            return visible_line(f"its training failed, {failed.outcome.value}: {failed.message}", _LONGEST_REASON)
        return "trained, and could not be scored" if trials else f"not trained: {_not_trained(rounds, candidate.id)}"
    steps = max(s.steps for s in trainings)
    numbers = (
        f"success {', '.join(f'{s.success:.2f}' for s in trainings)}, progress "
        f"{', '.join(f'{s.progress:.2f}' for s in trainings)}"
        if brief.task.ruled
        else "success not measured"
    ) + limits_clause(over_trainings(trainings))
    if steps >= brief.steps:
        return f"trained to the end; {numbers}"
    scores = [[s for s in r.scores if s.outcome.ok and s.steps == steps] for r in rounds]
    field = next(of_one for of_one in scores if any(s.candidate_id == candidate.id for s in of_one))
    place = ranked(field, brief.task).index(candidate.id)
    behind = f"; {place} of {len({s.candidate_id for s in field})} stood better at that length" if place else ""
    return f"left the race after {steps:,} of {brief.steps:,} steps; {numbers}{behind}"


def _not_trained(rounds: Sequence[Round], identity: str) -> str:
    """Why a program did not train."""
    past = next(r for r in rounds if any(c.id == identity for c in r.candidates))
    refused = next((v for v in past.verdicts if v.candidate_id == identity and not v.accepted), None)
    if refused:
        return visible_line(
            refused.findings[0].message if refused.findings else refused.outcome.advice, _LONGEST_REASON
        )
    screens = next((item.screens for item in past.screened.items if item.candidate_id == identity), ())
    if rejected := next((s for s in screens if s.decision == "rejected"), None):
        return visible_line(f"{rejected.name}: {rejected.evidence.rstrip('.')}. {rejected.advice}", _LONGEST_REASON)
    if identity in past.screened.order:
        return "the search had no steps left for it"
    return "it failed on episodes that were recorded in the search"
