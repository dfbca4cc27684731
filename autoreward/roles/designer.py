"""The designer role: prompts a model for reward programs, and for corrections of them."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import Any, Literal

from autoreward.core.visible import plain
from autoreward.evaluation.ranking import latest, ranked
from autoreward.llm.client import Desk
from autoreward.llm.parsing import code_blocks
from autoreward.llm.prompts import render
from autoreward.llm.structured import Question, converse
from autoreward.records import (
    Candidate,
    CandidateId,
    Composition,
    Description,
    Diagnosis,
    Record,
    ReplyKey,
    Round,
    Strengths,
)
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.rewards.gate.gate import FUNCTION
from autoreward.rewards.gate.text import MAX_LINES
from autoreward.tasks.card import Task

MAX_TOKENS = 16_000
ROUNDS_SHOWN = 4
SHOWN_OF_LATEST, SHOWN_OF_EARLIER = 3, 2
CODE_SHOWN = 3_500
"""Characters of the history's programs that are shown as code or as a diff, best of the latest round first, less those of the
lines on programs that did not train; the others are shown by their idea."""
CAUSES_SHOWN = 2
SAID = 200
"""Characters of a cause or a suggestion."""
THOUGHT = 200
FEEDBACK = 1_000
HOW: tuple[Literal["fresh", "mutation", "crossover"], ...] = ("fresh", "mutation", "crossover")
"""What a program is called, by the number of its parents."""
SOURCE = 20_000

TIPS = (
    "Dense guidance toward the goal at every step; a bonus for arriving alone is found by luck (Ng et al. 1999 shape it "
    "with the change of a potential, which can't move the optimum).",
    "Terms of similar size, each squashed by a scale: exp(-distance / scale) or tanh; policies exploit unbounded ones "
    "(Fu et al. 2025, PAR).",
    "A scale wide enough that the term changes where the policy starts; a narrow one is flat there.",
    "Where an episode can end early, being alive must be worth more than any cost per step, or dying is the best policy.",
    "An event that can be repeated pays again each time: pay for staying, not for arriving (Skalse et al. 2022, reward hacking).",
)


class Idea(Record):
    """One program as a designer answers it."""

    thought: str
    parent: str
    """Id of the program it changes, ids of two that it joins, or empty."""
    composition: Composition
    source: str


class Ideas(Record):
    """The answer to `designer.md.j2`."""

    ideas: list[Idea]


class Revision(Record):
    """One corrected program."""

    id: str
    source: str


class Revisions(Record):
    """The answer to `revise.md.j2`."""

    revisions: list[Revision]


def draft(
    desk: Desk, task: Task, description: Description, rounds: Sequence[Round], count: int, said: Sequence[str] = ()
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """The model's programs for the next round, with ids of ours, and what was wrong with its answers."""
    number = len(rounds)
    known = {c.id for r in rounds for c in r.candidates}
    question = Question(
        str(ReplyKey(number, "designer")), "designer", design_prompt(task, description, rounds, count, said), MAX_TOKENS
    )
    answer, findings = converse(desk, question, Ideas, _from_code)
    ideas = answer.ideas[:count] if answer else []
    return tuple(_candidate(idea, str(CandidateId(number, i)), known) for i, idea in enumerate(ideas)), findings


