"""Child side of the jail: `python -P -s -m autoreward.sandbox.child.server FD`. Imports NumPy and nothing heavier."""

import json
import socket
import traceback
import warnings

from autoreward.core.outcomes import Outcome
from autoreward.rewards.gate.rules import Refused
from autoreward.sandbox import wire
from autoreward.sandbox.child.controller import Controller
from autoreward.sandbox.child.exported import Exported
from autoreward.sandbox.child.namespace import warm_numpy
from autoreward.sandbox.child.program import FILE, ContractBroken, Program
from autoreward.sandbox.kernel import proofs
from autoreward.sandbox.kernel.lock import NotHeld, lock
from autoreward.sandbox.processes import fork_server, frames

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
    serve_rooms(stream)


def serve_rooms(stream: frames.Stream) -> None:
    """Load a program, a controller or the files of an export, and call it as asked, until the stream ends or the program fails."""
    program: Program | Controller | Exported | None = None
    while True:
        try:
            kind, data = frames.receive(stream, wire.BATCH_CAP)
        except (EOFError, frames.FrameError):
            return
        try:
            if kind == wire.LOAD:
                program = Program(data.decode())
                frames.send(stream, wire.LOADED)
            elif kind == wire.LOAD_CONTROLLER:
                program = Controller(data.decode())
                frames.send(stream, wire.LOADED)
            elif kind == wire.EXPORTED:
                program = Exported(json.loads(data))
                frames.send(stream, wire.LOADED)
            elif kind == wire.PROVE:
                tried = [proof._asdict() for proof in proofs.attempt_all()]
                frames.send(stream, wire.PROOFS, json.dumps(tried).encode())
            elif kind == wire.FORGET and program is not None:
                program.forget()
            elif kind == wire.EVALUATE and program is not None:
                batch, stepped = wire.unpack_batch(bytes(data))
                frames.send(stream, wire.PARTS, *wire.pack_parts(*program.evaluate(batch, stepped)))
            elif kind == wire.SET_ASIDE and isinstance(program, Program):
                program.set_aside(json.loads(data))
            elif kind == wire.AGAIN and isinstance(program, Program):
                batch, stepped = wire.unpack_batch(bytes(data))
                frames.send(stream, wire.PARTS, *wire.pack_parts(*program.evaluate(batch, stepped, again=True)))
            elif kind == wire.REWARDS and isinstance(program, Exported):
                batch, _ = wire.unpack_batch(bytes(data))
                frames.send(stream, wire.PARTS, *wire.pack_parts(("reward",), program.rewards(batch)))
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
    text = _text(error)
    plain = isinstance(error, Refused | ContractBroken)
    message = text if plain else f"{type(error).__name__}: {text}"
    return json.dumps({"outcome": outcome.value, "message": message, "line": line}).encode()


_ROWS = "rows come all at once: "
_ADVICE = {
    "truth value of an array": _ROWS + "choose with np.where(condition, a, b), and combine with & and |",
    "only length-1 arrays": _ROWS + "use np functions instead of float() and math",
    "only 0-dimensional arrays": _ROWS + "use np functions instead of float() and math",
    "could not be broadcast": "fields have shape (n,) or (n, k): reduce over the last axis with axis=-1",
    "read-only": "inputs are read-only: work on a copy, x = x.copy(), or write x = x + 1.0",
    "Fields": "state, action and next_state hold fields: read one field by its name, as in next_state.step",
    "too many indices": "an array of shape (n,) has one number per row, so leave the index out",
    "out of bounds for array of dimension 1": "an array of shape (n,) has one number per row and nothing to reduce",
    "boolean negative": "write -1.0 * next_state.terminated",
    "boolean subtract": "write 1.0 * a - 1.0 * b",
    "Cannot cast ufunc": "make the array of floats: np.zeros_like(x, dtype=float)",
    "__import__": "this would need a module that is not there: leave that out",
}
"""What to do about the slips that are made most often, by what Python and NumPy say of them."""


def _text(error: BaseException) -> str:
    """What the error says and what to do about it, unless it says so itself; some say nothing, some can't be made into text."""
    try:
        text = str(error)[:280]
    except Exception:
        return "(it can't be shown as text)"
    if isinstance(error, MemoryError) and not text:
        return "build no array or list larger than the rows that are given"
    advice = next((advice for slip, advice in _ADVICE.items() if slip in text), "")
    return f"{text} ({advice})" if advice and not isinstance(error, Refused) else text


if __name__ == "__main__":
    warm_numpy()
    warnings.simplefilter("ignore")
    Program(_REHEARSAL)
    _failure(ValueError("rehearsal"))
    fork_server.serve(answer)
