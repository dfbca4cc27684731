"""Landlock: no path, no port, no signal or abstract socket outside this process, but for what is granted.

https://docs.kernel.org/userspace-api/landlock.html. The rights that a kernel knows grow with its ABI version; what it
does not know can't be asked for. Looking a path up (stat, access, readlink, chdir) is no right of Landlock's.
"""

import ctypes
import os
import stat
from collections.abc import Iterable
from typing import NamedTuple

from autoreward.sandbox.kernel.seccomp import no_new_privileges, system_call

_VERSION = 1
"""LANDLOCK_CREATE_RULESET_VERSION"""
_SINCE = {"files": ((1, 13), (2, 14), (3, 15), (5, 16), (9, 17)), "network": ((4, 2), (10, 4)), "scope": ((6, 2),)}
"""(ABI version, number of rights known from it on)."""
_ALL_THREADS = 8
"""LANDLOCK_RESTRICT_SELF_TSYNC, since ABI 8."""
_PATH_BENEATH = 1
_SIGNALS = 2
"""LANDLOCK_SCOPE_SIGNAL"""
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
_DEVICES_TO_MAKE = 1 << 6 | 1 << 11
_OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15
"""With TRUNCATE and IOCTL_DEV; all others are a folder's."""
READ = READ_FILE | READ_DIR
WRITE = (1 << 15) - 1 & ~(_DEVICES_TO_MAKE | EXECUTE)
"""Reading, writing, making and removing files and folders; no devices."""
DEVICE = READ_FILE | READ_DIR | WRITE_FILE | 1 << 14 | 1 << 15


class Grant(NamedTuple):
    """A path and what may be done at it and, if it is a folder, beneath it."""

    path: str
    rights: int


class _Rules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scope", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("rights", ctypes.c_uint64), ("parent", ctypes.c_int32))


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
    return restrict(())


def restrict(grants: Iterable[Grant], network: bool = False) -> int:
    """Restrict this process, and all that it starts, to these grants; those whose path is not there are none.

    Args:
        grants: what stays.
        network: leave ports and abstract sockets as they are.

    Returns:
        The ABI version in force.

    Raises:
        OSError: the kernel has no Landlock, or it is off.
    """
    abi = version()
    files, ports, scope = (rights(abi, kind) for kind in ("files", "network", "scope"))
    rules = _Rules(files, 0 if network else ports, scope & _SIGNALS if network else scope)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    descriptor = system_call("landlock_create_ruleset", ctypes.byref(rules), size, 0)
    try:
        for grant in grants:
            _add(descriptor, grant, files)
        no_new_privileges()
        system_call("landlock_restrict_self", descriptor, _ALL_THREADS if abi >= 8 else 0)
    finally:
        os.close(descriptor)
    return abi


def _add(descriptor: int, grant: Grant, known: int) -> None:
    try:
        place = os.open(grant.path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # what is not there, or can't be reached, needs no rule
        return
    try:
        folder = stat.S_ISDIR(os.fstat(place).st_mode)
        allowed = grant.rights & known & (-1 if folder else _OF_A_FILE)
        rule = _Beneath(allowed, place)
        system_call("landlock_add_rule", descriptor, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(place)


def rights(abi: int, kind: str) -> int:
    """All rights of a kind that an ABI version can take away, as bits."""
    return (1 << max([count for since, count in _SINCE[kind] if abi >= since], default=0)) - 1
