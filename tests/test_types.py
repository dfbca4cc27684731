"""Types of arrays are looked at when they are used, wherever they come from; `%` is a remainder."""

import inspect

import numpy as np
import pytest
from batches import batch

from autoreward.core.outcomes import Outcome
from autoreward.rewards.gate import allowed
from autoreward.rewards.gate.gate import examine
from autoreward.sandbox.child.program import Program
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail

KINDS = [
    '"O"',
    '"V8"',
    '"T"',
    '"M8[as]"',
    '"G"',
    '"U3"',
    '"c16"',
    "[('p', 'O')]",
    "{'names': ['p'], 'formats': ['f8']}",
    "str",
    "list",
    "next_state.x",
]
WAYS = {
    "by keyword": "np.array([1, 2], dtype=T)",
    "by place": "np.zeros(2, T)",
    "by place after others": "np.full(2, 0.0, T)",
    "starred": "np.zeros(*(2, T))",
    "a method": "np.zeros(2).astype(T)",
    "a method in a name": "f(T)",
    "a function in a name": "g(2, T)",
    "a function that is passed on": "list(map(np.ones, [2], [T]))[0]",
    "a sum": "np.sum(state.x, 0, T)",
    "a sum's method": "state.x.sum(0, T)",
    "a reduction": "np.add.reduce(state.x, 0, T)",
    "a ufunc": "np.add(state.x, 1.0, dtype=T)",
    "another name of numpy": "n.ones(2, T)",
    "an import": "make(2, T)",
    "a helper's state": "cast(state.x, T)",
    "a range": "np.arange(0, 3, 1, T)",
    "stacking": "np.stack([state.x], dtype=T)",
}  # fmt: skip
HEAD = (
    "from numpy import ones as make\nimport numpy as n\n\n\ndef cast(state, kind):\n    return state.astype(kind)\n\n\n"
    "def compute_reward(state, action, next_state, memory):\n"
)


def program(kind: str, way: str) -> str:
    return HEAD + (
        f"    T = {kind}\n    f = state.x.astype\n    g = np.zeros\n    made = {way}\n"
        "    return {'r': state.x + 0.0 * np.size(made)}\n"
    )


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_no_way_leads_to_a_type_that_is_none_of_numbers(way: str) -> None:
    for kind in KINDS:
        source = program(kind, way)
        assert not examine(source).problems, examine(source)
        with pytest.raises(TypeError, match="name the type of an array: float, int, bool or"):
            Program(source).evaluate(batch(), stepped=False)
    for kind in ("float", "np.float64", "state.x.dtype", "None", '"float32"'):
        Program(program(kind, way)).evaluate(batch(), stepped=False)


@pytest.mark.parametrize("made", ["np.array([state, len])", "np.full(3, None)", "np.asarray([np, math])"])
def test_no_array_of_objects_is_made_of_what_is_given(made: str) -> None:
    with pytest.raises(TypeError, match="arrays hold numbers"):
        Program(program("float", made)).evaluate(batch(), stepped=False)


@pytest.mark.parametrize(
    "body", ["S % (400000000, 1)", "sum([[s := S], (s := S + ' ') and []][1]) or S.strip() % (4, 1)"]
)
def test_texts_are_not_formatted_with_a_percent_sign(jail: Jail, body: str) -> None:
    source = f"S = '%0*d'\n\n\ndef compute_reward(state, action, next_state, memory):\n    return {{'r': state.x + len({body})}}\n"
    with jail.open(source) as room, pytest.raises(RewardFailed, match="use an f-string") as failed:
        room.client.evaluate(batch(), stepped=False)
    assert failed.value.outcome is Outcome.RAISED


def test_remainders_are_what_they_were() -> None:
    source = (
        "def compute_reward(state, action, next_state, memory):\n    x = state.x.copy()\n    x %= 0.5\n    x[0:2] %= 0.1\n"
        "    parts = {'n': 7}\n    parts['n'] %= 4\n    return {'x': x, 'y': (state.x + 3) % 2.0 + 7 % 4 + parts['n']}\n"
    )
    rows = batch()
    _, (x, y) = Program(source).evaluate(rows, stepped=False)
    flat = rows.state["x"].reshape(-1)
    expected = flat % 0.5
    expected[:2] %= 0.1
    assert np.array_equal(x, expected)
    assert np.array_equal(y, (flat + 3) % 2.0 + 3 + 3)


def test_functions_that_take_types_may_be_constants(jail: Jail) -> None:
    source = (
        "SUM = np.sum\nTOP = np.maximum.reduce\n\n\ndef compute_reward(state, action, next_state, memory):\n"
        "    return {'r': SUM(state.v, axis=-1) + SUM(state.v, -1) + TOP(state.v, -1) + np.array(state.x) + state.x.mean() * 0}\n"
    )
    assert not examine(source).problems
    with jail.open(source) as room:
        assert list(room.client.evaluate(batch(), stepped=False)) == ["r"]


def test_every_place_of_a_type_is_known() -> None:
    for owner, places in ((np, allowed.DTYPE_OF_FUNCTIONS), (np.ndarray, allowed.DTYPE_OF_METHODS)):
        for name in (allowed.NUMPY - allowed.TYPES_ONLY - {"finfo"}) | ({"astype"} if owner is np.ndarray else set()):
            try:
                parameters = inspect.signature(getattr(owner, name)).parameters
            except (TypeError, ValueError, AttributeError):
                continue
            found = parameters.get("dtype")
            if found is None or found.kind is inspect.Parameter.KEYWORD_ONLY:
                assert name not in places or found is not None, name
                continue
            place = list(parameters).index("dtype") - (owner is np.ndarray)
            assert places.get(name) == place, name


@pytest.mark.parametrize(
    "made",
    [
        "np.where(state.x > 0.0, state, None)",
        "np.select([state.x > 0.0], [[None]], compute_reward)",
        "np.stack([state, action])",
        "np.append([None], [print])",
        "np.concatenate([[None], [state]])",
        "np.full_like([None], state)",
        "np.take([state, action], [0])",
        "list(map(np.atleast_1d, [state]))[0]",
        "list(map(np.ravel, [[state, None]]))[0]",
        "np.repeat(state, 3)",
        "np.broadcast_to(None, (3,))",
    ],
)
def test_no_function_makes_an_array_of_objects(made: str) -> None:
    source = HEAD + f"    made = {made}\n    return {{'r': state.x + 0.0 * np.size(made)}}\n"
    with pytest.raises(TypeError, match="arrays hold numbers"):
        Program(source).evaluate(batch(), stepped=False)
