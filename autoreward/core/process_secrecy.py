"""What the kernel shows of this process to others of the same person: neither its memory, nor what its environment held.

This holds on Linux, against processes that have no more rights than this one; root reads everything.
"""

import ctypes
import sys
import threading
from collections.abc import Collection, Iterator

from autoreward.core.closing import Closing

_GET_DUMPABLE, _SET_DUMPABLE = 3, 4
_lock = threading.Lock()
_held = 0
_before = 1


class Hidden(Closing):
    """While one is open, nobody may trace this process, read its /proc/PID/mem or environ, or dump its core.

    Commands keep it from start to end, and every fork server while it lives, so that no child of a notebook reads the
    notebook; in between, debuggers may. What is executed from here is as readable as any process.
    """

    def __init__(self) -> None:
        global _held, _before
        self._open = True
        with _lock:
            if _held == 0:
                _before = _dumpable(_GET_DUMPABLE)
                _dumpable(_SET_DUMPABLE)
            _held += 1

    def close(self) -> None:
        """Let others read again what they could read before, once no other is open."""
        global _held
        with _lock:
            _held -= self._open
            self._open = False
            if _held == 0:
                _dumpable(_SET_DUMPABLE, _before)


def _dumpable(operation: int, value: int = 0) -> int:
    return int(ctypes.CDLL(None).prctl(operation, value, 0, 0, 0)) if sys.platform == "linux" else 0


def erase(names: Collection[str]) -> None:
    """Overwrite the values of these variables where the kernel put them when the process began.

    /proc/PID/environ shows that place for ever. Call it before they are unset: then the C library still knows where they are.
    """
    wanted = {name.encode() for name in names}
    for place in _entries():
        name, _, value = ctypes.string_at(place).partition(b"=")
        if name in wanted:
            ctypes.memset(place + len(name) + 1, 0, len(value))


def _entries() -> Iterator[int]:
    """Addresses of the environment's `NAME=VALUE` strings."""
    library = ctypes.CDLL(None)
    if sys.platform == "darwin":
        library._NSGetEnviron.restype = ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))
        table = library._NSGetEnviron()[0]
    else:
        table = ctypes.POINTER(ctypes.c_void_p).in_dll(library, "environ")
    index = 0
    while table and table[index]:
        yield table[index]
        index += 1
