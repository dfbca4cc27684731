"""The kernel's part of the jail: filters on both architectures by simulation, and the real thing on this machine."""

import errno
import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from autoreward.sandbox.jail import Jail
from autoreward.sandbox.kernel import filters, landlock
from autoreward.sandbox.kernel.filters import ALLOW, KILL, REFUSED, UNKNOWN, Instruction
from autoreward.sandbox.kernel.syscalls import AUDIT_ARCH, NUMBERS, machine

MACHINES = sorted(NUMBERS)
PID = 4321
linux = pytest.mark.skipif(sys.platform != "linux" or machine() not in NUMBERS, reason="needs Linux and a table")


def run(program: Sequence[Instruction], arch: int, number: int, arguments: Sequence[int] = ()) -> int:
    """What the kernel's interpreter would return for a call (classic BPF, as linux/filter.h defines it)."""
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = {0: number, 4: arch, **{16 + 8 * i: v & 0xFFFFFFFF for i, v in enumerate(values)}}
    accumulator = at = 0
    while True:
        code, jump_true, jump_false, k = program[at]
        at += 1
        match code:
            case filters._LOAD:
                accumulator = data[k]
            case filters.RETURN:
                return k
            case filters.JUMP_EQUAL:
                at += jump_true if accumulator == k else jump_false
            case filters.JUMP_AT_LEAST:
                at += jump_true if accumulator >= k else jump_false
            case filters.JUMP_ANY_BIT:
                at += jump_true if accumulator & k else jump_false
            case _:
                raise AssertionError(f"unknown operation {code:#x}")


def call(name: str, kind: str, *arguments: int) -> int:
    return run(filters.room(kind, PID), AUDIT_ARCH[kind], NUMBERS[kind][name], arguments)


@pytest.mark.parametrize("kind", MACHINES)
def test_the_room_may_make_thirty_two_calls_and_no_others(kind: str) -> None:
    program = filters.room(kind, PID)
    allowed = {n for n in range(700) if run(program, AUDIT_ARCH[kind], n) == ALLOW}
    conditional = {NUMBERS[kind][n] for n in ("mmap", "mprotect", "futex")}  # allowed with all arguments 0
    assert allowed == {NUMBERS[kind][n] for n in filters.ROOM} | conditional
    assert len(filters.ROOM) + len(("mmap", "mprotect", "futex", "madvise", "tgkill", "prctl")) == 32
    assert run(program, AUDIT_ARCH[kind], 699) == UNKNOWN


@pytest.mark.parametrize("kind", MACHINES)
def test_dangerous_calls_are_refused_by_name(kind: str) -> None:
    for name in (
        "openat",
        "socket",
        "execve",
        "clone",
        "clone3",
        "kill",
        "ptrace",
        "memfd_create",
        "prlimit64",
        "ioctl",
    ):
        assert call(name, kind) == REFUSED, name


@pytest.mark.parametrize("kind", MACHINES)
def test_conditions_on_arguments(kind: str) -> None:
    assert call("mmap", kind, 0, 4096, 3) == ALLOW
    assert call("mmap", kind, 0, 4096, 7) == REFUSED
    assert call("mprotect", kind, 0, 4096, 4) == REFUSED
    assert call("tgkill", kind, PID, 1, 6) == ALLOW
    assert call("tgkill", kind, PID + 1, 1, 6) == REFUSED
    assert call("prctl", kind, 15) == ALLOW
    assert call("prctl", kind, 1, 0) == REFUSED
    assert call("prctl", kind, 4, 1) == REFUSED, "dumpable again"


HIGH = 0xDEADBEEF << 32
"""What the kernel drops of an argument that it takes as 32 bits, and the filter does not look at."""


@pytest.mark.parametrize("kind", MACHINES)
def test_locks_wait_and_wake_and_lend_no_priority(kind: str) -> None:
    private, realtime = 128, 256
    allowed = {op for op in range(1024) if call("futex", kind, 0, op) == ALLOW}
    wait, wake, wait_bits, wake_bits = 0, 1, 9, 10
    plain = {wait, wake, wait_bits, wake_bits}
    assert allowed == plain | {op | private for op in plain} | {
        wait_bits | realtime,
        wait_bits | private | realtime,
    }
    for op in (2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 128 | 6, 128 | 12, 1 << 31):
        assert call("futex", kind, 0, op) == REFUSED, op
    assert call("futex", kind, 0, HIGH | 6) == REFUSED
    assert call("futex", kind, 0, HIGH | wake) == ALLOW, "the kernel sees WAKE, too"


