"""What the kernel shows of this process to others of the same person: neither its memory, nor what its environment held."""

import ctypes
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

_GET_DUMPABLE, _SET_DUMPABLE = 3, 4
_lock = threading.Lock()
_inside = 0
_before = 1


def hide() -> None:
    """No core dump, and no ptrace, /proc/PID/mem or /proc/PID/environ for others, from now on; root and children apart.

    On Linux alone. A program that is executed later is as readable as any.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


@contextmanager
def hidden() -> Iterator[None]:
    """`hide`, and afterwards as it was: for the process of a notebook, which debuggers may read at other times."""
    global _inside, _before
    if sys.platform != "linux":
        yield
        return
    prctl = ctypes.CDLL(None).prctl
    with _lock:
        if _inside == 0:
            _before = prctl(_GET_DUMPABLE, 0, 0, 0, 0)
            prctl(_SET_DUMPABLE, 0, 0, 0, 0)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                prctl(_SET_DUMPABLE, _before, 0, 0, 0)


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
