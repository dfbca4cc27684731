"""Host side of the fork server: start it with a clean environment, ask it for children, kill and reap them."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from autoreward.core.closing import Closing
from autoreward.core.process_secrecy import Hidden
from autoreward.errors import JailError
from autoreward.sandbox.processes.fork_server import REQUEST_CAP

START_SECONDS = 120.0
BIRTH_SECONDS = 30.0
_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "MUJOCO_GL",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
    "CUDA_VISIBLE_DEVICES",
)
"""Variables a child may inherit. Everything else, and every key, stays with the host."""
_SET = {
    "HOME": "/nonexistent",
    "LOGNAME": "nobody",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONNOUSERSITE": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "SDL_VIDEODRIVER": "dummy",
    "SDL_AUDIODRIVER": "dummy",
    "PYGAME_HIDE_SUPPORT_PROMPT": "1",
}


class Exit(NamedTuple):
    """How a child ended."""

    code: int
    """Exit status; negative: the signal that ended it."""
    max_rss_kb: int
    cpu_seconds: float


def clean_environment(hash_seed: int = 0) -> dict[str, str]:
    """The whole environment of a child process: an allow-list and fixed values."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed, **_SET, "PYTHONHASHSEED": str(hash_seed)}


class ServerGone(JailError):
    """A fork server ended, and its children with it."""


class Child:
    """One forked process. `socket` is the host's end of its stream."""

    def __init__(self, fork_server: "ForkServer", identity: int, sock: socket.socket) -> None:
        self.socket = sock
        self.pid = -1
        self._fork_server = fork_server
        self._identity = identity
        self._born = threading.Event()
        self._ended = threading.Event()
        self._exit: Exit | None = None

    def kill(self) -> None:
        """Kill the child and its whole process group; harmless if it has ended."""
        self._fork_server._kill(self._identity)

    @property
    def over(self) -> bool:
        """Whether it is known to have ended."""
        return self._ended.is_set()

    def wait(self, timeout: float | None = None) -> Exit:
        """How it ended. Raises TimeoutError if it still runs after `timeout` seconds, ServerGone if nobody can tell."""
        if not self._ended.wait(timeout):
            raise TimeoutError(f"child {self.pid} is still running after {timeout} s")
        if self._exit is None:
            raise self._fork_server.gone()
        return self._exit

    def close(self) -> None:
        """Kill, reap, and close the socket."""
        self.kill()
        self.socket.close()
        self._ended.wait(10)


class ForkServer(Closing):
    """A fork server of one module, from outside. Thread-safe. Use as a context manager."""

    def __init__(self, module: str, hash_seed: int = 0, arguments: Sequence[str] = ()) -> None:
        """Start `python -P -s -m module ARGUMENTS FD`. Raises JailError if it does not come up.

        Not -I: that ignores PYTHONHASHSEED too. The environment is ours to the last variable, so -P and -s are enough.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._module = module
        self._control = ours
        self._lock = threading.Lock()
        self._children: dict[int, Child] = {}
        self._count = 0
        self._ended = threading.Event()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the server
        self._hidden = Hidden()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-B", "-m", module, *arguments, str(theirs.fileno())],
                env=clean_environment(hash_seed),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                cwd="/",
                start_new_session=True,
            )
        ours.settimeout(START_SECONDS)
        why = "no message"
        try:
            ready = ours.recv(4096)
        except TimeoutError:
            ready, why = b"", f"it was not ready after {START_SECONDS:g} s; if this machine is busy, try again"
        if not ready:
            message = self._last_words()
            self.close()
            raise JailError(f"{module} did not start: {message or why}")
        ours.settimeout(None)
        self._reader = threading.Thread(target=self._read, name=f"fork server {module}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def gone(self) -> ServerGone:
        """What to say once the server has ended."""
        words = self._last_words()
        last = f" Its last words: {words}." if words else ""
        return ServerGone(f"The process that starts {self._module} ended, killed from outside or out of memory.{last}")

    def spawn(self, request: Mapping[str, object], fds: Sequence[int] = ()) -> Child:
        """Fork a child; it runs the module's `main(request, socket, fds)`.

        Raises:
            ServerGone: the server has ended.
            JailError: it could not fork, or the request is larger than REQUEST_CAP bytes.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs, self._lock:
            self._count += 1
            child = Child(self, self._count, ours)
            message = json.dumps({"op": "run", "id": self._count, "request": dict(request)}).encode()
            if len(message) > REQUEST_CAP:
                ours.close()
                raise JailError(f"a request of {len(message)} bytes is larger than {REQUEST_CAP}; send it by socket")
            self._children[self._count] = child
            try:
                socket.send_fds(self._control, [message], [theirs.fileno(), *fds])
            except OSError:
                del self._children[self._count]
                ours.close()
                raise self.gone() from None
        if not child._born.wait(BIRTH_SECONDS):
            child.close()
            raise JailError(f"the fork server did not answer within {BIRTH_SECONDS:g} s")
        if child.pid < 0:
            ours.close()
            if self._ended.is_set():
                raise self.gone()
            raise JailError("the fork server could not start a process: too little memory, or too many processes")
        return child

    def close(self) -> None:
        """End the server and every child of it."""
        self._control.close() if self._process.poll() is not None else self._shut()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
        self._hidden.close()

    def _shut(self) -> None:
        # shutdown, unlike close, also wakes the reader thread and reaches a server that holds a copy of the socket
        try:
            self._control.shutdown(socket.SHUT_RDWR)
        except OSError:
            self._process.kill()
        self._control.close()

    def _kill(self, identity: int) -> None:
        with self._lock:
            if identity not in self._children:
                return
            try:
                self._control.send(json.dumps({"op": "kill", "id": identity}).encode())
            except OSError:
                self._process.kill()

    def _read(self) -> None:
        """Take births and exits from the server until it is gone."""
        while True:
            try:
                data = self._control.recv(4096)
            except OSError:
                data = b""
            if not data:
                break
            self._event(json.loads(data))
        with self._lock:
            self._ended.set()
            for child in self._children.values():
                child._born.set()
                child._ended.set()
            self._children.clear()

    def _event(self, event: dict[str, Any]) -> None:
        with self._lock:
            child = self._children.get(event["id"])
            if child is None:
                return
            if event["event"] == "born":
                child.pid = event["pid"]
                child._born.set()
                return
            del self._children[event["id"]]
        if event["event"] == "exit":
            child._exit = Exit(event["code"], event["max_rss_kb"], event["cpu_seconds"])
        child._born.set()
        child._ended.set()

    def _last_words(self) -> str:
        if self._errors.closed:
            return "it was closed"
        self._errors.seek(0)
        lines = self._errors.read()[-2000:].decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""
