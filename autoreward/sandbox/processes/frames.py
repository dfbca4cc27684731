"""Frames over a stream socket: one kind byte, an 8-byte little-endian length, the payload."""

import os
import struct
import time
from collections.abc import Sequence
from typing import Protocol

_HEADER = struct.Struct("<cQ")


class Stream(Protocol):
    """What a frame travels over; a connected stream socket is one."""

    def sendmsg(self, pieces: Sequence[memoryview], /) -> int:
        """Send some of the pieces' bytes; how many."""
        ...

    def recv_into(self, view: memoryview, /) -> int:
        """Receive some bytes; how many, 0 at the end."""
        ...

    def gettimeout(self) -> float | None:
        """Longest wait, in seconds; None: for ever."""
        ...

    def settimeout(self, seconds: float | None, /) -> None:
        """Set it."""
        ...


class Descriptor:
    """A stream that reads and writes a descriptor: for a process that may not use the socket calls."""

    def __init__(self, number: int) -> None:
        self._number = number

    def sendmsg(self, pieces: Sequence[memoryview], /) -> int:
        """Write some of the pieces' bytes; how many."""
        return os.writev(self._number, pieces)

    def recv_into(self, view: memoryview, /) -> int:
        """Read some bytes; how many, 0 at the end."""
        return os.readv(self._number, [view])

    def gettimeout(self) -> None:
        """It waits for ever."""

    def settimeout(self, seconds: float | None, /) -> None:
        """Raises ValueError unless None."""
        if seconds is not None:
            raise ValueError("a descriptor has no timeout")


class FrameError(Exception):
    """What arrived is not a whole frame of an accepted size."""


def send(sock: Stream, kind: bytes, *payload: "bytes | bytearray | memoryview") -> None:
    """Send one frame made of the given pieces, without copying them together.

    Raises:
        TimeoutError: the other end did not take it within the socket's timeout.
        OSError: the other end is gone.
    """
    views = [memoryview(piece).cast("B") for piece in payload if len(piece)]
    pending = [memoryview(_HEADER.pack(kind, sum(v.nbytes for v in views))), *views]
    while pending:
        sent = sock.sendmsg(pending[:512])
        while pending and sent >= pending[0].nbytes:
            sent -= pending.pop(0).nbytes
        if sent:
            pending[0] = pending[0][sent:]


def receive(sock: Stream, cap: int) -> tuple[bytes, bytearray]:
    """Receive one frame of at most `cap` payload bytes.

    Returns:
        The kind byte and the payload.

    Raises:
        EOFError: the other end closed before a frame began.
        FrameError: it closed within a frame, or the frame is larger than `cap`.
        TimeoutError: the whole frame did not arrive within the socket's timeout, however its bytes were spread.
    """
    seconds = sock.gettimeout()
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        return _frame(sock, cap, deadline)
    finally:
        if deadline is not None:
            sock.settimeout(seconds)


def _frame(sock: Stream, cap: int, deadline: float | None) -> tuple[bytes, bytearray]:
    header = _exactly(sock, _HEADER.size, deadline, within=False)
    kind, length = _HEADER.unpack(header)
    if length > cap:
        raise FrameError(f"a frame of {length} bytes is larger than the {cap} accepted")
    return kind, _exactly(sock, length, deadline, within=True)


def _exactly(sock: Stream, count: int, deadline: float | None, within: bool) -> bytearray:
    buffer = bytearray(count)
    view = memoryview(buffer)
    got = 0
    while got < count:
        if deadline is not None and (got or within):
            # each further wait gets what is left of the whole, or a sender could drip bytes for ever
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"only {got} of {count} bytes arrived in time")
            sock.settimeout(left)
        try:
            read = sock.recv_into(view[got:])
        except ConnectionResetError:
            read = 0
        if read == 0:
            if got or within:
                raise FrameError(f"the stream ended after {got} of {count} bytes")
            raise EOFError("the stream ended")
        got += read
    return buffer
