"""The search so far as a designer is shown it: some of its programs, what came of them, and why."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from autoreward.core.visible import visible_line
from autoreward.evaluation.ranking import UNASKED, latest
from autoreward.records import Candidate, Diagnosis, Round, Strengths
from autoreward.rewards.gate.text import MAX_LINES
from autoreward.tasks.card import Task

_CODE_SHOWN = 3_500
"""Characters of the history's programs that are shown as code or as a diff, best of the latest round first, less those of the
lines on programs that did not train; the others are shown by their idea."""
_CAUSES_SHOWN = 2
_LONGEST_CAUSE = 200
"""Characters of a cause or a suggestion."""
LONGEST_THOUGHT = 200
"""Characters of a program's idea."""


class History(NamedTuple):
    """What a designer is told of the search so far."""

    rounds: Sequence[Round] = ()
    parents: Sequence[str] = ()
    """Ids of the programs that it is to build on: oldest round first, in each the best first."""


def shown_history(task: Task, history: History) -> tuple[list[dict[str, Any]], list[str]]:
    """Programs as `designer.md.j2` shows them; and a line for each other one of the latest round that did not train."""
    shown = _programs(task, history)
    untrained = _untrained(history.rounds[-1], set(history.parents)) if history.rounds else []
    _fit(shown, _CODE_SHOWN - sum(map(len, untrained)))
    return shown, untrained


def _programs(task: Task, history: History) -> list[dict[str, Any]]:
    """The programs to build on, as the template shows them: with the code of the latest round's, and of each round's first."""
    rounds = history.rounds
    sources = {c.id: c.source for r in rounds for c in r.candidates}
    liked = rounds[-1].liked if rounds else UNASKED
    shown: list[dict[str, Any]] = []
    for number, past in enumerate(rounds):
        newest = number == len(rounds) - 1
        measured, candidates = latest(past.scores), {c.id: c for c in past.candidates}
        for place, name in enumerate(filter(candidates.__contains__, history.parents)):
            candidate, scores = candidates[name], measured.get(name, [])
            code, language = "", "python"
            if newest or place == 0:
                parent = next((p for p in candidate.parents if p in sources), "")
                code, language = _code(candidate, parent, sources)
            shown.append(
                {
                    "id": candidate.id,
                    "round": number,
                    "success": f"{fmean(s.success for s in scores):.2f} on {len(scores)} training seed{'s' * (len(scores) > 1)}"
                    if scores and task.ruled
                    else "not measured"
                    if scores
                    else "none",
                    "parent": ", ".join(candidate.parents),
                    "thought": visible_line(candidate.thought, LONGEST_THOUGHT),
                    "why": _why(task, past, candidate, liked)[: None if newest else 1],
                    "code": code,
                    "language": language,
                }
            )
    return shown


def _fit(shown: Sequence[dict[str, Any]], characters: int) -> None:
    """Take out the code for which there is no room."""
    for item in sorted(shown, key=lambda item: -item["round"]):
        characters -= len(item["code"])
        if characters < 0:
            item["code"] = ""


def _why(task: Task, past: Round, candidate: Candidate, liked: Strengths) -> list[str]:
    """Symptoms and causes, in one line each; the rule itself stays with the scorer."""
    diagnosis: Diagnosis | None = next((d for d in past.diagnoses if d.candidate_id == candidate.id), None)
    lines = [f"people who compared policies: {strength.said}"] if (strength := liked.of(candidate.id)) else []
    lines += [
        f"{s.name}: {s.evidence.rstrip('.')}. {s.advice}".replace(f"`{task.success.when}`", "the goal")
        for s in (diagnosis.symptoms if diagnosis else ())[:3]
    ]
    for analysis in past.analyses:
        if analysis.candidate_id == candidate.id:
            lines += [
                f"cause: {visible_line(c.cause, _LONGEST_CAUSE)} Suggestion: {visible_line(c.suggestion, _LONGEST_CAUSE)}"
                for c in analysis.causes[:_CAUSES_SHOWN]
            ]
    if reason := _not_trained(past, candidate.id):
        lines.append(f"not trained: {reason}")
    return lines


def _untrained(past: Round, shown: Collection[str]) -> list[str]:
    """A line for each of the round's programs that did not train and is not shown otherwise."""
    others = [(c, _not_trained(past, c.id)) for c in past.candidates if c.id not in shown]
    return [f"{c.id} ({visible_line(c.thought, _LONGEST_CAUSE // 2)}): {reason}" for c, reason in others if reason]


def _not_trained(past: Round, identity: str) -> str:
    """Why a program did not train, in one line; empty if it did."""
    if any(t.candidate_id == identity for t in past.trials):
        return ""
    refused = next((v for v in past.verdicts if v.candidate_id == identity and not v.accepted), None)
    if refused:
        return visible_line(refused.findings[0].message if refused.findings else refused.outcome.advice, _LONGEST_CAUSE)
    screens = next((item.screens for item in past.screened.items if item.candidate_id == identity), ())
    if rejected := next((s for s in screens if s.decision == "rejected"), None):
        return visible_line(f"{rejected.name}: {rejected.evidence.rstrip('.')}. {rejected.advice}", _LONGEST_CAUSE)
    if identity in past.screened.order:
        return "the search had no steps left for it"
    return "it failed on episodes that were recorded in the search"


def _code(candidate: Candidate, parent: str, sources: Mapping[str, str]) -> tuple[str, str]:
    """The source, or the diff to the parent where that is shorter. Programs longer than any that may train are not compared."""
    old, new = sources.get(parent, "").splitlines(), candidate.source.splitlines()
    if parent and max(len(old), len(new)) <= MAX_LINES:
        diff = "\n".join(list(difflib.unified_diff(old, new, parent, candidate.id, lineterm="", n=1)))
        if len(diff) < len(candidate.source):
            return diff, "diff"
    return candidate.source.rstrip(), "python"
