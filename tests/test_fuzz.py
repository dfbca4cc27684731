"""Random and mutated input at every door: gate, frames, files of runs and cards raise what they say they raise, and nothing else.

`make fuzz` looks a hundred times longer (FUZZ=1000: a thousand times, before a release).
"""

import ast
import json
import os
import random
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.core.visible import hidden, is_unit, visible, visible_line
from autoreward.errors import AutorewardError, JailError, TaskError
from autoreward.report.reading import read_run
from autoreward.rewards.gate.gate import examine
from autoreward.sandbox import wire
from autoreward.sandbox.client import RewardClient, RewardFailed
from autoreward.sandbox.processes import frames
from autoreward.store.book import RunHeader, read_header
from autoreward.tasks.files import find_task, parse_task, task_names
from autoreward.tasks.formulas.expression import Expression
from autoreward.worker.wire import split_file

LONGER = int(os.environ.get("FUZZ", "1"))
CARDS = {name: path.read_text(encoding="utf-8") for name, path in task_names((envs_folder(),)).items()}
HONEST = (
    "import numpy as np\n\nGOAL = 0.5\n\n\ndef near(x):\n    return np.exp(-np.abs(x))\n\n\n"
    "def compute_reward(state, action, next_state, memory):\n    gap = next_state.x[..., 0] - GOAL\n"
    "    best = memory.get('best', np.full(gap.shape, 9.0))\n    memory['best'] = np.minimum(best, np.abs(gap))\n"
    "    if gap.ndim > 1:\n        gap = gap.sum(axis=-1)\n"
    "    return {'near': near(gap), 'effort': -0.1 * np.square(action.push), 'late': np.where(next_state.step > 9, 1.0, 0.0)}\n"
)
PIECES = (
    "def compute_reward(state, action, next_state, memory):\n", "    ", "return ", "{'a': ", "}", "(", ")", "[", "]", ":", ",",
    "\n", "lambda x: ", "np.",
    "math.", "state.x", "memory['a']", "__class__", "import os", "for i in range(9):", "while True:", "if ",
    "else:", "f'{", "}'", "'''", '"', "\\", "#", "-", "~", "not ", "**", "@", "yield ", "await ", "async ", "try:", "except:", "*",
    "match x:", "case ", "class A:", "global x", ":=", "=", "1e400", "0x", "9" * 50, "\t", "\x0c", "\r", "\0", "\ud800", "\u202e",
    "\u00e9", "\U000e0041", "_", "...", "type X = int\n", "def f[T](x): ", "# coding: utf-7\n", "del ", "with ", "nonlocal ",
)  # fmt: skip


def fuzz(count: int) -> Callable[[Any], Any]:
    """So many examples in a run of all tests, more in `make fuzz`; what fails is found again from its print."""
    return settings(
        max_examples=count * LONGER,
        deadline=None,
        database=None,
        derandomize=LONGER == 1,
        suppress_health_check=list(HealthCheck),
    )


def bitten(text: str, dice: random.Random, pieces: tuple[str, ...]) -> str:
    """The text with a few places cut, doubled, moved or replaced."""
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(text) + 1)
        to = min(len(text), at + dice.choice((0, 1, 1, 4, 20)))
        new = dice.choice(pieces)
        middle = dice.choice(("", text[at:to] * 2, new, new * 30, text[at : at + 40]))
        text = text[:at] + middle + text[to:]
    return text


DICE = st.integers(0, 2**32).map(random.Random)
SOURCES = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    DICE.map(lambda dice: bitten(HONEST, dice, PIECES)),
    st.text(max_size=200),
)


@fuzz(30)
@given(SOURCES)
def test_the_gate_answers_whatever_it_is_given(source: str) -> None:
    began = time.process_time()
    report = examine(source)
    assert time.process_time() - began < 5.0
    assert all(problem.message.isprintable() for problem in report.problems)
    if not report.problems:
        ast.parse(source.removeprefix("\ufeff"))


