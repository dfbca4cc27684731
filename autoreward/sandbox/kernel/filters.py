"""Seccomp filters as classic BPF: for the reward room an allow-list, for a worker lists of refusals.

A filter is a list of instructions that reads `struct seccomp_data` (linux/seccomp.h: number, architecture, instruction
pointer, six 64-bit arguments) and returns what the kernel should do. The order is: wrong architecture -> kill; calls
of another ABI -> kill; allowed, some only with certain arguments; everything else fails with EPERM or ENOSYS.

Arguments are compared by their low 32 bits. The kernel takes every argument that is compared here as a 32-bit number (`int`
or `unsigned int`) and drops the high half, so both see the same; `prot` of mmap and mprotect is a long, but the bit that is
asked for lies in the low half. One call never meets a filter: x86-64's 335 (uretprobe), which kernels from 6.12 on let pass
(CONFIG_X86_64, kernel/seccomp.c) since a tracer makes it in the process it traces; anybody else's ends with a signal.
"""

import errno
from collections.abc import Iterable
from typing import NamedTuple

from autoreward.sandbox.kernel.syscalls import AUDIT_ARCH, NUMBERS

_LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""BPF operations on 32-bit words: BPF_LD|W|ABS, BPF_JMP|JEQ|K, |JGE|K, |JSET|K, BPF_RET|K."""
ALLOW, KILL = 0x7FFF0000, 0x80000000
_ERRNO = 0x00050000
REFUSED = _ERRNO | errno.EPERM
UNKNOWN = _ERRNO | errno.ENOSYS
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000
_PROT_EXEC = 4
_PR_SET_NAME = 15
_CLONE_THREAD = 0x10000
_PRIVATE, _REALTIME = 128, 256
_FUTEX = (*(op | private for op in (0, 1, 9, 10) for private in (0, _PRIVATE)), 9 | _REALTIME, 9 | _PRIVATE | _REALTIME)
"""WAIT, WAKE, WAIT_BITSET and WAKE_BITSET, and the absolute wait by the wall clock: what locks of the C library need."""
_ADVICE = (4, 8, 14, 15)
"""MADV_DONTNEED, FREE, HUGEPAGE and NOHUGEPAGE: what memory allocators need."""
_OWNING = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX: a descriptor that signals another process."""
_DEVICES = (0x8901, 0x8902, 0x5412, 0x541C)
"""FIOSETOWN and SIOCSPGRP, the same by ioctl; TIOCSTI and TIOCLINUX, which type into a terminal."""
_INTERNET = (2, 10, 16)
"""AF_INET, AF_INET6, and AF_NETLINK, which lists this machine's addresses. No AF_UNIX: Landlock does not ask about connecting to
a socket's file, and who listens there (D-Bus, an ssh agent, Docker) does what it is told. No AF_VSOCK: a machine's host."""

ROOM = tuple(
    """read write readv writev brk munmap mremap rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack
    restart_syscall getpid gettid getrandom exit exit_group clock_gettime gettimeofday sched_yield close fstat lseek
    getrusage rseq membarrier""".split()
)
"""All that NumPy arithmetic on an open descriptor needs; mmap, mprotect, futex, madvise, tgkill and prctl have conditions."""
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
SHARED = tuple(
    "shmget shmat msgget semget mq_open mq_unlink inotify_init inotify_init1 move_pages migrate_pages".split()
)
"""What processes of one person share without a file, and what tells of others' files."""
ATTRIBUTES = tuple(
    """chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat setxattr lsetxattr fsetxattr setxattrat removexattr
    lremovexattr fremovexattr removexattrat file_setattr utime utimes futimesat utimensat truncate""".split()
)
"""Changes to files that Landlock does not ask about: modes, owners, times; and cutting them, which it does since ABI 3."""


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
    conditional = {
        "mmap": no_code,
        "mprotect": no_code,
        "futex": _only(1, _FUTEX),
        "madvise": _only(2, _ADVICE),
        "tgkill": _only(0, (pid,)),
        "prctl": _only(0, (_PR_SET_NAME,)),
    }
    program = [*_preamble(machine), *_conditions(numbers, conditional), *_all(numbers, ROOM, ALLOW)]
    program += _all(numbers, (n for n in numbers if n not in conditional and n not in ROOM), REFUSED)
    return [*program, _end(UNKNOWN)]


