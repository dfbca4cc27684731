"""The designer, asked for a policy written as code: what a person who knows the task would try before any training."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from autoreward.core.contract import CONTROLLER_CONTRACT, CONTROLLER_SIGNATURE
from autoreward.core.outcomes import Outcome
from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.parsing import ModelAnswer, Words
from autoreward.llm.programs import with_constants
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import Request, ask_structured
from autoreward.records import Finding
from autoreward.roles.brief import Brief
from autoreward.roles.ideas import Source

CONTROLLER_FILE = "controller.py"
"""What the file of such a program is called."""
_MAX_TOKENS = 4_000
_TURNS = 2
"""How often it is asked: once, and once more with what was wrong."""
Reviewed = tuple[Outcome, Sequence[Finding]]


class ControllerAnswer(ModelAnswer):
    """The answer to `controller.md.j2`."""

    also: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "source": ("code", "program", "policy", "controller", "act", "python")
    }
    plan: Words
    """Room to think before the program is written; nobody else reads it."""
    source: Source


def propose_controller(
    client: ModelClient, key: str, about: Brief, review: Callable[[str], Reviewed]
) -> tuple[str, tuple[str, ...]]:
    """A program with `act` that may play, empty if there is none; and what was wrong with the answers.

    Raises:
        LimitReached, ProviderError: nobody may be asked, or nobody answers.
    """
    findings: tuple[str, ...] = ()
    source, problems = "", list[str]()
    for turn in range(_TURNS):
        text = controller_prompt(about, source, problems)
        asked = key if turn == 0 else f"{key}-mended"
        answer, wrong = ask_structured(client, Request(asked, "designer", text, _MAX_TOKENS), ControllerAnswer)
        findings += wrong
        if answer is None:
            break
        source = with_constants(answer.source, about.constants)
        outcome, found = review(source)
        if outcome.ok:
            return source, findings
        problems = [f"line {f.line}: {f.message}" if f.line else f.message for f in found] or [outcome.advice]
        findings += tuple(f"{asked}: {visible_line(problem, 300)}" for problem in problems)
    return "", findings


def controller_prompt(about: Brief, source: str = "", problems: Sequence[str] = ()) -> str:
    """What the designer is asked; with the program that it wrote and what is wrong with it, if it is asked again."""
    return render_prompt(
        "controller",
        brief=about,
        rules=CONTROLLER_CONTRACT,
        signature=f"{CONTROLLER_SIGNATURE.function}({', '.join(CONTROLLER_SIGNATURE.parameters)})",
        source=source,
        problems=problems,
    )
