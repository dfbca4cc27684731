"""Make rooms, each a locked process for one candidate, and end them."""

import signal
from collections.abc import Mapping
from functools import cached_property

from autoreward.core.closing import Closing
from autoreward.core.contract import REWARD_SIGNATURE, Signature
from autoreward.core.protection import Tier
from autoreward.core.wording import Setting
from autoreward.errors import JailError
from autoreward.sandbox.client import CALL_SECONDS, RewardClient, RewardFailed
from autoreward.sandbox.processes.fork_client import Child, ServerGone
from autoreward.sandbox.processes.restarting import Notice, RestartingForkServer, unheard

ENDING_SECONDS = 2.0
"""Longest that a room whose socket has closed may take to end."""
MEMORY_MB = 512
UNPROTECTED = (
    "This machine can't lock a process (see `autoreward doctor`), and the program was not written here. Read it, then set ",
    Setting("trust_the_model", True),
    " to run it without protection, or use Linux on x86-64 or aarch64.",
)
HASH_SEEDS = (0, 1)
"""Two fork servers with different hash seeds, so that a dry run can tell what depends on them."""


class Room(Closing):
    """One candidate's process: locked when it is made, then given a program."""

    def __init__(self, child: Child, seconds_per_call: float = CALL_SECONDS) -> None:
        """Wait until it is locked. Raises JailError if it could not be; the process is gone then."""
        self._child = child
        self.client = RewardClient(child.socket, seconds_per_call)
        try:
            self.lock = self.client.locked()
        except JailError:
            self.close()
            raise

    def load(self, program: str | Mapping[str, str], signature: Signature = REWARD_SIGNATURE) -> None:
        """Load a program, or the Python files of an export. Raises RewardFailed; the process is gone then."""
        try:
            if isinstance(program, str):
                self.client.load(program, signature)
            else:
                self.client.load_export(program)
        except RewardFailed:
            self.close()
            raise

    @property
    def fd(self) -> int:
        """The host's end of the room's socket, to be handed to a train worker."""
        return self._child.socket.fileno()

    @property
    def pid(self) -> int:
        """The process."""
        return self._child.pid

    def was_killed(self) -> bool:
        """Whether something outside ended it: no program can send this signal, and its own faults have others."""
        try:
            return self._child.wait(ENDING_SECONDS).code == -signal.SIGKILL
        except TimeoutError:
            return False
        except ServerGone:
            return True

    def close(self) -> None:
        """Kill the process and reap it."""
        self._child.close()


class Jail(Closing):
    """Makes rooms. Thread-safe. Use as a context manager."""

    def __init__(self, trust_the_model: bool = False, notice: Notice = unheard) -> None:
        """Nothing is started until the first room is made.

        `trust_the_model`: go on where this machine can't lock a process (tier "process-only"). `notice` is told of a
        fork server that was lost and started again.
        """
        self._trust = trust_the_model
        self._fork_servers = {
            seed: RestartingForkServer("autoreward.sandbox.child.server", seed, notice) for seed in HASH_SEEDS
        }

    @cached_property
    def tier(self) -> Tier:
        """What protects this machine, as a room of its own found it. Raises JailError."""
        with self.empty() as room:
            return room.lock.tier

    def demand(self) -> None:
        """Raises JailError if programs would be refused here for want of protection: better before anything is paid."""
        if self.tier == "process-only" and not self._trust:
            raise JailError(*UNPROTECTED)

    def open(
        self,
        program: str | Mapping[str, str],
        memory_mb: int = MEMORY_MB,
        hash_seed: int = HASH_SEEDS[0],
        seconds_per_call: float = CALL_SECONDS,
        signature: Signature = REWARD_SIGNATURE,
    ) -> Room:
        """A room with a program of that signature loaded, or with the Python files of an export, by name.

        Raises:
            RewardFailed: the program could not be loaded.
            JailError: no room can be made, or none that holds and the program is not trusted.
        """
        room = self.empty(memory_mb, hash_seed, seconds_per_call)
        if room.lock.tier == "process-only" and not self._trust:
            room.close()
            raise JailError(*UNPROTECTED)
        room.load(program, signature)
        return room

    def empty(
        self, memory_mb: int = MEMORY_MB, hash_seed: int = HASH_SEEDS[0], seconds_per_call: float = CALL_SECONDS
    ) -> Room:
        """A locked room without a program. Raises JailError."""
        return Room(self._fork_servers[hash_seed].spawn({"memory_mb": memory_mb}), seconds_per_call)

    def close(self) -> None:
        """End every room."""
        for fork_server in self._fork_servers.values():
            fork_server.close()