@pytest.mark.parametrize(
    "piece", ["x", "(", "-", "x=1\n", "'", "lambda:", "f'{", "[x for x in ", "x.", "1+", "if x:\n ", "\\\n"]
)
def test_the_gate_takes_time_by_the_letter(piece: str) -> None:
    began = time.process_time()
    for size in (1_000, 20_000, 200_000):
        examine(piece * (size // len(piece)))
    assert time.process_time() - began < 2.0


def batch(rows: int = 3) -> Transitions:
    fields = {"x": np.zeros((rows, 1, 2))}
    return Transitions(
        fields, {"push": np.zeros((rows, 1))}, fields, np.ones((rows, 1), np.int64), np.zeros((rows, 1), bool)
    )


@fuzz(60)
@given(st.one_of(st.binary(max_size=200), DICE))
def test_parts_are_whole_or_a_value_error(data: bytes | random.Random) -> None:
    if isinstance(data, random.Random):
        whole = bytearray(b"".join(wire.pack_parts(("near", "far"), np.zeros((2, 3)))))
        for _ in range(data.randint(0, 3)):
            whole[data.randrange(len(whole))] = data.randrange(256)
        data = bytes(whole[: data.choice((len(whole), len(whole), data.randrange(len(whole))))])
    try:
        names, values = wire.unpack_parts(bytearray(data), 3)
    except ValueError:
        return
    assert values.shape == (len(names), 3)
    assert all(name.isidentifier() for name in names)


@fuzz(20)
@given(st.integers(1, 5), st.integers(1, 4), st.booleans(), DICE)
def test_batches_cross_as_they_are(steps: int, envs: int, stepped: bool, dice: random.Random) -> None:
    numbers = np.random.default_rng(dice.randrange(2**32))
    fields = {"x": numbers.normal(size=(steps, envs, 2)), "on": numbers.random((steps, envs)) > 0.5}
    sent = Transitions(fields, {"push": numbers.integers(0, 3, (steps, envs))}, fields, np.ones((steps, envs), np.int64),
                       numbers.random((steps, envs)) > 0.5)  # fmt: skip
    got, how = wire.unpack_batch(b"".join(wire.pack_batch(sent, stepped)))
    assert how == stepped
    for group in ("state", "action", "next_state"):
        for name, array in getattr(sent, group).items():
            np.testing.assert_array_equal(getattr(got, group)[name], array)
    np.testing.assert_array_equal(got.terminated, sent.terminated)


KINDS = st.sampled_from([wire.PARTS, wire.FAILED, wire.LOADED, wire.LOCKED, b"?"])
TEXTS = st.one_of(
    st.binary(max_size=120),
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=9), lambda c: st.lists(c) | st.dictionaries(
        st.sampled_from(["line", "outcome", "message", "tier", "x"]), c), max_leaves=8).map(lambda v: json.dumps(v).encode()),
    st.just(b"[" * 8_000),
)  # fmt: skip


