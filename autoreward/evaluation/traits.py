"""Numbers from people's words: which formulas tell what was praised from what was blamed, on recorded episodes.

After AutoLibra (Zhu et al. 2025, arXiv 2505.02820): coverage is the share of what was said that a kept number tells apart,
redundancy the share of the proposed numbers that add nothing. A formula is judged by its own aspects alone: by their steps, or
where all of them blame, or all praise, against stretches of the same episodes, as long, of which nothing was said.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from statistics import fmean
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from autoreward.core.transitions import Transitions
from autoreward.errors import TaskError
from autoreward.records import Aspect, Symptom, Trait, TraitOver, Traits
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.staged import rule_values

SEPARATES = 0.8
"""Share of pairs of praised and blamed steps that a formula must have the right way round."""
LEAST_GAP = 0.25
"""Difference of the means, in standard deviations of the formula, below which few words can't tell it from chance."""
_CLEARER = 1.1
"""How much larger the difference must be for a formula to be taken rather than a simpler one that is right as often."""
_SEVERITY = 0.6
_OVERS: tuple[TraitOver, ...] = ("mean", "max")
Numbers = NDArray[np.float64]


class ProposedTrait(NamedTuple):
    """A formula that somebody says certain aspects come down to."""

    name: str
    about: str
    value: str
    over: TraitOver
    better: Literal["lower", "higher"]
    aspects: tuple[int, ...]
    """Places of the aspects, from 0."""


class SaidOf(NamedTuple):
    """An aspect, and its episode."""

    aspect: Aspect
    episode: Transitions
    """Shape (L, 1)."""

    @property
    def steps(self) -> slice:
        """The rows that are meant."""
        return slice(self.aspect.begin - 1, self.aspect.end)

    @property
    def episode_name(self) -> tuple[str, str, int]:
        """Which episode it is."""
        return self.aspect.page, self.aspect.trial_id, self.aspect.episode


class _Told(NamedTuple):
    """A formula's values on its aspects."""

    good: dict[int, float]
    """By place of the aspect, of those that praise."""
    bad: dict[int, float]
    rest: list[float]
    """Over the steps of their episodes that nothing was said of, in stretches."""
    spread: float
    """Standard deviation of the formula over all steps of these episodes."""

    @property
    def gap(self) -> float:
        """The difference of both sides' means, in spreads; 0 where nothing varies."""
        good, bad = self.sides
        return abs(fmean(good) - fmean(bad)) / self.spread if self.spread > 0 else 0.0

    @property
    def sides(self) -> tuple[list[float], list[float]]:
        """What is good and what is bad: where nothing was said of one, it is the rest."""
        good, bad = list(self.good.values()), list(self.bad.values())
        return good or self.rest, bad or self.rest


def stepwise_values(task: Task, value: str, episode: Transitions) -> Numbers:
    """A formula after each step of an episode of shape (L, 1); shape (L,). Raises TaskError if it is not one number a step."""
    known: Mapping[str, Any] = rule_values(task, episode, 0)
    length = len(known["step"])
    try:
        found = np.broadcast_to(
            np.asarray(Expression(value, "trait", task.angles).evaluate(known), dtype=np.float64), (length,)
        )
    except (ValueError, KeyError, IndexError):
        raise TaskError(f"{value!r} is not one number a step") from None
    if not np.isfinite(found).all():
        raise TaskError(f"{value!r} is no finite number at every step")
    return np.asarray(found)


def over_steps(values: Numbers, over: TraitOver) -> float:
    """Some steps' values as one number."""
    return float(values.max() if over == "max" else values.mean())


def mean_trait(task: Task, trait: Trait, episodes: Sequence[Transitions]) -> float | None:
    """A trait's mean over episodes, each of shape (L, 1); None if it is a finite number in none of them."""
    found = []
    for episode in episodes:
        with suppress(TaskError):
            found.append(over_steps(stepwise_values(task, trait.value, episode), trait.over))
    return fmean(found) if found else None


