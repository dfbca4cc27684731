"""What crosses between a worker and the host: progress, files, one report, or one failure. No pickles."""

import socket
from collections.abc import Sequence

from autoreward.sandbox.processes import frames

PROGRESS, JOB_FILE, JOB_REPORT, JOB_FAILED = b"P", b"F", b"R", b"X"
REPORT_CAP = 8 << 20
FILE_CAP = 256 << 20
"""Bytes of a file, and of all files of a job."""
FILES = 1_000
JOB_FAILURE_CAP = 64 << 10
FILES_CLOSED = 71
"""Exit code of a worker whose connection an environment closed, together with other files of its process."""


def send_file(sock: socket.socket, name: str, data: bytes) -> None:
    """Send one named file."""
    frames.send(sock, JOB_FILE, name.encode() + b"\n", data)


def split_file(payload: bytearray) -> tuple[str, bytes]:
    """A file frame's name and content. Raises ValueError on anything that is not a plain file name."""
    name, _, data = bytes(payload).partition(b"\n")
    text = name.decode("ascii")
    if not text or not text.replace("-", "").replace(".", "").replace("_", "").isalnum() or text.startswith("."):
        raise ValueError(f"a file named {text[:60]!r}")
    return text, data


def receive_files(sock: socket.socket, names: Sequence[str]) -> dict[str, bytes]:
    """The files of these names. Raises ValueError if others come."""
    files = dict(split_file(frames.receive(sock, FILE_CAP)[1]) for _ in names)
    if files.keys() != set(names):
        raise ValueError(f"files {sorted(files)}, not {sorted(names)}")
    return files
