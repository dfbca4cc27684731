"""An exported program is the one that was trained, whatever it is written like, and comes back as it was."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from batches import batch
from exports import files, load, task, written
from honest import BODIES

from autoreward.core.transitions import Transitions
from autoreward.export.build import reward_files
from autoreward.export.verify import COLUMNS, ROWS, Batch, NotEqual, prove, replayed_episodes
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.rewards.gate import gate
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.session.reward_file import read_program

HEAD = "def compute_reward(state, action, next_state, memory):\n"
_MADE = batch()
SAMPLES = Batch("samples", replace(_MADE, terminated=_MADE.terminated & (np.arange(4) % 2 == 0)))
"""Half of its episodes end by themselves, the others at the time limit."""
REDTEAM = sorted((Path(__file__).parent / "redteam").glob("*.py"))

LIKE_THE_ADAPTER = {
    "a helper called combine": "def combine(a, b):\n    return 0.7 * a + 0.3 * b\n\n\n" + HEAD
    + "    return {'a': combine(next_state.x, state.x)}\n",
    "helpers called as the adapter's": "def _state(s):\n    return np.abs(s.x)\n\n\ndef _action(a):\n    return 1.0 * a.push\n\n\n"
    + HEAD + "    return {'a': _state(next_state) - _state(state), 'b': _action(action)}\n",
    "constants called as the adapter's": "GAMMA = 0.5\nCOMPOSITION = 3.0\nENV = KWARGS = PROGRAM = 2.0\n"
    "names = loaded = plain = 1.0\nMemory = Fields = Rewards = observe = parts = gymnasium = 1.0\n\n\n"
    + HEAD + "    return {'a': next_state.x * 0.0, 'phi': GAMMA * next_state.x * names * COMPOSITION + Memory}\n",
    "imports by other names": "import math as m\nimport numpy as npp\nimport numpy as np, math as mm\n"
    "from math import pi as PI, tau\nfrom numpy import clip\nimport numpy.linalg\nfrom numpy.linalg import norm\n\n\n"
    + HEAD + "    return {'a': npp.abs(next_state.x) * m.pi * PI * tau + norm(state.v, axis=-1), 'b': clip(state.x, 0, mm.e)}\n",
    "imports that mean nothing": "from __future__ import annotations\nimport typing as t\n"
    "from typing import Any, NoSuchThing, cast\nfrom numpy.typing import NDArray\nimport collections.abc\n"
    "Vec = NDArray[Any][[1]]\n\n\n"
    + HEAD + "    y: t.Any[[x for x in nothing]] = cast(float, next_state.x)\n    return {'a': y}\n".replace("nothing", "(1,)"),
    "a text with lines of imports": 'S = """\nimport math\nimport numpy as np\nfrom __future__ import annotations\n"""\n\n\n'
    + HEAD + "    return {'a': next_state.x * len(S)}\n",
    "annotations that are no types": "from typing import Any\nX: Any[[..., 1]] = 3.0\nY: 1 + 2 = 4.0\n\n\n"
    "def double(a: 7, b: 'x y' = 2.0) -> 3:\n    return a * b\n\n\n" + HEAD + "    return {'a': double(next_state.x) * X + Y}\n",
    "comments that once were marks": "# --- the reward ---\nK = 2.0\n\n\n" + HEAD
    + "    # --- from single steps to the program and back ---\n    return {'a': K * next_state.x}\n",
    "constants that tell their type": "W = {'a': 1.0}\nL = [1.0, 2.0]\nT = {1, 2}\n\n\n" + HEAD
    + "    k = len(str(W)) + isinstance(W, dict) + isinstance(L, list) + 2 * isinstance(T, set) + len(str(L))\n"
    "    return {'a': k * next_state.x}\n",
    "a name that is only there without a wall": "def never():\n    pow = 3\n    return pow\n\n\n" + HEAD
    + "    try:\n        k = pow(2.0, 3.0)\n    except Exception:\n        k = 7.0\n    return {'a': k * next_state.x}\n",
    "writing where nothing may be written": HEAD
    + "    y = next_state.x\n    try:\n        np.add(y, 1.0, y)\n    except ValueError:\n"
    "        y = y - 5.0\n    return {'a': 1.0 * y}\n",
    "memory": HEAD + "    new = 'best' not in memory\n    best = np.maximum(memory.get('best', -9.0), next_state.x)\n"
    "    memory['best'] = best\n    return {'a': best + new, 'phi': memory['best'] * 2.0}\n",
    "prints": HEAD + "    print('a', sep='')\n    return {'a': 1.0 * next_state.x}\n",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("source", LIKE_THE_ADAPTER.values(), ids=LIKE_THE_ADAPTER)
@pytest.mark.parametrize("composition", ["sum", "potential"])
def test_nothing_in_a_program_meets_the_adapter(source: str, composition: str, jail: Jail, tmp_path: Path) -> None:
    assert not gate.examine(source).problems
    made = files(source, composition)
    assert prove(jail, written(source, composition), made, [SAMPLES], 0.99).largest == 0.0
    module = load(tmp_path, made)
    assert composition == module.COMPOSITION
    assert (module.FIXED["gamma"], module.PROGRAM) == (0.99, "program.py")
    given = read_program(tmp_path / "reward.py")
    assert (given.source, given.composition) == (source, composition)


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\r\n", "   \n\t\n"])
@pytest.mark.parametrize("begin", ["", "\ufeff", "\r\n", "# \u00e9\u4e16\U0001f600 \u202f\n", "'''doc'''\n"])
def test_a_program_is_kept_to_the_byte(begin: str, end: str, jail: Jail, tmp_path: Path) -> None:
    source = f"{begin}{HEAD}    return {{'a': next_state.x + len('\u00e9')}}{end}"
    assert not gate.examine(source).problems
    load(tmp_path, files(source))
    assert (tmp_path / "program.py").read_bytes() == source.encode()
    assert read_program(tmp_path / "reward.py").source == source


@pytest.mark.parametrize("mark", ["\x0c", "\u2028", "\u2029", "\x85", "\u202e", "\x1b", "\x00"])
def test_what_is_no_line_end_to_everybody_is_in_no_program(mark: str) -> None:
    assert gate.examine(f"X = 1  # {mark}\n{HEAD}    return {{'a': next_state.x}}\n").problems


@pytest.mark.slow
@pytest.mark.parametrize(
    "composition",
    [each if each == "potential" else pytest.param(each, marks=pytest.mark.nightly) for each in COMPOSITIONS],
)
def test_honest_programs_are_exported_as_they_are(composition: str, jail: Jail, tmp_path: Path) -> None:
    for body in BODIES:
        source = HEAD + "".join(f"    {line}\n" for line in body.splitlines())
        made = files(source, composition)
        assert prove(jail, written(source, composition), made, [SAMPLES], 0.99).largest == 0.0, body
        load(tmp_path, made)
        assert read_program(tmp_path / "reward.py").source == source


@pytest.mark.slow
def test_hostile_programs_that_run_at_all_are_exported_as_they_are(jail: Jail) -> None:
    card = task()
    for path in REDTEAM:
        source = path.read_text(encoding="utf-8")
        if gate.examine(source).problems:
            continue
        made = reward_files(card, written(source))
        assert made["program.py"] == source
        try:
            with jail.open(source, seconds_per_call=1.0) as room:
                room.client.evaluate(SAMPLES.transitions, gate.examine(source).uses_memory)
        except RewardFailed:
            continue
        assert prove(jail, written(source), made, [SAMPLES], 0.99).largest == 0.0


SOURCE = HEAD + "    memory['a'] = next_state.x\n    return {'first': 2.0 * next_state.x, 'second': state.x}\n"
SPOILT = {
    "another number": ("program.py", "2.0 *", "2.0001 *", "part 'first' is"),
    "another order": ("program.py", "'first'", "'zeroth'", "the parts are ['zeroth', 'second'] instead of ['first', 'second']"),
    "another discount": ("reward.py", '"gamma": 0.99', '"gamma": 0.98', "the reward is"),
    "a potential over the end": ("reward.py", "np.where(terminated, 0.0, phi)", "np.where(False, 0.0, phi)", "the reward is"),
    "a potential over the start": ("reward.py", "np.where(starting, 0.0, self._before)", "self._before", "the reward is"),
    "a file that does not load": ("reward.py", "import math\n", "import maths\n", "could not be compared"),
    "a program that fails": ("program.py", "state.x}", "state.z}", "could not be compared"),
}  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT)
def test_an_export_that_would_not_be_the_reward_is_refused(spoilt: tuple[str, str, str, str], jail: Jail) -> None:
    name, old, new, says = spoilt
    made = files(SOURCE, "potential")
    winner = written(SOURCE, "potential")
    assert prove(jail, winner, made, [SAMPLES], 0.99).largest == 0.0
    assert old in made[name]
    with pytest.raises(NotEqual, match="The reward of c is not exported") as raised:
        prove(jail, winner, made | {name: made[name].replace(old, new)}, [SAMPLES], 0.99)
    assert says in str(raised.value)


def test_what_is_exported_runs_in_a_locked_process(jail: Jail) -> None:
    """The program is somebody else's also on its way out: nothing of it runs where files can be read."""
    made = files(SOURCE) | {"reward.py": "open('/etc/hostname').read()\n"}
    if jail.tier == "process-only":
        pytest.skip("nothing is locked here")
    with pytest.raises(RewardFailed, match="PermissionError"), jail.open(made):
        pass


