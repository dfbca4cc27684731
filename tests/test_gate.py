"""The gate alone: what honest programs may be written like, and what each slip is told, at which line."""

import time
import warnings
from pathlib import Path

import pytest
import typer

from autoreward.cli.check import command
from autoreward.core.resources import envs_folder
from autoreward.export.build import reward_files
from autoreward.records import Candidate
from autoreward.rewards.gate.gate import examine
from autoreward.session.reward_file import check_file, read_program
from autoreward.tasks.files import find_task

HEAD = "def compute_reward(state, action, next_state, memory):\n"
RETURN = 'return {"a": next_state.x}'


def program(body: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in body.splitlines())


ACCEPTED = [
    program(f"# {'-' * 70}\n# {'=' * 70}\n{RETURN}"),
    program(f'"""Title\n{"-" * 60}\n"""\n{RETURN}'),
    program(f"# {'(' * 60} {'1' * 50} not {'not ' * 50}\n{RETURN}"),
    "# -*- coding: utf-8 -*-\n" + program(f"# phase encoding: sine, coding=2\n{RETURN}"),
    "\ufeffimport numpy as np\n" + program(RETURN),
    program(RETURN).replace("\n", "\r\n"),
    program(RETURN).replace("\n", "\r"),
    program('x = next_state.x\nsafe = np.divide(1.0, x, out=np.zeros_like(x), where=x != 0)\nreturn {"a": safe}'),
    program(
        'return {"a": next_state.v.sum(axis=-1, where=next_state.v > 0) + np.mean(next_state.v, axis=-1, where=True)}'
    ),
    program(f"x = next_state.x\nx = x.copy()\nx[x > 0] = 1.0\nx += 1.0\n{RETURN}"),
    "K, PAIR = 0.5, (1.0,)\n" + program(f"k = K\nk += 1.0\npair = PAIR\npair += (2.0,)\n{RETURN}"),
    "H = [1.0]\n" + program(f"H = []\nH.append(1.0)\nH += [2.0]\n{RETURN}"),
    "def kept(store, x):\n    store['a'] = x\n    return x\n\n\n" + program('return {"a": kept(memory, state.x)}'),
    program(f'# Größe\u00a0≤ 0.1 rad, 中文 👨\u200d💻\nnote = "θ ≈ {{}}"\n{RETURN}'),
]


@pytest.mark.parametrize("source", ACCEPTED)
def test_honest_writing_passes(source: str) -> None:
    assert examine(source).problems == ()


