"""Open a room for one candidate, ask it for parts, and believe nothing that comes back unchecked."""

import json
import signal
import socket
from collections.abc import Sequence
from functools import cached_property
from typing import get_args

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
from autoreward.spawn.keeper import Keeper, Notice, narrow, unheard
from autoreward.spawn.nursery import Child, ServerGone
from autoreward.tiers import Tier
from autoreward.transitions import Transitions
from autoreward.words import plain

LOAD_SECONDS = 10.0
CALL_SECONDS = 10.0
"""Longest that one batch may take, in seconds of wall clock."""
ENDING_SECONDS = 2.0
"""Longest that a room whose socket has closed may take to end."""
MEMORY_MB = 512
UNPROTECTED = (
    "This machine can't lock a process (see `autoreward doctor`), and the program was not written here. Read it, then pass "
    "--trust-the-model to run it without protection, or use Linux on x86-64 or aarch64."
)
HASH_SEEDS = (0, 1)
"""Two fork servers with different hash seeds, so that a dry run can tell what depends on them."""


_NONSENSE = "The reward process answered nonsense about what holds it, so nothing was loaded."
_TOLD = frozenset((Outcome.RAISED, Outcome.BROKE_CONTRACT, Outcome.OUT_OF_MEMORY))
"""The failures that a room may report; all others the client finds out by itself."""


class RewardFailed(Exception):
    """The candidate failed: how, in which words, at which source line."""

    def __init__(self, outcome: Outcome, message: str, line: int | None = None) -> None:
        self.outcome = outcome
        self.message = plain(message, 300)
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
            raise JailError(f"The reward process died before it was locked ({error}).{narrow()}") from None
        if kind != wire.LOCKED:
            said = plain(data.decode(errors="replace"), 300)
            raise JailError(f"The reward process could not be locked, so nothing was loaded: {said}")
        try:
            said = json.loads(bytes(data))
            lock = Lock(said["tier"], int(said["landlock"]))
            if lock.tier not in get_args(Tier):
                raise ValueError(f"{lock.tier} is no tier")
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            raise JailError(_NONSENSE) from None
        return lock

    def prove(self) -> list[Proof]:
        """Have the room try what must not work (before a program is loaded). Raises RewardFailed, JailError."""
        data = self._ask(wire.PROVE, [], wire.PROOFS, wire.FAILURE_CAP, LOAD_SECONDS, "trying the lock took")
        try:
            said = json.loads(bytes(data))
            proofs = [Proof(plain(proof["name"], 100), proof["held"] is True) for proof in said]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise JailError(_NONSENSE) from None
        return proofs

    def load(self, source: str) -> None:
        """Send the program (the host alone does this). Raises RewardFailed if it can't be loaded."""
        what = "the module constants took"
        self._ask(wire.LOAD, [source.encode()[: wire.SOURCE_CAP]], wire.LOADED, 1, self._seconds, what)

    def forget(self) -> None:
        """Empty the program's memory. Raises RewardFailed if it is gone."""
        self._tell(wire.FORGET)

    def set_aside(self, columns: Sequence[int]) -> None:
        """Have it keep a copy of these environments' memory, for `evaluate(again=True)`. Raises RewardFailed if it is gone."""
        self._tell(wire.SET_ASIDE, json.dumps(list(columns)).encode())

    def evaluate(
        self,
        batch: Transitions,
        stepped: bool,
        *,
        again: bool = False,
        judged: bool = True,
        seconds: float | None = None,
    ) -> dict[str, NDArray[np.float64]]:
        """Named parts, each of shape (T, n).

        Args:
            batch: the rows.
            stepped: call the program once per time step, with memory; otherwise once on all rows.
            again: step from the memory that was set aside, beside what goes on.
            judged: False accepts numbers that no training could use, for rows that no training has.
            seconds: longest that it may take; None: as long as any other call.

        Raises:
            RewardFailed: it raised, took too long, died, or returned what the contract forbids.
        """
        steps, envs = batch.shape
        rows = steps * envs
        packed = wire.pack_batch(batch, stepped)
        kind, limit = wire.AGAIN if again else wire.EVALUATE, self._seconds if seconds is None else seconds
        data = self._ask(kind, packed, wire.PARTS, wire.parts_cap(rows), limit, "compute_reward took")
        try:
            names, values = wire.unpack_parts(data, rows)
        except (ValueError, UnicodeDecodeError) as error:
            raise RewardFailed(Outcome.BROKE_CONTRACT, f"the answer is malformed: {error}") from None
        if self._names not in (None, names):
            raise RewardFailed(Outcome.BROKE_CONTRACT, f"the parts changed from {self._names} to {names}")
        self._names = names
        if judged:
            _check_values(names, values, batch)
        return {name: values[i].reshape(steps, envs) for i, name in enumerate(names)}

    def _tell(self, kind: bytes, payload: bytes = b"") -> None:
        try:
            frames.send(self._socket, kind, payload)
        except OSError as error:
            raise RewardFailed(Outcome.CRASHED, f"the reward process died ({error})") from None

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

    def load(self, source: str) -> None:
        """Load the program. Raises RewardFailed; the process is gone then."""
        try:
            self.client.load(source)
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
        self._keepers = {seed: Keeper("autoreward.jail.server", seed, notice) for seed in HASH_SEEDS}

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
        source: str,
        memory_mb: int = MEMORY_MB,
        hash_seed: int = HASH_SEEDS[0],
        seconds_per_call: float = CALL_SECONDS,
    ) -> Room:
        """A room with the program loaded.

        Raises:
            RewardFailed: the program could not be loaded.
            JailError: no room can be made, or none that holds and the program is not trusted.
        """
        room = self.empty(memory_mb, hash_seed, seconds_per_call)
        if room.lock.tier == "process-only" and not self._trust:
            room.close()
            raise JailError(UNPROTECTED)
        room.load(source)
        return room

    def empty(
        self, memory_mb: int = MEMORY_MB, hash_seed: int = HASH_SEEDS[0], seconds_per_call: float = CALL_SECONDS
    ) -> Room:
        """A locked room without a program. Raises JailError."""
        return Room(self._keepers[hash_seed].spawn({"memory_mb": memory_mb}), seconds_per_call)

    def close(self) -> None:
        """End every room."""
        for keeper in self._keepers.values():
            keeper.close()
