"""Survey -> draft of a task card. Whatever was not stated by the environment is marked as a guess."""

import re
from collections.abc import Container, Sequence
from typing import NamedTuple

from autoreward.core.visible import LONGEST_WORD, is_name, is_unit, visible_line
from autoreward.errors import TaskError
from autoreward.records import Entry, Stretch, Survey
from autoreward.tasks.algorithms import AlgorithmName
from autoreward.tasks.card import Task
from autoreward.tasks.consistency import RESERVED
from autoreward.tasks.draft import docstring_tables
from autoreward.tasks.draft.docstring_tables import Row, VectorTable
from autoreward.tasks.draft.from_info import proposed_fields, success_field, success_value
from autoreward.tasks.draft.ranges import entries_range, one_turn
from autoreward.tasks.draft.success_guess import guessed_success, is_goal
from autoreward.tasks.draft.usual_training import proposed_training
from autoreward.tasks.files import validated_task
from autoreward.tasks.tables import ActionField, StateField

_MOST_SINGLE_FIELDS = 40
"""Numbers of an undocumented vector that get a field each; longer ones stay one field."""
_UNLIMITED_STEPS = 1_000
"""Steps at most, where an environment states no time limit."""
_EXCLUDES = "exclude_current_positions_from_observation"
"""MuJoCo's setting; without it the numbers that its tables call excluded come first."""
_OF_ALL = ("observation", "observations", "obs", "observation space")
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


def draft_task(
    survey: Survey, name: str, goal: str, kwargs: dict[str, object], algorithm: AlgorithmName = "PPO"
) -> Draft:
    """The card that the environment's own words and statistics give.

    Raises:
        TaskError: it observes no number, or see `proposed_training`.
    """
    guesses: dict[str, str] = {}
    state = _state(survey, guesses)
    if not state:
        raise TaskError(
            f"{survey.env} observes nothing that is a number; put a state.py beside task.toml, and try again."
        )
    own_success = ""
    if (value := success_value(survey)) is not None:
        own_success = _fresh(value.keys[0], state)
        state[own_success] = success_field(value)
    action = _action(survey, guesses)
    notes: tuple[tuple[str, str], ...] = ()
    if (pace := survey.hurried) is not None:
        few = f"a step takes {pace.seconds:.2g} s: it was looked at in {pace.steps:,} random steps, not in 2,000"
        notes += (("max_steps", f"FOUND: {few}; ranges that are a GUESS may be too narrow"),)
    limit = survey.max_steps
    if survey.cut_after is not None and (limit is None or survey.cut_after < limit):
        limit = survey.cut_after
        notes += (("max_steps", f"FOUND: the environment cuts every episode after {limit} steps itself"),)
    if limit is None:
        limit = min(10 * survey.longest, _UNLIMITED_STEPS)
        longest = f"the longest random episode had {survey.longest} steps"
        guesses["max_steps"] = f"the environment states no time limit; {longest}"
    if survey.dt is not None:
        seconds = f'with dt = {survey.dt:g} below, durations may be seconds, such as "last 0.5 s"'
        notes += (("success", f"FOUND: a step takes {survey.dt:g} s; {seconds}"),)
    rule = guessed_success(survey, state, goal, limit, own_success)
    taken = {*state, *action, *rule.constants}

    def fresh(key: str) -> str:
        taken.add(name := _fresh(key, taken))
        return name

    notes = (*notes, *rule.notes, *(("info", line) for line in proposed_fields(survey, fresh)))
    guesses["success"] = rule.guess
    training = proposed_training(algorithm, survey, kwargs, limit)
    guesses["train"] = training.guess
    notes = (*notes, *(("train", note) for note in training.notes))
    task = validated_task(
        {
            "name": name,
            "env": survey.env,
            "kwargs": kwargs,
            "max_steps": limit,
            "goal": goal,
            "state": state,
            "action": action,
            "constants": rule.constants,
            "success": rule.success,
            "metric": rule.metric,
            "train": training.train,
        },
        f"a card for {survey.env}",
    )
    return Draft(task, guesses, notes)


