"""`autoreward doctor` on a machine that protects: all of it is held, and each part is able to fail."""

import json
import subprocess
import sys

import pytest

from autoreward.sandbox.jail import Jail
from autoreward.sandbox.kernel.syscalls import NUMBERS, machine
from autoreward.sandbox.selfcheck import check_everything

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or machine() not in NUMBERS, reason="needs Linux and a table"),
]
DOCTOR = [sys.executable, "-m", "autoreward", "doctor"]


def test_every_check_of_a_protected_machine_holds(jail: Jail) -> None:
    checks = check_everything(jail)
    assert [check.name for check in checks if not check.held] == []
    assert len(checks) >= 84


def test_the_command_ends_well_and_counts_all() -> None:
    done = subprocess.run([*DOCTOR, "--json"], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["tier"] in ("full", "seccomp")
    assert {c["layer"] for c in found["checks"]} == {
        "gate",
        "process",
        "limits",
        "kernel",
        "worker calls",
        "worker files",
    }
    told = subprocess.run(DOCTOR, capture_output=True, text=True, timeout=100, check=False)
    assert told.returncode == 0
    if found["tier"] == "full":
        assert all(c["held"] for c in found["checks"])
        count = len(found["checks"])
        assert f"full: {count} of {count} attempts were held back" in told.stdout
    assert "NOT" not in told.stdout


UNLOCKED = """
import json
import os
from autoreward.rewards.gate import gate
from autoreward.sandbox import selfcheck
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.kernel import filters, seccomp
from autoreward.sandbox.kernel.syscalls import machine
seccomp.load_filter(filters.without(machine(), ["seccomp", "landlock_create_ruleset"]))
with Jail(trust_the_model=True) as jail:
    print(json.dumps([c._asdict() for c in selfcheck.check_everything(jail)]))
"""


def test_without_the_lock_the_set_fails() -> None:
    done = subprocess.run([sys.executable, "-c", UNLOCKED], capture_output=True, text=True, timeout=100, check=True)
    checks = json.loads(done.stdout)
    kernel = [c for c in checks if c["layer"] == "kernel"]
    free = [c["name"] for c in kernel if not c["held"]]
    assert len(free) > len(kernel) / 2
    for name in ("read a file", "start a process", "lend priority through a lock", "share pages with other processes",
                 "leave a core dump", "make memory executable"):  # fmt: skip
        assert name in free
    assert all(c["held"] for c in checks if c["layer"] in ("gate", "limits"))
