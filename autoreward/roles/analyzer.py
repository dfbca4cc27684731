"""The analyzer role: shows a model how the policies of a program fail, and asks why.

All that it sees of a program is of one training: numbers, endings of all held-out episodes, and a pair of episodes. Pairs,
because a failure beside a success says what was missing (arXiv 2605.28918): the same start in a failed and in a successful episode
where any training of the program has one, else the worst beside the best. What the model points at is checked: a step or an
episode that does not exist is a finding. It may ask once for more numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.core.visible import visible_line
from autoreward.errors import LimitReached
from autoreward.evaluation.legs import middle
from autoreward.evaluation.limits import limits_clause, over_trainings
from autoreward.llm.client import ModelClient
from autoreward.llm.conversation import Tools
from autoreward.llm.parsing import ModelAnswer, Words
from autoreward.llm.portions import Portion, asked_in_portions, fitting
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import Request, ask_structured
from autoreward.llm.types import PromptTooLong
from autoreward.records import Analysis, Candidate, Cause, Diagnosis, Score
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.roles.brief import Brief
from autoreward.roles.endings import endings
from autoreward.roles.episode_tables import Table, episode_table, spread_out
from autoreward.roles.history import hide_condition, told
from autoreward.roles.lessons import stubborn_starts

_MAX_TOKENS = 6_000
_ROWS, _COLUMNS = 8, 16
_CAUSES = 3
_LONGEST_TEXT = 300
_SYMPTOMS = 4
_WANTS, _WANTED_EPISODES, _WANTED_ROWS = 3, 4, 25
"""Fields that may be asked for, of how many episodes, at how many steps."""


class Case(NamedTuple):
    """One program with what is known of it."""

    candidate: Candidate
    shown: Score
    """Of the training that is explained."""
    trainings: Sequence[Score]
    """Of all trainings of the program, that one too; on the same held-out starts."""
    choice: str
    """Which one is shown, and why that."""
    diagnosis: Diagnosis
    """Of the training that is explained."""
    episodes: Callable[[Score], Transitions]
    """The held-out episodes of a training, one column each."""
    parts: Callable[[Transitions], Parts]
    """The program's parts on such transitions; empty if it can't be asked."""


class ShownEpisode(NamedTuple):
    """An episode that the model is shown: of which training, from which start."""

    score: Score
    start: int
    """Index of its held-out start."""


class Why(ModelAnswer):
    """One cause as an analyzer answers it."""

    usual: ClassVar[Mapping[str, Any]] = {"steps": [], "suggestion": ""}
    id: Words
    cause: Words
    episode: Words
    steps: list[int]
    suggestion: Words


class Want(ModelAnswer):
    """A field that an analyzer wants to see in some episodes."""

    id: Words
    field: Words
    episodes: list[int]
    """Starts, counted from 0."""


class Whys(ModelAnswer):
    """The answer to `analyzer.md.j2`."""

    usual: ClassVar[Mapping[str, Any]] = {"wants": []}
    causes: list[Why]
    wants: list[Want]


def representative(trainings: Sequence[Score]) -> tuple[Score, str]:
    """Which of a program's trainings (at least one) to explain, and why that one in words.

    The middle one by success and progress; of an even number the worse of the middle ones, so of two the one that did worse.
    """
    chosen, count = middle(trainings)[0], len(trainings)
    if count == 1:
        return chosen, "its only training"
    if count == 2:
        return chosen, "the worse of its two trainings"
    return chosen, f"the middle one of its {count} trainings"


def explain(
    client: ModelClient,
    key: str,
    brief: Brief,
    cases: Sequence[Case],
    feedback: Sequence[str] = (),
    tools: Tools | None = None,
) -> tuple[tuple[Analysis, ...], tuple[str, ...]]:
    """The causes by candidate, and what was wrong with the answer; `feedback` is what people said of the best policy, `tools`
    what it may call before it answers. A small context makes several questions of it.

    Raises LimitReached, ProviderError.
    """
    findings: tuple[str, ...] = ()
    causes: dict[str, list[Cause]] = {}

    def text(some: Sequence[Case]) -> str:
        return analyze_prompt(brief, some, feedback)

    request = Request(key, "analyzer", "", _MAX_TOKENS, tools=tools)
    for portion in asked_in_portions(client, request, cases, text, Whys):
        answer, wrong = _with_more(client, portion)
        findings += portion.findings + wrong
        shown = {case.candidate.id: pair(case) for case in portion.items}
        found, wrong = _checked(portion.key, answer.causes if answer else (), shown)
        causes |= found
        findings += wrong
    return tuple(Analysis(candidate_id=c, causes=tuple(of_one)) for c, of_one in causes.items()), findings


def _with_more(client: ModelClient, portion: Portion[Case, Whys]) -> tuple[Whys | None, tuple[str, ...]]:
    """The answer to a portion of the question, after what it wanted to see was shown; and what was wrong with that."""
    tables, findings = _wanted(portion.key, portion.items, portion.answer.wants if portion.answer else ())
    if not tables:
        return portion.answer, findings

    def text(some: Sequence[Table]) -> str:
        return portion.text + render_prompt("analyzer_more", tables=some)

    key = f"{portion.key}-more"
    try:
        room = client.room(key, "analyzer", _MAX_TOKENS)
        request = Request(key, "analyzer", text(fitting(tables, room, text)), _MAX_TOKENS)
        second, wrong = ask_structured(client, request, Whys)
    except (LimitReached, PromptTooLong) as limit:
        return portion.answer, (*findings, f"{portion.key}: it wanted to see more, and {visible_line(str(limit), 200)}")
    return second or portion.answer, findings + wrong


def analyze_prompt(brief: Brief, cases: Sequence[Case], feedback: Sequence[str] = ()) -> str:
    """The whole prompt."""
    return render_prompt(
        "analyzer",
        brief=brief,
        items=[_item(brief, case) for case in cases],
        starts=stubborn_starts([score for case in cases for score in case.trainings]),
        feedback=[visible_line(s, _LONGEST_TEXT) for s in feedback],
    )


def pair(case: Case) -> dict[str, ShownEpisode]:
    """The episodes to show, by the names that they are shown under."""
    own = case.shown
    order = sorted(range(len(own.episodes)), key=lambda i: (own.episodes[i].success, own.episodes[i].progress))
    worst, best = order[0], order[-1]
    if not own.ruled:
        return {"one": ShownEpisode(own, worst), "another": ShownEpisode(own, best)}
    failures = [i for i in order if not own.episodes[i].success]
    for other in sorted(case.trainings, key=lambda s: (s is not own, -s.success)):
        both = [i for i in failures if i < len(other.episodes) and other.episodes[i].success]
        if both:  # the same start: what differs is the policy alone
            start = both[(len(both) - 1) // 2]
            return {"failed": ShownEpisode(own, start), "succeeded": ShownEpisode(other, start)}
    if failures and len(failures) < len(order):
        return {"failed": ShownEpisode(own, failures[(len(failures) - 1) // 2]), "succeeded": ShownEpisode(own, best)}
    if worst == best:
        return {"only": ShownEpisode(own, best)}
    return {"worst": ShownEpisode(own, worst), "best": ShownEpisode(own, best)}


def _checked(
    key: str, whys: Sequence[Why], shown: Mapping[str, Mapping[str, ShownEpisode]]
) -> tuple[dict[str, list[Cause]], tuple[str, ...]]:
    """The causes of which episode and steps exist, and what does not."""
    findings: tuple[str, ...] = ()
    causes: dict[str, list[Cause]] = {identity: [] for identity in shown}
    for why in whys:
        episode = shown.get(why.id, {}).get(why.episode)
        if episode is None:
            findings += (f"{key}: {visible_line(why.id, 20)!r} has no episode {visible_line(why.episode, 20)!r}",)
            continue
        length = episode.score.episodes[episode.start].length
        if wrong := [step for step in why.steps if not 1 <= step <= length]:
            findings += (f"{key}: step {wrong[0]} of {why.id} {why.episode}, which has {length} steps",)
        if len(causes[why.id]) < _CAUSES:
            cause = Cause(
                cause=visible_line(why.cause, _LONGEST_TEXT),
                episode=why.episode,
                steps=tuple(step for step in why.steps if 1 <= step <= length)[:10],
                suggestion=visible_line(why.suggestion, _LONGEST_TEXT),
            )
            causes[why.id].append(cause)
    return causes, findings


def _item(brief: Brief, case: Case) -> dict[str, Any]:
    ruled, own = brief.task.ruled, case.shown
    return {
        "id": case.candidate.id,
        "composition": case.candidate.composition,
        "meaning": COMPOSITIONS[case.candidate.composition].about,
        "success": (", ".join(f"{s.success:.2f}" for s in case.trainings) if ruled else "not measured")
        + limits_clause(over_trainings(case.trainings)),
        "choice": f"{case.choice}, {own.trial_id}, success {own.success:.2f}"
        if ruled
        else f"{case.choice}, {own.trial_id}",
        "source": case.candidate.source.rstrip(),
        "symptoms": [
            {"name": s.name, "evidence": hide_condition(brief, s.evidence)}
            for s in told(case.diagnosis.symptoms)[:_SYMPTOMS]
        ],
        "shares": case.diagnosis.shares,
        "endings": endings(brief.task, own.episodes, case.episodes(own), brief.rule_shown),
        "tables": [_table(brief, case, name, shown) for name, shown in pair(case).items()],
    }


def _table(brief: Brief, case: Case, name: str, shown: ShownEpisode) -> Table:
    episode = shown.score.episodes[shown.start]
    recorded = case.episodes(shown.score)
    one = recorded.cut(slice(0, episode.length), slice(shown.start, shown.start + 1))
    whose = f"start {shown.start} of training {shown.score.trial_id}"
    return episode_table(brief.task, one, name, case.parts(one), _ROWS, _COLUMNS, brief.rule_shown, whose)


def _wanted(key: str, cases: Sequence[Case], wants: Sequence[Want]) -> tuple[list[Table], tuple[str, ...]]:
    """Tables of what the model asked for, a column an episode, and what of it there is not."""
    tables: list[Table] = []
    findings: tuple[str, ...] = ()
    by_id = {case.candidate.id: case for case in cases}
    for want in wants[:_WANTS]:
        case = by_id.get(want.id)
        name = visible_line(want.field, 60)
        starts = [i for i in dict.fromkeys(want.episodes) if case and 0 <= i < len(case.shown.episodes)][
            :_WANTED_EPISODES
        ]
        columns = [_column(case, want.field, i) for i in starts] if case else []
        found = [(i, c) for i, c in zip(starts, columns, strict=True) if c is not None]
        if not found:
            findings += (f"{key}: it wanted {name!r} of {visible_line(want.id, 20)!r}, which there is not",)
            continue
        longest = max(len(c) for _, c in found)
        rows = np.unique(np.linspace(0, longest - 1, _WANTED_ROWS).astype(int)).tolist()
        head = ["step", *(f"start {i}" for i, _ in found)]
        lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        lines += [
            "| " + " | ".join([str(t + 1), *(f"{float(c[t]):.3g}" if t < len(c) else "" for _, c in found)]) + " |"
            for t in rows
        ]
        tables.append(Table(f"{want.id}: {name}", longest, "", "\n".join(lines)))
    return tables, findings


def _column(case: Case, field: str, index: int) -> NDArray[Any] | None:
    """One number along one held-out episode of the training that is explained; None where there is no such number."""
    one = case.episodes(case.shown).cut(slice(0, case.shown.episodes[index].length), slice(index, index + 1))
    groups: tuple[tuple[str, Mapping[str, NDArray[Any]]], ...] = (("", one.next_state), ("action ", one.action))
    if field.startswith("part "):
        groups = (("part ", case.parts(one)),)
    for prefix, group in groups:
        for name, values in group.items():
            columns = spread_out(f"{prefix}{name}", values)
            if field in columns:
                return columns[field]
    return None
