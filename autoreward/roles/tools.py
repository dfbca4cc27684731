"""What a designer or an analyzer may call before it answers: programs are tried, and recorded episodes looked at, nothing else.

A program runs in the jail, after the gate; so does an expression, as the one part of a program. All else is read from the recorded
episodes by numbers and names that are there. Whatever a model writes is answered in words: nothing here raises for it.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.checks.pay import OfflineData, pay
from autoreward.checks.relabel import Relabelled
from autoreward.core.transitions import Transitions
from autoreward.core.visible import visible_line
from autoreward.evaluation.rank_correlation import spearman
from autoreward.llm.conversation import Tools
from autoreward.llm.programs import program_source
from autoreward.llm.types import Tool
from autoreward.records import Candidate, Verdict
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.rewards.gate import gate
from autoreward.roles.critic import pay_table
from autoreward.roles.episode_tables import spread_out
from autoreward.sandbox.client import RewardFailed

_ROWS, _COLUMNS, _EPISODES = 40, 16, 12
"""Most rows of an episode, columns of one, and episodes of a program's table."""
_LISTED = 80
"""Most episodes of the list."""
_LONGEST_EXPRESSION = 500
_REMEMBERED = 16
"""Programs whose answers are kept."""
_USUAL_ROWS = 12
NOT_RUN = "Not run: "
"""What an answer begins with where the arguments are none that a call can have."""
_TEXT, _NUMBER = {"type": "string"}, {"type": "integer"}
_NUMBERS, _TEXTS = {"type": "array", "items": _NUMBER}, {"type": "array", "items": _TEXT}


class Misused(Exception):
    """Arguments that no call can have; the words are for the model."""


class Workbench(NamedTuple):
    """What the tools work with."""

    data: OfflineData
    review: Callable[[Candidate], Verdict]
    run: Callable[[str, Transitions], Parts]
    """A source without memory, past the gate, on transitions, in the jail. Raises RewardFailed."""


def recorded_tools(bench: Workbench, turns: int) -> Tools:
    """The tools, for conversations of so many turns. A program that was asked about lately is not run again."""
    bench = _remembering(bench)
    answers: dict[str, Callable[[Workbench, Mapping[str, Any]], str]] = {
        "check": _check, "parts": _parts, "rank": _rank, "stats": _stats, "episodes": _episodes, "episode": _episode,
    }  # fmt: skip

    def run(name: str, arguments: Mapping[str, Any]) -> str:
        try:
            return answers[name](bench, arguments)
        except Misused as misused:
            return f"{NOT_RUN}{misused}."
        except RewardFailed as failed:
            return f"It failed: {failed.message}"

    return Tools(RECORDED_TOOLS, run, turns)


_OFFERED: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("check", "Whether a reward program may train: the rules on its source, then a dry run on recorded and extreme transitions. "
     "All that is found wrong is named.", {"program": _TEXT}),
    ("parts", "What each part of a program pays a step in recorded episodes: in those of these numbers, or, with an empty list, "
     "when idle, at random, in the best failure and in the best success.",
     {"program": _TEXT, "composition": {"type": "string", "enum": list(COMPOSITIONS)}, "episodes": _NUMBERS}),
    ("rank", "How well a program's returns rank the recorded episodes: Spearman's correlation with the task's own judgement, and "
     "the episodes that it ranks highest. 1 is perfect; a low one means that it pays for something else.",
     {"program": _TEXT, "composition": {"type": "string", "enum": list(COMPOSITIONS)}}),
    ("stats", "Numbers of an expression, written as in a program (np, the task's constants, next_state.FIELD, action.FIELD), one "
     "number a row, over all recorded transitions: mean, spread, range. For choosing scales.", {"expression": _TEXT}),
    ("episodes", "The recorded episodes, a line each: number, whose policy, length, success, progress.", {}),
    ("episode", "Numbers along one recorded episode. `fields` as they are named in its columns, empty for all; `steps` from 1 on, "
     "empty for a few spread evenly.", {"id": _NUMBER, "fields": _TEXTS, "steps": _NUMBERS}),
)  # fmt: skip


