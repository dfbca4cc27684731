"""The environment that is checked, watched call by call."""

import faulthandler
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from autoreward.tasks.card import Task
from autoreward.worker.envs.handlers import interrupted

Env = gymnasium.Env[Any, Any]
_EVENTS = {
    **dict.fromkeys(
        ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"), "programs"
    ),
    **dict.fromkeys(("socket.__new__", "socket.bind", "socket.connect"), "network"),
    "os.chdir": "folder",
}
"""What Python tells of before it happens, and what that means."""


class NotBesideAnother(Exception):
    """A second environment can't be made while there is one; why is its cause."""


class Subject(NamedTuple):
    """What checks look at."""

    task: Task
    env: Env
    """As registered; its calls are watched."""
    another: Callable[[], Env] | None
    """Makes one more of them, or raises NotBesideAnother; None where there is but the one that was given."""
    printed: Callable[[], int]
    """Bytes printed so far, by whatever way."""
    traces: set[str]
    """What it was seen to do beyond computing: `programs`, `network`, `folder`."""
    patience: float
    """Seconds within which one call has to return; 0: for ever."""
    steps: int
    """Random steps to be taken."""
    errors: dict[str, str]
    """How NumPy treated errors before any call."""


class Watched(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Times the calls, and ends the process with a traceback when one does not return."""

    def __init__(self, env: Env, patience: float, calls: list[str], unclosed: list[BaseException]) -> None:
        """What is called is added to `calls`, and what `close` raises to `unclosed`: nothing is lost by that."""
        super().__init__(env)
        self._unclosed = unclosed
        self._patience = patience
        self._calls = calls
        self.seconds: dict[str, list[float]] = {"reset": [], "step": []}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset."""
        with self._timed("reset"):
            return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step."""
        with self._timed("step"):
            return self.env.step(action)

    def close(self) -> None:
        """Close."""
        try:
            with limited(self._patience):
                self.env.close()
        except BaseException as error:
            if interrupted(error):
                raise
            self._unclosed.append(error)

    @contextmanager
    def _timed(self, call: str) -> Iterator[None]:
        self._calls[:] = [call]
        with limited(self._patience):
            began = time.perf_counter()
            yield
            self.seconds[call].append(time.perf_counter() - began)

    def median(self, call: str) -> float:
        """Seconds that such a call takes; 0 if there was none."""
        return float(np.median(self.seconds[call])) if self.seconds[call] else 0.0


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """End this process, and print where it hangs, if what is done within takes longer; 0: it may take for ever."""
    if not seconds:
        yield
        return
    faulthandler.dump_traceback_later(
        seconds, file=2, exit=True
    )  # sys.stderr may be anything that an environment put there
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


_watching: list[set[str]] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in _EVENTS and not _is_pair(event, arguments):
        _watching[-1].add(_EVENTS[event])


def _is_pair(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether it is a socket of a pair within the process, as event loops have: others of their kind connect or bind next."""
    return event == "socket.__new__" and arguments[1] == socket.AF_UNIX


@contextmanager
def traced() -> Iterator[set[str]]:
    """What is done within, as far as Python tells of it; see `Subject.traces`."""
    if not _hooked:
        sys.addaudithook(_hear)  # for as long as the process lives: there is no way to take one off
        _hooked.append(True)
    _watching.append(set())
    try:
        yield _watching[-1]
    finally:
        _watching.pop()


_hooked: list[bool] = []
