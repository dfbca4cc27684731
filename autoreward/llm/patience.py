"""How often one question is asked, and how long is waited in between: each kind of trouble counts by itself."""

from autoreward.core.wording import Phrase
from autoreward.errors import NoAnswer
from autoreward.llm.types import RetryLater, Trouble

_TRIES: dict[Trouble, int] = {"fault": 4, "slow": 3}
"""At most; who was slow once most likely is again."""
_MOST_SECONDS: dict[Trouble, float] = {"away": 300.0, "loading": 1800.0}
"""How long is waited for a server to be started, and for a model to be loaded."""
_WAIT_SECONDS = (1.0, 4.0, 16.0)
"""Before the second, third and further tries, unless the provider says how long."""
_LONGEST_WAIT = 120.0
_HAPPENED: dict[Trouble, str] = {
    "fault": "was busy or failed",
    "slow": "did not answer in time",
    "away": "could not be reached",
    "loading": "was not ready",
}


class Patience:
    """With one question."""

    def __init__(self) -> None:
        self._times: dict[Trouble, int] = {}
        self._waited: dict[Trouble, float] = {}

    def wait(self, busy: RetryLater) -> tuple[float, str]:
        """Seconds to wait before the next try, and what to say of it, or nothing. Raises NoAnswer when there is to be none."""
        kind = busy.trouble
        times = self._times[kind] = self._times.get(kind, 0) + 1
        waited = self._waited.get(kind, 0.0)
        wait = busy.wait_seconds if busy.wait_seconds is not None else _WAIT_SECONDS[min(times, len(_WAIT_SECONDS)) - 1]
        if wait > _LONGEST_WAIT:
            raise self._end(busy, f"it asked to wait {wait:g} s")
        if kind in _TRIES:
            if times >= _TRIES[kind]:
                raise self._end(busy, f"it did so {times} times")
            self._waited[kind] = waited + wait
            return wait, f"{busy}; asking again in {wait:g} s"
        most = _MOST_SECONDS[kind]
        if waited >= most:
            raise self._end(busy, f"it has been so for {most / 60:g} minutes")
        wait = max(min(wait, most - waited), 0.1)
        self._waited[kind] = waited + wait
        return wait, f"{busy}; waiting for it, {most / 60:g} minutes at most" if times == 1 else ""

    def _end(self, busy: RetryLater, why: str) -> NoAnswer:
        before = [
            f"{_HAPPENED[kind]} {count} {'time' if count == 1 else 'times'}"
            for kind, count in self._times.items()
            if kind != busy.trouble
        ]
        also = f" Before that it {' and '.join(before)}." if before else ""
        longer: tuple[Phrase, ...] = (" Give it longer with ", busy.limit, ".") if busy.limit else ()
        return NoAnswer(f"{busy}; {why}.{also}", *longer)
