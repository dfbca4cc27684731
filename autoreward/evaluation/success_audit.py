"""Do successful episodes end where the rule does not look, and nothing untrained ever ends?

A rule that asks for `x` near 3 m and standing still is met on the feet, on the nose and on the back. Here every number of the
state that the rule does not name is compared between the window in which successes met the rule, the start states, and the
reference episodes (idle, constant, random, scripted, shown).

A rule that may be met at any step is met by who rushes past as well: where the goal speaks of staying, successes that have
left again by their end are counted.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.contract import NATIVE_REWARD
from autoreward.core.transitions import Transitions
from autoreward.records import Departure, ReferenceEpisode, SuccessAudit
from autoreward.tasks.card import Task
from autoreward.tasks.draft.success_guess import speaks_of_staying
from autoreward.tasks.formulas.shapes import of_rows, width
from autoreward.tasks.staged import Followed, follow, rule_values
from autoreward.tasks.success_table import ANY_STEP

FAR = 3.5
"""Robust standard deviations of where reference episodes end beyond which a success ends far outside: the modified z-score of
Iglewicz and Hoaglin 1993 (How to Detect and Handle Outliers), with their cut."""
VISITED = 0.75
"""And beyond what this share of the reference episodes ever reach ..."""
MOMENTS = 2.0
"""... but for this percentage of their steps: what any motion passes through is nothing unusual. A field of k numbers has k
chances to look unusual, so each of them gets a k-th of it."""
STAYS = 0.9
"""Share of the window that a success must spend there: passing through is no end."""
MAJORITY = 0.5
"""Share of the successes that must end there."""
ENOUGH_SUCCESSES, ENOUGH_REFERENCES = 2, 8
LOOK = 10
"""Shortest window that is looked at, in steps: the last one alone may be a swing's turning point."""
TOLD = 0.5
"""Share of a named field's variance that another explains from which on it says nothing of its own: the rule looks at it, too."""
TOLD_MOST = 3
"""Departures that are kept."""
TINY = 0.02
"""Least robust standard deviation, as a share of what reference episodes span: most of them may end in one and the same place."""
KNOWN_GOOD = ("scripted", "demo")
"""Reference episodes in which a person shows what a success looks like."""
Array = NDArray[np.float64]


class Successes(NamedTuple):
    """The held-out episodes of one policy."""

    episodes: Transitions
    """One episode a column."""
    won: tuple[bool, ...]
    """Which of them were successes."""


class _Usual(NamedTuple):
    """What one number does in reference episodes."""

    low: float
    high: float
    start: float
    end: float
    spread: float


class _Numbers(NamedTuple):
    """Reads a field's numbers, those of an angle so that they do not jump where episodes start: the shortest way from there."""

    field: str
    period: float = 0.0
    """After which its numbers come round; 0 for those that do not."""
    centres: tuple[float, ...] = ()
    """Where episodes start, each number's circular mean (Mardia and Jupp 2000, Directional Statistics, 2.2)."""

    @classmethod
    def of(cls, task: Task, reference: Transitions, field: str) -> "_Numbers":
        turn = task.state[field].turn
        if turn is None:
            return cls(field)
        starts = [before[reference.step == 1] for before in cls(field)(reference.state)]
        means = [np.angle(np.mean(np.exp(2j * np.pi * s / turn.period))) for s in starts]
        return cls(field, turn.period, tuple(float(m * turn.period / (2 * np.pi)) for m in means))

    def __call__(self, fields: Mapping[str, NDArray[np.generic]]) -> list[Array]:
        """Each of its numbers, of shape (T, n)."""
        values = np.asarray(fields[self.field], dtype=np.float64)
        numbers = [values] if values.ndim == 2 else [values[..., i] for i in range(values.shape[2])]
        if not self.period:
            return numbers
        away = [number - centre for number, centre in zip(numbers, self.centres, strict=True)]
        return [c + a - self.period * np.round(a / self.period) for a, c in zip(away, self.centres, strict=True)]