def _remembering(bench: Workbench) -> Workbench:
    """The same, with what it has found out of the latest programs: a program answers the same every time."""
    reviewed: dict[tuple[str, str], Verdict] = {}
    judged: dict[tuple[str, str], Relabelled | None] = {}

    def review(candidate: Candidate) -> Verdict:
        known = (candidate.composition, candidate.source)
        if known not in reviewed:
            _forget(reviewed)
            reviewed[known] = bench.review(candidate)
        return reviewed[known]

    def relabel(candidate: Candidate, verdict: Verdict) -> Relabelled | None:
        known = (candidate.composition, candidate.source)
        if known not in judged:
            _forget(judged)
            judged[known] = bench.data.relabel(candidate, verdict)
        return judged[known]

    return bench._replace(review=review, data=bench.data._replace(relabel=relabel))


def _forget(known: dict[Any, Any]) -> None:
    """Make room for one more."""
    if len(known) >= _REMEMBERED:
        del known[next(iter(known))]


def described_tool(name: str, about: str, arguments: Mapping[str, Any]) -> Tool:
    """A tool that must be given all of these arguments, and no others."""
    wanted = {
        "type": "object", "properties": dict(arguments), "required": list(arguments), "additionalProperties": False,
    }  # fmt: skip
    return Tool(name, about, wanted)


RECORDED_TOOLS = tuple(described_tool(*each) for each in _OFFERED)
"""What is offered."""