def workers(machine: str, network: bool, programs: bool) -> list[Instruction]:
    """The filter of the workers' fork server and all its children: no kernel corners, no other processes' memory.

    No new sockets and no programs, unless the task asks; then sockets of the network alone, not of this machine's programs.
    """
    numbers = NUMBERS[machine]
    asked = {"socket": _only(0, _INTERNET)} if network else {}
    refused = [*FOREIGN, *SHARED, *(() if network else NETWORK), *(() if programs else PROGRAMS)]
    return [*_preamble(machine), *_conditions(numbers, asked), *_all(numbers, refused, REFUSED), _end(ALLOW)]


def worker(machine: str, pid: int, programs: bool) -> list[Instruction]:
    """What one worker loads on top: nothing that changes other processes or files' attributes.

    Unless its task starts programs it also makes no process but threads, and signals itself alone. (A program's parent must
    signal it; Landlock keeps signals in, since ABI 6.)
    """
    own = (pid, 0)
    conditional = {
        "prlimit64": _only(0, own),
        "setpriority": _only(1, own),
        "ioprio_set": _only(1, own),
        **dict.fromkeys(("sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr"), _only(0, own)),
        "fcntl": _none(1, _OWNING),
        "ioctl": _none(1, _DEVICES),
    }
    refused = [*ATTRIBUTES]
    unknown = []
    if not programs:
        threads = [*_argument(0), Instruction(JUMP_ANY_BIT, 0, 1, _CLONE_THREAD), _end(ALLOW), _end(REFUSED)]
        conditional |= {
            "clone": threads,
            "kill": _only(0, (pid,)),
            **dict.fromkeys(("tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"), _only(0, (pid,))),
        }
        refused += ["fork", "vfork", "tkill", "setsid", "setpgid"]
        unknown = ["clone3"]  # its flags lie in memory; the C library then makes threads with clone
    numbers = NUMBERS[machine]
    program = [*_preamble(machine), *_conditions(numbers, conditional), *_all(numbers, refused, REFUSED)]
    return [*program, *_all(numbers, unknown, UNKNOWN), _end(ALLOW)]


def without(machine: str, names: Iterable[str]) -> list[Instruction]:
    """All calls but these, which fail with ENOSYS: the kernel as if it did not have them."""
    return [*_preamble(machine), *_all(NUMBERS[machine], names, UNKNOWN), _end(ALLOW)]


def _preamble(machine: str) -> list[Instruction]:
    """Kill calls of another architecture or ABI, then load the call's number."""
    return [
        Instruction(_LOAD, 0, 0, _ARCH),
        Instruction(JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]),
        _end(KILL),
        Instruction(_LOAD, 0, 0, _NUMBER),
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


def _conditions(numbers: dict[str, int], conditional: dict[str, list[Instruction]]) -> list[Instruction]:
    """Calls whose arguments decide: each body ends in a return."""
    program = []
    for name, body in conditional.items():
        program += [Instruction(JUMP_EQUAL, 0, len(body), numbers[name]), *body]
    return program


def _only(index: int, values: Iterable[int]) -> list[Instruction]:
    """Allow the call if that argument is one of these."""
    return [*_matching(index, values, ALLOW), _end(REFUSED)]


def _none(index: int, values: Iterable[int]) -> list[Instruction]:
    """Allow the call unless that argument is one of these."""
    return [*_matching(index, values, REFUSED), _end(ALLOW)]


def _matching(index: int, values: Iterable[int], action: int) -> list[Instruction]:
    program = _argument(index)
    for value in values:
        program += [Instruction(JUMP_EQUAL, 0, 1, value), _end(action)]
    return program


def _argument(index: int) -> list[Instruction]:
    """Load the low 32 bits of an argument."""
    return [Instruction(_LOAD, 0, 0, _ARGUMENTS + 8 * index)]


def _end(action: int) -> Instruction:
    return Instruction(RETURN, 0, 0, action)
