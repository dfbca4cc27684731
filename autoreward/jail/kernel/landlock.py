"""Landlock with an empty rule set: no path, no port, no signal or abstract socket outside this process.

https://docs.kernel.org/userspace-api/landlock.html. The rights that a kernel knows grow with its ABI version; what it
does not know can't be asked for.
"""

import ctypes
import os

from autoreward.jail.kernel.seccomp import no_new_privileges, system_call

_VERSION = 1
"""LANDLOCK_CREATE_RULESET_VERSION"""
_SINCE = {"files": ((1, 13), (2, 14), (3, 15), (5, 16), (9, 17)), "network": ((4, 2), (10, 4)), "scope": ((6, 2),)}
"""(ABI version, number of rights known from it on)."""
_ALL_THREADS = 8
"""LANDLOCK_RESTRICT_SELF_TSYNC, since ABI 8."""


class _Rules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scope", ctypes.c_uint64))


def version() -> int:
    """The kernel's Landlock ABI version. Raises OSError where there is none."""
    return system_call("landlock_create_ruleset", None, 0, _VERSION)


def give_up_everything() -> int:
    """Restrict this process to no rights at all.

    Returns:
        The ABI version in force.

    Raises:
        OSError: the kernel has no Landlock, or it is off.
    """
    abi = version()
    rules = _Rules(*(rights(abi, kind) for kind in ("files", "network", "scope")))
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    descriptor = system_call("landlock_create_ruleset", ctypes.byref(rules), size, 0)
    try:
        no_new_privileges()
        system_call("landlock_restrict_self", descriptor, _ALL_THREADS if abi >= 8 else 0)
    finally:
        os.close(descriptor)
    return abi


def rights(abi: int, kind: str) -> int:
    """All rights of a kind that an ABI version can take away, as bits."""
    return (1 << max([count for since, count in _SINCE[kind] if abi >= since], default=0)) - 1
