"""A person's `reward(obs, action, next_obs)` made a program for a task, and held against itself row by row."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from autoreward.checks.single_transitions import Place, batched, choice_field, is_single, places
from autoreward.core.transitions import Transitions
from autoreward.errors import UsageError
from autoreward.records import SAMPLES, Candidate, Entry, Survey
from autoreward.rewards.gate.gate import examine
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.store.trust import demand, of_card
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.names import OBSERVATION
from autoreward.training.workers import Workers

_ROUNDED = 1e-4
"""Share of a range by which its ends may have been rounded in a card."""
ALONE = 200
"""Recorded transitions that are asked about one by one."""


class Converted(NamedTuple):
    """What became of a reward file."""

    candidate: Candidate
    rows: int = 0
    """Recorded transitions that it paid the same alone and together; 0 where nothing was made of it, or it can't answer."""


def converted(candidate: Candidate, task: Task, jail: Jail, workers: Workers) -> Converted:
    """A reward of single transitions as a program; any other as it is.

    Raises:
        UsageError: the fields don't make up the observation or the action, or it pays a transition differently beside others.
        TaskError: the environment can't be made.
    """
    if not is_single(candidate.source):
        return Converted(candidate)
    made = candidate.model_copy(update={"source": _program(candidate, task, workers.survey(task))})
    if examine(made.source).problems:  # which a review says
        return Converted(made)
    samples = Transitions.from_bytes(workers.describe(task, seed=0)[1][SAMPLES])
    try:
        return Converted(made, _same_rows(made, jail, samples))
    except RewardFailed:  # so does this
        return Converted(made)


def as_programs(candidates: tuple[Candidate, ...], task: Task, trust: bool) -> tuple[Candidate, ...]:
    """The same of several, where a machine that can't lock a process is trusted. Raises also NotTrusted, JailError."""
    if not any(is_single(c.source) for c in candidates):
        return candidates
    demand(of_card(task), f"task {task.name}")
    with Jail(trust) as jail, Workers(jail) as workers:
        jail.demand()
        return tuple(converted(c, task, jail, workers).candidate for c in candidates)


def _program(candidate: Candidate, task: Task, survey: Survey) -> str:
    where = f"{candidate.id}: reward(obs, action, next_obs)"
    if task.state_program or survey.box is None:
        seen = "task's state.py" if task.state_program else "environment"
        raise UsageError(
            f"{where} needs an observation that is one vector, and the {seen} gives another; write "
            "compute_reward(state, action, next_state, memory) over the card's fields instead."
        )
    if len(survey.box) != 1:
        raise UsageError(
            f"{where} needs an observation that is one vector, and this one has the shape {survey.box}; write "
            "compute_reward(state, action, next_state, memory) over the card's fields instead."
        )
    observed = places(raw_sources(task, survey.stretches[0].entries), "obs", survey.box[0])
    if survey.action:
        acted: list[Place] | str = _whole(
            places(task.action_sources, "action", len(survey.action)), "action", where, task
        )
    elif len(survey.choices) == 1:
        acted = choice_field(task.action_sources)
        if not acted:
            raise UsageError(
                f'{where}: no field of task {task.name} holds the action as it is; give one source = "action".'
            )
    else:
        raise UsageError(
            f"{where} needs an action that is a vector of numbers or one choice; these are several choices."
        )
    return batched(candidate.source, _whole(observed, "state", where, task), acted)


def raw_sources(task: Task, entries: Sequence[Entry]) -> dict[str, Expression]:
    """The sources of fields that hold numbers of the observation as they are: all, but angles that may leave their range."""
    found = {}
    for name, source in task.state_sources.items():
        span, plain = task.state[name].range, Expression(task.state[name].source, source.where)
        if task.state[name].wrap and span is not None:
            numbers = {OBSERVATION: np.arange(len(entries))[None]}
            if not plain.names <= numbers.keys():
                continue
            read = [entries[i] for part in plain.readings() for i in np.ravel(part.evaluate(numbers))]
            slack = _ROUNDED * (span[1] - span[0])
            if any(
                e.low is None or e.low < span[0] - slack or e.high is None or e.high > span[1] + slack for e in read
            ):
                continue
        found[name] = plain
    return found


def _whole(found: list[Place | None], table: str, where: str, task: Task) -> list[Place]:
    """All places. Raises UsageError, with the lines to write, if a number is in no field."""
    whole = [place for place in found if place is not None]
    if len(whole) < len(found):
        read = "obs" if table == "state" else "action"
        number = f"{read}[{found.index(None)}]"
        raise UsageError(
            f"{where} reads all of {read}, and no field of task {task.name} holds {number} as it is; write one into the card: "
            f'[{table}.NAME] with source = "{number}" and about = "...".'
        )
    return whole


def _same_rows(made: Candidate, jail: Jail, samples: Transitions) -> int:
    """How many transitions were asked about alone. Raises UsageError if one is paid differently, RewardFailed."""
    steps, envs = samples.shape
    rows = np.linspace(0, steps * envs - 1, min(ALONE, steps * envs)).astype(int)
    with jail.open(made.source) as room:
        together = room.client.evaluate(samples, stepped=False)
        for t, i in zip(*np.divmod(rows, envs), strict=True):
            alone = room.client.evaluate(samples.cut(slice(t, t + 1), slice(i, i + 1)), stepped=False)
            for name, part in alone.items():
                if part[0, 0] != together[name][t, i]:
                    raise UsageError(
                        f"{made.id} pays a transition {part[0, 0]:.6g} alone and {together[name][t, i]:.6g} beside others: "
                        "it keeps something between calls; leave that out."
                    )
    return len(rows)
