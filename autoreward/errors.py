"""Our own failures, as exceptions with exit codes.

AutorewardError
├── UsageError (2)      TaskError · ConfigError · MissingExtra · NotTrusted
├── ProviderError (3)   NoAnswer: a model could not be reached or refused
├── LimitReached (4)    money, calls, time
├── JobFailed (1)       a worker process ended without a report
├── EnvironmentFault (1)  an environment raised, or returned what none may; a worker's job ends by it, or its episode
├── CannotDraw (1)      no clip of this environment on this machine; the report shows a plot instead
├── JailError (5)       the room for candidate code could not be built
├── StoreError (6)      RunLocked · RunChanged · RunDamaged: a run folder that can't be used as it is
├── JudgementNeeded (7) a person has to say what is better before the run can go on
└── AnswerNeeded (7)    a person has to say what the goal means before anything is spent on it

The candidate's failures are `Outcome` values and the model's unusable replies are findings; neither is ever an
exception. Every message says what happened, where, and what to do next, naming settings and commands as facts
(`core/wording.py`); the command line words these as options and prints it without a traceback.
"""

import errno
from collections.abc import Mapping
from pathlib import Path

from autoreward.core.outcomes import Outcome
from autoreward.core.wording import Command, Phrase, Wording, in_python, worded

_SHOWN = 200
"""Characters of a path that messages show whole."""


class AutorewardError(Exception):
    """Base of everything this package raises on purpose.

    A message is text and facts, one after the other; `str` says them as in Python, `worded` as in the door that is named.
    """

    exit_code = 1
    way_out = "Run it again; if it comes back, the message says where to look."
    """What to do where a message names no command and no setting: for scripts."""

    def __init__(self, *message: Phrase) -> None:
        super().__init__(*message)

    def __str__(self) -> str:
        return self.worded(in_python)

    def worded(self, wording: Wording) -> str:
        """The message in the words of one door, such as `in_shell`."""
        return worded(self.args, wording)


class UsageError(AutorewardError):
    """The person asked for something that can't be done as asked."""

    exit_code = 2
    way_out = "Change what the message names; nothing was spent."


class TaskError(UsageError):
    """A task.toml that can't be used, or a task name that isn't known."""


class ConfigError(UsageError):
    """A setting outside its range, or one that does not exist."""


class NotTrusted(UsageError):
    """A card or a run of unknown origin would run code, or ask or write to somebody; the message says what."""


class MissingExtra(UsageError):
    """A package is needed that is installed by an optional extra."""


class ProviderError(AutorewardError):
    """A model provider could not answer."""

    exit_code = 3
    way_out = "Everything so far is saved; resume the run when the model answers."


class NoAnswer(ProviderError):
    """A provider stays away or busy; what is being done decides how to go on when it answers again."""


class LimitReached(AutorewardError):
    """A limit that the person set was reached; the best result so far is saved."""

    exit_code = 4
    way_out = "A person may raise the limit; everything so far is saved."


class JailError(AutorewardError):
    """The process that runs candidate code could not be started or locked."""

    exit_code = 5
    way_out = "`autoreward doctor` says what this machine lacks."


class JudgementNeeded(AutorewardError):
    """A run that people judge waits for them; everything so far is saved."""

    exit_code = 7

    def __init__(self, pairs: int, folder: Path) -> None:
        self.folder = folder
        wait = "pair waits" if pairs == 1 else "pairs wait"
        super().__init__(
            f"{pairs} {wait} for your judgement: ",
            Command("prefer", (folder,)),
            "; then ",
            Command("resume", (folder,)),
        )


class AnswerNeeded(AutorewardError):
    """A question about a goal waits for a person; everything so far is saved."""

    exit_code = 7
    way_out = "Answer the question that the message asks."

    def __init__(self, question: str, answers: str, *way: Phrase) -> None:
        super().__init__(f"A question about the goal waits for your answer: {question} Answer {answers}", *way)


class JobFailed(AutorewardError):
    """A worker process ended without a report: how, and in which words."""

    files: Mapping[str, bytes]
    """What it had sent until then."""
    last_words: str
    """The end of what it printed, where somebody listened."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        self.outcome = outcome
        self.message = message
        self.files = {}
        self.last_words = ""
        super().__init__(message)


class EnvironmentFault(AutorewardError):
    """An environment raised something, or returned what no environment may: which call, and how to get there again."""


class CannotDraw(AutorewardError):
    """An environment can't be drawn on this machine; the message is the reason, for people."""


class StoreError(AutorewardError):
    """A run folder could not be read or written."""

    exit_code = 6
    way_out = "Mend or free the place that the message names, or start a new run."


class RunLocked(StoreError):
    """Another process is working in this run folder."""


class RunChanged(StoreError):
    """The run was made by another version, configuration or task than the one in hand."""


class RunDamaged(StoreError):
    """A file of the run is missing, torn or not what it should be."""


_WAY_ON = {
    errno.EMFILE: "Allow more with `ulimit -n 1024`, then run the command again (`resume` for a run that was begun)",
    errno.ENFILE: "The whole machine has no more: end other programs, then run the command again",
    errno.ENOMEM: "Free memory, or lift the limit with `ulimit -v unlimited`, then run the command again",
    errno.EFBIG: "Allow larger files with `ulimit -f unlimited`, then run the command again",
    errno.EAGAIN: "Allow more processes with `ulimit -u`, or end some, then run the command again",
}
_NO_TEMPORARY = "No usable temporary directory"
"""How Python begins to say that it found no place for temporary files."""


def from_the_system(error: OSError) -> str:
    """What the system refused, where, and what to do about it, as sentences."""
    place = f"{shortened(error.filename)}: " if error.filename else ""
    way_on = _WAY_ON.get(error.errno or 0)
    if (error.strerror or "").startswith(_NO_TEMPORARY):
        way_on = "Set TMPDIR to a folder that may be written and has room, then run the command again"
    return f"{place}{error.strerror or error}." + (f" {way_on}." if way_on else "")


def shortened(text: object) -> str:
    """A name or a path as messages show it: one too long to be a file's is cut."""
    whole = str(text)
    return whole if len(whole) <= _SHOWN else f"{whole[: _SHOWN // 2]}..."


def how_to_get(extra: str) -> str:
    """The command that installs an optional group of packages, for messages."""
    return f"pip install 'autoreward-rl[{extra}]' (in a clone: pip install -e '.[{extra}]')."
