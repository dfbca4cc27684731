"""Open a room for one candidate, ask it for parts, and believe nothing that comes back unchecked."""

import json
import socket
import threading
from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from autoreward.closing import Closing
from autoreward.contract import MAGNITUDE
from autoreward.errors import JailError
from autoreward.jail import wire
from autoreward.jail.kernel.proofs import Proof
from autoreward.jail.lock import Lock
from autoreward.outcomes import Outcome
from autoreward.spawn import frames
from autoreward.spawn.nursery import Child, Nursery
from autoreward.tiers import Tier
from autoreward.transitions import Transitions

LOAD_SECONDS = 10.0
CALL_SECONDS = 10.0
"""Longest that one batch may take, in seconds of wall clock."""
MEMORY_MB = 512
UNPROTECTED = (
    "This machine can't lock a process (see `autoreward doctor`), and the program was not written here. Read it, then pass "
    "--trust-the-model to run it without protection, or use Linux on x86-64 or aarch64."
)
HASH_SEEDS = (0, 1)
"""Two fork servers with different hash seeds, so that a dry run can tell what depends on them."""


_TOLD = frozenset((Outcome.RAISED, Outcome.BROKE_CONTRACT, Outcome.OUT_OF_MEMORY))
"""The failures that a room may report; all others the client finds out by itself."""


class RewardFailed(Exception):
    """The candidate failed: how, in which words, at which source line."""

    def __init__(self, outcome: Outcome, message: str, line: int | None = None) -> None:
        self.outcome = outcome
        self.message = "".join(c if c.isprintable() else "?" for c in message)[:300]
        self.line = line
        super().__init__(self.message)


class RewardClient:
    """Asks one room over its socket. Used by the host for dry runs and by the train worker for training."""

    def __init__(self, sock: socket.socket, seconds_per_call: float = CALL_SECONDS) -> None:
        self._socket = sock
        self._seconds = seconds_per_call
        self._names: tuple[str, ...] | None = None

    def locked(self) -> Lock:
        """How the room says it is held. Raises JailError if it is not."""
        self._socket.settimeout(LOAD_SECONDS)
        try:
            kind, data = frames.receive(self._socket, wire.FAILURE_CAP)
        except (TimeoutError, EOFError, OSError, frames.FrameError) as error:
            raise JailError(f"The reward process died before it was locked ({error}).") from None
        if kind != wire.LOCKED:
            said = "".join(c for c in data.decode(errors="replace") if c.isprintable())
            raise JailError(f"The reward process could not be locked, so nothing was loaded: {said}")
        return Lock(**json.loads(data))

    def prove(self) -> list[Proof]:
        """Have the room try what must not work (before a program is loaded)."""
        data = self._ask(wire.PROVE, [], wire.PROOFS, wire.FAILURE_CAP, LOAD_SECONDS, "trying the lock took")
        return [Proof(**proof) for proof in json.loads(data)]

    def load(self, source: str) -> None:
        """Send the program (the host alone does this). Raises RewardFailed if it can't be loaded."""
        what = "the module constants took"
        self._ask(wire.LOAD, [source.encode()[: wire.SOURCE_CAP]], wire.LOADED, 1, self._seconds, what)

    def load_export(self, files: Mapping[str, str]) -> None:
        """Send the Python files of an export, to be loaded as a person's own Python would. Raises RewardFailed."""
        text = json.dumps(dict(files)).encode()
        self._ask(wire.EXPORTED, [text], wire.LOADED, 1, self._seconds, "importing reward.py took")

    def rewards(self, batch: Transitions) -> NDArray[np.float64]:
        """Rewards of loaded exported files, step by step along each column: shape (T, n), as they came. Raises RewardFailed."""
        rows = batch.step.size
        packed = wire.pack_batch(batch, stepped=True)
        cap = wire.parts_cap(rows)
        data = self._ask(wire.REWARDS, packed, wire.PARTS, cap, self._seconds, "the rewards of reward.py took")
        try:
            _, values = wire.unpack_parts(data, rows)
        except (ValueError, UnicodeDecodeError) as error:
            raise RewardFailed(Outcome.BROKE_CONTRACT, f"the answer is malformed: {error}") from None
        return np.asarray(values[0].reshape(batch.shape))

    def forget(self) -> None:
        """Empty the program's memory."""
        frames.send(self._socket, wire.FORGET)

    def evaluate(self, batch: Transitions, stepped: bool) -> dict[str, NDArray[np.float64]]:
        """Named parts, each of shape (T, n).

        `stepped`: call the program once per time step, with memory; otherwise once on all rows.

        Raises:
            RewardFailed: it raised, took too long, died, or returned what the contract forbids.
        """
        steps, envs = batch.shape
        rows = steps * envs
        packed = wire.pack_batch(batch, stepped)
        data = self._ask(wire.EVALUATE, packed, wire.PARTS, wire.parts_cap(rows), self._seconds, "compute_reward took")
        try:
            names, values = wire.unpack_parts(data, rows)
        except (ValueError, UnicodeDecodeError) as error:
            raise RewardFailed(Outcome.BROKE_CONTRACT, f"the answer is malformed: {error}") from None
        if self._names not in (None, names):
            raise RewardFailed(Outcome.BROKE_CONTRACT, f"the parts changed from {self._names} to {names}")
        self._names = names
        _check_values(names, values, batch)
        return {name: values[i].reshape(steps, envs) for i, name in enumerate(names)}

    def _ask(
        self,
        kind: bytes,
        payload: list[bytes | memoryview] | list[bytes],
        expected: bytes,
        cap: int,
        seconds: float,
        what: str,
    ) -> bytearray:
        self._socket.settimeout(seconds)
        try:
            frames.send(self._socket, kind, *payload)
            got, data = frames.receive(self._socket, max(cap, wire.FAILURE_CAP))
        except TimeoutError:
            raise RewardFailed(Outcome.TIMED_OUT, f"{what} longer than {seconds:g} s") from None
        except (EOFError, OSError, frames.FrameError) as error:
            raise RewardFailed(Outcome.CRASHED, f"the reward process died ({error})") from None
        if got == wire.FAILED:
            raise _told(data)
        if got != expected:
            raise RewardFailed(Outcome.BROKE_CONTRACT, "the reward process answered something else")
        return data