def audit_successes(
    task: Task,
    reference: Transitions,
    kinds: Sequence[ReferenceEpisode],
    policies: Sequence[Successes],
    candidate_id: str = "",
) -> SuccessAudit:
    """What most successes do that nothing untrained does, and the rule does not name; the gravest TOLD_MOST fields.

    Args:
        task: its rule says which fields are looked at anyway.
        reference: the reference episodes, one a column.
        kinds: what each is.
        policies: whose successes.
        candidate_id: see `SuccessAudit`.
    """
    count = sum(sum(p.won) for p in policies)
    plain = SuccessAudit(candidate_id=candidate_id, successes=count, passing=_passing(task, policies, count))
    named = task.ruled_names & task.state.keys()
    if count < ENOUGH_SUCCESSES:
        return plain.model_copy(update={"silent": f"{count} successes are too few to compare"})
    if not named:
        return plain.model_copy(update={"silent": "the rule names no field, so nothing tells what it looks at"})
    if len(kinds) < ENOUGH_REFERENCES:
        return plain.model_copy(update={"silent": f"{len(kinds)} reference episodes are too few to compare with"})
    shown = [i for i, k in enumerate(kinds) if k.kind in KNOWN_GOOD and k.episode.success]
    found = []
    for name in (n for n in task.state if n not in named and n != NATIVE_REWARD):
        told_of = _Numbers.of(task, reference, name)
        numbers = list(zip(told_of(reference.state), told_of(reference.next_state), strict=True))
        for index, (before, after) in enumerate(numbers):
            if np.ptp(after[reference.step > 0]) == 0.0 or _told(task, reference, named, after):
                continue
            usual = _usual(task, reference, before, after, MOMENTS / len(numbers))
            if any(_side(window, usual) for window in _windows(task, reference, shown, after)):
                continue
            windows = [w for p in policies for w in _windows_of_successes(task, p, told_of, index)]
            if departure := _departure(name, index if reference.state[name].ndim == 3 else None, usual, windows):
                turn = task.state[name].turn
                past = turn is not None and (usual.low < turn.low or usual.high > turn.high)
                found.append(departure.model_copy(update={"past_the_seam": past}))
    gravest = sorted(found, key=lambda d: (-d.beyond, -d.distance))
    first = {d.field: d for d in reversed(gravest)}
    return plain.model_copy(update={"departures": tuple(d for d in gravest if first[d.field] is d)[:TOLD_MOST]})


def _passing(task: Task, policies: Sequence[Successes], count: int) -> int:
    """How many successes meet the rule in passing, if most do and the goal speaks of staying."""
    success = task.success
    last = success.stages[-1].within if success.stages else success.within
    if last != ANY_STEP or not speaks_of_staying(task.goal):
        return 0
    passed = sum(won and _passes(task, p.episodes, column) for p in policies for column, won in enumerate(p.won))
    return passed if passed >= max(MAJORITY * count, ENOUGH_SUCCESSES) else 0


def _passes(task: Task, episodes: Transitions, column: int) -> bool:
    """Whether it goes on after it met the rule, and meets it in less than half of its last LOOK steps after that."""
    followed = _followed(task, episodes, column)
    after = followed.holds[followed.last :] if followed.last is not None else followed.holds[:0]
    return len(after) > 1 and float(after[-LOOK:].mean()) < MAJORITY


def _windows_of_successes(task: Task, policy: Successes, told_of: "_Numbers", index: int) -> list[Array]:
    number = told_of(policy.episodes.next_state)[index]
    return _windows(task, policy.episodes, np.flatnonzero(policy.won), number)


def still_won(task: Task, policy: Successes) -> tuple[bool, ...]:
    """Which of the successes are some by the task's rule of now, which asks for more than the one they met.

    Raises:
        TaskError: the rule mixes numbers and vectors.
    """
    return tuple(won and _followed(task, policy.episodes, column).met for column, won in enumerate(policy.won))


