"""The designer role: prompts a model for reward programs, and for corrections of them."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.context import ASSUMED_CONTEXT
from autoreward.llm.conversation import Tools
from autoreward.llm.cost import tokens
from autoreward.llm.parsing import ModelAnswer, Words
from autoreward.llm.portions import asked_in_portions
from autoreward.llm.programs import with_constants
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import Request, ask_structured
from autoreward.llm.types import Turn
from autoreward.records import (
    Candidate,
    CandidateId,
    ReplyKey,
)
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.roles.brief import Brief
from autoreward.roles.history import History, shown_history
from autoreward.roles.ideas import CALLED, Ideas, Source, candidate_of, from_code, usable_settings

_MAX_TOKENS = 16_000
_MAX_REPAIR_TOKENS = 6_000
"""For one program, and what is thought before it."""
_LONGEST_FEEDBACK = 1_000
_TIPS = (
    "Dense guidance toward the goal at every step; where only arriving pays, it is found by luck (Ng et al. 1999 shape it "
    "with the change of a potential, which can't move the optimum).",
    "Terms that pay at every step of similar size, each squashed by a scale: exp(-distance / scale) or tanh; policies exploit "
    "unbounded ones (Fu et al. 2025, PAR).",
    "A scale wide enough that the term changes where the policy starts; a narrow one is flat there.",
    "Where an episode can end early, being alive must be worth more than any cost per step, or dying is the best policy.",
    "An event that can be repeated pays again each time: pay for staying, not for arriving (Skalse et al. 2022, reward hacking).",
    "A bonus that can come once, at the end, must weigh as much as what an episode without it collects on the way, or the policy "
    "puts the end off.",
)


class Revision(ModelAnswer):
    """One corrected program."""

    also: ClassVar[Mapping[str, tuple[str, ...]]] = {"source": CALLED}
    id: Words
    source: Source


class Revisions(ModelAnswer):
    """The answer to `revise.md.j2`."""

    revisions: list[Revision]


class Drafted(NamedTuple):
    """A round's programs as they were first written."""

    candidates: tuple[Candidate, ...]
    """With ids of ours."""
    findings: tuple[str, ...]
    """What was wrong with the answers."""
    question: str
    """The prompt that was answered."""


def draft_candidates(
    client: ModelClient,
    brief: Brief,
    history: History,
    count: int,
    feedback: Sequence[str] = (),
    tools: Tools | None = None,
) -> Drafted:
    """The model's programs for the next round; `tools`: what it may call before it answers."""
    number = len(history.rounds)
    known = {c.id for c in (*history.starts, *(c for r in history.rounds for c in r.candidates))}
    key = str(ReplyKey(number, "designer"))

    def text(room: int) -> str:
        return design_prompt(brief, history, count, feedback, room)

    request = Request(
        key, "designer", text(client.room(key, "designer", _MAX_TOKENS)), _MAX_TOKENS, shorter=text, tools=tools
    )
    answer, findings = ask_structured(client, request, Ideas, from_code)
    ideas = answer.ideas[:count] if answer else []
    made = tuple(
        candidate_of(idea, str(CandidateId(number, i)), known, brief.constants) for i, idea in enumerate(ideas)
    )
    if brief.settings:
        made, faults = usable_settings(brief.task, made, ideas)
        findings += faults
    if len(brief.compositions) == 1:
        made = tuple(candidate.model_copy(update={"composition": brief.compositions[0]}) for candidate in made)
    return Drafted(made, findings, request.within(client.kept_room(key)))


def conversation(question: str, candidate: Candidate) -> tuple[Turn, ...]:
    """The conversation in which a program was written, as if it had been the only one: its beginning is that of all others."""
    idea = {
        "thought": candidate.thought,
        "parent": ", ".join(candidate.parents),
        "composition": candidate.composition,
        "source": candidate.source,
    }
    return (Turn(question, json.dumps({"ideas": [idea]}, ensure_ascii=False)),)


