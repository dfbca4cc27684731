"""A reward that a person wrote for one transition, `reward(obs, action, next_obs)`, as a program for many at once.

The person's text stays as it is, above a `compute_reward` that puts observation and action together again from the task's fields
and asks it row by row.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.contract import PARAMETERS
from autoreward.rewards.gate.gate import FUNCTION, is_python
from autoreward.tasks.formulas.expression import Expression

_SINGLE = "reward"
"""Name of such a function."""
_PROBES = 16
"""Random rows by which a field is known as a number of the observation: two numbers are never alike in all of them."""


class Place(NamedTuple):
    """Where a number of an observation or an action is among the fields."""

    field: str
    column: int | None
    """Of a field that is a vector."""


def is_single(source: str) -> bool:
    """Whether a file has `reward` of three parameters, and no `compute_reward`."""
    if not is_python(source):
        return False
    functions = {s.name: s for s in ast.parse(source).body if isinstance(s, ast.FunctionDef)}
    if FUNCTION in functions or _SINGLE not in functions:
        return False
    given = functions[_SINGLE].args
    return len(given.posonlyargs) + len(given.args) == 3 and not (given.vararg or given.kwarg or given.kwonlyargs)


def places(sources: Mapping[str, Expression], name: str, size: int) -> list[Place | None]:
    """Where each number of a vector is that fields are made of by the name `obs` or `action`; None for one that no field holds as
    it is."""
    rows = np.random.default_rng(0).normal(size=(_PROBES, size))
    found: list[Place | None] = [None] * size
    for field, source in sources.items():
        if source.names != {name}:
            continue
        value = np.asarray(source.evaluate({name: rows}))
        columns: list[tuple[int | None, NDArray[np.float64]]] = [(None, value)]
        if value.ndim == 2:
            columns = [(i, value[:, i]) for i in range(value.shape[1])]
        for column, numbers in columns:
            for i in range(size):
                if found[i] is None and np.array_equal(numbers, rows[:, i]):
                    found[i] = Place(field, column)
    return found


def choice_field(sources: Mapping[str, Expression]) -> str:
    """The field that holds an action that is one choice; empty if none does as it is."""
    rows = np.random.default_rng(0).integers(0, 2**30, _PROBES)
    alike = (f for f, s in sources.items() if np.array_equal(np.asarray(s.evaluate({"action": rows})), rows))
    return next(alike, "")


def batched(source: str, observed: Sequence[Place], acted: Sequence[Place] | str) -> str:
    """The program. `acted`: where the numbers of an action are, or the field of one that is a choice."""
    before, action, after, _ = PARAMETERS
    action_rows = f"{action}.{acted}" if isinstance(acted, str) else _stacked(action, acted)
    return f"""{source.rstrip()}


def {FUNCTION}({", ".join(PARAMETERS)}):
    \"\"\"Pays each transition what {_SINGLE} says of it.\"\"\"
    before = {_stacked(before, observed)}
    taken = {action_rows}
    after = {_stacked(after, observed)}
    paid = np.zeros(len(after))
    for i in range(len(paid)):
        paid[i] = {_SINGLE}(before[i], taken[i], after[i])
    return {{"{_SINGLE}": paid}}
"""


def _stacked(view: str, places: Sequence[Place]) -> str:
    columns = [f"{view}.{p.field}" + ("" if p.column is None else f"[:, {p.column}]") for p in places]
    return f"np.stack([{', '.join(columns)}], axis=-1)"
