"""The two shapes of a designer's work that `benchmarks/prompts.py --shape` compares: one answer with K programs, or K answers.

`each`: one question for K ideas of a line, then a question for each idea, answered by one program in a fence, and further ones
until there are K programs. All of them begin as the designer's prompt does, up to its `# Answer`.
"""

from pathlib import Path
from typing import NamedTuple

from autoreward.errors import LimitReached
from autoreward.llm.client import ModelClient
from autoreward.llm.conversation import Tools
from autoreward.llm.parsing import ModelAnswer, Words
from autoreward.llm.prompts import quoted
from autoreward.llm.structured import Request, ask_structured
from autoreward.records import CandidateId, ReplyKey
from autoreward.roles import designer
from autoreward.roles.brief import Brief
from autoreward.roles.history import History
from autoreward.roles.ideas import Idea, Ideas, candidate_of, from_code

ANSWER = "\n# Answer\n"
_IDEA_TOKENS, _PROGRAM_TOKENS = 4_000, 4_000
_EXTRA = 2
"""Further questions, where a program is missing."""


class Asked(NamedTuple):
    """How the programs of a round are asked for."""

    count: int
    shape: str = "one"
    prompts: Path | None = None
    """Folder of first questions to ask instead, TASK.md each."""
    drafts_alone: bool = False
    tools: Tools | None = None
    """What may be called before the answer with all programs."""


class Lines(ModelAnswer):
    """The answer to the question for ideas."""

    ideas: list[Words]


def drafts(client: ModelClient, told: Brief, asked: Asked) -> designer.Drafted:
    """A round's programs, asked for in the chosen shape."""
    if asked.shape == "each":
        return drafted_each(client, told, asked.count)
    if asked.prompts is None:
        return designer.draft_candidates(client, told, History(), asked.count, tools=asked.tools)
    text = (asked.prompts / f"{told.task.name}.md").read_text()
    answer, findings = ask_structured(client, Request("r000-designer", "designer", text, 16_000), Ideas, from_code)
    ideas = enumerate(answer.ideas[: asked.count] if answer else [])
    made = tuple(candidate_of(idea, str(CandidateId(0, number)), frozenset(), told.constants) for number, idea in ideas)
    return designer.Drafted(made, findings, text)


def drafted_each(client: ModelClient, brief: Brief, count: int) -> designer.Drafted:
    """A first round's programs, each asked for by itself, as far as the limits go. Raises LimitReached, ProviderError."""
    whole = designer.design_prompt(brief, History(), 0)
    before, _, after = whole.rpartition(ANSWER)
    text = (
        f"{before}{ANSWER}{count} ideas for reward programs that differ in kind, not in their numbers alone: each in one line, "
        'with the fields that it needs. No code. One JSON object, nothing around it:\n\n    {"ideas": [IDEA, ...]}\n'
    )
    answer, findings = ask_structured(client, Request(str(ReplyKey(0, "ideas")), "designer", text, _IDEA_TOKENS), Lines)
    ideas = answer.ideas[:count] if answer else []
    made: list[Idea] = []
    for turn in range(count + _EXTRA):
        if len(made) == count:
            break
        line = ideas[turn] if turn < len(ideas) else "one that differs from all of these: " + "; ".join(ideas)
        asked = f"{before}\n# The idea\n{quoted(line)}\n{ANSWER}{after}"
        key = str(ReplyKey(0, f"program-{turn}"))
        request = Request(key, "designer", asked, _PROGRAM_TOKENS, held=False)
        try:
            got, wrong = ask_structured(client, request, Ideas, from_code)
        except LimitReached as limit:
            findings += (f"{key}: {limit}",)
            break
        findings += wrong
        made += got.ideas[:1] if got else []
    candidates = tuple(
        candidate_of(idea, str(CandidateId(0, number)), frozenset(), brief.constants)
        for number, idea in enumerate(made)
    )
    return designer.Drafted(candidates, findings, whole)
