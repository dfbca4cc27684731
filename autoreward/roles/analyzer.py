"""The analyzer role: shows a model pairs of episodes of the same program, and asks why it failed.

Pairs, because a failure beside a success says what was missing (arXiv 2605.28918): a failed beside a successful episode, else
the worst beside the best. What the model points at is checked: a step or an episode that does not exist is a finding.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import Request, ask_structured
from autoreward.records import Analysis, Candidate, Cause, Description, Diagnosis, Record, Score
from autoreward.tasks.card import Task

_MAX_TOKENS = 6_000
_ROWS = 10
_COLUMNS = 14
_CAUSES = 3
_LONGEST_TEXT = 300

_Parts = Mapping[str, NDArray[np.float64]]


class Case(NamedTuple):
    """One program with what is known of it."""

    candidate: Candidate
    score: Score
    diagnosis: Diagnosis
    episodes: Transitions
    parts: Callable[[Transitions], _Parts]
    """The program's parts on such transitions; empty if it can't be asked."""


class Why(Record):
    """One cause as an analyzer answers it."""

    id: str
    cause: str
    episode: str
    steps: list[int]
    suggestion: str


class Whys(Record):
    """The answer to `analyzer.md.j2`."""

    causes: list[Why]


def explain(
    client: ModelClient,
    key: str,
    task: Task,
    description: Description,
    cases: Sequence[Case],
    feedback: Sequence[str] = (),
) -> tuple[tuple[Analysis, ...], tuple[str, ...]]:
    """The causes by candidate, and what was wrong with the answer; `feedback` is what people said of the best policy."""
    shown = {case.candidate.id: _pair(case.score) for case in cases}
    items = [_item(task, case, shown[case.candidate.id]) for case in cases]
    text = render_prompt(
        "analyzer",
        task=task,
        description=description,
        items=items,
        feedback=[visible_line(s, _LONGEST_TEXT) for s in feedback],
    )
    answer, findings = ask_structured(client, Request(key, "analyzer", text, _MAX_TOKENS), Whys)
    causes: dict[str, list[Cause]] = {case.candidate.id: [] for case in cases}
    lengths = {
        (case.candidate.id, name): case.score.episodes[i].length
        for case in cases
        for name, i in shown[case.candidate.id].items()
    }
    for why in answer.causes if answer else ():
        length = lengths.get((why.id, why.episode))
        if length is None:
            findings += (f"{key}: {visible_line(why.id, 20)!r} has no episode {visible_line(why.episode, 20)!r}",)
            continue
        if wrong := [step for step in why.steps if not 1 <= step <= length]:
            findings += (f"{key}: step {wrong[0]} of {why.id} {why.episode}, which has {length} steps",)
        steps = tuple(step for step in why.steps if 1 <= step <= length)
        if len(causes[why.id]) < _CAUSES:
            cause = Cause(
                cause=visible_line(why.cause, _LONGEST_TEXT),
                episode=why.episode,
                steps=steps[:10],
                suggestion=visible_line(why.suggestion, _LONGEST_TEXT),
            )
            causes[why.id].append(cause)
    return tuple(Analysis(candidate_id=c, causes=tuple(of_one)) for c, of_one in causes.items()), findings


def _pair(score: Score) -> dict[str, int]:
    """Names and indices of the two episodes to show."""
    order = sorted(range(len(score.episodes)), key=lambda i: (score.episodes[i].success, score.episodes[i].progress))
    worst, best = order[0], order[-1]
    if not score.ruled:
        return {"one": worst, "another": best}
    if worst == best:
        return {"only": best}
    if score.episodes[best].success != score.episodes[worst].success:
        return {"failed": worst, "succeeded": best}
    return {"worst": worst, "best": best}


def _item(task: Task, case: Case, pair: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": case.candidate.id,
        "success": f"{case.score.success:.2f}" if case.score.ruled else "not measured",
        "source": case.candidate.source.rstrip(),
        "symptoms": [
            {"name": s.name, "evidence": s.evidence.replace(f"`{task.success.when}`", "the goal")}
            for s in case.diagnosis.symptoms[:4]
        ],
        "shares": case.diagnosis.shares,
        "tables": [_table(case, name, index) for name, index in pair.items()],
    }


def _table(case: Case, name: str, index: int) -> dict[str, str]:
    episode = case.score.episodes[index]
    one = case.episodes.cut(slice(0, episode.length), slice(index, index + 1))
    columns = _columns(one, case.parts(one))
    rows = _moments(columns, episode.length)
    head = ["step", *columns]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += [
        "| " + " | ".join([str(t + 1), *(f"{values[t]:.3g}" for values in columns.values())]) + " |" for t in rows
    ]
    end = "ended by itself" if episode.terminated else "ran to the time limit"
    return {"name": name, "ending": f"{episode.length} steps, {end}", "text": "\n".join(lines)}


def _columns(one: Transitions, parts: _Parts) -> dict[str, NDArray[Any]]:
    """One column a number: fields after the step, the action, the parts; vectors spread out."""
    columns: dict[str, NDArray[Any]] = {}
    for prefix, group in (("", one.next_state), ("action ", one.action), ("part ", parts)):
        for name, array in group.items():
            flat = np.asarray(array)[:, 0]
            if flat.ndim == 1:
                columns[f"{prefix}{name}"] = flat
            else:
                columns |= {f"{prefix}{name}[{i}]": flat[:, i] for i in range(min(flat.shape[1], 3))}
    # parts last in, but never cut: they are what the program is about
    fields = [c for c in columns if not c.startswith("part ")][: max(_COLUMNS - len(parts), 4)]
    return {c: columns[c] for c in columns if c in fields or c.startswith("part ")}


def _moments(columns: Mapping[str, NDArray[Any]], length: int) -> list[int]:
    """Rows that matter: the ends, an even spread, and where the parts change most."""
    rows = {0, length - 1, *np.linspace(0, length - 1, _ROWS - 3).astype(int).tolist()}
    parts = [v for c, v in columns.items() if c.startswith("part ")]
    if parts and length > 2:
        change = np.abs(np.diff(np.sum(parts, axis=0)[:length]))
        rows |= {int(t) + 1 for t in np.argsort(-change, kind="stable")[:2]}
    return sorted(rows)[: _ROWS + 2]
