"""Survey -> draft of a task card. Whatever was not stated by the environment is marked as a guess."""

import re
from collections.abc import Container, Sequence
from typing import NamedTuple

from autoreward.core.visible import LONGEST_WORD, is_name, is_unit, visible_line
from autoreward.errors import TaskError
from autoreward.records import Entry, Stretch, Survey
from autoreward.tasks.card import Task
from autoreward.tasks.consistency import RESERVED
from autoreward.tasks.draft import docstring_tables
from autoreward.tasks.draft.ranges import entries_range, short
from autoreward.tasks.files import validated_task
from autoreward.tasks.success_table import Success
from autoreward.tasks.tables import ActionField, Constant, Metric, StateField, Train

_MOST_SINGLE_FIELDS = 40
"""Numbers of an undocumented vector that get a field each; longer ones stay one field."""
_UNLIMITED_STEPS = 1_000
"""Steps at most, where an environment states no time limit."""
_LONGEST_ABOUT = 400
"""Letters of what a table says of a number."""


class Draft(NamedTuple):
    """A task with remarks on what was guessed, by place: `state.NAME`, `success`, `train`, ..."""

    task: Task
    guesses: dict[str, str]
    notes: tuple[tuple[str, str], ...] = ()
    """Questions about it with their answers, each with the place that it concerns, in the order they were asked."""

    def noted(self, place: str, note: str) -> "Draft":
        """With one more note at a place."""
        return self._replace(notes=(*self.notes, (place, note)))

    def remarks(self, place: str) -> list[str]:
        """What stands above a place of the card, one comment a line."""
        guesses = [f"# GUESS: {self.guesses[place]}"] if place in self.guesses else []
        return [*guesses, *(f"# {note}" for at, note in self.notes if at == place)]


def draft_task(survey: Survey, name: str, goal: str, kwargs: dict[str, object]) -> Draft:
    """The card that the environment's own words and statistics give. Raises TaskError if it observes no number."""
    guesses: dict[str, str] = {}
    state = _state(survey, guesses)
    if not state:
        raise TaskError(
            f"{survey.env} observes nothing that is a number; put a state.py beside task.toml, and try again."
        )
    action = _action(survey, guesses)
    success, metric, constants = _success(survey, state, guesses)
    notes: tuple[tuple[str, str], ...] = ()
    limit = survey.max_steps
    if survey.cut_after is not None and (limit is None or survey.cut_after < limit):
        limit = survey.cut_after
        notes = (("max_steps", f"FOUND: the environment cuts every episode after {limit} steps itself"),)
    if limit is None:
        limit = min(10 * survey.longest, _UNLIMITED_STEPS)
        longest = f"the longest random episode had {survey.longest} steps"
        guesses["max_steps"] = f"the environment states no time limit; {longest}"
    guesses["train"] = "usual PPO settings for this kind of action; not tuned"
    task = validated_task(
        {
            "name": name,
            "env": survey.env,
            "kwargs": kwargs,
            "max_steps": limit,
            "goal": goal,
            "state": state,
            "action": action,
            "constants": constants,
            "success": success,
            "metric": metric,
            "train": _train(survey, limit),
        },
        f"a card for {survey.env}",
    )
    return Draft(task, guesses, notes)


def _state(survey: Survey, guesses: dict[str, str]) -> dict[str, StateField]:
    fields: dict[str, StateField] = {}
    for stretch in survey.stretches:
        whole = not stretch.key
        base = "obs" if whole else f"obs.{stretch.key}"
        rows = docstring_tables.rows(survey.doc, "observation") if whole else ()
        if docstring_tables.table_fits(rows, count := len(stretch.entries)):
            for row in rows:
                entry = stretch.entries[row.place]
                name = _fresh(docstring_tables.field_name(row.about) or f"obs_{row.place}", fields)
                fields[name] = _field(f"{base}[{row.place}]", row.about, row.unit, [entry], name, guesses)
                if len(rows) < count:
                    told = f"the documentation describes {len(rows)} of the {count} numbers"
                    guesses[f"state.{name}"] = f"{told}: check that this is the one it means"
            _plain(stretch, base, len(rows), fields, guesses)
        elif whole:
            told = f"the documentation describes {len(rows)} numbers and there are {count}, so no name is taken from it"
            _plain(stretch, base, 0, fields, guesses, told if rows else "nothing says what it is")
        else:
            name = _fresh(stretch.key.lower().strip("_") or "part", fields)
            one = len(stretch.entries) == 1
            source = f"{base}[0]" if one and (stretch.vector or not stretch.choices) else base
            about = f"`{stretch.said or stretch.key}` of the observation" + (
                ", one of a few integers" if stretch.choices else ""
            )
            fields[name] = _field(source, about, "", stretch.entries, name, guesses)
    return fields


