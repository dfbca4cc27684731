"""Frames over a stream socket: one kind byte, an 8-byte little-endian length, the payload."""

import socket
import struct

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
        TimeoutError: nothing arrived within the socket's timeout.
    """
    header = _exactly(sock, _HEADER.size, within=False)
    kind, length = _HEADER.unpack(header)
    if length > cap:
        raise FrameError(f"a frame of {length} bytes is larger than the {cap} accepted")
    return kind, _exactly(sock, length, within=True)


def _exactly(sock: socket.socket, count: int, within: bool) -> bytearray:
    buffer = bytearray(count)
    view = memoryview(buffer)
    got = 0
    while got < count:
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
