"""What the host sees of a worker beside its frames."""

import os
import socket
import struct
import time

import pytest

from autoreward.training.vitals import STDERR_CAP, TAIL, Stuck, Vitals
from autoreward.worker.envs.watchdog import STEPPING, Call

FATAL = """
mj_step: NaN in QACC
Fatal Python error: Segmentation fault

Current thread 0x01 (most recent call first):
  File "sim.py", line 7 in native
  File "env.py", line 9 in step
  File "wrap.py", line 3 in step
  File "guarded.py", line 1 in step
Extension modules: numpy, torch
"""


def write(vitals: Vitals, calls: int) -> None:
    os.pwrite(vitals.fds[0], struct.pack("5q", calls, STEPPING, 3, 1, 9), 0)


def test_the_call_is_the_one_that_the_worker_wrote() -> None:
    with Vitals() as vitals:
        assert not vitals.call.going_on
        write(vitals, calls=7)
        assert vitals.call == Call(7, STEPPING, 3, 1, 9)
        assert vitals.call.going_on


def test_a_call_lasts_as_long_as_nothing_else_is_seen() -> None:
    with Vitals() as vitals:
        write(vitals, calls=7)
        assert vitals.lasts() == 0.0
        time.sleep(0.01)
        assert vitals.lasts() >= 0.01
        write(vitals, calls=9)
        assert vitals.lasts() == 0.0
        write(vitals, calls=10)
        time.sleep(0.01)
        assert vitals.lasts() == 0.0, "outside of calls nothing lasts"


@pytest.mark.parametrize(
    ("calls", "slow"), [(1, True), (21, True), (10, False)], ids=["the first", "one of many", "none"]
)
def test_at_a_deadline_the_call_that_took_the_time_is_told_from_many(calls: int, slow: bool) -> None:
    with Vitals() as vitals:
        write(vitals, calls)
        vitals.lasts()
        time.sleep(0.02)
        assert vitals.too_slow() == slow


def test_a_call_like_the_others_is_not_what_took_the_time() -> None:
    with Vitals() as vitals:
        for calls in range(1, 9, 2):
            write(vitals, calls)
            vitals.lasts()
            time.sleep(0.005)
        assert not vitals.too_slow()


def test_stderr_is_cut_to_its_tail_while_a_worker_is_awaited() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Vitals() as vitals:
        os.write(vitals.fds[1], b"x" * STDERR_CAP + b"\nthe last line\n")
        with pytest.raises(TimeoutError):
            vitals.await_frame(ours, time.monotonic() + 0.001)
        assert os.fstat(vitals.fds[1]).st_size == TAIL
        os.write(vitals.fds[1], b"one more")
        assert os.fstat(vitals.fds[1]).st_size == TAIL + 8
        assert vitals.last_words().endswith("x | the last line | one more")
        theirs.send(b"!")
        vitals.await_frame(ours, time.monotonic() + 10.0)


def test_a_call_that_lasts_longer_than_any_may_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoreward.training.vitals.LOOK_SECONDS", 0.01)
    ours, theirs = socket.socketpair()
    with ours, theirs, Vitals(longest=0.01) as vitals:
        write(vitals, calls=7)
        with pytest.raises(Stuck):
            vitals.await_frame(ours, time.monotonic() + 10.0)


def test_a_call_that_lasts_longer_than_any_may_is_too_slow_however_long_all_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Vitals(longest=0.01) as vitals:
        monkeypatch.setattr(vitals, "_began", vitals._began - 3600.0)
        write(vitals, calls=21)
        vitals.lasts()
        assert not vitals.too_slow()
        time.sleep(0.02)
        assert vitals.too_slow()


def test_of_a_crash_the_newest_calls_are_shown() -> None:
    with Vitals() as vitals:
        assert vitals.last_words() == ""
        os.write(vitals.fds[1], FATAL.encode())
        assert vitals.last_words() == (
            " Its last words: mj_step: NaN in QACC | Fatal Python error: Segmentation fault | "
            'File "sim.py", line 7 in native | File "env.py", line 9 in step | File "wrap.py", line 3 in step'
        )