def _told(data: bytearray) -> RewardFailed:
    """The failure that the room reports, as far as it can be believed."""
    try:
        said = json.loads(bytes(data))
        line = said["line"] if type(said["line"]) is int and 0 < said["line"] < 1_000_000 else None
        outcome = Outcome(said["outcome"])
        if outcome not in _TOLD:
            raise ValueError(f"{outcome} is not the room's to say")
        return RewardFailed(outcome, str(said["message"]), line)
    except (ValueError, KeyError, TypeError, RecursionError):
        return RewardFailed(Outcome.BROKE_CONTRACT, "the reward process answered nonsense")


def _check_values(names: tuple[str, ...], values: NDArray[np.float64], batch: Transitions) -> None:
    with np.errstate(all="ignore"):
        total = values.sum(axis=0)
    if (
        np.isfinite(total).all()
        and np.abs(values).max(initial=0.0) <= MAGNITUDE
        and np.abs(total).max(initial=0.0) <= MAGNITUDE
    ):
        return
    steps = batch.step.reshape(-1)
    for name, part in zip(names, values, strict=True):
        if (bad := ~np.isfinite(part)).any():
            row = int(np.flatnonzero(bad)[0])
            raise RewardFailed(
                Outcome.NOT_FINITE, f"part {name!r} became {part[row]} at step {steps[row]} of an episode"
            )
        if (bad := np.abs(part) > MAGNITUDE).any():
            row = int(np.flatnonzero(bad)[0])
            raise RewardFailed(
                Outcome.TOO_LARGE, f"part {name!r} was {part[row]:.10g} at step {steps[row]} of an episode"
            )
    raise RewardFailed(Outcome.TOO_LARGE, f"the parts sum to {np.abs(total).max():.10g} in magnitude")


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

    def load(self, program: str | Mapping[str, str]) -> None:
        """Load a program, or the Python files of an export. Raises RewardFailed; the process is gone then."""
        try:
            if isinstance(program, str):
                self.client.load(program)
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

    def close(self) -> None:
        """Kill the process and reap it."""
        self._child.close()


class Jail(Closing):
    """Makes rooms. Thread-safe. Use as a context manager."""

    def __init__(self, trust_the_model: bool = False) -> None:
        """Nothing is started until the first room is made.

        `trust_the_model`: go on where this machine can't lock a process (tier "process-only").
        """
        self._trust = trust_the_model
        self._nurseries: dict[int, Nursery] = {}
        self._lock = threading.Lock()

    @cached_property
    def tier(self) -> Tier:
        """What protects this machine, as a room of its own found it. Raises JailError."""
        with self.empty() as room:
            return room.lock.tier

    def demand(self) -> None:
        """Raises JailError if programs would be refused here for want of protection: better before anything is paid."""
        if self.tier == "process-only" and not self._trust:
            raise JailError(UNPROTECTED)

    def open(
        self,
        program: str | Mapping[str, str],
        memory_mb: int = MEMORY_MB,
        hash_seed: int = HASH_SEEDS[0],
        seconds_per_call: float = CALL_SECONDS,
    ) -> Room:
        """A room with a program loaded, or with the Python files of an export, by name.

        Raises:
            RewardFailed: the program could not be loaded.
            JailError: no room can be made, or none that holds and the program is not trusted.
        """
        room = self.empty(memory_mb, hash_seed, seconds_per_call)
        if room.lock.tier == "process-only" and not self._trust:
            room.close()
            raise JailError(UNPROTECTED)
        room.load(program)
        return room

    def empty(
        self, memory_mb: int = MEMORY_MB, hash_seed: int = HASH_SEEDS[0], seconds_per_call: float = CALL_SECONDS
    ) -> Room:
        """A locked room without a program. Raises JailError."""
        with self._lock:
            if hash_seed not in self._nurseries:
                self._nurseries[hash_seed] = Nursery("autoreward.jail.server", hash_seed)
        return Room(self._nurseries[hash_seed].spawn({"memory_mb": memory_mb}), seconds_per_call)

    def close(self) -> None:
        """End every room."""
        for nursery in self._nurseries.values():
            nursery.close()
