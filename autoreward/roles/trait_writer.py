"""Has a model propose what people's words about episodes come down to: formulas in the card's own language."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from autoreward.evaluation.traits import ProposedTrait, SaidOf
from autoreward.llm.client import ModelClient
from autoreward.llm.parsing import ModelAnswer, Words
from autoreward.llm.portions import asked_in_portions
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import Request
from autoreward.records import TraitOver
from autoreward.roles.brief import Brief
from autoreward.roles.episode_tables import spread_out
from autoreward.settings import Role
from autoreward.tasks.formulas.functions import WRITTEN

MOST_TRAITS = 8
_MAX_TOKENS = 3_000


class WrittenTrait(ModelAnswer):
    """A trait as a model answers it."""

    usual: ClassVar[Mapping[str, Any]] = {"about": "", "over": "mean"}
    also: ClassVar[Mapping[str, tuple[str, ...]]] = {"value": ("formula",)}
    name: str
    about: Words
    value: str
    over: TraitOver
    better: Literal["lower", "higher"]
    aspects: list[int]


class WrittenTraits(ModelAnswer):
    """The answer to `traits.md.j2`."""

    traits: list[WrittenTrait]


class _Shown(NamedTuple):
    """An aspect as the template has it."""

    text: str
    praised: bool
    begin: int
    end: int
    numbers: tuple[tuple[str, float, float | None], ...]
    """Of each number its mean in these steps, and in the others of the episode; None if there are no others."""


def proposed_traits(
    client: ModelClient, key: str, role: Role, about: Brief, said: Sequence[SaidOf]
) -> tuple[list[ProposedTrait], tuple[str, ...]]:
    """What a model proposes, and what was wrong with its answer.

    Raises:
        LimitReached, ProviderError: nobody may be asked, or nobody answers.
    """
    found: list[ProposedTrait] = []
    findings: list[str] = []

    def text(some: Sequence[SaidOf]) -> str:
        shown = [_shown(one) for one in some]
        functions = ", ".join(WRITTEN)
        return render_prompt("traits", brief=about, aspects=shown, most=MOST_TRAITS, functions=functions)

    before = 0
    for portion in asked_in_portions(client, Request(key, role, "", _MAX_TOKENS), said, text, WrittenTraits):
        findings += portion.findings
        for one in portion.answer.traits[:MOST_TRAITS] if portion.answer else ():
            places = tuple(before + number - 1 for number in one.aspects if 1 <= number <= len(portion.items))
            found.append(ProposedTrait(one.name, one.about, one.value, one.over, one.better, places))
        before += len(portion.items)
    return found, tuple(findings)


def _shown(said: SaidOf) -> _Shown:
    aspect, episode = said.aspect, said.episode
    meant = np.zeros(len(episode.step), dtype=np.bool_)
    meant[said.steps] = True
    columns = {c: v for name, field in episode.next_state.items() for c, v in spread_out(name, field).items()}
    columns |= {c: v for name, field in episode.action.items() for c, v in spread_out(name, field).items()}
    numbers = tuple(
        (name, float(np.mean(v[meant])), float(np.mean(v[~meant])) if not meant.all() else None)
        for name, v in ((name, np.asarray(values, dtype=np.float64)) for name, values in columns.items())
    )
    return _Shown(aspect.text, aspect.praised, aspect.begin, aspect.end, numbers)