def _usual(task: Task, reference: Transitions, before: Array, after: Array, moments: float) -> _Usual:
    """The bounds of one number, each of `before` and `after` of shape (T, n); see MOMENTS."""
    columns = range(after.shape[1])
    ends = np.array([np.median(w) for w in _windows(task, reference, columns, after, to_the_end=True)])
    rows = reference.step > 0
    reached = [np.percentile(after[rows[:, i], i], (moments, 100.0 - moments)) for i in columns]
    starts = before[reference.step == 1]
    least = TINY * float(np.subtract(*np.percentile(after[rows], (98, 2))))
    spread = max(_robust(ends), least, 1e-9)
    end = float(np.median(ends))
    return _Usual(
        low=float(min(end - FAR * spread, np.quantile([low for low, _ in reached], 1 - VISITED), np.quantile(starts, 0.05))),
        high=float(max(end + FAR * spread, np.quantile([high for _, high in reached], VISITED), np.quantile(starts, 0.95))),
        start=float(np.median(starts)),
        end=end,
        spread=spread,
    )  # fmt: skip


def _robust(values: Array) -> float:
    """Standard deviation as the median absolute deviation gives it, or the mean one where more than half are the same."""
    away = np.abs(values - np.median(values))
    return float(1.4826 * np.median(away) or 1.2533 * np.mean(away))


def _windows(
    task: Task,
    episodes: Transitions,
    columns: Sequence[int] | NDArray[np.intp],
    number: Array,
    to_the_end: bool = False,
) -> list[Array]:
    """Of each of these episodes, the steps in which it met the rule: at least LOOK of them, as far as it has them.

    One that is met at any step is looked at up to the first that does; `to_the_end` takes the last steps whatever the rule.
    """
    width = max(task.success.window, LOOK)
    windows = []
    for column in columns:
        rows = np.flatnonzero(episodes.step[:, column] > 0)
        if not task.success.window and not to_the_end:
            last = _followed(task, episodes, column).last
            rows = rows if last is None else rows[: last + 1]
        windows.append(number[rows[-width:], column])
    return windows


def _followed(task: Task, episodes: Transitions, column: int) -> Followed:
    """The rule on one episode. Raises TaskError where it mixes numbers and vectors."""
    values = rule_values(task, episodes, column)
    for rule in task.rules:
        width(rule, {n: None if n in task.constants else of_rows(np.asarray(v)) for n, v in values.items()})
    return follow(task, values)


def _departure(name: str, index: int | None, usual: _Usual, windows: Sequence[Array]) -> Departure | None:
    """What most successes do beyond the bounds, if they do."""
    sides = [_side(window, usual) for window in windows]
    away = [float(np.median(w)) for w, side in zip(windows, sides, strict=True) if side]
    if len(away) < max(MAJORITY * len(windows), ENOUGH_SUCCESSES):
        return None
    return Departure(field=name, index=index, low=usual.low, high=usual.high, below=sides.count(-1), above=sides.count(1),
                     successes=len(windows), typical=float(np.median(away)), start=usual.start, usual=usual.end,
                     spread=usual.spread)  # fmt: skip


def _side(window: Array, usual: _Usual) -> int:
    """1 for a window that stays above the bounds, -1 below them, 0 otherwise."""
    if np.mean(window > usual.high) >= STAYS:
        return 1
    return -int(np.mean(window < usual.low) >= STAYS)


def _told(task: Task, reference: Transitions, named: frozenset[str], number: Array) -> bool:
    """Whether the rule looks at it under another name: within most reference episodes a named field, or its change, follows
    from it. Within each, since one that is far from all others would decide for them all."""
    columns = [reference.step[:, i] > 0 for i in range(number.shape[1])]
    for name in named:
        told_of = _Numbers.of(task, reference, name)
        for before, after in zip(told_of(reference.state), told_of(reference.next_state), strict=True):
            for values, power in ((after, 2), (after - before, 1)):
                shares = [_share(number[rows, i], values[rows, i], power) for i, rows in enumerate(columns)]
                if float(np.median([share for share in shares if share is not None] or [0.0])) >= TOLD:
                    return True
    return False


def _share(number: Array, values: Array, power: int) -> float | None:
    """Share of the variance of `values` that a least-squares polynomial of `number` explains; None where one does not vary."""
    if len(values) <= power + 1 or min(np.ptp(values), np.ptp(number)) <= 1e-9:
        return None
    scaled = (number - number.mean()) / np.std(number)
    explains = np.stack([scaled**p for p in range(power + 1)], axis=1)
    coefficients, *_ = np.linalg.lstsq(explains, values, rcond=None)
    return 1.0 - float(np.var(values - explains @ coefficients) / np.var(values))