def _plain(
    stretch: Stretch,
    base: str,
    first: int,
    fields: dict[str, StateField],
    guesses: dict[str, str],
    why: str = "nothing says what it is",
) -> None:
    """Fields for entries that nothing describes, from the first of them on; `why` is what is said of them."""
    last = len(stretch.entries)
    if last - first > _MOST_SINGLE_FIELDS:
        name = _fresh("observation", fields)
        entries = stretch.entries[first:last]
        fields[name] = _field(f"{base}[{first}:{last}]", "numbers that nothing describes", "", entries, name, guesses)
        guesses[f"state.{name}"] = f"{why}; split it into named fields: a reward needs names"
        return
    for i in range(first, last):
        name = _fresh(f"obs_{i}", fields)
        fields[name] = _field(f"{base}[{i}]", f"number {i} of the observation", "", [stretch.entries[i]], name, guesses)
        guesses[f"state.{name}"] = f"{why}: give it a name and a unit"


def _field(
    source: str, about: str, unit: str, entries: Sequence[Entry], name: str, guesses: dict[str, str]
) -> StateField:
    span, stated = entries_range(entries)
    if not stated:
        low, high = min(e.seen_low for e in entries), max(e.seen_high for e in entries)
        guesses[f"state.{name}.range"] = f"random actions gave {low:.3g} to {high:.3g}; no finite bounds are stated"
    return StateField(source=source, about=visible_line(about, _LONGEST_ABOUT), unit=_unit(unit), range=span)


def _unit(text: str) -> str:
    """A unit that a table names, if it is one."""
    return text if is_unit(text) else ""


def _action(survey: Survey, guesses: dict[str, str]) -> dict[str, ActionField]:
    if survey.choices:
        meanings = docstring_tables.choices(survey.doc)
        first = survey.first or (0,) * len(survey.choices)
        if len(survey.choices) > 1:
            counted = f", counted from {', '.join(map(str, first))}" if any(first) else ""
            return {"choices": ActionField(about=f"{len(survey.choices)} choices at once{counted}")}
        numbers = range(first[0], first[0] + survey.choices[0])
        known = [f"{i} {meanings[i]}" for i in numbers if i in meanings]
        if not known:
            guesses["action.choice"] = "say what each number does"
        return {
            "choice": ActionField(
                about=visible_line(", ".join(known), _LONGEST_ABOUT) or f"one of {numbers[0]} to {numbers[-1]}"
            )
        }
    rows = docstring_tables.rows(survey.doc, "action")
    if len(rows) == len(survey.action) and docstring_tables.table_fits(rows, len(survey.action)):
        fields: dict[str, ActionField] = {}
        for row in rows:
            entry = survey.action[row.place]
            name = _fresh(docstring_tables.field_name(row.about) or f"action_{row.place}", fields)
            fields[name] = ActionField(
                source=f"action[{row.place}]",
                about=visible_line(row.about, _LONGEST_ABOUT),
                unit=_unit(row.unit),
                range=entries_range([entry])[0],
            )
        return fields
    guesses["action.control"] = "nothing says what it does"
    return {"control": ActionField(about="the whole action", range=entries_range(survey.action)[0])}


def _success(
    survey: Survey, state: dict[str, StateField], guesses: dict[str, str]
) -> tuple[Success, Metric, dict[str, Constant]]:
    """The rule that is most often meant by environments that look like this one."""
    if {"achieved_goal", "desired_goal"} <= set(state):
        guesses["success"] = "the environment speaks of an achieved and a desired goal; how close is close enough?"
        gap = "norm(achieved_goal - desired_goal)"
        close = {"close_enough": Constant(value=0.05, about="distance at which the goal counts as achieved")}
        return Success(when=f"{gap} < close_enough"), Metric(value=gap, better="lower"), close
    if survey.terminates:
        guesses["success"] = "random episodes end early, so lasting until the time limit counts; write what you mean"
        return Success(when="not terminated", full_length=True), Metric(value="length", better="higher"), {}
    if "terminat" in survey.doc.lower():
        guesses["success"] = "no random episode ended by itself, so ending one counts; write what you mean"
        return Success(when="terminated"), Metric(value="length", better="lower"), {}
    name, field = next(iter(state.items()))
    shown = f"norm({name})" if _is_vector(field, survey) else name
    high = (field.range or (0.0, 1.0))[1]
    guesses["success"] = "nothing hints at a goal; this only completes the file: write what you mean"
    return Success(when=f"{shown} > {short(high)}"), Metric(value="length", better="lower"), {}


def _is_vector(field: StateField, survey: Survey) -> bool:
    single = {f"obs.{stretch.key}" for stretch in survey.stretches if len(stretch.entries) == 1}
    return ":" in field.source or not (field.source.endswith("]") or field.source in single)


def _train(survey: Survey, limit: int) -> Train:
    smooth = not survey.choices
    settings: dict[str, float | int | str | bool] = {
        "n_steps": 128,
        "batch_size": 512,
        "n_epochs": 10 if smooth else 5,
        "learning_rate": 5e-4 if smooth else 1e-3,
        "gamma": 0.98 if limit <= 100 else 0.99,
        "gae_lambda": 0.95,
    }
    return Train(algorithm="PPO", steps=200_000, hyperparameters=settings)


def _fresh(name: str, taken: Container[str]) -> str:
    """The name, or the name with a number, that is free and may be a field's."""
    name = re.sub("[^A-Za-z0-9_]", "_", name).strip("_")[: LONGEST_WORD - 10] or "value"
    if not is_name(name) or name in RESERVED:
        name = f"n_{name}" if name[0].isdigit() else f"{name}_value"
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
