"""Rooms that are locked ahead: each is given away once, alive, and none is left."""

import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from autoreward.errors import JailError
from autoreward.sandbox import ready
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.ready import ReadyRooms
from autoreward.sandbox.room import Room

GOOD = "def compute_reward(state, action, next_state, memory):\n    return {'x': next_state.x}\n"


class FakeRoom:
    def __init__(self) -> None:
        self.lives, self.closed = True, False

    def close(self) -> None:
        self.closed = True


def until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10.0
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "REFILL_SECONDS", 0.0)


def test_each_is_given_once_and_replaced() -> None:
    made: list[FakeRoom] = []

    def make() -> Room:
        made.append(FakeRoom())
        return cast(Room, made[-1])

    with ReadyRooms(make, 2) as rooms:
        assert rooms.take() is None
        until(lambda: len(made) == 2)
        taken = [rooms.take() for _ in range(2)]
        until(lambda: len(made) == 4)
        assert taken == made[:2]
    assert [room.closed for room in made] == [False, False, True, True], "whoever took one closes it"
    assert rooms.take() is None


def test_one_that_ended_while_it_waited_is_given_to_nobody() -> None:
    made: list[FakeRoom] = []

    def make() -> Room:
        made.append(FakeRoom())
        return cast(Room, made[-1])

    with ReadyRooms(make, 1) as rooms:
        rooms.take()
        until(lambda: len(made) == 1)
        made[0].lives = False
        until(lambda: rooms.take() is made[-1])
        assert len(made) > 1


def test_where_none_can_be_made_whoever_asks_is_told() -> None:
    asked: list[int] = []

    def make() -> Room:
        asked.append(1)
        raise JailError("no")

    with ReadyRooms(make, 1) as rooms:
        assert rooms.take() is None
        until(lambda: asked)
        assert rooms.take() is None


@pytest.mark.slow
def test_a_room_that_waited_is_locked_like_any_other_and_new_to_its_program() -> None:
    with Jail(ready=True) as jail:
        with jail.open(GOOD) as first:
            lock = first.lock
        rooms = jail._ready[0]
        until(lambda: len(rooms._waiting) == rooms._count)
        waiting = [room.pid for room in rooms._waiting]
        with jail.empty() as held:
            assert all(proof.held for proof in held.client.prove())
        with jail.open(GOOD) as second:
            assert (second.lock, second.pid in waiting) == (lock, True)
        assert first.pid != second.pid