def _text(arguments: Mapping[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Misused(f"{name} must be a text")
    return value


def _list(arguments: Mapping[str, Any], name: str, kind: type, most: int) -> list[Any]:
    value = arguments.get(name) or []
    if not isinstance(value, list) or not all(type(each) is kind for each in value[: most + 1]):
        raise Misused(f"{name} must be a list of {'whole numbers' if kind is int else 'texts'}")
    if len(value) > most:
        raise Misused(f"{name} has {len(value):,} entries; {most} at most")
    return list(dict.fromkeys(value))


def _program(bench: Workbench, arguments: Mapping[str, Any]) -> tuple[Candidate, Verdict]:
    named = arguments.get("composition", "sum")
    composition = next((name for name in COMPOSITIONS if name == named), None)
    if composition is None:
        raise Misused(f"composition must be one of {', '.join(COMPOSITIONS)}")
    source = program_source(_text(arguments, "program"))
    candidate = Candidate(id="tried", source=source, thought="", origin="model", how="fresh", composition=composition)
    return candidate, bench.review(candidate)


def _check(bench: Workbench, arguments: Mapping[str, Any]) -> str:
    _, verdict = _program(bench, arguments)
    found = [f"- line {f.line}: {f.message}" if f.line else f"- {f.message}" for f in verdict.findings]
    if not verdict.accepted:
        return "\n".join(["It may not train:", *found])
    return "\n".join([f"It may train. Its parts: {', '.join(verdict.parts)}.", *found])


def _judged(bench: Workbench, arguments: Mapping[str, Any]) -> Relabelled:
    """What the program makes of the recorded episodes. Raises Misused if it can't be asked."""
    candidate, verdict = _program(bench, arguments)
    if not verdict.accepted:
        raise Misused(f"the program may not train: {' '.join(f.message for f in verdict.findings)}")
    answer = bench.data.relabel(candidate, verdict)
    if answer is None:
        raise Misused("the program fails on the recorded episodes")
    return answer


def _parts(bench: Workbench, arguments: Mapping[str, Any]) -> str:
    chosen = _list(arguments, "episodes", int, _EPISODES)
    for number in chosen:
        _demand_episode(bench, number)
    answer = _judged(bench, arguments)
    if not chosen:
        return pay_table(pay(bench.data.dataset, answer))
    known = bench.data.dataset.episodes
    lengths = [known[i].episode.length for i in chosen]
    rows = [
        [f"part {name}, a step", *(f"{sums[i] / n:.3g}" for i, n in zip(chosen, lengths, strict=True))]
        for name, sums in answer.parts.items()
    ]
    rows.append(["reward, an episode", *(f"{answer.returns[i]:.4g}" for i in chosen)])
    return _table(["episode", *map(str, chosen)], rows)


def _rank(bench: Workbench, arguments: Mapping[str, Any]) -> str:
    dataset = bench.data.dataset
    answer = _judged(bench, arguments)
    if len(dataset.episodes) < 2 or np.ptp(dataset.goodness) == 0.0:
        return "The recorded episodes are all alike to the task, so nothing can be ranked."
    order = np.argsort(-answer.returns, kind="stable")
    place = {int(i): rank for rank, i in enumerate(np.argsort(-dataset.goodness, kind="stable"), start=1)}
    rows = [[str(i), f"{answer.returns[i]:.4g}", str(place[int(i)]), *_about(bench, int(i))] for i in order[:8]]
    told = "" if dataset.solved else " No success is recorded: failures alone say little."
    table = _table(["episode", "return", "place by the task", "policy", "steps", "success", "progress"], rows)
    head = f"Rank correlation with the task's judgement over {len(dataset.episodes)} episodes:"
    return f"{head} {spearman(answer.returns, dataset.goodness):.2f}.{told}\n{table}"


def _stats(bench: Workbench, arguments: Mapping[str, Any]) -> str:
    written = _text(arguments, "expression").strip()
    if len(written) > _LONGEST_EXPRESSION:
        raise Misused(f"an expression has {_LONGEST_EXPRESSION} characters at most")
    try:
        expression = ast.unparse(ast.parse(written, mode="eval"))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise Misused("this is not one expression of Python") from None
    source = f'def compute_reward(state, action, next_state, memory):\n    return {{"value": 1.0 * ({expression})}}\n'
    examined = gate.examine(source)
    if examined.problems or examined.uses_memory:
        raise Misused(" ".join(p.message for p in examined.problems) or "an expression has no memory")
    dataset = bench.data.dataset
    values = bench.run(source, dataset.transitions)["value"]
    there = dataset.transitions.step > 0
    won = np.array([known.episode.success for known in dataset.episodes], dtype=np.bool_)
    kinds = np.array([known.kind for known in dataset.episodes])
    groups = {"all": np.ones_like(won), "random actions": kinds == "random", "failures": ~won, "successes": won}
    rows = [[name, *_spread(values[:, c][there[:, c]])] for name, c in groups.items() if c.any()]
    return _table(["transitions of", "mean", "std", "least", "5 %", "median", "95 %", "most", "above 0"], rows)


def _spread(values: NDArray[np.float64]) -> list[str]:
    if not np.isfinite(values).all():
        return ["not finite"] * 8
    with np.errstate(all="ignore"):
        low, few, middle, many, high = np.percentile(values, [0, 5, 50, 95, 100])
        numbers = (values.mean(), values.std(), low, few, middle, many, high)
    return [*(f"{number:.3g}" for number in numbers), f"{100 * np.mean(values > 0.0):.0f} %"]


def _episodes(bench: Workbench, arguments: Mapping[str, Any]) -> str:
    count = len(bench.data.dataset.episodes)
    rows = [[str(i), *_about(bench, i)] for i in range(min(count, _LISTED))]
    more = f"\nand {count - _LISTED} more" if count > _LISTED else ""
    return _table(["episode", "policy", "steps", "success", "progress"], rows) + more


def _episode(bench: Workbench, arguments: Mapping[str, Any]) -> str:
    number = arguments.get("id")
    _demand_episode(bench, number)
    assert isinstance(number, int)
    length = bench.data.dataset.episodes[number].episode.length
    one = bench.data.dataset.transitions.cut(slice(0, length), slice(number, number + 1))
    columns: dict[str, NDArray[Any]] = {}
    for prefix, group in (("", one.next_state), ("action ", one.action)):
        for name, values in group.items():
            columns |= spread_out(f"{prefix}{name}", values)
    wanted = _list(arguments, "fields", str, _COLUMNS) or list(columns)[:_COLUMNS]
    shown = [name for name in columns if name in wanted or name.partition("[")[0] in wanted][:_COLUMNS]
    if not shown:
        raise Misused(f"there are no such fields; there are {', '.join(list(columns)[:40])}")
    steps = _list(arguments, "steps", int, _ROWS)
    if wrong := [step for step in steps if not 1 <= step <= length]:
        raise Misused(f"there is no step {wrong[0]}: the episode has {length}")
    steps = steps or sorted({int(t) + 1 for t in np.linspace(0, length - 1, _USUAL_ROWS)})
    rows = [[str(step), *(f"{float(columns[name][step - 1]):.4g}" for name in shown)] for step in steps]
    return _table(["step", *shown], rows)


def _demand_episode(bench: Workbench, number: object) -> None:
    count = len(bench.data.dataset.episodes)
    if type(number) is not int or not 0 <= number < count:
        raise Misused(f"there is no such episode; they are numbered from 0 to {count - 1}")


def _about(bench: Workbench, number: int) -> tuple[str, ...]:
    known = bench.data.dataset.episodes[number]
    episode = known.episode
    success = "yes" if episode.success else "no"
    return visible_line(known.kind, 40), str(episode.length), success, f"{episode.progress:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