def revise(
    desk: Desk,
    key: str,
    task: Task,
    description: Description,
    candidates: Sequence[Candidate],
    problems: Mapping[str, Sequence[str]],
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Corrected sources by candidate id, for those that have problems; and what was wrong with the answers."""
    items = [{"id": c.id, "source": c.source, "problems": problems[c.id]} for c in candidates if c.id in problems]
    text = render("revise", task=task, description=description, items=items)
    answer, findings = converse(desk, Question(key, "designer", text, MAX_TOKENS), Revisions)
    wanted = {item["id"] for item in items}
    unknown = [r.id for r in answer.revisions if r.id not in wanted] if answer else []
    if unknown:
        findings += (f"{key}: corrected {plain(', '.join(unknown), 100)}, which it was not asked about",)
    return {r.id: _source(r.source) for r in answer.revisions if r.id in wanted} if answer else {}, findings


def design_prompt(
    task: Task, description: Description | None, rounds: Sequence[Round], count: int, said: Sequence[str] = ()
) -> str:
    """The whole prompt. `count` 0: one program as a code block, for a person's chat. `said`: what people want changed."""
    history = _history(task, rounds)
    untrained = _untrained(rounds[-1], {item["id"] for item in history}) if rounds else []
    _fit(history, CODE_SHOWN - sum(map(len, untrained)))
    return render(
        "designer",
        task=task,
        description=description,
        count=count,
        compositions={name: composition.said for name, composition in COMPOSITIONS.items()},
        tips=TIPS,
        history=history,
        untrained=untrained,
        said=[plain(text, FEEDBACK) for text in said],
    )


def _history(task: Task, rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """The best candidates of the last rounds, oldest round first, as the template shows them."""
    sources = {c.id: c.source for r in rounds for c in r.candidates}
    liked = rounds[-1].liked if rounds else Strengths()
    shown: list[dict[str, Any]] = []
    for number, past in enumerate(rounds[-ROUNDS_SHOWN:]):
        newest = number == min(len(rounds), ROUNDS_SHOWN) - 1
        measured = latest(past.scores)
        for place, candidate in enumerate(
            _in_order(task, past, liked)[: SHOWN_OF_LATEST if newest else SHOWN_OF_EARLIER]
        ):
            scores = measured.get(candidate.id, [])
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
                    "thought": plain(candidate.thought, THOUGHT),
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


def _in_order(task: Task, past: Round, liked: Strengths) -> list[Candidate]:
    """The round's programs, best first; those that nothing is known of come last, as they were designed."""
    places = {identity: place for place, identity in enumerate(ranked(past.scores, task, liked))}
    return sorted(past.candidates, key=lambda c: places.get(c.id, len(places)))


def _why(task: Task, past: Round, candidate: Candidate, liked: Strengths) -> list[str]:
    """Symptoms and causes, in one line each; the rule itself stays with the scorer."""
    diagnosis: Diagnosis | None = next((d for d in past.diagnoses if d.candidate_id == candidate.id), None)
    lines = [f"people who compared policies: {found.said}"] if (found := liked.of(candidate.id)) else []
    lines += [
        f"{s.name}: {s.evidence.rstrip('.')}. {s.advice}".replace(f"`{task.success.when}`", "the goal")
        for s in (diagnosis.symptoms if diagnosis else ())[:3]
    ]
    for analysis in past.analyses:
        if analysis.candidate_id == candidate.id:
            lines += [
                f"cause: {plain(c.cause, SAID)} Suggestion: {plain(c.suggestion, SAID)}"
                for c in analysis.causes[:CAUSES_SHOWN]
            ]
    if reason := _not_trained(past, candidate.id):
        lines.append(f"not trained: {reason}")
    return lines


def _untrained(past: Round, shown: Collection[str]) -> list[str]:
    """A line for each of the round's programs that did not train and is not shown otherwise."""
    others = [(c, _not_trained(past, c.id)) for c in past.candidates if c.id not in shown]
    return [f"{c.id} ({plain(c.thought, SAID // 2)}): {reason}" for c, reason in others if reason]


def _not_trained(past: Round, identity: str) -> str:
    """Why a program did not train, in one line; empty if it did."""
    if any(t.candidate_id == identity for t in past.trials):
        return ""
    refused = next((v for v in past.verdicts if v.candidate_id == identity and not v.accepted), None)
    if refused:
        return plain(refused.findings[0].message if refused.findings else refused.outcome.advice, SAID)
    screens = next((item.screens for item in past.screened.items if item.candidate_id == identity), ())
    if found := next((s for s in screens if s.decision == "rejected"), None):
        return plain(f"{found.name}: {found.evidence.rstrip('.')}. {found.advice}", SAID)
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


def _candidate(idea: Idea, identity: str, known: set[str]) -> Candidate:
    parents = tuple(dict.fromkeys(word for word in re.findall(r"\w+", idea.parent) if word in known))[:2]
    return Candidate(
        id=identity,
        source=_source(idea.source),
        thought=plain(idea.thought, THOUGHT),
        origin="model",
        how=HOW[len(parents)],
        parents=parents,
        composition=idea.composition,
    )


def _source(text: str) -> str:
    """The program in a `source`, without a fence around it; too long ones stay too long, and the gate says so."""
    blocks = code_blocks(text) if "```" in text else [text]
    return (max(blocks, key=len) if blocks else text)[: 2 * SOURCE].rstrip() + "\n"


def _from_code(text: str) -> Ideas | None:
    """Programs in fenced blocks, for models that answer in prose. Blocks without `compute_reward` belong to the next one."""
    ideas: list[Idea] = []
    helpers = ""
    for block in code_blocks(text):
        if f"def {FUNCTION}" not in block:
            helpers += block + "\n\n"
            continue
        ideas.append(Idea(thought=_docstring(block), parent="", composition="sum", source=helpers + block))
        helpers = ""
    return Ideas(ideas=ideas) if ideas else None


def _docstring(source: str) -> str:
    after = source.split(f"def {FUNCTION}", 1)[1]
    quoted = after.split('"""')
    return plain(quoted[1], THOUGHT) if len(quoted) >= 3 else "No idea was given."
