"""The success rule that is most often meant by environments that look like one: a guess, and said to be one."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from autoreward.records import Survey
from autoreward.tasks.draft.ranges import short
from autoreward.tasks.success_table import Success
from autoreward.tasks.tables import Constant, Metric, StateField

_GOAL = re.compile(
    r"^(?:desired_?\w*|goal|target|wanted|setpoint)(?:_?(?:pos|position|place|xy|xyz))?$|^achieved_goal$"
)
_MOVED = (
    "achieved", "object", "block", "ball", "puck", "cube", "tip", "finger", "effector", "hand", "agent", "place", "position", "pos",
)  # fmt: skip
"""What is to be brought to a goal, most likely first."""
_TOLERANCE = re.compile(
    r"toleran|close_enough|^epsilon$|^(?:distance|success|goal|target|reach\w*)_(?:threshold|radius|distance|margin|eps\w*)$"
)
_STAYS = re.compile(
    r"\b(?:hold|holds|stay|stays|keep|keeps|remain|hover|hovers|balance|balances|stand|stands|maintain|settle)\b", re.I
)
_LONGEST_HOLD, _HOLD_SHARE = 50, 0.2
"""A goal that speaks of staying is held over the last steps: so many at most, and this share of an episode."""
_USUAL_TOLERANCE, _TOLERANCE_SHARE = 0.05, 0.05
"""Where an environment states no tolerance: in its own unit as Gymnasium's goal environments have it, else a share of the range."""


NO_HINT = "nothing hints at a goal; this only completes the file: write what you mean"
"""What a rule is called that means nothing."""


class GuessedSuccess(NamedTuple):
    """A rule, how successes are ranked, and why."""

    success: Success
    metric: Metric
    guess: str
    constants: Mapping[str, Constant] = {}
    notes: tuple[tuple[str, str], ...] = ()
    """What was found rather than guessed, by its place in the card."""


class _Bounds(NamedTuple):
    value: float
    said: str
    """The setting that it is; empty: nobody stated it."""


def is_goal(key: str) -> bool:
    """Whether a part of an observation is where something is to be, or the thing as the goal is counted in."""
    return bool(_GOAL.match(key.lower()))


def guessed_success(
    survey: Survey, state: Mapping[str, StateField], goal: str, limit: int, own: str = ""
) -> GuessedSuccess:
    """The rule for a draft with such fields. `limit`: steps of an episode; `own`: the field of the environment's own judgement."""
    pair = _to_goal(survey, {name: field for name, field in state.items() if name != own})
    if own:
        return _as_it_says(own, _near(survey, state, pair, goal, limit) if pair else None, goal, limit)
    if pair:
        return _near(survey, state, pair, goal, limit)
    if survey.terminates:
        guess = "random episodes end early, so lasting until the time limit counts; write what you mean"
        return GuessedSuccess(
            Success(when="not terminated", full_length=True), Metric(value="length", better="higher"), guess
        )
    if "terminat" in survey.doc.lower():
        guess = "no random episode ended by itself, so ending one counts; write what you mean"
        return GuessedSuccess(Success(when="terminated"), Metric(value="length", better="lower"), guess)
    name, field = next(iter(state.items()))
    shown = f"norm({name})" if _width(field, survey) else name
    high = (field.range or (0.0, 1.0))[1]
    return GuessedSuccess(Success(when=f"{shown} > {short(high)}"), Metric(value="length", better="lower"), NO_HINT)


def _as_it_says(own: str, near: GuessedSuccess | None, goal: str, limit: int) -> GuessedSuccess:
    """By what the environment says of itself; a distance that is known grades what comes before it."""
    success = Success(when=f"{own} > 0.5", within=_within(goal, limit), distance=near.metric.value if near else "")
    metric = near.metric if near else Metric(value="length", better="lower")
    guess = "by what the environment says itself in info: is it what your goal means?"
    if not near:
        guess += " Nothing says how near it is before: a `distance` would, or stages"
    return GuessedSuccess(success, metric, guess)


def _within(goal: str, limit: int) -> str:
    """The last steps where the goal speaks of staying, else the last one."""
    steps = max(2, min(_LONGEST_HOLD, int(_HOLD_SHARE * limit)))
    return f"last {steps} steps" if speaks_of_staying(goal) and steps < limit else "last step"


def speaks_of_staying(goal: str) -> bool:
    """Whether its words ask for something that lasts, as `hold`, `stay`, `keep` and `balance` do."""
    return bool(_STAYS.search(goal))


def _near(
    survey: Survey, state: Mapping[str, StateField], pair: tuple[str, str], goal: str, limit: int
) -> GuessedSuccess:
    moved, target = pair
    difference = f"{moved} - {target}"
    gap = f"norm({difference})" if _width(state[target], survey) else f"abs({difference})"
    close = _tolerance(survey, state, pair)
    notes: tuple[tuple[str, str], ...] = ()
    if close.said:
        notes = (("constants.close_enough", f"FOUND: `{close.said}` of the environment itself"),)
    constant = Constant(
        value=close.value, about="distance at which the goal counts as achieved", unit=state[target].unit
    )
    within = _within(goal, limit)
    named = "an achieved and a desired goal" if moved == "achieved_goal" else f"{moved} and {target}"
    asks = "?" if within == "last step" else ", and for how long?"
    guess = f"the environment speaks of {named}; how close is close enough{asks}"
    return GuessedSuccess(
        Success(when=f"{gap} < close_enough", within=within),
        Metric(value=gap, better="lower"),
        guess,
        {"close_enough": constant},
        notes,
    )


def _to_goal(survey: Survey, state: Mapping[str, StateField]) -> tuple[str, str] | None:
    """What is to be brought where: two fields of as many numbers each, if names say so, or the only one in the goal's range."""
    if {"achieved_goal", "desired_goal"} <= set(state):
        return "achieved_goal", "desired_goal"
    widths = {name: _width(field, survey) for name, field in state.items()}
    for target in filter(is_goal, state):
        alike = [name for name in state if name != target and not is_goal(name) and widths[name] == widths[target]]
        for word in _MOVED:
            if known := [name for name in alike if word in name.split("_") and not _is_speed(name)]:
                return known[0], target
        within = [name for name in alike if state[name].range == state[target].range and not _is_speed(name)]
        if len(within) == 1:
            return within[0], target
    return None


def _is_speed(name: str) -> bool:
    return bool({"vel", "velocity", "speed", "rate", "angular", "force"} & set(name.split("_")))


def _tolerance(survey: Survey, state: Mapping[str, StateField], pair: tuple[str, str]) -> _Bounds:
    for name, value in survey.settings.items():
        if _TOLERANCE.search(name) and not isinstance(value, bool) and value > 0.0:
            return _Bounds(value, name)
    span = state[pair[1]].range
    if pair[0] == "achieved_goal" or span is None:
        return _Bounds(_USUAL_TOLERANCE, "")
    return _Bounds(float(f"{_TOLERANCE_SHARE * (span[1] - span[0]):.1g}"), "")


def _width(field: StateField, survey: Survey) -> int:
    """Numbers of a field that is a part of the observation; 0: it is a single one."""
    place = re.match(r"^obs(?:\.(\w+))?(?:\[(\d+)(?::(\d+))?\])?$", field.source)
    stretch = next((s for s in survey.stretches if place and s.key == (place[1] or "")), None)
    if place is None or stretch is None:
        return 0
    if place[2]:
        return int(place[3]) - int(place[2]) if place[3] else 0
    return len(stretch.entries) if len(stretch.entries) > 1 or stretch.vector or not stretch.choices else 0
