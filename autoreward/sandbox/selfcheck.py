"""What `autoreward doctor` tries: a real room, real attempts, and what came of each."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from autoreward.core.outcomes import Outcome
from autoreward.core.transitions import Transitions
from autoreward.rewards.gate.gate import examine
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.processes.fork_client import clean_environment

_HEAD = "def compute_reward(state, action, next_state, memory):\n    "
_HONEST = _HEAD + "return {'x': next_state.x}\n"
_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapAmb", *(("CapBnd",) if os.geteuid() == 0 else ()))
"""Sets that must be empty; another than root can't empty the bounding set, and gains nothing from it: NoNewPrivs."""
Layer = Literal["gate", "process", "limits", "kernel", "worker calls", "worker files"]


class Check(NamedTuple):
    """One thing that was tried."""

    layer: Layer
    name: str
    held: bool


def check_everything(jail: Jail) -> list[Check]:
    """Try every layer, in about a second. `jail` must trust: the attempts run where there is no lock, too."""
    return [*_gate(), *_process(jail), *_limits(jail), *_kernel(jail)]


_HOSTILE = {
    "importing os": "import os\n" + _HONEST,
    "importing ctypes": "import ctypes\n" + _HONEST,
    "private attributes": _HEAD + "return {'x': next_state.x.__class__}\n",
    "reading files with NumPy": _HEAD + "return {'x': np.load('f')}\n",
    "forging arrays": _HEAD + "return {'x': np.ndarray((1,), 'O', next_state.x)}\n",
    "eval": _HEAD + "return {'x': eval('1')}\n",
    "open": _HEAD + "return {'x': open('f')}\n",
    "format strings that reach attributes": _HEAD + "return {'x': '{0.a}'.format(next_state)}\n",
    "huge powers": _HEAD + "return {'x': 9 ** 9 ** 9}\n",
    "catching everything": _HEAD + "try:\n        pass\n    except:\n        pass\n    return {'x': next_state.x}\n",
    "classes": "class A:\n    pass\n" + _HONEST,
    "state in module constants": "C = {}\n" + _HEAD + "C[0] = 1\n    return {'x': next_state.x}\n",
}


def _gate() -> Iterator[Check]:
    for name, source in _HOSTILE.items():
        yield Check("gate", name, bool(examine(source).problems))


def _process(jail: Jail) -> Iterator[Check]:
    """Looked at from outside, while a program is loaded."""
    if sys.platform != "linux":
        return
    with jail.open(_HONEST) as room:
        here = Path(f"/proc/{room.pid}")
        status = dict(line.split(":\t", 1) for line in (here / "status").read_text(encoding="ascii").splitlines())
        limits = (here / "limits").read_text(encoding="ascii")
        # a room shows its variables to nobody but root; its fork server, which it has them from, does
        content = Path(f"/proc/{status['PPid'].strip()}/environ").read_bytes()
        environment = {v.split(b"=")[0].decode() for v in content.split(b"\0") if v}
        yield Check("process", "variables beyond the list, such as keys", environment <= set(clean_environment()))
        yield Check("process", "a second thread", status["Threads"].strip() == "1")
        yield Check("process", "gaining privileges", status["NoNewPrivs"].strip() == "1")
        yield Check("process", "capabilities", not any(int(status[name], 16) for name in _CAPABILITIES))
        for name, words in (("core dumps", "Max core file size"), ("file writes", "Max file size")):
            line = next(text for text in limits.splitlines() if text.startswith(words))
            yield Check("process", name, line.removeprefix(words).split()[:2] == ["0", "0"])
        yield Check(
            "process", "the host's session", (here / "stat").read_text().rsplit(")", 1)[1].split()[3] == str(room.pid)
        )


def _limits(jail: Jail) -> Iterator[Check]:
    def ends(source: str, outcome: Outcome, memory_mb: int = 256) -> Callable[[], bool]:
        def attempt() -> bool:
            try:
                with jail.open(source, memory_mb, seconds_per_call=0.3) as room:
                    room.client.evaluate(_rows(), stepped=False)
            except RewardFailed as failed:
                return failed.outcome is outcome
            return False

        return attempt

    attempts = {
        "endless loops": ends(
            _HEAD + "n = 1\n    while n > 0:\n        n += 1\n    return {'x': next_state.x}\n", Outcome.TIMED_OUT
        ),
        "loops inside NumPy": ends(_HEAD + "return {'x': next_state.x + sum(range(10**11))}\n", Outcome.TIMED_OUT),
        "too much memory": ends(
            _HEAD + "return {'x': np.ones((30000, 30000))[0, 0] + next_state.x}\n", Outcome.OUT_OF_MEMORY
        ),
        "NaN rewards": ends(_HEAD + "return {'x': next_state.x * np.nan}\n", Outcome.NOT_FINITE),
        "huge rewards": ends(_HEAD + "return {'x': next_state.x + 1e9}\n", Outcome.TOO_LARGE),
        "answers of the wrong shape": ends(_HEAD + "return {'x': np.zeros(3)}\n", Outcome.BROKE_CONTRACT),
        "writing into the data": ends(
            _HEAD + "return {'x': np.add(next_state.x, 1.0, next_state.x)}\n", Outcome.RAISED
        ),
    }
    for name, attempt in attempts.items():
        yield Check("limits", name, attempt())


def _kernel(jail: Jail) -> Iterator[Check]:
    if sys.platform != "linux":
        return
    with jail.empty() as room:
        for proof in room.client.prove():
            yield Check("kernel", proof.name, proof.held)


def _rows() -> Transitions:
    field = {"x": np.linspace(-1.0, 1.0, 8).reshape(4, 2)}
    clock = np.tile(np.arange(1, 5)[:, None], (1, 2))
    return Transitions(state=field, action=field, next_state=field, step=clock, terminated=clock == 4)
