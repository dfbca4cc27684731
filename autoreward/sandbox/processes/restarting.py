"""A fork server that is started when it is first needed, and again if it is lost."""

import resource
import threading
from collections.abc import Callable, Mapping, Sequence

from autoreward.core.closing import Closing
from autoreward.errors import JailError
from autoreward.sandbox.processes.fork_client import Child, ForkServer, ServerGone

Notice = Callable[[str], None]
"""Told one sentence about something that went wrong and was mended."""
STARTED_AGAIN = 3
"""How often a server that was lost is started again: whatever kills it more often will go on."""
_ENOUGH = 64 << 30
"""Bytes of addresses of which nobody runs short."""


def unheard(line: str) -> None:
    """A `Notice` where nobody listens."""


class RestartingForkServer(Closing):
    """Children of one module, whatever becomes of its fork server. Thread-safe. Use as a context manager."""

    def __init__(
        self, module: str, hash_seed: int = 0, notice: Notice = unheard, arguments: Sequence[str] = ()
    ) -> None:
        """Nothing is started until the first child; see `ForkServer` for what is passed on."""
        self._module = module
        self._hash_seed = hash_seed
        self._arguments = arguments
        self._notice = notice
        self._fork_server: ForkServer | None = None
        self._lost = 0
        self._lock = threading.Lock()

    def spawn(self, request: Mapping[str, object], fds: Sequence[int] = ()) -> Child:
        """As `ForkServer.spawn`. Raises JailError, also when the server was lost too often."""
        while True:
            fork_server = self._running()
            try:
                return fork_server.spawn(request, fds)
            except ServerGone as gone:
                self._replace(fork_server, gone)

    @property
    def pid(self) -> int:
        """The server's process; 0 if there is none yet."""
        return self._fork_server.pid if self._fork_server else 0

    def close(self) -> None:
        """End the server and every child of it."""
        with self._lock:
            if self._fork_server is not None:
                self._fork_server.close()

    def _running(self) -> ForkServer:
        with self._lock:
            if self._fork_server is None:
                try:
                    self._fork_server = ForkServer(self._module, self._hash_seed, self._arguments)
                except JailError as error:
                    raise JailError(f"{str(error).rstrip('.')}.{narrow()}") from None
            return self._fork_server

    def _replace(self, fork_server: ForkServer, gone: ServerGone) -> None:
        with self._lock:
            if self._fork_server is not fork_server:
                return  # another thread was first
            fork_server.close()
            self._fork_server = None
            self._lost += 1
            if self._lost > STARTED_AGAIN:
                raise JailError(
                    f"{gone} It was lost {self._lost} times: something on this machine ends it, for want of memory "
                    "perhaps (`dmesg` tells). Free memory, or use fewer workers."
                )
            self._notice(f"{gone} It was started again, and nothing finished is lost.")


def narrow() -> str:
    """What to say where a process died and may have had too few addresses; empty where there is no such limit."""
    for kind, what, option in ((resource.RLIMIT_AS, "addresses", "-v"), (resource.RLIMIT_DATA, "data", "-d")):
        limit = resource.getrlimit(kind)[0]
        if resource.RLIM_INFINITY != limit <= _ENOUGH:
            return (
                f" Processes may have only {limit / (1 << 30):.1f} GiB of {what} here, which is probably why: lift the limit "
                f"with `ulimit {option} unlimited`, then try again."
            )
    return ""
