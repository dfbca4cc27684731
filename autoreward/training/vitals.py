"""What the host sees of a worker beside its frames: the call of an environment that it is in, and its last words on stderr.

Both are files without a name that worker and host share, so that they outlive a crash in native code.
"""

import fcntl
import mmap
import os
import select
import socket
import tempfile
import time
from contextlib import ExitStack
from types import TracebackType

from autoreward.worker.envs import watchdog
from autoreward.worker.envs.watchdog import Call

LONGEST_CALL = 300.0
"""Seconds that one call of an environment may take, where its card says nothing."""
LOOK_SECONDS = 0.1
"""Seconds between two looks."""
STDERR_CAP = 256 << 10
"""Bytes of stderr from which on all but the tail is thrown away, at the next look."""
TAIL = 16_384
"""Bytes of stderr that are kept."""
_SHOWN = 600
"""Characters of the last words in a message."""
_CRASH, _FRAMES = "Fatal Python error", 3
"""How `faulthandler` begins, and how many lines of it are shown."""
_SHARE, _TIMES = 0.1, 3.0
"""A call took too long at a deadline if it took this share of the time, and this many times what others did."""


class Stuck(Exception):
    """A call of an environment takes longer than any may."""


class Vitals:
    """Of one worker. Use as a context manager."""

    def __init__(self, longest: float | None = None) -> None:
        """`longest`: seconds that one call of its environment may take, if not `LONGEST_CALL`."""
        self.longest = longest or LONGEST_CALL
        with ExitStack() as opened:
            self._page = opened.enter_context(tempfile.TemporaryFile())
            self._page.truncate(watchdog.PAGE_BYTES)
            self._map = opened.enter_context(
                mmap.mmap(self._page.fileno(), watchdog.PAGE_BYTES, access=mmap.ACCESS_READ)
            )
            self._errors = opened.enter_context(tempfile.TemporaryFile())
            fcntl.fcntl(self._errors, fcntl.F_SETFL, os.O_APPEND)  # the worker goes on at the new end once it was cut
            self._opened = opened.pop_all()
        self._began = time.monotonic()
        self._seen, self._since = self.call, self._began

    def __enter__(self) -> "Vitals":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._opened.close()

    @property
    def fds(self) -> tuple[int, int]:
        """What the worker is given: the page, and what becomes its stderr."""
        return self._page.fileno(), self._errors.fileno()

    @property
    def call(self) -> Call:
        """The last call that the worker began."""
        return watchdog.read(self._map[:])

    def await_frame(self, sock: socket.socket, deadline: float) -> None:
        """Wait until something can be read, looking on. Raises TimeoutError at the deadline, Stuck before it."""
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        while not poll.poll(1e3 * min(LOOK_SECONDS, max(deadline - time.monotonic(), 0.0))):
            if self.lasts() > self.longest:
                raise Stuck
            self._cut()
            if time.monotonic() >= deadline:
                raise TimeoutError

    def lasts(self) -> float:
        """Seconds since the call that goes on was first seen; 0 outside of calls."""
        call, now = self.call, time.monotonic()
        if call != self._seen or not call.going_on:
            self._seen, self._since = call, now
        return now - self._since

    def too_slow(self) -> bool:
        """Whether the call that goes on takes longer than any may, or took the time, rather than many that are not long."""
        lasts, whole = self.lasts(), time.monotonic() - self._began
        ended = self.call.calls // 2
        if lasts > self.longest:
            return True
        return lasts > _SHARE * whole and (not ended or lasts > _TIMES * (whole - lasts) / ended)

    def last_words(self) -> str:
        """The end of its stderr in one line, as a sentence after a space; empty if it said nothing."""
        lines = [line for line in map(str.strip, self.printed().splitlines()) if line]
        crash = next((i for i, line in enumerate(lines) if line.startswith(_CRASH)), None)
        if crash is not None:  # what came before it, and where Python was: newest call first
            frames = [line for line in lines[crash:] if line.startswith("File ")]
            lines = [*lines[max(crash - _FRAMES, 0) : crash + 1], *frames[:_FRAMES]]
        words = " | ".join(lines)[-_SHOWN:]
        return f" Its last words: {words}" if words else ""

    def printed(self) -> str:
        """The end of its stderr as it is."""
        return self._tail().decode(errors="replace")

    def _tail(self) -> bytes:
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), TAIL, max(size - TAIL, 0))

    def _cut(self) -> None:
        if os.fstat(self._errors.fileno()).st_size > STDERR_CAP:
            tail = self._tail()
            os.ftruncate(self._errors.fileno(), 0)
            os.write(self._errors.fileno(), tail)
