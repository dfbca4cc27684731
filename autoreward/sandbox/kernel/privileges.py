"""Give up capabilities and core dumps: what a process of root holds beyond its files and calls."""

import ctypes
import os

from autoreward.sandbox.kernel.seccomp import system_call

_VERSION_3 = 0x20080522
"""_LINUX_CAPABILITY_VERSION_3"""
_PR_GET_DUMPABLE, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_CAP_AMBIENT = 3, 4, 24, 47
_CLEAR_ALL = 4
"""PR_CAP_AMBIENT_CLEAR_ALL"""
_SETS = 64
"""More capabilities than any kernel has."""


def drop() -> None:
    """Empty every set of capabilities: ambient, bounding (where that is allowed, as for root), effective, permitted, inheritable.

    Raises OSError where the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    for capability in range(_SETS):
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    system_call("capset", header, (ctypes.c_uint32 * 6)())


def no_dumps() -> None:
    """Leave no core, not even to a pipe, which RLIMIT_CORE does not stop; others of the same user can't look in. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 or libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
