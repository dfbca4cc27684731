"""Ask a room for parts, and believe nothing that comes back unchecked."""

import json
import socket
from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from autoreward.core.contract import CONTROLLER_SIGNATURE, MAGNITUDE, REWARD_SIGNATURE, Signature
from autoreward.core.outcomes import Outcome
from autoreward.core.protection import Tier
from autoreward.core.transitions import Transitions
from autoreward.core.visible import visible_line
from autoreward.errors import JailError
from autoreward.sandbox import wire
from autoreward.sandbox.kernel.lock import Lock
from autoreward.sandbox.kernel.proofs import Proof
from autoreward.sandbox.processes import frames
from autoreward.sandbox.processes.restarting import narrow

LOAD_SECONDS = 10.0
CALL_SECONDS = 10.0
"""Longest that one batch may take, in seconds of wall clock."""

_NONSENSE = "The reward process answered nonsense about what holds it, so nothing was loaded."
_TOLD = frozenset((Outcome.RAISED, Outcome.BROKE_CONTRACT, Outcome.OUT_OF_MEMORY))
"""The failures that a room may report; all others the client finds out by itself."""


class RewardFailed(Exception):
    """The candidate failed: how, in which words, at which source line."""

    def __init__(self, outcome: Outcome, message: str, line: int | None = None) -> None:
        self.outcome = outcome
        self.message = visible_line(message, 300)
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
            message = visible_line(data.decode(errors="replace"), 300)
            raise JailError(f"The reward process could not be locked, so nothing was loaded: {message}")
        try:
            message = json.loads(bytes(data))
            lock = Lock(message["tier"], int(message["landlock"]))
            if lock.tier not in get_args(Tier):
                raise ValueError(f"{lock.tier} is no tier")
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            raise JailError(_NONSENSE) from None
        return lock

    def prove(self) -> list[Proof]:
        """Have the room try what must not work (before a program is loaded). Raises RewardFailed, JailError."""
        data = self._ask(wire.PROVE, [], wire.PROOFS, wire.FAILURE_CAP, LOAD_SECONDS, "trying the lock took")
        try:
            attempts = json.loads(bytes(data))
            proofs = [Proof(visible_line(proof["name"], 100), proof["held"] is True) for proof in attempts]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise JailError(_NONSENSE) from None
        return proofs

    def load(self, source: str, signature: Signature = REWARD_SIGNATURE) -> None:
        """Send the program (the host alone does this). Raises RewardFailed if it can't be loaded."""
        what = "the module constants took"
        kind = wire.LOAD_CONTROLLER if signature == CONTROLLER_SIGNATURE else wire.LOAD
        self._ask(kind, [source.encode()[: wire.SOURCE_CAP]], wire.LOADED, 1, self._seconds, what)

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
        data = self._ask(kind, packed, wire.PARTS, wire.parts_cap(rows), limit, "the program took")
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
        message = json.loads(bytes(data))
        line = message["line"] if type(message["line"]) is int and 0 < message["line"] < 1_000_000 else None
        outcome = Outcome(message["outcome"])
        if outcome not in _TOLD:
            raise ValueError(f"{outcome} is not the room's to say")
        return RewardFailed(outcome, str(message["message"]), line)
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
