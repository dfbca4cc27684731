"""Child side of the jail: `python -P -s -m autoreward.jail.server FD`. Imports NumPy and nothing heavier."""

import json
import socket
import traceback
import warnings

from autoreward.jail import wire
from autoreward.jail.kernel import proofs
from autoreward.jail.lock import NotHeld, lock
from autoreward.jail.namespace import warm_numpy
from autoreward.jail.program import FILE, ContractBroken, Program
from autoreward.jail.rules import Refused
from autoreward.outcomes import Outcome
from autoreward.spawn import frames, zygote

_REHEARSAL = (
    "def compute_reward(state, action, next_state, memory):\n    return {'x': np.zeros_like(next_state.step)}\n"
)


def answer(request: dict[str, object], sock: socket.socket, fds: list[int]) -> None:
    """Lock this process, say how it is held, and serve one candidate until its socket closes."""
    stream = frames.Descriptor(sock.fileno())
    try:
        held = lock(int(str(request["memory_mb"])))
    except (NotHeld, OSError) as error:
        frames.send(stream, wire.FAILED, str(error)[:1000].encode())
        return
    frames.send(stream, wire.LOCKED, json.dumps(held._asdict()).encode())
    serve(stream)


def serve(stream: frames.Stream) -> None:
    """Load one program and call it as asked, until the stream ends or the program fails."""
    program: Program | None = None
    while True:
        try:
            kind, data = frames.receive(stream, wire.BATCH_CAP)
        except (EOFError, frames.FrameError):
            return
        try:
            if kind == wire.LOAD:
                program = Program(data.decode())
                frames.send(stream, wire.LOADED)
            elif kind == wire.PROVE:
                tried = [proof._asdict() for proof in proofs.attempt_all()]
                frames.send(stream, wire.PROOFS, json.dumps(tried).encode())
            elif kind == wire.FORGET and program is not None:
                program.forget()
            elif kind == wire.EVALUATE and program is not None:
                batch, stepped = wire.unpack_batch(bytes(data))
                frames.send(stream, wire.PARTS, *wire.pack_parts(*program.evaluate(batch, stepped)))
        except BaseException as error:
            frames.send(stream, wire.FAILED, _failure(error))
            return


def _failure(error: BaseException) -> bytes:
    outcome = Outcome.RAISED
    line = None
    if isinstance(error, Refused):
        outcome, line = Outcome.BROKE_CONTRACT, error.problem.line
    elif isinstance(error, ContractBroken):
        outcome, line = Outcome.BROKE_CONTRACT, error.line
    elif isinstance(error, MemoryError):
        outcome = Outcome.OUT_OF_MEMORY
    if line is None:
        # walk_tb, unlike extract_tb, opens no source files: this process must not open any
        lines = [n for frame, n in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == FILE]
        line = lines[-1] if lines else None
    said = str(error)[:280]
    plain = isinstance(error, Refused | ContractBroken)
    message = said if plain else f"{type(error).__name__}: {said}{_advice(said)}"
    return json.dumps({"outcome": outcome.value, "message": message, "line": line}).encode()


_ADVICE = {
    "truth value of an array": "rows come all at once: choose with np.where(condition, a, b), and combine with & and |",
    "only length-1 arrays": "rows come all at once: use np functions instead of float() and math",
    "only 0-dimensional arrays": "rows come all at once: use np functions instead of float() and math",
    "could not be broadcast": "fields have shape (n,) or (n, k): reduce over the last axis with axis=-1",
}
"""What to do about the slips that are made most often, by what NumPy says of them."""


def _advice(said: str) -> str:
    return next((f" ({advice})" for slip, advice in _ADVICE.items() if slip in said), "")


if __name__ == "__main__":
    warm_numpy()
    warnings.simplefilter("ignore")
    Program(_REHEARSAL)
    _failure(ValueError("rehearsal"))
    zygote.serve(answer)
