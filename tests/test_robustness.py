"""The staged rule's robustness against an implementation of signal temporal logic that is not ours (`rtamt`).

What is compared is what docs/concepts.md calls how near the next stage came. Where the two differ by design:

- A condition that holds counts 1 here, however well it holds; robustness goes on growing. So r of `rtamt` is 1 + min(max(r, -1), 0)
  here: minima and maxima commute with that. A stage that was not reached counts ALMOST at most.
- What a condition is scaled by is what the episode misses it by where the stage begins to count, or half of what simple policies
  miss it by. `rtamt` is given that scale as a number.
- `a < b` fails where both are equal, and robustness is 0 there: the traces leave equality out.
- Stages are reached as early as can be, and each that was reached counts whole: their mean is no robustness of the whole formula.
  Whether all were reached is: the sign of "first, and from there on the second" is compared.
- `always` is a share of steps here, not a minimum; whether it held is compared.
"""

import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_stages import card

from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.graded import GradedRule
from autoreward.worker.success import ALMOST, NEAR_START, SuccessRule

FIELDS = ("position", "velocity")
LENGTH = 8
MANY = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
"""Of each some seconds: their parser takes some milliseconds."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.version_info >= (3, 13), reason="rtamt is for Python below 3.13"),
]


def robustness(formula: str, traces: Mapping[str, Any]) -> list[float]:
    """What `rtamt` says of a formula at each step of the traces, each of the same length."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the runtime of its parser imports `typing.io`
        from rtamt import StlDiscreteTimeSpecification  # here: of all tests these alone need it

    specification = StlDiscreteTimeSpecification()
    for name in traces:
        specification.declare_var(name, "float")
    specification.spec = formula
    specification.parse()
    length = len(next(iter(traces.values())))
    told = {"time": list(range(length)), **{name: [float(v) for v in trace] for name, trace in traces.items()}}
    return [value for _, value in specification.evaluate(told)]


def near(robust: float) -> float:
    return 1.0 + min(max(robust, -1.0), 0.0)


class Compared:
    """`field < bound` or `field > bound`, in both languages."""

    def __init__(self, field: str, less: bool, bound: float) -> None:
        self.field, self.less, self.bound = field, less, bound

    @property
    def ours(self) -> str:
        return f"{self.field} {'<' if self.less else '>'} {self.bound!r}"

    def theirs(self, scale: float) -> str:
        left, right = (f"({self.bound!r})", self.field) if self.less else (self.field, f"({self.bound!r})")
        return f"((({left} - {right}) / ({scale!r})) >= 0)"

    def missed(self, value: float) -> float:
        return max(value - self.bound if self.less else self.bound - value, 0.0)


@st.composite
def comparisons(draw: st.DrawFn) -> Compared:
    """Bounds are odd multiples of 0.05, values (below) even ones: never equal."""
    return Compared(
        draw(st.sampled_from(FIELDS)), draw(st.booleans()), round(0.05 * (2 * draw(st.integers(-10, 9)) + 1), 2)
    )


values = st.integers(-10, 10).map(lambda n: round(0.1 * n, 1))
episodes = st.fixed_dictionaries({name: st.lists(values, min_size=LENGTH, max_size=LENGTH) for name in FIELDS})
scales = st.sampled_from((0.25, 0.5, 1.0, 2.0))


@st.composite
def nested(draw: st.DrawFn, depth: int = 2) -> tuple[str, str, list[float]]:
    """A condition in both languages, and the scale of each comparison in its order."""
    kind = draw(st.sampled_from(("leaf", "and", "or", "not") if depth else ("leaf",)))
    if kind == "leaf":
        leaf, scale = draw(comparisons()), draw(scales)
        return leaf.ours, leaf.theirs(scale), [scale]
    one = draw(nested(depth - 1))
    if kind == "not":
        return f"not ({one[0]})", f"(not {one[1]})", one[2]
    other = draw(nested(depth - 1))
    return f"({one[0]}) {kind} ({other[0]})", f"({one[1]} {kind} {other[1]})", one[2] + other[2]


@MANY
@given(nested(), episodes)
def test_conditions_joined_and_negated(both: tuple[str, str, list[float]], episode: dict[str, list[float]]) -> None:
    """At every step; what `not` turns round is scaled alike."""
    ours, theirs, scaled = both
    rule = GradedRule(Expression(ours, "a test"), robust=True)
    traces = {name: np.array(trace) for name, trace in episode.items()}
    close = rule.closeness(rule.misses(traces, LENGTH), np.array(scaled)[:, None], [1.0] * len(scaled))
    told = robustness(theirs, episode)
    assert close == pytest.approx([near(r) for r in told], abs=1e-8)
    assert (close == 1.0).tolist() == [r > 0 for r in told]


def stage(parts: Sequence[Compared], **more: int) -> dict[str, Any]:
    return {"name": "there", "when": " and ".join(p.ours for p in parts), **more}


