"""Episodes as small tables for a model: rows where something happens, every number under its name."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.evaluation.panels import steps_held
from autoreward.evaluation.wrong_turns import wrong_turn
from autoreward.tasks.card import Task
from autoreward.tasks.staged import follow, rule_values

Values = Mapping[str, NDArray[Any]]
_LAST_ROWS = 5
"""Steps before an episode ends by itself that are all shown; of one that ran to the time limit two."""
_NOTHING = 1e-4
"""Share of the largest number of its column below which a number is shown as 0."""
_CHANGES = 6
"""Changes of discrete fields, such as contacts, that are marked: the first ones, and the last."""
_KINDS = 6
"""A field of whole numbers with at most so many values is discrete."""
_JUMPS = 2
"""Steps at which the parts change most."""


class Table(NamedTuple):
    """An episode as text."""

    name: str
    length: int
    ending: str
    text: str
    """Lines of a Markdown table; `what` says why a row is there."""
    left_out: tuple[str, ...] = ()
    """Columns that there was no room for."""


def episode_table(
    task: Task,
    one: Transitions,
    name: str,
    parts: Values,
    rows: int,
    columns: int,
    rule_shown: bool = True,
    extra: str = "",
) -> Table:
    """One episode, a single column of `one`, at about `rows` rows spread evenly and all at which something happens.

    `parts`: what the program pays in it, (L, 1) each; `columns`: how many numbers of the state and the action are shown.
    """
    length = len(one.step)
    shown, left_out = _columns(task, one, parts, columns, rule_shown)
    began = {c: float(v[0]) for name, field in one.state.items() for c, v in spread_out(name, field).items()}
    events = _events(task, one, parts, rule_shown)
    spread = np.linspace(0, length - 1, max(2, rows)).astype(int).tolist()
    ended = bool(one.terminated[-1, 0])
    chosen = sorted({*spread, *events, *range(max(0, length - (_LAST_ROWS if ended else 2)), length)})
    small = {c: _NOTHING * float(np.abs(values).max()) for c, values in shown.items()}
    head = ["step", *shown, "what"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines.append(_row("0", [three_digits(began[c], small[c]) if c in began else "" for c in shown], "the start"))
    for t in chosen:
        cells = [three_digits(float(values[t]), small[c]) for c, values in shown.items()]
        lines.append(_row(str(t + 1), cells, *events.get(t, ())))
    ending = (f"{length} steps", "ended by itself" if ended else "ran to the time limit", extra)
    return Table(name, length, ", ".join(filter(None, ending)), "\n".join(lines), left_out)


def three_digits(value: float, small: float) -> str:
    """Three digits; 0 for what is smaller than `small`."""
    return "0" if abs(value) < small else f"{value:.3g}"


def _row(step: str, cells: Sequence[str], *what: str) -> str:
    return f"| {' | '.join([step, *cells, '; '.join(what)])} |"


def holding(task: Task, one: Transitions) -> NDArray[np.bool_] | None:
    """(L,): after which steps the rule's condition holds in one episode, of stages the last one's; None without a rule."""
    return steps_held(task, one) if task.ruled else None


def _stages(task: Task, one: Transitions) -> list[tuple[int, str]]:
    """Rows at which stages are reached, and what `always` is broken by first."""
    if not task.ruled:
        return []
    values = rule_values(task, one, 0)
    followed = follow(task, values)
    marks = [
        (row, f"stage {stage.name} is reached")
        for row, stage in zip(followed.reached, task.success.stages, strict=False)
        if row is not None
    ]
    if task.always_rule and followed.always < 1.0:
        held = np.broadcast_to(np.asarray(task.always_rule.evaluate(values), dtype=np.bool_), (len(one.step),))
        marks.append((int((~held).argmax()), "what must always hold does not, for the first time"))
    return marks


def spread_out(name: str, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """A field of one episode, (L, 1) or (L, 1, k), as one column a number."""
    flat = np.asarray(values)[:, 0]
    return {name: flat} if flat.ndim == 1 else {f"{name}[{i}]": flat[:, i] for i in range(flat.shape[1])}


def _columns(
    task: Task, one: Transitions, parts: Values, most: int, rule_shown: bool
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """One column a number: what the rule speaks of first, other fields after the step, the action; the parts are never left out."""
    ruled = task.ruled_names if task.ruled and rule_shown else frozenset()
    order = sorted(one.next_state, key=lambda name: (name not in ruled, one.next_state[name].ndim))
    columns: dict[str, NDArray[Any]] = {}
    for name in order:
        columns |= spread_out(name, one.next_state[name])
    for name, values in one.action.items():
        columns |= spread_out(f"action {name}", values)
    kept = list(columns)[:most]
    paid = {f"part {name}": np.asarray(values)[:, 0] for name, values in parts.items()}
    return {**{name: columns[name] for name in kept}, **paid}, tuple(list(columns)[most:])


def _events(task: Task, one: Transitions, parts: Values, rule_shown: bool) -> dict[int, list[str]]:
    """Rows at which something happens, and what."""
    length = len(one.step)
    events: dict[int, list[str]] = {}

    def mark(row: int, what: str) -> None:
        events.setdefault(row, []).append(what)

    for row, what in _switches(one):
        mark(row, what)
    for row, what in _stages(task, one) if rule_shown else ():
        mark(row, what)
    if rule_shown and (turn := wrong_turn(task, one)):
        mark(turn.step - 1, turn.said)
    held = holding(task, one) if rule_shown and not task.success.stages else None
    if held is not None and held.any():
        first = int(held.argmax())
        mark(first, "the condition holds for the first time")
        if left := np.flatnonzero(held[:-1] & ~held[1:]).tolist():
            mark(left[-1] + 1, "the condition holds no more")
    if parts and length > 2:
        change = np.abs(np.diff(np.sum([np.asarray(v)[:, 0] for v in parts.values()], axis=0)))
        largest = np.argsort(-change, kind="stable")[:_JUMPS]
        for row in sorted(int(t) + 1 for t in largest if change[t] > 0.0):
            mark(row, "the reward jumps")
    mark(length - 1, "the end")
    return events


def _switches(one: Transitions) -> Sequence[tuple[int, str]]:
    """Changes of discrete state fields: contacts, modes, counts of a few values."""
    found: list[tuple[int, str]] = []
    for name, values in one.next_state.items():
        for column, numbers in spread_out(name, values).items():
            kinds = np.unique(numbers)
            if not 1 < len(kinds) <= _KINDS or not np.array_equal(kinds, np.rint(kinds)):
                continue
            rows = (np.flatnonzero(numbers[1:] != numbers[:-1]) + 1).tolist()
            found += [(row, f"{column} {numbers[row - 1]:g} to {numbers[row]:g}") for row in rows]
    found.sort()
    return found if len(found) <= _CHANGES else [*found[: _CHANGES - 1], found[-1]]
