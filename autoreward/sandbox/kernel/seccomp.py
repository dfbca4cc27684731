"""Load a seccomp filter: irrevocable, inherited by everything that the process starts."""

import ctypes
import os
from collections.abc import Sequence

from autoreward.sandbox.kernel.filters import Instruction
from autoreward.sandbox.kernel.syscalls import NUMBERS, machine

_SET_MODE_FILTER = 1
_ALL_THREADS = 1
_PR_SET_NO_NEW_PRIVS = 38


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jump_true", ctypes.c_uint8),
        ("jump_false", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def system_call(name: str, *arguments: object) -> int:
    """Call the kernel by the call's name; integers are passed as longs. Raises OSError with the kernel's errno."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    ctypes.set_errno(0)
    result: int = libc.syscall(ctypes.c_long(NUMBERS[machine()][name]), *passed)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def no_new_privileges() -> None:
    """Give up set-uid programs and the like; filters need it. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS was refused")


def load_filter(program: Sequence[Instruction]) -> None:
    """Filter every thread of this process from now on. Raises OSError where the kernel refuses."""
    array = (_Instruction * len(program))(*(_Instruction(*i) for i in program))
    no_new_privileges()
    system_call("seccomp", _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(_Program(len(program), array)))
