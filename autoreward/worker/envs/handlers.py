"""Signal handlers of an environment: what they raise comes out of whatever was being done, and is the environment's."""

import signal
import traceback
from collections.abc import Iterator
from types import CodeType


def by_a_handler(error: BaseException) -> bool:
    """Whether an exception came out of a signal handler that this process did not have at its start: an environment's."""
    installed = set(_handlers())
    return any(frame.f_code in installed for frame, _ in traceback.walk_tb(error.__traceback__))


def interrupted(error: BaseException) -> bool:
    """Whether a person pressed Ctrl-C in this process; in a worker, which no such signal reaches, the environment raised it."""
    return isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _handlers() -> Iterator[CodeType]:
    for number in signal.valid_signals():
        code = getattr(signal.getsignal(number), "__code__", None)
        if code is not None and code.co_filename != signal.__file__:
            yield code
