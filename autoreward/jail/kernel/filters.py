"""Seccomp filters as classic BPF: for the reward room an allow-list, for a worker a short list of refusals.

A filter is a list of instructions that reads `struct seccomp_data` (linux/seccomp.h: number, architecture, instruction
pointer, six 64-bit arguments) and returns what the kernel should do. The order is: wrong architecture -> kill; calls
of another ABI -> kill; allowed, some only with certain arguments; everything else fails with EPERM or ENOSYS.
"""

import errno
from collections.abc import Iterable
from typing import NamedTuple

from autoreward.jail.kernel.numbers import AUDIT_ARCH, NUMBERS

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""BPF operations on 32-bit words: BPF_LD|W|ABS, BPF_JMP|JEQ|K, |JGE|K, |JSET|K, BPF_RET|K."""
ALLOW, KILL = 0x7FFF0000, 0x80000000
_ERRNO = 0x00050000
REFUSED = _ERRNO | errno.EPERM
UNKNOWN = _ERRNO | errno.ENOSYS
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000
_PROT_EXEC = 4
_PR_SET_NAME = 15

ROOM = tuple(
    """read write readv writev futex brk munmap mremap madvise rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack
    restart_syscall getpid gettid getrandom exit exit_group clock_gettime gettimeofday sched_yield close fstat lseek
    getrusage rseq membarrier""".split()
)
"""All that NumPy arithmetic on an open descriptor needs; mmap, mprotect, tgkill and prctl come with conditions."""
NETWORK = tuple("socket connect accept accept4 bind listen".split())
PROGRAMS = tuple("execve execveat".split())
FOREIGN = tuple(
    """ptrace process_vm_readv process_vm_writev pidfd_open pidfd_getfd pidfd_send_signal kcmp process_madvise bpf
    perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register keyctl add_key request_key unshare setns
    mount umount2 pivot_root chroot move_mount open_tree fsopen mount_setattr init_module finit_module delete_module
    kexec_load kexec_file_load reboot swapon swapoff acct quotactl syslog clock_settime iopl ioperm modify_ldt personality
    name_to_handle_at open_by_handle_at fanotify_init memfd_secret""".split()
)
"""Other processes, and corners of the kernel that no training needs."""


class Instruction(NamedTuple):
    """One BPF instruction: `struct sock_filter`."""

    code: int
    jump_true: int
    jump_false: int
    k: int


def room(machine: str, pid: int) -> list[Instruction]:
    """The reward room's filter: the calls of ROOM and nothing that makes code, processes or signals to others.

    Calls that the kernel knows under a name in the tables fail with EPERM, which reads well in a traceback; all others
    with ENOSYS.
    """
    numbers = NUMBERS[machine]
    no_code = [*_argument(2), Instruction(JUMP_ANY_BIT, 0, 1, _PROT_EXEC), _end(REFUSED), _end(ALLOW)]
    own = [*_argument(0), Instruction(JUMP_EQUAL, 0, 1, pid), _end(ALLOW), _end(REFUSED)]
    naming = [*_argument(0), Instruction(JUMP_EQUAL, 0, 1, _PR_SET_NAME), _end(ALLOW), _end(REFUSED)]
    conditional = {"mmap": no_code, "mprotect": no_code, "tgkill": own, "prctl": naming}
    program = _preamble(machine)
    for name, body in conditional.items():
        program += [Instruction(JUMP_EQUAL, 0, len(body), numbers[name]), *body]
    program += _all(numbers, ROOM, ALLOW)
    program += _all(numbers, (n for n in numbers if n not in conditional and n not in ROOM), REFUSED)
    return [*program, _end(UNKNOWN)]


def worker(machine: str, network: bool, programs: bool) -> list[Instruction]:
    """A worker's filter: no other processes, no kernel corners; no new sockets or programs unless the task asks."""
    numbers = NUMBERS[machine]
    refused = [*FOREIGN, *(() if network else NETWORK), *(() if programs else PROGRAMS)]
    return [*_preamble(machine), *_all(numbers, refused, REFUSED), _end(ALLOW)]


def without(machine: str, names: Iterable[str]) -> list[Instruction]:
    """All calls but these, which fail with ENOSYS: the kernel as if it did not have them."""
    return [*_preamble(machine), *_all(NUMBERS[machine], names, UNKNOWN), _end(ALLOW)]


def _preamble(machine: str) -> list[Instruction]:
    """Kill calls of another architecture or ABI, then load the call's number."""
    return [
        Instruction(LOAD, 0, 0, _ARCH),
        Instruction(JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]),
        _end(KILL),
        Instruction(LOAD, 0, 0, _NUMBER),
        Instruction(JUMP_AT_LEAST, 0, 1, _X32),
        _end(KILL),
    ]


def _all(numbers: dict[str, int], names: Iterable[str], action: int) -> list[Instruction]:
    """Return `action` for any of the calls that this architecture has."""
    program = []
    for name in names:
        if name in numbers:
            program += [Instruction(JUMP_EQUAL, 0, 1, numbers[name]), _end(action)]
    return program


def _argument(index: int) -> list[Instruction]:
    """Load the low 32 bits of an argument. Enough for flags and ids: the kernel takes them as 32-bit values or refuses."""
    return [Instruction(LOAD, 0, 0, _ARGUMENTS + 8 * index)]


def _end(action: int) -> Instruction:
    return Instruction(RETURN, 0, 0, action)
