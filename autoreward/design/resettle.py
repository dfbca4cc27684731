"""A program trained with other settings: candidates that nobody has to write, for a reward that is blamed for a learning rate."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from autoreward.records import Candidate, CandidateId, Round
from autoreward.records.base import Hyperparameter
from autoreward.tasks.card import Task
from autoreward.tasks.revisable import revisable

MOST_RESETTLED = 2
"""Variants in a round, at most."""
_CHANGES: tuple[tuple[str, float | None, Callable[[float], float]], ...] = (
    ("learning_rate", None, lambda value: value / 3.0),
    ("learning_rate", None, lambda value: value * 3.0),
    # its effective horizon 1 / (1 - gamma) three times as long, and a third of it
    ("gamma", 0.99, lambda value: 1.0 - (1.0 - value) / 3.0),
    ("gamma", 0.99, lambda value: 1.0 - (1.0 - value) * 3.0),
    ("ent_coef", 0.0, lambda value: value * 3.0 or 0.01),
)
"""A setting, what it is where the card names none (None: it is left alone), and what is made of it; the likeliest to help first."""


def resettled(task: Task, rounds: Sequence[Round], parents: Sequence[str], first: int) -> tuple[Candidate, ...]:
    """Variants of earlier programs with one training setting changed that they were not tried with, ids from the place `first` on.

    From the settings that a program has, so that later rounds go on from what helped.
    """
    programs = {c.id: c for r in rounds for c in r.candidates}
    tried = [(c.source, c.composition, c.settings) for c in programs.values()]
    made: list[Candidate] = []
    for parent in map(programs.__getitem__, parents):
        new = (s for s in _changed(task, parent.settings) if (parent.source, parent.composition, s) not in tried)
        for _, settings in zip(range(MOST_RESETTLED), new, strict=False):
            made.append(_variant(parent, settings, len(rounds), first + len(made)))
    return tuple(made)


def set_apart(candidates: Sequence[Candidate], rounds: Sequence[Round]) -> tuple[Candidate, ...]:
    """A round's programs as they train: with the settings of their first parent. After them those for which others were
    proposed, MOST_RESETTLED of them, once more and with these, so that no reward is credited with what its settings did.
    """
    known = {c.id: c.settings for r in rounds for c in r.candidates}
    plain: list[Candidate] = []
    variants: list[Candidate] = []
    for candidate in candidates:
        inherited = next((known[name] for name in candidate.parents if name in known), {})
        plain.append(candidate.model_copy(update={"settings": inherited}))
        proposed = {**inherited, **candidate.settings}
        if proposed != inherited and len(variants) < MOST_RESETTLED:
            variants.append(_variant(plain[-1], proposed, len(rounds), len(candidates) + len(variants)))
    return (*plain, *variants)


def _variant(parent: Candidate, settings: dict[str, Hyperparameter], number: int, place: int) -> Candidate:
    other = parent.model_copy(update={"settings": settings})
    return other.variant(str(CandidateId(number, place)), "settings", f"{parent.id} trained with {other.settings_line}")


def _changed(task: Task, own: Mapping[str, Hyperparameter]) -> Iterator[dict[str, Hyperparameter]]:
    """What a program's changes of the card's settings may become by one more."""
    now, known = {**task.train.hyperparameters, **own}, revisable(task)
    for name, usual, change in _CHANGES:
        value = now.get(name, usual)
        if name in known and isinstance(value, int | float):
            new = _short(min(max(change(float(value)), known[name].low), known[name].high))
            if not math.isclose(new, value):
                yield {**own, name: new}


def _short(value: float) -> float:
    """What a person would write: two digits, of what is near to 1 those of the difference."""
    return round(1.0 - float(f"{1.0 - value:.2g}"), 6) if value > 0.5 else float(f"{value:.2g}")
