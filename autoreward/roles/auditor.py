"""The auditor role: shows a model successful episodes beside the goal and the rule, and asks what the rule forgets.

What it answers are conditions in the language of task cards. Each is held against the recorded successes: one that can't be read,
or that all of them meet, is a finding and no condition.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.core.visible import visible_line
from autoreward.errors import TaskError
from autoreward.evaluation.success_audit import Successes, still_won
from autoreward.llm.client import ModelClient
from autoreward.llm.parsing import ModelAnswer
from autoreward.llm.portions import fitting
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import Request, ask_structured
from autoreward.records import MissingCondition, SuccessAudit
from autoreward.roles.brief import Brief
from autoreward.tasks.formulas.functions import WRITTEN
from autoreward.tasks.tightened import tightened_task

_MAX_TOKENS = 3_000
_EPISODES = 3
_ROWS = 9
_LAST = 4
"""Rows at the end of an episode, where a rule looks."""
_CONDITIONS = 3
_LONGEST_TEXT, _LONGEST_CONDITION = 300, 500


class Forgotten(ModelAnswer):
    """One condition as an auditor answers it."""

    condition: str
    why: str


class Forgottens(ModelAnswer):
    """The answer to `auditor.md.j2`."""

    missing: list[Forgotten]


class Evidence(NamedTuple):
    """What an auditor is shown."""

    audit: SuccessAudit
    """What the numbers say."""
    policies: Sequence[Successes]
    reference: Transitions
    """Episodes of idle, constant and random actions, and others that were recorded before anything was trained."""


def find_forgotten(
    client: ModelClient, key: str, about: Brief, evidence: Evidence
) -> tuple[tuple[MissingCondition, ...], tuple[str, ...]]:
    """The conditions that the goal asks for and the rule does not, and what was wrong with the answer. `about` shows the rule.

    Raises:
        LimitReached, ProviderError: nobody may be asked, or nobody answers.
    """
    task = about.task
    tables = _tables(evidence.policies)

    def text(some: Sequence[Mapping[str, str]]) -> str:
        return render_prompt(
            "auditor",
            brief=about,
            departures=[d.sentence for d in evidence.audit.departures],
            successes=evidence.audit.successes,
            start=_medians(evidence.reference, first=True),
            usual=_medians(evidence.reference, first=False),
            tables=some,
            functions=", ".join(f"`{name}`" for name in WRITTEN),
        )

    def shorter(room: int) -> str:
        return text(fitting(tables, room, text))

    whole = shorter(client.room(key, "analyzer", _MAX_TOKENS))
    answer, findings = ask_structured(client, Request(key, "analyzer", whole, _MAX_TOKENS, shorter=shorter), Forgottens)
    found: list[MissingCondition] = []
    for said in (answer.missing if answer else ())[: 2 * _CONDITIONS]:
        condition = visible_line(said.condition, _LONGEST_CONDITION)
        try:
            stricter = tightened_task(task, condition)
            kept = sum(sum(still_won(stricter, policy)) for policy in evidence.policies)
        except TaskError as error:
            findings += (f"{key}: {visible_line(str(error), _LONGEST_TEXT)}",)
            continue
        if kept == evidence.audit.successes:
            findings += (f"{key}: {condition!r} changes nothing: all {kept} successes meet it",)
        elif len(found) < _CONDITIONS:
            fails = evidence.audit.successes - kept
            why = visible_line(said.why, _LONGEST_TEXT)
            found.append(
                MissingCondition(condition=condition, why=why, fails=fails, successes=evidence.audit.successes)
            )
    return tuple(found), findings


def _tables(policies: Sequence[Successes]) -> list[dict[str, str]]:
    """Successful episodes as tables: of as many policies as there are, then more of each."""
    columns = [np.flatnonzero(p.won) for p in policies]
    depth = max((len(c) for c in columns), default=0)
    order = [(p, int(c[i])) for i in range(depth) for p, c in zip(policies, columns, strict=True) if i < len(c)]
    return [_table(policy.episodes, column) for policy, column in order[:_EPISODES]]


def _table(episodes: Transitions, column: int) -> dict[str, str]:
    length = int((episodes.step[:, column] > 0).sum())
    numbers = {name: values[:length, column] for name, values in _numbers(episodes.next_state).items()}
    rows = sorted({*np.linspace(0, length - 1, _ROWS).astype(int).tolist(), *range(max(length - _LAST, 0), length)})
    head = ["step", *numbers]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join([str(t + 1), *(f"{v[t]:.3g}" for v in numbers.values())]) + " |" for t in rows]
    ended = "ended by itself" if episodes.terminated[length - 1, column] else "ran to the time limit"
    return {"ending": f"{length} steps, {ended}", "text": "\n".join(lines)}


def _medians(reference: Transitions, first: bool) -> str:
    """Every number's median at the start of the reference episodes, or at their end, in one line."""
    columns = np.arange(reference.step.shape[1])
    rows = np.zeros_like(columns) if first else (reference.step > 0).sum(axis=0) - 1
    numbers = _numbers(reference.state if first else reference.next_state)
    return ", ".join(f"{name} {np.median(values[rows, columns]):.3g}" for name, values in numbers.items())


def _numbers(fields: dict[str, NDArray[np.generic]]) -> dict[str, NDArray[np.float64]]:
    """Every number of the fields by name, each of shape (T, n)."""
    spread: dict[str, NDArray[np.float64]] = {}
    for name, array in fields.items():
        values = np.asarray(array, dtype=np.float64)
        spread |= (
            {name: values} if values.ndim == 2 else {f"{name}[{i}]": values[..., i] for i in range(values.shape[2])}
        )
    return spread
