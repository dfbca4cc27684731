"""What an environment does wrong, in words: which call, how to get there again, and the last lines of what it raised."""

import traceback
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from autoreward.errors import AutorewardError, EnvironmentFault
from autoreward.tasks.card import Task
from autoreward.worker import denied
from autoreward.worker.envs.fields import state_fields
from autoreward.worker.envs.flatten import Layout
from autoreward.worker.envs.handlers import interrupted
from autoreward.worker.envs.numeric import UnusableObservation

LINES = 3
"""Last lines of a traceback that are shown."""
_LONGEST = 500
"""Characters of what an exception says, and of a line."""
_OURS = str(Path(__file__).parents[2])
_AROUND = ("/gymnasium/wrappers/", "/gymnasium/core.py")
"""Files that pass a call on, and say nothing of what went wrong."""


class UnusableInfo(Exception):
    """What `info` says of a value that a field reads, in words: it is missing, no number, or not as it was."""


class UnusableMasks(Exception):
    """What `action_masks()` gives that says of no choice whether it is allowed, in words."""


def raise_as_fault(task: Task, call: str, error: BaseException) -> NoReturn:
    """For an exception that came out of a call. Raises EnvironmentFault; MemoryError with the call; the exception if it is ours."""
    if isinstance(error, AutorewardError) or interrupted(error):
        raise error
    if isinstance(error, MemoryError):  # the next one may not fit in either: no episode is lost to it, the job ends
        raise MemoryError(f"{task.env}: {call} found no memory ({_one_line(str(error)) or 'MemoryError'})") from error
    if isinstance(error, UnusableInfo | UnusableMasks | UnusableObservation):
        raise returned(task, call, str(error)) from None
    what = f"{type(error).__name__}: {_one_line(str(error))}".removesuffix(": ")
    if not (last := _last_lines(error)) and (parts := apart(error)):
        raise returned(task, call, f"what can't be taken apart ({what}): {parts}") from error
    lines = " | ".join(last)
    where = f" Its last lines: {lines}" if lines else ""
    raise EnvironmentFault(denied.advised(f"{task.env}: {call} raised {what.rstrip('.')}.{where}", error)) from error


def apart(error: BaseException) -> str:
    """What calls return, where they returned something else, which no code of theirs was there to see; empty of other errors."""
    unpacked = isinstance(error, ValueError | TypeError) and "unpack" in str(error)
    calls = "reset returns observation, info; step returns observation, reward, terminated, truncated, info"
    return calls if unpacked else ""


def returned(task: Task, call: str, what: str) -> EnvironmentFault:
    """A value that no environment may return."""
    return EnvironmentFault(f"{task.env}: {call} returned {what}.")


def not_finite(task: Task, call: str, layout: Layout, observation: NDArray[np.float64]) -> EnvironmentFault:
    """An observation with NaN or infinite numbers, with the fields that read them; values of `info` are finite by then."""
    numbers = observation.reshape(-1)
    bad = np.flatnonzero(~np.isfinite(numbers))
    fields = state_fields(task, layout, numbers[None]) if numbers.size == layout.size else {}
    named = [name for name, values in fields.items() if not np.isfinite(values).all()]
    places = ", ".join(f"obs[{i}] = {numbers[i]:g}" for i in bad[:3]) + (", ..." if len(bad) > 3 else "")
    of = f" in {', '.join(named[:5])}" if named else ""
    return returned(task, call, f"an observation that is not finite{of} ({places})")


def _last_lines(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith(_OURS) and not any(part in f.filename for part in _AROUND)]
    return [
        f"{Path(frame.filename).name}:{frame.lineno}, in {frame.name}: {_one_line(frame.line or '')}".removesuffix(": ")
        for frame in own[-LINES:]
    ]


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