def _state(survey: Survey, guesses: dict[str, str]) -> dict[str, StateField]:
    fields: dict[str, StateField] = {}
    for stretch in survey.stretches:
        if stretch.key:
            _part(survey, stretch, fields, guesses)
            continue
        rows, why = _rows_of_all(survey, count := len(stretch.entries))
        for row in rows:
            name = _described_field("obs", row, stretch, fields, guesses)
            if len(rows) < count:
                told = f"the documentation describes {len(rows)} of the {count} numbers"
                guesses[f"state.{name}"] = f"{told}: check that this is the one it means"
        _plain(stretch, "obs", len(rows), fields, guesses, why)
    return fields


def _rows_of_all(survey: Survey, count: int) -> tuple[Sequence[Row], str]:
    """What the documentation says of an observation that is one vector, and what is said where it says nothing."""
    table = docstring_tables.table(survey.doc, "observation")
    shifted = _shifted(survey, table, count)
    if shifted is None:
        return (
            (),
            f"which of its {len(table.excluded)} excluded numbers are there is not stated, so no name is taken from the table",
        )
    rows = table.counted(shifted)
    if docstring_tables.table_fits(rows, count):
        return rows, "nothing says what it is"
    if listed := docstring_tables.listed(survey.doc, _OF_ALL, count):
        return listed, ""
    told = f"the documentation describes {len(rows)} numbers and there are {count}, so no name is taken from it"
    return (), told if rows else "nothing says what it is"


def _shifted(survey: Survey, table: VectorTable, count: int) -> bool | None:
    """Whether what the table calls excluded is in front of the other numbers; None: it may be.

    MuJoCo's environments leave out where the robot is, and with the setting put it first, which moves every other number.
    """
    excludes = survey.settings.get(_EXCLUDES)
    if excludes is None:
        return None if table.excluded and count == len(table.rows) + len(table.excluded) else False
    if excludes:
        return False
    return True if table.excluded else None


def _part(survey: Survey, stretch: Stretch, fields: dict[str, StateField], guesses: dict[str, str]) -> None:
    """Fields for one part of an observation: one for all of it, or for each number that the documentation names."""
    base, count = f"obs.{stretch.key}", len(stretch.entries)
    keys = [other.said or other.key for other in survey.stretches]
    rows = () if stretch.choices else docstring_tables.part_rows(survey.doc, stretch.said or stretch.key, keys, count)
    if rows and not is_goal(stretch.key):
        for row in rows:
            _described_field(base, row, stretch, fields, guesses)
        return
    name = _fresh(stretch.key.lower().strip("_") or "part", fields)
    source = f"{base}[0]" if count == 1 and (stretch.vector or not stretch.choices) else base
    about = f"`{stretch.said or stretch.key}` of the observation" + (
        ", one of a few integers" if stretch.choices else ""
    )
    units = {row.unit for row in rows}
    about = f"{about}: {', '.join(row.about for row in rows)}" if rows else about
    fields[name] = _field(source, about, units.pop() if len(units) == 1 else "", stretch.entries, name, guesses)


def _described_field(
    base: str, row: Row, stretch: Stretch, fields: dict[str, StateField], guesses: dict[str, str]
) -> str:
    """A field for one number, as the documentation describes it; its name."""
    word = stretch.key or "obs"
    name = _fresh(docstring_tables.field_name(row.about) or f"{word}_{row.place}", fields)
    fields[name] = _field(f"{base}[{row.place}]", row.about, row.unit, [stretch.entries[row.place]], name, guesses)
    return name


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
    span, missing = entries_range(entries)
    if missing:
        low, high = min(e.seen_low for e in entries), max(e.seen_high for e in entries)
        guesses[f"state.{name}.range"] = f"random actions gave {low:.3g} to {high:.3g}; {missing}"
    wraps = one_turn(entries, unit)
    if wraps:
        guesses[f"state.{name}.wrap"] = (
            "its range is one turn, and random steps came close to both ends; if it stops there, false"
        )
    return StateField(
        source=source, about=visible_line(about, _LONGEST_ABOUT), unit=_unit(unit), range=span, wrap=wraps
    )


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


def _fresh(name: str, taken: Container[str]) -> str:
    """The name, or the name with a number, that is free and may be a field's."""
    name = re.sub("[^A-Za-z0-9_]", "_", name).strip("_")[: LONGEST_WORD - 10] or "value"
    if not is_name(name) or name in RESERVED:
        name = f"n_{name}" if name[0].isdigit() else f"{name}_value"
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
