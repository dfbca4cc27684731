"""What a designer answers: programs, each with its idea, and what else it says of them."""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from autoreward.core.visible import visible_line
from autoreward.llm.parsing import ModelAnswer, Words, code_blocks
from autoreward.llm.programs import docstring, program_source, with_constants
from autoreward.llm.structured import read_reply
from autoreward.llm.types import Reply
from autoreward.records import Candidate, CompositionName
from autoreward.rewards.gate.gate import FUNCTION
from autoreward.roles.history import LONGEST_THOUGHT
from autoreward.tasks.card import Task
from autoreward.tasks.revisable import revised

_HOW_BY_PARENTS: tuple[Literal["fresh", "mutation", "crossover"], ...] = ("fresh", "mutation", "crossover")
"""What a program is called, by the number of its parents."""


def _lower(name: Any) -> Any:
    return name.strip().lower() if isinstance(name, str) else name


def _as_object(value: Any) -> Any:
    """What is no object names no setting, and is told as such."""
    return value if isinstance(value, dict) else {str(value): None}


Source = Annotated[str, BeforeValidator(program_source)]
"""A program as a model spells it."""
CALLED = ("code", "program", "reward_function", "compute_reward", "python", "function", "implementation")
"""What models call a source instead."""


class Idea(ModelAnswer):
    """One program as a designer answers it."""

    usual: ClassVar[Mapping[str, Any]] = {"plan": "", "thought": "", "parent": "", "composition": "sum", "settings": {}}
    also: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "source": CALLED,
        "thought": ("idea", "description", "rationale", "reasoning", "explanation"),
        "parent": ("parents", "parent_id"),
    }
    plan: Words
    """Room to think before the program is written; nobody else reads it."""
    thought: Words
    parent: Words
    """Id of the program it changes, ids of two that it joins, or empty."""
    composition: Annotated[CompositionName, BeforeValidator(_lower)]
    settings: Annotated[dict[str, Any], BeforeValidator(_as_object)]
    """Of its training, as it proposes them."""
    source: Source


class Ideas(ModelAnswer):
    """The answer to `designer.md.j2`."""

    ideas: list[Idea]


def read_ideas(reply: Reply, told: list[str]) -> Ideas:
    """The programs in a designer's reply, whatever it looks like; `told` gets what was left out. Raises Unusable."""
    return read_reply(reply, Ideas, from_code, told)


def candidate_of(idea: Idea, identity: str, known: AbstractSet[str], constants: Mapping[str, float]) -> Candidate:
    """An idea as a candidate with this id; `known`: ids that may be its parents; `constants`: the task's."""
    parents = tuple(dict.fromkeys(word for word in re.findall(r"\w+", idea.parent) if word in known))[:2]
    return Candidate(
        id=identity,
        source=with_constants(idea.source, constants),
        thought=visible_line(idea.thought, LONGEST_THOUGHT),
        origin="model",
        how=_HOW_BY_PARENTS[len(parents)],
        parents=parents,
        composition=idea.composition,
    )


def usable_settings(
    task: Task, candidates: Sequence[Candidate], ideas: Sequence[Idea]
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """The candidates with what their ideas propose of the training, where that may be, and what may not."""
    made, faults = [], []
    for candidate, idea in zip(candidates, ideas, strict=True):
        usable, wrong = revised(task, idea.settings)
        made.append(candidate.model_copy(update={"settings": usable}))
        faults += [f"{candidate.id}: settings: {visible_line(fault, LONGEST_THOUGHT)}" for fault in wrong]
    return tuple(made), tuple(faults)


def from_code(text: str, cut: bool) -> Ideas | None:
    """Programs in fenced blocks, for models that answer in prose. Blocks without `compute_reward` belong to the next one."""
    ideas: list[Idea] = []
    helpers = ""
    for block in code_blocks(text, cut):
        if f"def {FUNCTION}" not in block:
            helpers += block + "\n\n"
            continue
        source = program_source(helpers + block)
        thought = docstring(source, FUNCTION) or "No idea was given."
        ideas.append(Idea(plan="", thought=thought, parent="", composition="sum", settings={}, source=source))
        helpers = ""
    return Ideas(ideas=ideas) if ideas else None
