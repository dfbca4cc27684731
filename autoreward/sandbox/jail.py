"""Make rooms, each a locked process for one candidate, and end them."""

from collections.abc import Mapping
from functools import cached_property, partial

from autoreward.core.closing import Closing
from autoreward.core.contract import REWARD_SIGNATURE, Signature
from autoreward.core.protection import Tier
from autoreward.core.wording import Setting
from autoreward.errors import JailError
from autoreward.sandbox.client import CALL_SECONDS
from autoreward.sandbox.processes.restarting import Notice, RestartingForkServer, unheard
from autoreward.sandbox.ready import ReadyRooms
from autoreward.sandbox.room import Room

MEMORY_MB = 512
UNPROTECTED = (
    "This machine can't lock a process (see `autoreward doctor`), and the program was not written here. Read it, then set ",
    Setting("trust_the_model", True),
    " to run it without protection, or use Linux on x86-64 or aarch64.",
)
HASH_SEEDS = (0, 1)
"""Two fork servers with different hash seeds, so that a dry run can tell what depends on them."""
_READY = {HASH_SEEDS[0]: 2, HASH_SEEDS[1]: 1}
"""Rooms that wait: a dry run and a look at recorded episodes take these."""


class Jail(Closing):
    """Makes rooms. Thread-safe. Use as a context manager."""

    def __init__(self, trust_the_model: bool = False, notice: Notice = unheard, ready: bool = False) -> None:
        """Nothing is started until the first room is made; `ready`: from then on rooms are locked ahead, since somebody waits.

        `trust_the_model`: go on where this machine can't lock a process (tier "process-only"). `notice` is told of a
        fork server that was lost and started again.
        """
        self._trust = trust_the_model
        self._fork_servers = {
            seed: RestartingForkServer("autoreward.sandbox.child.server", seed, notice) for seed in HASH_SEEDS
        }
        self._ready = {
            seed: ReadyRooms(partial(self._made, MEMORY_MB, seed), count) for seed, count in _READY.items() if ready
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
        waiting = self._ready.get(hash_seed) if memory_mb == MEMORY_MB else None
        room = (waiting.take() if waiting else None) or self._made(memory_mb, hash_seed)
        room.allow(seconds_per_call)
        return room

    def _made(self, memory_mb: int, hash_seed: int) -> Room:
        return Room(self._fork_servers[hash_seed].spawn({"memory_mb": memory_mb}))

    def close(self) -> None:
        """End every room."""
        for rooms in self._ready.values():
            rooms.close()
        for fork_server in self._fork_servers.values():
            fork_server.close()