ADVISED = [
    (program(f"e = 1\n\u212f = 1\n{RETURN}"), 3, "write the name '\u212f' in plain ASCII letters"),
    (program('return {"a": next_state.\uff50osition}'), 2, "plain ASCII letters"),
    (program('f = lambda x: x\nreturn {"a": f(\uff58=next_state.x)}'), 3, "plain ASCII letters"),
    ("def \uff46(x):\n    return x\n\n\n" + program(RETURN), 1, "plain ASCII letters"),
    ("\ufb01eld = 1\n" + program(RETURN), 1, "plain ASCII letters"),
    (program(f"θ = 1.0\n{RETURN}"), 2, "such as theta"),
    (program('x = next_state.x\nreturn {"a": x * len(f"{\uff58}")}'), 3, "plain ASCII letters"),
    (program(f"x = 1  # \u202e\n{RETURN}"), 2, "invisible character U+202E"),
    (program(f"x =\u00a01\n{RETURN}"), 2, "U+00A0"),
    (program(f"x = {'-' * 50}1\n{RETURN}"), 2, "too many operators in a row"),
    (program("x = (\n" + "- -\n" * 30 + f"1)\n{RETURN}"), 22, "too many operators in a row"),
    (program(f"x = 1\ny = {'(' * 50}1{')' * 50}\n{RETURN}"), 3, "nested too deeply"),
    (program(RETURN) + "compute_reward = 3\n", 3, "compute_reward is the function alone"),
    (program(RETURN) + "from math import sqrt as compute_reward\n", 3, "compute_reward is the function alone"),
    *(
        (
            program(f"obs = next_state.x\n{write}\n{RETURN}"),
            3,
            "inputs are read-only: work on a copy, obs = next_state.x.copy()",
        )
        for write in ("obs[:] = 0", "obs += 1", "obs[0] += 1", "obs.sort()", "obs.fill(0)", "np.sqrt(1.0, out=obs)")
    ),
    (program(f"obs, before = next_state.x, state.x\nbefore[0] = 1\n{RETURN}"), 3, "before = state.x.copy()"),
    (program(f"next_state.x[:] = 0\n{RETURN}"), 2, "inputs are read-only"),
    (program(f"next_state.x += 1\n{RETURN}"), 2, "inputs are read-only"),
    *(
        (f"H = {made}\n" + program(f"{write}\n{RETURN}"), 3, "the module constant 'H' can't be changed")
        for made, write in (
            ("[]", "H.append(1)"),
            ("{}", "H.update(a=1)"),
            ("{}", "H.setdefault('a', 1)"),
            ("[1]", "H.pop()"),
            ("np.zeros(1)", "H.fill(1)"),
            ("np.zeros(1)", "H += 1"),
            ("0", "H += 1"),
            ("{'a': []}", "H['a'].append(1)"),
            ("[0]", "H[0] = 1"),
            ("{1}", "H.add(2)"),
        )
    ),
    ("H = np.zeros(1)\n" + program(f"h = H\nh += 1\n{RETURN}"), 4, "the module constant 'H'"),
    ("H = [0]\n" + program(f"h = H\nh[0] = 1\n{RETURN}"), 4, "the module constant 'H'"),
    (program(f"info = memory\ninfo['is_success'] = True\n{RETURN}"), 3, "use memory by its own name"),
    (program(f"a, info = 1, memory\nd = info\nd.update(a=1)\n{RETURN}"), 4, "use memory by its own name"),
    (program('return {"a": np.random.normal(size=3)}'), 2, "np.random is not available: rewards must be repeatable"),
    (program('return {"a": getattr(state, "x")}'), 2, "'getattr' is not available here: read fields by name"),
    (program('return {"a": pow(next_state.x, 2)}'), 2, "'pow' is not available here: use **"),
    (program("open('x')"), 2, "'open' is not available here"),
    (program("return nothing"), 2, "the name 'nothing' is not defined"),
    ("square = lambda x: x * x\n" + program(RETURN), 1, "with def, not lambda"),
    ("from typing import *\n" + program(RETURN), 1, "import names one by one"),
    ("from numpy import load\n" + program(RETURN), 1, "'load' is not available from numpy"),
    (program(f"x = np.zeros(3, 'O')\n{RETURN}"), 2, "name the type"),
    (program(f"x = np.full(3, 1, 'i8,O')\n{RETURN}"), 2, "name the type"),
    (program(f"x = state.x.astype('U9')\n{RETURN}"), 2, "name the type"),
    (program(f"x = 7 ** (9 * 9 * 9)\n{RETURN}"), 2, "keep it within 16"),
    (program(f"x = 7 ** (2 ** state.step)\n{RETURN}"), 2, "keep it within 16"),
    (program(f"x = np.add.at(state.x, 0, 1)\n{RETURN}"), 2, "'at' is not available"),
    (program(f"x = 1 << 2\n{RETURN}"), 2, "use * and //"),
    (program(RETURN) + program(RETURN), 3, "define one function"),
    ("def reward(state):\n    return {}\n", 1, "define one function"),
    (program(f"x = 1\nbreak\n{RETURN}"), 3, "'break' outside loop"),
    (program(f"f = lambda a, a: a\n{RETURN}"), 2, "duplicate argument"),
    (program(f"*a = 1\n{RETURN}"), 2, "starred"),
]


@pytest.mark.parametrize(("source", "line", "says"), ADVISED)
def test_a_slip_is_named_with_its_line_and_what_to_write_instead(source: str, line: int, says: str) -> None:
    (problem,) = examine(source).problems
    assert says in problem.message
    assert problem.line == line


def test_a_long_line_takes_no_time() -> None:
    began = time.process_time()
    assert examine(program("# " + "#" * 19_000)).problems
    assert time.process_time() - began < 0.1


def test_escapes_that_python_warns_of_are_quiet() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not examine(program(f'text = "\\d"\n{RETURN}')).problems


def test_a_file_with_a_byte_order_mark_is_read_without_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(b"\xef\xbb\xbf" + program(RETURN).encode())
    assert read_program(path).source == program(RETURN)


@pytest.mark.slow
def test_a_refused_file_builds_no_environment(tmp_path: Path) -> None:
    task = find_task("mountain-car", (envs_folder(),)).model_copy(update={"env": "Nowhere-v0"})
    path = tmp_path / "mine.py"
    path.write_text(program("return {"))
    (found,) = check_file(path, task).findings
    assert found.line == 2


@pytest.mark.slow
def test_lines_of_an_exported_program_are_those_of_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "reward.py"
    source = "\n\n" + program("return np.load(1)")
    winner = Candidate(id="c", source=source, thought="", origin="human", how="given")
    for name, text in reward_files(find_task("mountain-car", (envs_folder(),)), winner).items():
        (tmp_path / name).write_text(text)
    with pytest.raises(typer.Exit):
        command(path, "mountain-car", None, trust_the_model=False, as_json=False)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{tmp_path / 'program.py'}:4: attribute: np.load is not available")
    assert said[1] == f"{path} may not train."


def test_an_encoding_other_than_utf8_is_refused() -> None:
    plain = "def compute_reward(state, action, next_state, memory):\n    return {'x': next_state.x}\n"
    for line in ("# coding: utf-7\n", "#!x\n# -*- coding: latin-1 -*-\n", "\ufeff# vim: set fileencoding=cp1252\n"):
        assert "UTF-8" in examine(line + plain).problems[0].message
    for line in ("# coding: utf-8\n", "# -*- coding: UTF_8 -*-\n", "\ufeff", "# a\n# b\n# coding: utf-7\n"):
        assert not examine(line + plain).problems
