"""Frames over a stream socket: one kind byte, an 8-byte little-endian length, the payload."""

import socket
import struct
import time

_HEADER = struct.Struct("<cQ")


class FrameError(Exception):
    """What arrived is not a whole frame of an accepted size."""


def send(sock: socket.socket, kind: bytes, *payload: "bytes | bytearray | memoryview") -> None:
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


def receive(sock: socket.socket, cap: int) -> tuple[bytes, bytearray]:
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


def _frame(sock: socket.socket, cap: int, deadline: float | None) -> tuple[bytes, bytearray]:
    header = _exactly(sock, _HEADER.size, deadline, within=False)
    kind, length = _HEADER.unpack(header)
    if length > cap:
        raise FrameError(f"a frame of {length} bytes is larger than the {cap} accepted")
    return kind, _exactly(sock, length, deadline, within=True)


def _exactly(sock: socket.socket, count: int, deadline: float | None, within: bool) -> bytearray:
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
