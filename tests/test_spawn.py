"""Children: born clean, killed whole, nothing left behind."""

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from autoreward.sandbox.jail import Jail
from autoreward.sandbox.processes import frames
from autoreward.sandbox.processes.fork_client import ForkServer, clean_environment

SOURCE = "def compute_reward(state, action, next_state, memory):\n    return {'x': next_state.x}\n"


def test_frames_round_trip_and_refuse() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=frames.send, args=(ours, b"A", b"one", b"", bytes(300_000)))
        sender.start()
        assert frames.receive(theirs, 1 << 20) == (b"A", bytearray(b"one" + bytes(300_000)))
        sender.join()
        frames.send(ours, b"B", b"too long")
        with pytest.raises(frames.FrameError, match="larger"):
            frames.receive(theirs, 3)


def test_a_torn_frame_and_a_clean_end_are_told_apart() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(b"A\x05\0\0")
        ours.close()
        with pytest.raises(frames.FrameError, match="after 4 of 9"):
            frames.receive(theirs, 10)
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()
        with pytest.raises(EOFError):
            frames.receive(theirs, 10)


def test_a_child_inherits_no_variable_that_is_not_on_the_list() -> None:
    os.environ["AUTOREWARD_TEST_API_KEY"] = "canary-value"
    try:
        assert "AUTOREWARD_TEST_API_KEY" not in clean_environment()
        with Jail() as jail, jail.open(SOURCE) as room:
            seen = Path(f"/proc/{room.pid}/environ").read_bytes()
    finally:
        del os.environ["AUTOREWARD_TEST_API_KEY"]
    assert b"canary" not in seen
    assert b"OMP_NUM_THREADS=1" in seen


def test_a_killed_child_is_reaped_and_reported(jail: Jail) -> None:
    room = jail.open(SOURCE)
    pid = room.pid
    room.close()
    assert not Path(f"/proc/{pid}").exists()


def test_many_children_leave_nothing_behind(jail: Jail) -> None:
    jail.open(SOURCE).close()
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    for _ in range(15):
        jail.open(SOURCE).close()
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == before


def test_children_end_with_the_server() -> None:
    jail = Jail()
    room = jail.open(SOURCE)
    pid = room.pid
    jail.close()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()
    room.close()


def test_a_module_that_does_not_start_says_why() -> None:
    with pytest.raises(Exception, match=r"autoreward\.no_such_room did not start: .*No module named"):
        ForkServer("autoreward.no_such_room")
