"""Commands that a person starts from a page: each is a process of its own, as if it was typed where the viewer was started."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, NamedTuple

from autoreward.core.closing import Closing
from autoreward.core.visible import visible
from autoreward.core.wording import Command, in_shell, in_words

OURS = (sys.executable, "-P", "-m", "autoreward")
"""What runs a command."""
_TAIL = 8_000
"""Most bytes that are shown of what it printed: the last ones."""
_PATIENCE = 30.0
"""Seconds that a command has to stop in."""
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/[\w-]+/")


class Errand(NamedTuple):
    """A command that was started, as a page shows it."""

    line: str
    said: str
    """The end of what it printed."""
    code: int | None
    """Its exit code; None while it runs."""
    address: str
    """Of a page that it serves while it runs, if it has said one."""


class _Started(NamedTuple):
    line: str
    process: subprocess.Popen[bytes]
    printed: IO[bytes]


class Errands(Closing):
    """By run, one at a time for each. Not for several threads at once. Closed, it stops those that still run, as Ctrl-C would."""

    def __init__(self, program: Sequence[str] = OURS) -> None:
        """`program`: what a command's words are given to."""
        self._program = tuple(program)
        self._started: dict[str, list[_Started]] = {}

    def start(self, run: str, command: Command) -> bool:
        """Start a command for a run; False, and nothing is started, while another one runs for it. Raises OSError."""
        mine = self._started.setdefault(run, [])
        if any(one.process.poll() is None for one in mine):
            return False
        printed = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as it is shown
        line = [*self._program, *in_words(command)]
        # a session of its own: Ctrl-C stops the viewer, which stops the command once, and waits for it
        process = subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT, start_new_session=True
        )
        mine.append(_Started(in_shell(command), process, printed))
        return True

    def of(self, run: str) -> list[Errand]:
        """Those that were started for a run, the latest first."""
        return [_shown(one) for one in reversed(self._started.get(run, ()))]

    def stamp(self, run: str) -> str:
        """What changes when one of them prints something or ends."""
        mine = self._started.get(run, ())
        return " ".join(f"{os.fstat(one.printed.fileno()).st_size}:{one.process.poll()}" for one in mine)

    def close(self) -> None:
        """Stop what still runs; what is finished of it is saved."""
        every = [one for mine in self._started.values() for one in mine]
        for one in every:
            if one.process.poll() is None:
                one.process.terminate()
        for one in every:
            try:
                one.process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.process.wait()
            one.printed.close()
        self._started.clear()


def _shown(one: _Started) -> Errand:
    number = one.printed.fileno()
    size = os.fstat(number).st_size
    said = visible(os.pread(number, _TAIL, max(size - _TAIL, 0)).decode("utf-8", "replace"))
    code = one.process.poll()
    served = _ADDRESS.findall(said) if code is None else []
    return Errand(one.line, said, code, served[-1] if served else "")
