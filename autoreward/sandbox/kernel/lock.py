"""What the reward process gives up before candidate code is loaded, and the proof that it did.

The fork server has already made it a session of its own with a clean environment and nothing open but its socket. Here
it points its standard streams nowhere, takes on limits, and has the kernel take away every right that array arithmetic
does not need. It locks late, after all imports, and to zero: no file, no socket, no process, no code. After the lock
it tries what must not work; if anything does, no candidate is loaded.

Time is kept by the one who asks: each answer has its seconds of wall clock, and between answers a room with one thread and no
timers can do nothing but wait. A limit on processor time would end long trainings and add nothing.

Where the kernel offers less, less is claimed: see `Tier`.
"""

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from autoreward.core.protection import Tier
from autoreward.sandbox.kernel import filters, landlock, privileges, proofs, seccomp
from autoreward.sandbox.kernel.syscalls import NUMBERS, machine

MakeFilter = Callable[[str, int], list[filters.Instruction]]
_MIB = 1 << 20


class Lock(NamedTuple):
    """What holds this process."""

    tier: Tier
    landlock: int
    """Landlock ABI version; 0 without."""


class NotHeld(Exception):
    """The lock was put on and something still got through."""


def lock(memory_mb: int, make_filter: MakeFilter = filters.room) -> Lock:
    """Give up what reward code does not need.

    Args:
        memory_mb: address space beyond the present, in MiB.
        make_filter: the filter on system calls, from the architecture and this process's id.

    Raises:
        NotHeld: the process must end without loading anything.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    if sys.platform != "linux":
        _limit()
        return Lock("process-only", 0)
    if len(os.listdir("/proc/self/task")) != 1:
        raise NotHeld("the process has more than one thread: a lock would not hold the others")
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit_memory(pages * resource.getpagesize() + memory_mb * _MIB)
    _limit()
    seccomp.no_new_privileges()
    privileges.no_dumps()
    return _kernel(make_filter)


def _kernel(make_filter: MakeFilter) -> Lock:
    """Landlock, then the filter on system calls, then the proof."""
    if machine() not in NUMBERS:
        return Lock("process-only", 0)
    try:
        abi = landlock.give_up_everything()
    except OSError:
        abi = 0
    privileges.drop()
    try:
        seccomp.load_filter(make_filter(machine(), os.getpid()))
    except OSError:
        return Lock("process-only", abi)
    leaks = [proof.name for proof in proofs.attempt_all() if not proof.held]
    if leaks:
        raise NotHeld("not held back: " + ", ".join(leaks))
    return Lock("full" if abi else "seccomp", abi)


def limit_memory(total_bytes: int) -> None:
    """Cap this process's whole address space; a lower limit that is there stays: without capabilities none can be raised."""
    there = resource.getrlimit(resource.RLIMIT_AS)[1]
    least = total_bytes if there == resource.RLIM_INFINITY else min(total_bytes, there)
    resource.setrlimit(resource.RLIMIT_AS, (least, least))


def _limit() -> None:
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_MEMLOCK):
        resource.setrlimit(kind, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