def demand_writable(task: Task, trait: ProposedTrait) -> None:
    """Raises TaskError unless a trait's formula could stand in the task's card, as one of [metrics]."""
    metric = {trait.name: {"value": trait.value, "better": trait.better, "about": trait.about}}
    try:
        Task.model_validate({**task.model_dump(), "metrics": metric})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise TaskError(str(problem["msg"]).removeprefix("Value error, ")) from None


def made_traits(task: Task, said: Sequence[SaidOf], proposed: Sequence[ProposedTrait]) -> Traits:
    """Those of the proposed that tell their aspects apart and add to those before; the best ones first."""
    kept: list[Trait] = []
    findings: list[str] = []
    tried = [_tried(task, said, one) for one in proposed]
    good = [one for one in tried if isinstance(one, Trait)]
    findings += [one for one in tried if isinstance(one, str)]
    told: set[int] = set()
    for trait in sorted(good, key=lambda t: (-len(t.aspects), -t.separates)):
        if told.issuperset(trait.aspects):
            findings.append(f"{trait.name}: left out: others tell the same apart")
            continue
        told.update(trait.aspects)
        kept.append(trait)
    return Traits(
        items=tuple(kept),
        proposed=len(proposed),
        told_apart=tuple(sorted(told)),
        aspects=len(said),
        findings=tuple(findings),
    )


def _tried(task: Task, said: Sequence[SaidOf], proposed: ProposedTrait) -> Trait | str:
    """The trait, or why it is none."""
    own = [place for place in dict.fromkeys(proposed.aspects) if 0 <= place < len(said)]
    if not own:
        return f"{proposed.name}: left out: it is about nothing that was said"
    try:
        demand_writable(task, proposed)
        told = _told(task, said, own, proposed)
    except TaskError as error:
        return f"{proposed.name}: left out: {error}"
    good, bad = told.sides
    if not good or not bad:
        return f"{proposed.name}: left out: there is nothing to hold it against; praise something, too, or say of which steps it is"
    share = separation(good, bad, proposed.better)
    if share < SEPARATES:
        return (
            f"{proposed.name}: left out: {proposed.value!r} is better in what is good than in what is blamed in {share:.0%} "
            f"of the pairs, and {SEPARATES:.0%} is needed"
        )
    if told.gap < LEAST_GAP:
        return f"{proposed.name}: left out: what is good and what is blamed differ by only {told.gap:.2f} of its standard deviation"
    trait = Trait(
        name=proposed.name,
        about=proposed.about,
        value=proposed.value,
        over=proposed.over,
        better=proposed.better,
        praised=fmean(good),
        blamed=fmean(bad),
        separates=share,
        aspects=(0,),
    )
    right = [p for p in own if (trait.wrong(told.bad[p]) if p in told.bad else not trait.wrong(told.good[p]))]
    return (
        trait.model_copy(update={"aspects": tuple(sorted(right))})
        if right
        else f"{proposed.name}: left out: it tells none apart"
    )


def _told(task: Task, said: Sequence[SaidOf], own: Sequence[int], proposed: ProposedTrait) -> _Told:
    """Raises TaskError."""
    good: dict[int, float] = {}
    bad: dict[int, float] = {}
    meant: dict[tuple[str, str, int], NDArray[np.bool_]] = {}
    whole: dict[tuple[str, str, int], Numbers] = {}
    longest: dict[tuple[str, str, int], int] = {}
    for place in own:
        one = said[place]
        name = one.episode_name
        if name not in whole:
            whole[name] = stepwise_values(task, proposed.value, one.episode)
            meant[name] = np.zeros(len(whole[name]), dtype=np.bool_)
        meant[name][one.steps] = True
        side = good if one.aspect.praised else bad
        side[place] = over_steps(whole[name][one.steps], proposed.over)
        length = one.aspect.end - one.aspect.begin + 1
        longest[name] = min(longest.get(name, length), length)
    rest = [
        over_steps(values[rows], proposed.over)
        for name, values in whole.items()
        for rows in _stretches(~meant[name], longest[name])
    ]
    return _Told(good, bad, rest, float(np.std(np.concatenate(list(whole.values())))))