@pytest.mark.slow
def test_numpy_may_be_used_for_the_first_time(tmp_path: Path) -> None:
    """It imports some of itself only then, which the room has done beforehand."""
    source = (
        HEAD
        + "    a = np.linalg.norm(next_state.v, axis=-1) + next_state.v.sum(axis=-1) + np.median(next_state.v, axis=-1)\n"
        "    return {'a': a + np.einsum('ij->i', next_state.v) + next_state.v.var(axis=-1) + len(str(next_state.v))}\n"
    )
    load(tmp_path, files(source))
    use = (
        "import sys, numpy as np\nsys.modules['gymnasium'] = None\nimport reward\n"
        "rows = {'x': np.zeros(3), 'v': np.ones((3, 2)), 'step': np.ones(3), 'terminated': np.zeros(3, bool)}\n"
        "print(reward.Rewards(3)(rows, {'push': np.ones(3)}, rows)[0].shape)\n"
        "sys.exit(any(m.split('.')[0] in ('autoreward', 'torch') for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", use], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "(3,)\n"), done.stderr


def test_recorded_episodes_follow_each_other() -> None:
    lengths = [5, 300, 0, 1, 40, 2000, 7, 9, 30, 11]
    clock = np.array([[t + 1 if t < n else 0 for n in lengths] for t in range(2000)])
    episodes = Transitions({"x": clock * 1.0}, {"a": clock}, {"x": clock + 1.0}, clock, clock == np.array(lengths))
    joined = replayed_episodes(episodes)
    assert joined is not None
    steps, columns = joined.shape
    assert columns == COLUMNS
    assert steps * columns <= ROWS
    assert (joined.step > 0).all(), "no row after an episode's end"
    assert (joined.step[0] == 1).all()
    begins = joined.step[1:] == 1
    assert (begins | (joined.step[1:] == joined.step[:-1] + 1)).all()
    assert (joined.state["x"] == joined.step).all()
    assert replayed_episodes(episodes.cut(columns=[2])) is None
    long = replayed_episodes(episodes.cut(columns=[5]))
    assert long is not None
    assert long.shape == (2000, 1)