def in_their_words(parts: Sequence[Compared], episode: Mapping[str, Sequence[float]], begin: int) -> str:
    """The condition of a stage that counts from a step on, scaled as the episode is."""
    first = [max(p.missed(episode[p.field][begin]), NEAR_START) for p in parts]
    return "(" + " and ".join(p.theirs(scale) for p, scale in zip(parts, first, strict=True)) + ")"


def held_within(inside: str, hold: int, steps: int) -> str:
    """At some time within so many steps, for `hold` steps in a row."""
    return f"eventually[0:{steps - hold}](always[0:{hold - 1}]({inside}))"


def judged(rule: SuccessRule, episode: Mapping[str, Sequence[float]]) -> tuple[float, Any]:
    states = {name: np.array(trace) for name, trace in episode.items()}
    return rule.closeness(states, terminated=False), rule.episode(states, terminated=False, movement=0.0)


@MANY
@given(st.lists(comparisons(), min_size=1, max_size=2), episodes, st.integers(1, 3), st.integers(4, LENGTH))
def test_one_stage_that_must_be_held_in_time(
    parts: list[Compared], episode: dict[str, list[float]], hold: int, by: int
) -> None:
    """F[0, by - hold] G[0, hold - 1]: a maximum of minima."""
    rule = SuccessRule(card(stage(parts, hold=hold, by=by)), max_steps=LENGTH)
    close, record = judged(rule, episode)
    told = robustness(held_within(in_their_words(parts, episode, 0), hold, by), episode)[0]
    assert record.success == (told > 0)
    assert close == pytest.approx(1.0 if record.success else min(near(told), ALMOST), abs=1e-8)


@MANY
@given(st.lists(comparisons(), min_size=2, max_size=2), comparisons(), episodes, st.integers(1, 3))
def test_one_stage_after_another(
    then: list[Compared], first: Compared, episode: dict[str, list[float]], hold: int
) -> None:
    """F (first and F G then): the second stage counts from the step at which the first was reached."""
    rule = SuccessRule(card(stage([first]), stage(then, hold=hold) | {"name": "then"}), max_steps=LENGTH)
    close, record = judged(rule, episode)
    one = in_their_words([first], episode, 0)
    reached = [step for step, r in enumerate(robustness(one, episode)) if r > 0]
    if not reached:
        told = robustness(f"eventually[0:{LENGTH - 1}]({one})", episode)[0]
        assert (record.stage, close) == (0, pytest.approx(min(near(told), ALMOST) / 2, abs=1e-8))
        return
    begin = reached[0]
    if LENGTH - begin < hold:  # nothing can be held for so long any more; a window beyond the trace has no robustness
        assert record.stage == 1
        return
    two = held_within(in_their_words(then, episode, begin), hold, LENGTH - begin)
    told = robustness(two, episode)[begin]
    assert record.stage == (2 if told > 0 else 1)
    assert close == pytest.approx(1.0 if told > 0 else (1.0 + min(near(told), ALMOST)) / 2, abs=1e-8)


@MANY
@given(comparisons(), comparisons(), comparisons(), episodes)
def test_in_order_and_something_always(
    first: Compared, then: Compared, always: Compared, episode: dict[str, list[float]]
) -> None:
    """The sign of G always and F (first and F then); short of `always` progress is the share of its steps, not their minimum."""
    task = card(stage([first]), stage([then]) | {"name": "then"}, always=always.ours)
    close, record = judged(SuccessRule(task, max_steps=LENGTH), episode)
    last = LENGTH - 1
    one, two, all_along = (c.theirs(1.0) for c in (first, then, always))
    whole = f"always[0:{last}]({all_along}) and eventually[0:{last}]({one} and eventually[0:{last}]({two}))"
    assert record.success == (robustness(whole, episode)[0] > 0)
    held = [r > 0 for r in robustness(all_along, episode)]
    assert record.always == pytest.approx(sum(held) / LENGTH)
    assert close <= record.always + 1e-9


@MANY
@given(comparisons(), comparisons(), episodes)
def test_one_until_the_other(first: Compared, then: Compared, episode: dict[str, list[float]]) -> None:
    """`until` has no word of its own here: it is a stage that is reached before the step at which what must hold so far fails."""
    last = LENGTH - 1
    told = robustness(f"({first.theirs(1.0)}) until[0:{last}] ({then.theirs(1.0)})", episode)[0]
    _, there = judged(SuccessRule(card(stage([then])), max_steps=LENGTH), episode)
    broken = Compared(first.field, not first.less, first.bound)
    _, fails = judged(SuccessRule(card(stage([broken])), max_steps=LENGTH), episode)
    reached, failed = there.stage_steps[0], fails.stage_steps[0] or LENGTH + 1
    assert (reached > 0 and reached <= failed) == (told > 0)