@fuzz(30)
@given(KINDS, TEXTS, st.integers(0, 12))
def test_a_room_may_answer_anything(kind: bytes, data: bytes, cut: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        frames.send(theirs, kind, data)
        theirs.shutdown(socket.SHUT_WR)
        client = RewardClient(ours, 2.0)
        try:
            parts = client.evaluate(batch(), stepped=False)
            assert all(array.shape == (3, 1) for array in parts.values())
        except RewardFailed as failure:
            said = failure.message
        else:
            said = ""
        assert said.isprintable()
    raw, peer = socket.socketpair()
    with raw, peer:
        peer.sendall((kind + len(data).to_bytes(8, "little") + data)[: -cut or None])
        peer.shutdown(socket.SHUT_WR)
        raw.settimeout(2.0)
        try:
            assert frames.receive(raw, 10_000)[0] == kind
        except (EOFError, frames.FrameError):
            assert cut


@fuzz(20)
@given(TEXTS)
def test_a_lock_or_its_proofs_may_be_anything(data: bytes) -> None:
    for kind, ask in ((wire.LOCKED, RewardClient.locked), (wire.PROOFS, RewardClient.prove)):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            frames.send(theirs, kind, data)
            theirs.shutdown(socket.SHUT_WR)
            try:
                ask(RewardClient(ours, 2.0))
            except (JailError, RewardFailed) as failure:
                said = str(failure)
            else:
                said = ""
            assert said.isprintable()


@fuzz(60)
@given(st.one_of(st.binary(max_size=80), st.text(max_size=60).map(str.encode)))
def test_a_file_from_a_worker_has_a_plain_name_or_none(data: bytes) -> None:
    try:
        name, _ = split_file(bytearray(data))
    except ValueError:
        return
    assert Path(name).name == name
    assert not name.startswith(".")


CARD_PIECES = (
    '"', "'", "[", "]", "{", "}", "=", "\n", '"""', "\\", "\\u202e", "nan", "inf", "1e400", "9" * 400, "9" * 5_000,
    "-", ".", "obs", "**",
    "norm(",
    "9**9**9", "/0", "[[" * 400, "1979-05-27", "true", "\0",
    "\x1b", "\u00e9", "[state.x]\n", "unit = 3\n", "a.b.c = 1\n", "#",
)  # fmt: skip


def only_task_error(text: str, path: Path) -> None:
    try:
        task = parse_task(text, path)
    except TaskError as error:
        said = str(error)
    else:
        said = ""
    assert hidden(said) is None
    if said:
        return
    assert type(task).model_validate_json(task.model_dump_json()) == task
    _ = task.state_sources, task.success_rule, task.success.window, task.train.gamma


@fuzz(25)
@given(DICE)
def test_a_card_is_a_task_or_one_sentence(dice: random.Random) -> None:
    name = dice.choice(sorted(CARDS))
    only_task_error(bitten(CARDS[name], dice, CARD_PIECES), envs_folder() / name / "task.toml")


@fuzz(30)
@given(st.text(alphabet="obs[]0123.+-*/()<>=andort norm,sqrt:e", max_size=60) | st.text(max_size=40))
def test_a_formula_is_one_or_one_sentence(text: str) -> None:
    try:
        formula = Expression(text, "here")
    except TaskError as error:
        said = str(error)
    else:
        said = ""
    assert not said or said.startswith("here: ")
    if said:
        return
    ast.parse(formula.as_numpy(lambda name: name.replace(".", "_")), mode="eval")


@fuzz(40)
@given(st.text(max_size=60))
def test_what_is_cleaned_can_be_seen_and_is_clean(text: str) -> None:
    assert hidden(visible(text), "\n\t") is None
    assert visible(visible(text)) == visible(text)
    assert hidden(visible_line(text, 20)) is None
    assert len(visible_line(text, 20)) <= 20
    if is_unit(text):
        assert not set(text) & set("\"'`\\<>[]{}|#\n$&;")


WRONG = (
    None, True, -1, 10**400, 1e308, float("nan"), float("inf"), "", "\u202e", "../x", "x" * 3_000, [], {}, [[]], {"": {}},
)  # fmt: skip


def spoiled(value: Any, dice: random.Random) -> Any:
    """A copy of a record with one thing in it changed, dropped or added."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        key = dice.choice(sorted(value))
        if dice.random() < 0.2:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: spoiled(value[key], dice)}
    if isinstance(value, list) and value and dice.random() < 0.9:
        at = dice.randrange(len(value))
        return [spoiled(one, dice) if i == at else one for i, one in enumerate(value)]
    return dice.choice(WRONG)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from undrawn import finished

    folder = tmp_path_factory.mktemp("runs") / "run"
    finished(folder)
    return folder


@fuzz(12)
@given(dice=DICE)
def test_a_run_is_read_or_one_sentence(run: Path, dice: random.Random) -> None:
    file = dice.choice(sorted(run.rglob("*.json")))
    original = file.read_bytes()
    try:
        if dice.random() < 0.7:
            file.write_text(json.dumps(spoiled(json.loads(original), dice)))
        else:
            data = bytearray(original)
            data[dice.randrange(len(data))] = dice.randrange(256)
            file.write_bytes(dice.choice((data, data[: dice.randrange(len(data))], b"[" * 100_000, b"")))
        with suppress(AutorewardError):
            read_run(run)
    finally:
        file.write_bytes(original)


@fuzz(15)
@given(dice=DICE)
def test_a_header_is_read_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, dice: random.Random) -> None:
    header = json.loads(RunHeader.of(find_task("mountain-car", (envs_folder(),)), RunConfig()).model_dump_json())
    folder = tmp_path_factory.mktemp("header")
    (folder / "run.json").write_text(json.dumps(spoiled(header, dice)))
    try:
        read = read_header(folder)
    except AutorewardError:
        return
    assert RunHeader.model_validate_json(read.model_dump_json()) == read
    assert read.task.success_rule