@pytest.mark.parametrize("kind", MACHINES)
def test_memory_is_given_back_and_not_shared_or_taken_out_of_service(kind: str) -> None:
    assert {advice for advice in range(256) if call("madvise", kind, 0, 0, advice) == ALLOW} == {4, 8, 14, 15}
    for advice in (12, 100, 101, HIGH | 12, 1 << 31):
        assert call("madvise", kind, 0, 0, advice) == REFUSED
    assert call("mmap", kind, 0, 4096, HIGH | 7) == REFUSED


@pytest.mark.parametrize("kind", MACHINES)
def test_other_architectures_and_abis_are_killed(kind: str) -> None:
    program = filters.room(kind, PID)
    assert run(program, 0x40000003, NUMBERS[kind]["read"]) == KILL
    assert run(program, AUDIT_ARCH[kind], 0x40000000 | NUMBERS[kind]["read"]) == KILL


@pytest.mark.parametrize("kind", MACHINES)
def test_workers_keep_files_and_threads_and_lose_network_and_programs(kind: str) -> None:
    def asked(name: str, network: bool = False, programs: bool = False) -> int:
        return run(filters.workers(kind, network, programs), AUDIT_ARCH[kind], NUMBERS[kind][name])

    assert {
        asked(n)
        for n in ("openat", "clone", "read", "sendmsg", "recvmsg", "futex", "kill", "wait4")
        if n in NUMBERS[kind]
    } == {ALLOW}
    assert {asked(n) for n in ("socket", "connect", "execve", "ptrace", "keyctl", "bpf", "shmget")} == {REFUSED}
    assert asked("connect", network=True) == asked("execve", programs=True) == ALLOW
    assert asked("ptrace", network=True, programs=True) == REFUSED


@pytest.mark.parametrize("kind", MACHINES)
def test_a_task_that_asks_for_the_network_gets_no_sockets_of_this_machines_programs(kind: str) -> None:
    program = filters.workers(kind, network=True, programs=True)
    families = range(64)
    given = {f for f in families if run(program, AUDIT_ARCH[kind], NUMBERS[kind]["socket"], (f,)) == ALLOW}
    assert given == {socket.AF_INET, socket.AF_INET6, 16}
    assert run(program, AUDIT_ARCH[kind], NUMBERS[kind]["socket"], (HIGH | 1,)) == REFUSED


@pytest.mark.parametrize("kind", MACHINES)
@pytest.mark.parametrize("programs", [False, True])
def test_a_worker_changes_no_other_process_and_no_files_modes(kind: str, programs: bool) -> None:
    def asked(name: str, *arguments: int) -> int:
        return run(filters.worker(kind, PID, programs), AUDIT_ARCH[kind], NUMBERS[kind][name], arguments)

    for name, at in (
        ("prlimit64", 0),
        ("setpriority", 1),
        ("ioprio_set", 1),
        ("sched_setaffinity", 0),
        ("sched_setattr", 0),
    ):
        assert {asked(name, *[0] * at, who) for who in (0, PID, HIGH | PID)} == {ALLOW}, name
        assert {asked(name, *[0] * at, who) for who in (1, PID + 1, HIGH | 1)} == {REFUSED}, name
    assert [asked("fcntl", 3, command) for command in (1, 3, 8, 10, 15)] == [ALLOW, ALLOW, REFUSED, REFUSED, REFUSED]
    assert [asked("ioctl", 3, request) for request in (0x5401, 0x5412, 0x8901)] == [ALLOW, REFUSED, REFUSED]
    assert {asked(n) for n in filters.ATTRIBUTES if n in NUMBERS[kind]} == {REFUSED}
    outside = ALLOW if programs else REFUSED
    assert {asked("kill", who, 9) for who in (1, 0, -1 & 0xFFFFFFFF, PID + 1)} == {outside}
    assert {asked("kill", PID, 9), asked("tgkill", PID, 1, 6)} == {ALLOW}
    thread, process = 0x3D0F00, 0x1200011
    assert [asked("clone", thread), asked("clone", process)] == [ALLOW, outside]
    assert asked("clone3") == (ALLOW if programs else UNKNOWN)


@pytest.mark.parametrize("kind", MACHINES)
def test_every_jump_lands_inside_the_program(kind: str) -> None:
    for program in (
        filters.room(kind, PID),
        filters.workers(kind, network=False, programs=False),
        filters.worker(kind, PID, programs=False),
    ):
        assert len(program) < 4096
        for at, instruction in enumerate(program):
            assert max(instruction.jump_true, instruction.jump_false) < 256
            assert (
                at + 1 + max(instruction.jump_true, instruction.jump_false) < len(program) or instruction.code == 0x06
            )


