"""A fork server that is started when it is first needed, and again if it is lost."""

import resource
import threading
from collections.abc import Callable, Mapping, Sequence

from autoreward.core.closing import Closing
from autoreward.errors import JailError
from autoreward.sandbox.processes.fork_client import Child, Nursery, ServerGone

Notice = Callable[[str], None]
"""Told one sentence about something that went wrong and was mended."""
STARTED_AGAIN = 3
"""How often a server that was lost is started again: whatever kills it more often will go on."""
_ENOUGH = 64 << 30
"""Bytes of addresses of which nobody runs short."""


def unheard(line: str) -> None:
    """A `Notice` where nobody listens."""


class Keeper(Closing):
    """Children of one zygote module, whatever becomes of its server. Thread-safe. Use as a context manager."""

    def __init__(
        self, module: str, hash_seed: int = 0, notice: Notice = unheard, arguments: Sequence[str] = ()
    ) -> None:
        """Nothing is started until the first child; see `Nursery` for what is passed on."""
        self._module = module
        self._hash_seed = hash_seed
        self._arguments = arguments
        self._notice = notice
        self._nursery: Nursery | None = None
        self._lost = 0
        self._lock = threading.Lock()

    def spawn(self, request: Mapping[str, object], fds: Sequence[int] = ()) -> Child:
        """As `Nursery.spawn`. Raises JailError, also when the server was lost too often."""
        while True:
            nursery = self._running()
            try:
                return nursery.spawn(request, fds)
            except ServerGone as gone:
                self._replace(nursery, gone)

    @property
    def pid(self) -> int:
        """The server's process; 0 if there is none yet."""
        return self._nursery.pid if self._nursery else 0

    def close(self) -> None:
        """End the server and every child of it."""
        with self._lock:
            if self._nursery is not None:
                self._nursery.close()

    def _running(self) -> Nursery:
        with self._lock:
            if self._nursery is None:
                try:
                    self._nursery = Nursery(self._module, self._hash_seed, self._arguments)
                except JailError as error:
                    raise JailError(f"{str(error).rstrip('.')}.{narrow()}") from None
            return self._nursery

    def _replace(self, nursery: Nursery, gone: ServerGone) -> None:
        with self._lock:
            if self._nursery is not nursery:
                return  # another thread was first
            nursery.close()
            self._nursery = None
            self._lost += 1
            if self._lost > STARTED_AGAIN:
                raise JailError(
                    f"{gone} It was lost {self._lost} times: something on this machine ends it, for want of memory "
                    "perhaps (`dmesg` tells). Free memory, or use fewer workers."
                )
            self._notice(f"{gone} It was started again, and nothing finished is lost.")


def narrow() -> str:
    """What to say where a process died and may have had too few addresses; empty where there is no such limit."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY or limit > _ENOUGH:
        return ""
    return (
        f" Processes may have only {limit / (1 << 30):.1f} GiB of addresses here, which is probably why: lift the limit "
        "with `ulimit -v unlimited`, then try again."
    )
