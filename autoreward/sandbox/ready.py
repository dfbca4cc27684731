"""Rooms that are locked before anybody asks for one, where somebody waits; each is still given to one program alone."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from autoreward.core.closing import Closing
from autoreward.errors import JailError
from autoreward.sandbox.room import Room

REFILL_SECONDS = 0.3
"""Seconds after a room was taken until another one is made: not while the first one is at work."""


class ReadyRooms(Closing):
    """Thread-safe. Use as a context manager."""

    def __init__(self, make: Callable[[], Room], count: int) -> None:
        """Nothing is made until the first `take`; then `make` is called in a thread of its own, for `count` rooms that wait."""
        self._make, self._count = make, count
        self._waiting: deque[Room] = deque()
        self._lock = threading.Lock()
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="ready rooms")
        self._closed = threading.Event()

    def take(self) -> Room | None:
        """A locked, empty room whose process lives; None if none is ready. Another one is made for it."""
        taken = None
        with self._lock:
            while self._waiting and taken is None:
                room = self._waiting.popleft()
                taken = room if room.lives else None
            if not self._closed.is_set():
                self._maker.submit(self._fill)
        return taken

    def _fill(self) -> None:
        self._closed.wait(REFILL_SECONDS)
        while True:
            with self._lock:
                if self._closed.is_set() or len(self._waiting) >= self._count:
                    return
            try:
                room = self._make()
            except JailError:  # whoever asks next makes one, and is told why there is none
                return
            with self._lock:
                if not self._closed.is_set():
                    self._waiting.append(room)
                    continue
            room.close()

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            self._closed.set()
        self._maker.shutdown(cancel_futures=True)
        while self._waiting:
            self._waiting.popleft().close()
