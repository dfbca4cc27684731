"""What the reward process gives up before candidate code is loaded.

The fork server has already made it a session of its own with a clean environment and nothing open but its socket. Here
it loses the right to gain privileges, to write files, to dump core, and all memory beyond a budget. A kernel filter on
system calls belongs here too; until it is there, the tier is `process-only`: not a boundary against hostile code.
"""

import ctypes
import os
import resource
import sys
from pathlib import Path

_PR_SET_NO_NEW_PRIVS = 38
_MIB = 1 << 20


def lock(memory_mb: int) -> None:
    """Drop what reward code does not need. `memory_mb`: address space beyond the present, in MiB."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)
    if sys.platform == "linux":
        if ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError("PR_SET_NO_NEW_PRIVS was refused")
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit_memory(pages * resource.getpagesize() + memory_mb * _MIB)
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_MEMLOCK):
        resource.setrlimit(kind, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))


def limit_memory(total_bytes: int) -> None:
    """Cap this process's whole address space."""
    resource.setrlimit(resource.RLIMIT_AS, (total_bytes, total_bytes))