def repair(
    client: ModelClient,
    key: str,
    candidate: Candidate,
    problems: Sequence[str],
    earlier: tuple[Turn, ...],
    constants: Mapping[str, float],
) -> tuple[str, tuple[Turn, ...], tuple[str, ...]]:
    """A program that can't be used, corrected in the conversation in which it was written; `constants`: the task's.

    Returns:
        The source, empty if there is none; the conversation with this question in it; and what was wrong with the answer.
    """
    text = repair_prompt(candidate, problems, again=len(earlier) > 1)
    request = Request(key, "designer", text, _MAX_REPAIR_TOKENS, earlier=earlier)
    answer, findings = ask_structured(client, request, Revisions, _revision_from_code(candidate.id))
    sources, findings = _wanted(key, answer, {candidate.id}, findings)
    source = with_constants(sources.get(candidate.id, ""), constants)
    said = json.dumps({"revisions": [{"id": candidate.id, "source": source}]}, ensure_ascii=False)
    return source, (*earlier, Turn(text, said)), findings


def repair_prompt(candidate: Candidate, problems: Sequence[str], again: bool = False) -> str:
    """The question alone, without the conversation before it. `again`: the program is a correction that got no further."""
    return render_prompt("repair", id=candidate.id, source=candidate.source, problems=problems, again=again)


def _revision_from_code(identity: str) -> Callable[[str, bool], Revisions | None]:
    """A reader of programs in fences: the last one is the correction."""

    def read(text: str, cut: bool) -> Revisions | None:
        ideas = from_code(text, cut)
        return Revisions(revisions=[Revision(id=identity, source=ideas.ideas[-1].source)]) if ideas else None

    return read


def _wanted(
    key: str, answer: Revisions | None, wanted: set[str], findings: tuple[str, ...]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The sources by id of those that were asked about; others are a finding."""
    revisions = answer.revisions if answer else []
    if unknown := [r.id for r in revisions if r.id not in wanted]:
        findings += (f"{key}: corrected {visible_line(', '.join(unknown), 100)}, which it was not asked about",)
    return {r.id: r.source for r in revisions if r.id in wanted}, findings


def revise(
    client: ModelClient,
    key: str,
    brief: Brief,
    candidates: Sequence[Candidate],
    problems: Mapping[str, Sequence[str]],
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Corrected sources by candidate id, for those that have problems; and what was wrong with the answers.

    A small context makes several questions of it.
    """
    sources: dict[str, str] = {}
    findings: tuple[str, ...] = ()

    def text(shown: Sequence[Candidate]) -> str:
        return revise_prompt(brief, shown, problems)

    faulty = [c for c in candidates if c.id in problems]
    for portion in asked_in_portions(client, Request(key, "designer", "", _MAX_TOKENS), faulty, text, Revisions):
        found, wrong = _wanted(portion.key, portion.answer, {c.id for c in portion.items}, portion.findings)
        sources |= {identity: with_constants(source, brief.constants) for identity, source in found.items()}
        findings += wrong
    return sources, findings


def revise_prompt(brief: Brief, candidates: Sequence[Candidate], problems: Mapping[str, Sequence[str]]) -> str:
    """The whole prompt, on those candidates that have problems."""
    items = [
        {
            "id": c.id,
            "composition": c.composition,
            "meaning": COMPOSITIONS[c.composition].about,
            "source": c.source,
            "problems": problems[c.id],
        }
        for c in candidates
        if c.id in problems
    ]
    return render_prompt("revise", brief=brief, items=items)


def design_prompt(
    brief: Brief,
    history: History,
    count: int,
    feedback: Sequence[str] = (),
    room: int = ASSUMED_CONTEXT - _MAX_TOKENS,
) -> str:
    """The whole prompt. `count` 0: one program as a code block, for a person's chat. `feedback`: what people want changed.

    `room`: tokens that it may have; what does not fit is the code of programs, the worst first and the best one's never.
    """
    shown = shown_history(brief, history)
    while True:
        text = render_prompt(
            "designer",
            brief=brief,
            count=count,
            compositions={name: COMPOSITIONS[name].about for name in brief.compositions},
            settings=brief.settings,
            tips=_TIPS,
            history=shown,
            feedback=[visible_line(line, _LONGEST_FEEDBACK) for line in feedback],
        )
        shorter = shown.shorter() if tokens(text) > room else None
        if shorter is None:
            return text
        shown = shorter