def _stretches(free: NDArray[np.bool_], length: int) -> list[slice]:
    """The free steps of an episode, (L,), in stretches as long as what was meant: a longer one has a larger maximum by itself."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], free.astype(np.int8), [0]))))
    whole = [(int(begin), int(end)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
    cut = [slice(at, at + length) for begin, end in whole for at in range(begin, end - length + 1, length)]
    return cut or [slice(begin, end) for begin, end in whole]


def separation(good: Sequence[float], bad: Sequence[float], better: str) -> float:
    """How often a good value is better than a bad one, over all pairs; ties are halves (the area under the ROC curve)."""
    sign = -1.0 if better == "lower" else 1.0
    gaps = sign * np.subtract.outer(np.asarray(good), np.asarray(bad))
    return float((gaps > 0).mean() + 0.5 * (gaps == 0).mean())


def named_traits(task: Task, said: Sequence[SaidOf]) -> list[ProposedTrait]:
    """For every field that a person named: of its numbers, their sizes and their length, what tells its aspects apart best."""
    fields = dict.fromkeys(one.aspect.field for one in said if one.aspect.field)
    return [found for field in fields if (found := _of_field(task, said, field))]


def _of_field(task: Task, said: Sequence[SaidOf], field: str) -> ProposedTrait | None:
    own = tuple(place for place, one in enumerate(said) if one.aspect.field == field)
    about = said[own[0]].aspect.text
    best: tuple[float, float, ProposedTrait] | None = None
    for name, value in _formulas(field, _width(said[own[0]].episode, field)):
        for over in _OVERS:
            lower = ProposedTrait(name, about, value, over, "lower", own)
            try:
                told = _told(task, said, own, lower)
            except TaskError:
                continue
            good, bad = told.sides
            if not good or not bad:
                return lower
            share = separation(good, bad, "lower")
            better: Literal["lower", "higher"] = "lower" if share >= 0.5 else "higher"
            share = max(share, 1 - share)
            if best is None or share > best[0] or (share == best[0] and told.gap > _CLEARER * best[1]):
                best = share, told.gap, lower._replace(better=better)
    return best[2] if best else None


def _width(episode: Transitions, field: str) -> int:
    """How many numbers a field has; 0 for one that is no vector."""
    values = episode.rule_fields[field]
    return values.shape[2] if values.ndim == 3 else 0


def _formulas(field: str, width: int) -> Iterator[tuple[str, str]]:
    """The simplest first: names and formulas."""
    if not width:
        yield f"{field}_size", f"abs({field})"
        yield f"{field}_level", field
        return
    yield f"{field}_size", f"norm({field})"
    for i in range(width):
        yield f"{field}_{i}_size", f"abs({field}[{i}])"
        yield f"{field}_{i}_level", f"{field}[{i}]"


def trait_symptoms(task: Task, traits: Sequence[Trait], episodes: Sequence[Transitions]) -> tuple[Symptom, ...]:
    """What people blamed and a policy's episodes, each of shape (L, 1), have, on average."""
    found = []
    for trait in traits:
        value = mean_trait(task, trait, episodes)
        if value is not None and trait.wrong(value):
            times = f", {value / trait.praised:.1f} times what it is where it was good" if trait.praised > 0 else ""
            found.append(
                Symptom(
                    name="what_people_blamed",
                    evidence=f"{trait.name}, {trait.measured_as}, is {value:.3g}{times}; {trait.praised:.3g} in what was "
                    f"good, {trait.blamed:.3g} in what was blamed, and {trait.better} is better",
                    advice=f"A person said: {trait.about}"
                    if trait.about
                    else "Compare what it pays with what it costs.",
                    severity=_SEVERITY,
                )
            )
    return tuple(found)
