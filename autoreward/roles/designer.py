"""The designer role: prompts a model for reward programs, and for corrections of them."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.context import ASSUMED_CONTEXT
from autoreward.llm.cost import tokens
from autoreward.llm.parsing import code_blocks
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import Request, ask_structured
from autoreward.records import (
    Candidate,
    CandidateId,
    CompositionName,
    Record,
    ReplyKey,
)
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.rewards.gate.gate import FUNCTION
from autoreward.roles.brief import Brief
from autoreward.roles.history import LONGEST_THOUGHT, History, shown_history

_MAX_TOKENS = 16_000
_LONGEST_FEEDBACK = 1_000
_HOW_BY_PARENTS: tuple[Literal["fresh", "mutation", "crossover"], ...] = ("fresh", "mutation", "crossover")
"""What a program is called, by the number of its parents."""
_LONGEST_SOURCE = 20_000

_TIPS = (
    "Dense guidance toward the goal at every step; a bonus for arriving alone is found by luck (Ng et al. 1999 shape it "
    "with the change of a potential, which can't move the optimum).",
    "Terms that pay at every step of similar size, each squashed by a scale: exp(-distance / scale) or tanh; policies exploit "
    "unbounded ones (Fu et al. 2025, PAR).",
    "A scale wide enough that the term changes where the policy starts; a narrow one is flat there.",
    "Where an episode can end early, being alive must be worth more than any cost per step, or dying is the best policy.",
    "An event that can be repeated pays again each time: pay for staying, not for arriving (Skalse et al. 2022, reward hacking).",
    "A bonus that can come once, at the end, must weigh as much as what an episode without it collects on the way, or the policy "
    "puts the end off.",
)


class Idea(Record):
    """One program as a designer answers it."""

    thought: str
    parent: str
    """Id of the program it changes, ids of two that it joins, or empty."""
    composition: CompositionName
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


def draft_candidates(
    client: ModelClient, brief: Brief, history: History, count: int, feedback: Sequence[str] = ()
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """The model's programs for the next round, with ids of ours, and what was wrong with its answers."""
    number = len(history.rounds)
    known = {c.id for r in history.rounds for c in r.candidates}
    key = str(ReplyKey(number, "designer"))

    def text(room: int) -> str:
        return design_prompt(brief, history, count, feedback, room)

    request = Request(key, "designer", text(client.room(key, "designer", _MAX_TOKENS)), _MAX_TOKENS, shorter=text)
    answer, findings = ask_structured(client, request, Ideas, _from_code)
    ideas = answer.ideas[:count] if answer else []
    return tuple(_candidate(idea, str(CandidateId(number, i)), known) for i, idea in enumerate(ideas)), findings


def revise(
    client: ModelClient,
    key: str,
    brief: Brief,
    candidates: Sequence[Candidate],
    problems: Mapping[str, Sequence[str]],
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Corrected sources by candidate id, for those that have problems; and what was wrong with the answers."""
    wanted = {c.id for c in candidates if c.id in problems}
    request = Request(key, "designer", revise_prompt(brief, candidates, problems), _MAX_TOKENS)
    answer, findings = ask_structured(client, request, Revisions)
    unknown = [r.id for r in answer.revisions if r.id not in wanted] if answer else []
    if unknown:
        findings += (f"{key}: corrected {visible_line(', '.join(unknown), 100)}, which it was not asked about",)
    return {r.id: _source(r.source) for r in answer.revisions if r.id in wanted} if answer else {}, findings


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
            compositions={name: composition.about for name, composition in COMPOSITIONS.items()},
            tips=_TIPS,
            history=shown,
            feedback=[visible_line(line, _LONGEST_FEEDBACK) for line in feedback],
        )
        shorter = shown.shorter() if tokens(text) > room else None
        if shorter is None:
            return text
        shown = shorter


def _candidate(idea: Idea, identity: str, known: set[str]) -> Candidate:
    parents = tuple(dict.fromkeys(word for word in re.findall(r"\w+", idea.parent) if word in known))[:2]
    return Candidate(
        id=identity,
        source=_source(idea.source),
        thought=visible_line(idea.thought, LONGEST_THOUGHT),
        origin="model",
        how=_HOW_BY_PARENTS[len(parents)],
        parents=parents,
        composition=idea.composition,
    )


def _source(text: str) -> str:
    """The program in a `source`, without a fence around it; too long ones stay too long, and the gate says so."""
    blocks = code_blocks(text) if "```" in text else [text]
    return (max(blocks, key=len) if blocks else text)[: 2 * _LONGEST_SOURCE].rstrip() + "\n"


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
    return visible_line(quoted[1], LONGEST_THOUGHT) if len(quoted) >= 3 else "No idea was given."
