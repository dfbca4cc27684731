"""The reward room: every way a program can go wrong ends in its own outcome, and honest programs get exact numbers."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from batches import batch, practice
from honest import BODIES

from autoreward.checks.dry_run import dry_run
from autoreward.checks.review import review
from autoreward.core.outcomes import Outcome
from autoreward.records import Candidate, Verdict
from autoreward.rewards.gate.gate import examine
from autoreward.sandbox.child.constants import Changed, FixedList
from autoreward.sandbox.client import RewardClient, RewardFailed
from autoreward.sandbox.jail import Jail

HEAD = "def compute_reward(state, action, next_state, memory):\n"


def program(body: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in body.splitlines())


def judged(jail: Jail, source: str) -> Verdict:
    candidate = Candidate(id="given", source=source, thought="", origin="human", how="given")
    return review(candidate, jail, practice(batch()))


@pytest.mark.parametrize("body", BODIES)
def test_honest_programs_are_accepted(jail: Jail, body: str) -> None:
    verdict = judged(jail, program(body))
    assert verdict.accepted, verdict.findings


def test_helpers_constants_imports_and_annotations_are_fine(jail: Jail) -> None:
    source = (
        "from typing import Dict\nimport numpy as np\nimport math\nfrom math import sqrt\n\n"
        "K: float = 2.0\nGAINS = [1.0, 2.0]\n\n\n"
        "def _near(d: np.ndarray, width: float = 0.5) -> np.ndarray:\n    return np.exp(-d / width)\n\n\n"
        "def compute_reward(state, action, next_state, memory) -> Dict[str, np.ndarray]:\n"
        '    """Text."""\n    return {"a": _near(np.abs(next_state.x)) * sqrt(K) * GAINS[1]}\n\n\nAFTER = 3\n'
    )
    assert judged(jail, source).accepted


BROKEN = [
    ("return -np.abs(next_state.x)", Outcome.BROKE_CONTRACT, "must return a dict"),
    ('return {"a": 0.0}', Outcome.BROKE_CONTRACT, "not an array of shape"),
    ('return {"a": next_state.v}', Outcome.BROKE_CONTRACT, "reduce vectors"),
    ('return {"a": next_state.x.mean() + 0 * next_state.x}', Outcome.BROKE_CONTRACT, "compute each row from itself"),
    (
        'return {"a": next_state.x / np.max(next_state.x)}',
        Outcome.BROKE_CONTRACT,
        "with the number of rows: compute each",
    ),
    ('return {"a": np.cumsum(next_state.x)}', Outcome.BROKE_CONTRACT, "on the order of the rows: compute each"),
    (
        'return {"a": next_state.x * list({"a", "b", "c", "d", "e", "f"}).index("a")}',
        Outcome.BROKE_CONTRACT,
        "from one process to the next",
    ),
    (
        'return {f"p{i}": next_state.x for i in range(min(9, len(state.x)))}',
        Outcome.BROKE_CONTRACT,
        "the parts changed from",
    ),
    ('return {n: next_state.x for n in {"goal", "gate", "effort"}}', Outcome.BROKE_CONTRACT, "not in a set"),
    (
        'first = [*{"goal", "gate", "effort", "time", "arrive"}][0]\nreturn {first: next_state.x}',
        Outcome.BROKE_CONTRACT,
        "not in a set",
    ),
    ('return {"a": 1000001.0 + 0.0 * next_state.x}', Outcome.TOO_LARGE, "was 1000001 at"),
    ('return {"a b": next_state.x}', Outcome.BROKE_CONTRACT, "plain word"),
    ("return {}", Outcome.BROKE_CONTRACT, "between 1 and 32"),
    ('return {"a": np.log(-1.0 - np.abs(next_state.x))}', Outcome.NOT_FINITE, "part 'a' became nan at step"),
    ('return {"a": 1e7 * next_state.x}', Outcome.TOO_LARGE, "part 'a' was"),
    ('return {"a": next_state.speed}', Outcome.RAISED, "no field 'speed'"),
    ('x = next_state.x.reshape(-1)\nx[:] = 0\nreturn {"a": x}', Outcome.RAISED, "read-only"),
    ('raise ValueError("no")', Outcome.RAISED, "ValueError: no"),
    ("x = []\nfor _ in range(200000):\n    x = [x]\nraise ValueError(x)", Outcome.RAISED, "ValueError"),
    ("x = 7\nfor _ in range(14):\n    x = x * x\nraise ValueError(x)", Outcome.RAISED, "ValueError"),
    (
        "x = 7\nfor _ in range(14):\n    x = x * x\nreturn {x: next_state.x}",
        Outcome.BROKE_CONTRACT,
        "not a value of type int",
    ),
    ("x = 'a' * 10\nx = [[0.0] * 10**12]", Outcome.OUT_OF_MEMORY, "MemoryError: build no array or list"),
    ('x = next_state.x[...]\nx[:] = 0\nreturn {"a": x}', Outcome.RAISED, "inputs are read-only: work on a copy"),
    ('return {"a": next_state["x"]}', Outcome.RAISED, "read one field by its name, as in next_state.step"),
    ('return {"a": -np.square(action)}', Outcome.RAISED, "read one field by its name, as in next_state.step"),
    ('return {"a": next_state - state}', Outcome.RAISED, "read one field by its name, as in next_state.step"),
    ('memory["n"] += 1\nreturn {"a": memory["n"]}', Outcome.RAISED, "memory.get('n', 0.0)"),
    ('n = memory.get("n", None)\nreturn {"a": next_state.x}', Outcome.RAISED, "give a number or an array"),
    ('for k in memory:\n    pass\nreturn {"a": next_state.x}', Outcome.RAISED, "memory can't be listed"),
    (
        'memory["n"] = np.array(["a"] * len(state.x))\nreturn {"a": next_state.x}',
        Outcome.RAISED,
        "numbers, not <U1 of shape",
    ),
    ('return {"a": next_state.x[:, 0]}', Outcome.RAISED, "shape (n,) has one number per row"),
    ('return {"a": np.sum(next_state.x, axis=1)}', Outcome.RAISED, "shape (n,) has one number per row"),
    ('return {"a": -next_state.terminated}', Outcome.RAISED, "-1.0 * next_state.terminated"),
    ('return {"a": 1.0 * (next_state.terminated - state.x.astype(bool))}', Outcome.RAISED, "1.0 * a - 1.0 * b"),
    ('r = np.zeros_like(next_state.step)\nr += 0.5\nreturn {"a": r}', Outcome.RAISED, "dtype=float"),
    ('return {"a": next_state.x + len(f"{next_state.x.dtype}")}', Outcome.RAISED, "leave that out"),
    ('return {"a": next_state.qqq}', Outcome.RAISED, "no field 'qqq'. It has: x, v"),
    ('if next_state.x > 0:\n    pass\nreturn {"a": next_state.x}', Outcome.RAISED, "ambiguous"),
    ('return {"a": np.zeros((60000, 60000))[0, 0] + next_state.x}', Outcome.OUT_OF_MEMORY, "Unable to allocate"),
]


@pytest.mark.parametrize(("body", "outcome", "says"), BROKEN)
def test_broken_programs_end_in_their_outcome(jail: Jail, body: str, outcome: Outcome, says: str) -> None:
    verdict = judged(jail, program(body))
    assert verdict.outcome is outcome, verdict.findings
    assert says in verdict.findings[0].message
    assert outcome.advice


def test_nan_at_one_step_alone_names_the_part_and_the_step(jail: Jail) -> None:
    body = 'return {"ok": next_state.x, "bad": np.where(next_state.step == 7, np.nan, 1.0)}'
    verdict = judged(jail, program(body))
    assert verdict.outcome is Outcome.NOT_FINITE
    assert "part 'bad' became nan at step 7" in verdict.findings[0].message


def test_a_program_that_loops_for_ever_is_stopped_from_outside(jail: Jail) -> None:
    source = program('n = 1\nwhile n > 0:\n    n += 1\nreturn {"a": next_state.x}')
    with jail.open(source) as room:
        pid = room.pid
        client = RewardClient(room._child.socket, seconds_per_call=0.1)
        began = time.monotonic()
        with pytest.raises(RewardFailed) as caught:
            client.evaluate(batch(), stepped=False)
    assert caught.value.outcome is Outcome.TIMED_OUT
    assert time.monotonic() - began < 2
    assert not Path(f"/proc/{pid}").exists()


def dry(jail: Jail, source: str, **limits: float) -> tuple[Outcome, str]:
    outcome, found, _ = dry_run(jail, source, practice(batch()), uses_memory=False, **limits)
    return outcome, found[0].message


def test_constants_that_take_too_long_are_told_from_slow_calls(jail: Jail) -> None:
    slow = "X = sum(range(10**12))\n" + program('return {"a": next_state.x}')
    assert dry(jail, slow, seconds=0.1) == (Outcome.TIMED_OUT, "the module constants took longer than 0.1 s")


def test_calls_that_are_each_in_time_may_be_too_slow_together(jail: Jail) -> None:
    outcome, said = dry(jail, program('return {"a": next_state.x}'), seconds_in_all=1e-6)
    assert outcome is Outcome.TIMED_OUT
    assert "in all" in said


def test_memory_rows_start_afresh_with_each_episode(jail: Jail) -> None:
    source = program('count = memory.get("count", np.zeros(1)[0]) + 1\nmemory["count"] = count\nreturn {"a": count}')
    samples = batch(steps=30, envs=3, length=10)
    with jail.open(source) as room:
        first = room.client.evaluate(samples, stepped=True)["a"]
        room.client.forget()
        again = room.client.evaluate(samples, stepped=True)["a"]
    assert np.array_equal(first, samples.step)
    assert np.array_equal(first, again)


def test_memory_defaults_come_back_in_fresh_rows_and_zeros_by_index(jail: Jail) -> None:
    source = program(
        'old = memory.get("m", 5.0)\nraw = memory["m"] if "m" in memory else old * 0\n'
        'memory["m"] = next_state.x\nreturn {"old": old, "raw": raw}'
    )
    samples = batch(steps=20, envs=2, length=10)
    with jail.open(source) as room:
        parts = room.client.evaluate(samples, stepped=True)
    starts = samples.step == 1
    assert (parts["old"][starts] == 5.0).all()
    assert (parts["raw"][starts] == 0.0).all()
    assert np.array_equal(parts["old"][1:][~starts[1:]], samples.next_state["x"][:-1][~starts[1:]])


def test_parts_are_exactly_what_numpy_computes(jail: Jail) -> None:
    samples = batch()
    with jail.open(
        program('return {"a": np.tanh(next_state.x) - 0.5 * state.x, "b": np.square(next_state.v).sum(axis=-1)}')
    ) as room:
        parts = room.client.evaluate(samples, stepped=False)
    assert np.array_equal(parts["a"], np.tanh(samples.next_state["x"]) - 0.5 * samples.state["x"])
    assert np.array_equal(parts["b"], np.square(samples.next_state["v"]).sum(axis=-1))


REFUSED = [
    ("import os\n" + program('return {"a": next_state.x}'), "import"),
    (program('return {"a": next_state.x.__class__}'), "attribute"),
    (program('return {"a": np.load("f")}'), "attribute"),
    (program('return {"a": np.random.rand(3)}'), "attribute"),
    (program('return {"a": np.ndarray((1,), "O", next_state.x)}'), "call"),
    (program('return {"a": eval("1")}'), "name"),
    (program('return {"a": getattr(np, "load")}'), "name"),
    (program('return {"a": open("/etc/hosts")}'), "name"),
    (program('return {"a": "{0.a}".format(next_state)}'), "call"),
    (program('return {"a": np.zeros(3, dtype="O")}'), "call"),
    (program('return {"a": f"{1:{10**9}}"}'), "format"),
    (program('return {"a": 9 ** 9 ** 9}'), "power"),
    (program("while True:\n    pass"), "loop"),
    (program('global K\nreturn {"a": next_state.x}'), "syntax"),
    (program('try:\n    pass\nexcept:\n    pass\nreturn {"a": next_state.x}'), "except"),
    ("class A:\n    pass\n" + program('return {"a": next_state.x}'), "syntax"),
    ("def compute_reward(obs, action):\n    return {}\n", "signature"),
    ("def reward(state, action, next_state, memory):\n    return {}\n", "signature"),
    ("async " + program('return {"a": next_state.x}'), "syntax"),
    (HEAD + "    return {'a': next_state.x\n", "syntax"),
    (program("return " + "(" * 60 + "1" + ")" * 60), "depth"),
    (program("return " + "-" * 5000 + "1"), "size"),
    ("x = " + "9" * 100 + "\n" + program("return {}"), "constant"),
    ("C = [i for i in range(3)]\n" + program('return {"a": next_state.x}'), "state"),
    ("def f(x=[]):\n    return x\n\n\n" + program('return {"a": next_state.x}'), "state"),
    (program('return {"a": next_state.x}') + "\u202e", "characters"),
    ("", "signature"),
]


@pytest.mark.parametrize(("source", "rule"), REFUSED)
def test_the_gate_refuses_with_a_rule_and_advice(source: str, rule: str) -> None:
    (problem,) = examine(source).problems
    assert problem.rule == rule
    assert len(problem.message) > 15


def test_sets_tuples_slices_and_keys_of_plain_values_are_constants(jail: Jail) -> None:
    source = 'NAMES = {"a", "b"}\nPAIRS = {(0, "x"): frozenset([1.0, 2.0])}\nFIRST = slice(0, 1)\n' + program(
        'return {"a": next_state.v[..., FIRST].sum(axis=-1) * len(NAMES) * max(PAIRS[0, "x"])}'
    )
    assert judged(jail, source).accepted


X = 'return {"a": next_state.x}'
IDIOMS = [
    program(f'x, k = next_state.x, 0.5\nnote = f"{{x=}} {{x!r}} {{k=:.2f}} {{x > 0}} {{x[0]!s}}"\n{X}'),
    "from typing import Dict, Optional, Union\nParts = Dict[str, Optional[np.ndarray]]\nNumber = Union[float, int] | None\n\n\n"
    + program(X).replace("memory):", "memory) -> Parts:"),
    "from typing import cast, Any\n" + program('return {"a": cast(Any, next_state.x) * cast(float, 2.0)}'),
    "import typing\nimport typing as t\nP = typing.Dict[str, float]\nQ = t.Any\n" + program(X),
    "from numpy.typing import NDArray\nimport numpy.typing as npt\nfrom collections.abc import Callable\n"
    "A = npt.NDArray[np.float64]\n\n\ndef f(x: NDArray[np.float64], g: Callable[[float], float] | None = None) -> A:\n"
    "    return x\n\n\n" + program('return {"a": f(next_state.x)}'),
    "from numpy.linalg import norm\nimport numpy.linalg as LA\nfrom numpy import linalg, pi\nimport numpy\n"
    + program(
        'v = next_state.v\nreturn {"a": norm(v, axis=-1) + LA.norm(v, axis=-1) + numpy.abs(linalg.norm(v, axis=1)) * pi}'
    ),
    program('import numpy as np\nimport math\nfrom math import pi\nreturn {"a": np.abs(next_state.x) * math.cos(pi)}'),
    program(
        'x = np.abs(next_state.x)\nreturn {"a": x ** (1 / 3) + (x / 9.0) ** 20 + 0.99 ** (next_state.step - 1) + x ** (2 - 1)}'
    ),
    program(
        "x, v = next_state.x, next_state.v\nlow = np.minimum.reduce([x, state.x])\nboth = np.logical_and.reduce([x > 0, low < 1])\n"
        'return {"a": np.add(low, both), "b": np.fmod(x, 2.0), "c": v @ np.diag([1.0, 2.0])[0], "d": np.maximum.reduce(v, axis=-1)}'
    ),
    "EPS = np.finfo(float).eps\nINFO = np.finfo(np.float32)\n"
    + program('return {"a": next_state.x / (np.abs(state.x) + EPS + INFO.tiny)}'),
    program(
        'x = next_state.x.astype("float32")\nz = np.zeros(len(x), dtype="float64") + np.zeros(len(x), float)\n'
        'return {"a": (x > 0).astype(np.bool) + z, "b": np.append(x[:-1], x[-1:]).astype(np.int_) * 1.0}'
    ),
    "W = [1.0, 2.0]\nK = slice(0, 2)\n" + program('assert isinstance(W, list)\nreturn {"a": next_state.v[..., K] @ W}'),
]


@pytest.mark.parametrize("source", IDIOMS)
def test_what_models_write_is_accepted(jail: Jail, source: str) -> None:
    verdict = judged(jail, source)
    assert verdict.accepted, verdict.findings


CONSTANT_LISTS = [
    'return {"a": next_state.v[..., W].sum(axis=-1)}',
    'return {"a": next_state.x * sum(W + [3.0]) * len(W.copy())}',
    'w = list(W)\nw.append(3.0)\nw.sort()\nreturn {"a": next_state.x * max(w)}',
    'assert isinstance(W, list) and isinstance(W, (list, tuple)) and not isinstance((1,), list)\nreturn {"a": next_state.x}',
    'assert W == [1, 0] and str(W) == "[1, 0]" and [*W, 2] == [1, 0, 2]\nreturn {"a": next_state.x * np.array(W).max()}',
    'a, b = W\nreturn {f"p{i}": next_state.x * (w + a - b) for i, w in enumerate(W)}',
    'return {"a": next_state.v @ W}',
]


@pytest.mark.parametrize("body", CONSTANT_LISTS)
def test_a_module_list_is_a_list_to_all_who_read_it(jail: Jail, body: str) -> None:
    verdict = judged(jail, "W = [1, 0]\n" + program(body))
    assert verdict.accepted, verdict.findings


def test_nothing_changes_a_fixed_list() -> None:
    for name in set(dir(list)) - set(dir(tuple)) - {"copy", "__reversed__"}:
        kept = FixedList([2, 1])
        with pytest.raises(Changed):
            getattr(kept, name)(1)
        assert kept == [2, 1]


def test_a_constant_nested_without_end_is_refused_at_its_line(jail: Jail) -> None:
    source = "def build():\n    x = ()\n    for i in range(300000):\n        x = (x,)\n    return x\n\n\nX = build()\n"
    (found,) = judged(jail, source + program('return {"a": next_state.x}')).findings
    assert found.line == 8
    assert "nested too deeply" in found.message


def test_the_gate_knows_which_programs_use_memory() -> None:
    assert not examine(program('return {"a": next_state.x}')).uses_memory
    assert examine(program('memory["a"] = state.x\nreturn {"a": next_state.x}')).uses_memory


def test_the_room_itself_refuses_what_the_gate_refuses(jail: Jail) -> None:
    with pytest.raises(RewardFailed, match="can't be imported"):
        jail.open("import os\n" + program('return {"a": next_state.x}'))


def test_a_constant_part_is_noted_but_not_refused(jail: Jail) -> None:
    verdict = judged(jail, program('return {"a": next_state.x, "c": np.ones_like(next_state.x)}'))
    assert verdict.accepted
    assert [f.rule for f in verdict.findings] == ["constant"]


def test_there_are_forty_honest_programs() -> None:
    assert len(set(BODIES)) >= 40


@pytest.mark.slow
def test_two_hundred_candidates_in_a_row_leave_nothing(jail: Jail) -> None:
    def held() -> tuple[int, int, int]:
        processes = [k.pid for k in jail._fork_servers.values() if k.pid]
        memory = sum(int(Path(f"/proc/{p}/statm").read_text().split()[1]) for p in processes)
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), memory

    for body in BODIES:
        judged(jail, program(body))
    descriptors, threads, pages = held()
    for i in range(200):
        judged(jail, program(BODIES[i % len(BODIES)]))
    after = held()
    assert after[:2] == (descriptors, threads)
    assert after[2] - pages < 512, "the fork servers grew by more than 2 MiB"