def test_landlock_asks_for_what_each_version_knows() -> None:
    assert landlock.rights(1, "files") == 0x1FFF
    assert [landlock.rights(v, "files").bit_length() for v in (1, 2, 3, 4, 5, 9)] == [13, 14, 15, 15, 16, 17]
    assert [landlock.rights(v, "network") for v in (3, 4, 10)] == [0, 3, 15]
    assert [landlock.rights(v, "scope") for v in (5, 6)] == [0, 3]


@linux
def test_this_machine_holds_everything_back(jail: Jail) -> None:
    with jail.empty() as room:
        proofs = room.client.prove()
    assert len(proofs) >= 58
    assert [p.name for p in proofs if not p.held] == []
    assert len({p.name for p in proofs}) == len(proofs)
    assert room.lock.tier == jail.tier in ("full", "seccomp")


def in_a_child(script: str) -> str:
    """Run a script in a Python of its own: what it locks stays locked."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


LESS = """
import json, os, sys
from autoreward.sandbox.kernel import lock
from autoreward.sandbox.kernel import filters, seccomp
from autoreward.sandbox.kernel.syscalls import machine
seccomp.load_filter(filters.without(machine(), {missing!r}))
out = os.dup(1)
held = lock.lock(256)
os.write(out, json.dumps(held).encode())
os._exit(0)
"""


@linux
@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "tier"),
    [
        (["landlock_create_ruleset"], "seccomp"),
        (["seccomp"], "process-only"),
        (["seccomp", "landlock_create_ruleset"], "process-only"),
    ],
)
def test_an_older_kernel_gets_a_lower_tier(missing: list[str], tier: str) -> None:
    # stdout is a pipe, so writing to it is allowed after the lock
    assert json.loads(in_a_child(LESS.format(missing=missing)))[0] == tier


UNPROTECTED = """
from autoreward.errors import JailError
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.kernel import filters, seccomp
from autoreward.sandbox.kernel.syscalls import machine
seccomp.load_filter(filters.without(machine(), ["seccomp"]))
SOURCE = "def compute_reward(state, action, next_state, memory):\\n    return {'x': next_state.x}\\n"
with Jail() as jail:
    try:
        jail.open(SOURCE)
    except JailError as error:
        print(error)
with Jail(trust_the_model=True) as jail:
    with jail.open(SOURCE) as room:
        print(room.lock.tier, jail.tier, sum(not p.held for p in jail.empty().client.prove()) > 20)
"""


@linux
@pytest.mark.slow
def test_without_protection_nothing_loads_unless_trusted() -> None:
    refusal, trusted = in_a_child(UNPROTECTED).splitlines()
    assert "trust_the_model=True" in refusal
    assert trusted == "process-only process-only True"


NO_RUN = """
from pathlib import Path
from autoreward.config import RunConfig
from autoreward.errors import JailError
from autoreward.sandbox.kernel import filters, seccomp
from autoreward.sandbox.kernel.syscalls import machine
from autoreward.core.resources import envs_folder
from autoreward.session.run import start
from autoreward.tasks.files import find_task
seccomp.load_filter(filters.without(machine(), ["seccomp"]))
task = find_task("mountain-car", (envs_folder(),))
try:
    start(task, RunConfig(model="manual"), Path({runs!r}) / "r", print)
except JailError as error:
    print(error, Path({runs!r}, "r").exists())
"""


@linux
@pytest.mark.slow
def test_where_nothing_protects_there_is_no_run_of_a_model_and_no_folder(tmp_path: Path) -> None:
    said = in_a_child(NO_RUN.format(runs=str(tmp_path)))
    assert "trust_the_model=True" in said
    assert said.split()[-1] == "False"


LEAKY = """
import os
from autoreward.sandbox.kernel import lock
from autoreward.sandbox.kernel import filters
from autoreward.sandbox.kernel.syscalls import machine
out = os.dup(1)
try:
    lock.lock(256, lambda kind, pid: filters.without(kind, ["socket"]))
except lock.NotHeld as error:
    os.write(out, str(error).encode())
os._exit(0)
"""


@linux
@pytest.mark.slow
def test_a_lock_that_leaks_is_no_lock() -> None:
    said = in_a_child(LEAKY)
    assert said.startswith("not held back:")
    assert "start a process" in said
    assert "network socket" not in said


def test_errno_values_of_the_filter() -> None:
    assert REFUSED & 0xFFFF == errno.EPERM
    assert UNKNOWN & 0xFFFF == errno.ENOSYS
