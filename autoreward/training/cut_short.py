"""A check that the environment ended, with its process or by never coming back: the rows that there were, and one on that."""

import re
from pathlib import Path

from pydantic import ValidationError

from autoreward.core.outcomes import Outcome
from autoreward.core.visible import visible_line
from autoreward.errors import JobFailed
from autoreward.records import EnvCheck, EnvRow
from autoreward.records.env_checks import LAST_CHECK
from autoreward.tasks.card import Task
from autoreward.worker.jobs.records import CHECKED_SO_FAR

_FRAME = re.compile(r'^\s+File "([^"]+)", line (\d+) in (.+)$')
_HANGS = "Timeout ("
"""How Python's faulthandler begins when a time is up."""
_LONGEST = 300
"""Letters of last words that a row has."""


def cut_short(task: Task, failed: JobFailed, patience: float) -> EnvCheck:
    """What was found before its process was lost, and a row on how it was."""
    try:
        so_far = EnvCheck.model_validate_json(failed.files.get(CHECKED_SO_FAR, b""))
    except ValidationError:
        so_far = EnvCheck(env=task.env, doing="making it")
    return so_far.model_copy(update={"rows": (*so_far.rows, _row(failed, so_far.doing, patience))})


def _row(failed: JobFailed, doing: str, patience: float) -> EnvRow:
    words = failed.last_words
    place = _place(words)
    where = f"during: {doing}{f', at {place}' if place else ''}"
    if failed.outcome is Outcome.OVERDUE and _HANGS not in words:
        return EnvRow(
            name="speed",
            gravity="warn",
            found=f"it is too slow to be checked to the end ({where})",
            advice="A training takes many thousand steps: make it faster, or give it few [train] steps. What is not in these rows "
            "was not checked.",
        )
    if _HANGS in words and doing == LAST_CHECK:
        return EnvRow(
            name="close",
            gravity="note",
            found=f"close does not come back within {patience:g} s ({where})",
            advice="Handled: it is closed last, and its process is ended 10 seconds later.",
        )
    if _HANGS in words:
        return EnvRow(
            name="hang",
            gravity="fail",
            found=f"a call does not come back within {patience:g} s ({where})",
            advice="Give what it waits for a time limit; a call that does take longer is allowed by longest_call in a card. "
            "What is not in these rows was not checked.",
        )
    if failed.outcome is Outcome.SHORT_OF_MEMORY:
        return EnvRow(name="memory", gravity="fail", found=f"{failed.message.rstrip('.')} ({where})")
    how = re.search(r"\((signal|exit code) (\d+)\)", failed.message)
    ended = f"with {how[1]} {how[2]}" if how else f"({failed.message.rstrip('.')})"
    printed = visible_line(_printed(words), _LONGEST)
    last = f" It printed: {printed}" if printed else ""
    return EnvRow(
        name="crash",
        gravity="fail",
        found=f"its process ends {ended} ({where}).{last}",
        advice="Mend it in the environment: trainings end like this. What is not in these rows was not checked.",
    )


def _place(words: str) -> str:
    """Where the main thread was, as a traceback of Python's faulthandler has it: the innermost line outside of packages."""
    stack = re.split(r"hread 0x[0-9a-f]+[^\n]*\(most recent call first\):\n", words)[-1]
    frames = [match for line in stack.splitlines() if (match := _FRAME.match(line))]
    own = [frame for frame in frames if "site-packages" not in frame[1] and "/lib/python" not in frame[1]]
    for path, line, call in (frame.groups() for frame in own or frames):
        return f"{Path(path).name}, line {line}, in {call}"
    return ""


def _printed(words: str) -> str:
    """The last line before such a traceback, or of all."""
    own = re.split(r"Fatal Python error: |Timeout \(|Current thread 0x|Thread 0x", words)[0]
    lines = [line for line in own.splitlines() if line.strip()]
    return lines[-1] if lines else ""
