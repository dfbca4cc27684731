"""Work on items, perhaps several at a time: the one-method protocol, and threads of this process that do it."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Executor(Protocol):
    """Does work on items."""

    def map(self, fn: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
        """(item, result) pairs as they finish. After an exception nothing is begun; it is raised after what is finished."""
        ...


class ThreadExecutor:
    """Runs a function on items, `workers` at a time, in threads that each supervise one child process."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def map(self, fn: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
        """(item, result) pairs in the order of finishing.

        After an exception nothing more is begun; what is under way is finished and yielded, then the first exception is raised.
        """
        threads = ThreadPoolExecutor(self._workers, thread_name_prefix="executor")
        failed: BaseException | None = None
        try:
            waiting = {threads.submit(fn, item): item for item in items}
            for future in as_completed(list(waiting)):
                item = waiting.pop(future)
                if future.cancelled():
                    continue
                error = future.exception()
                if error is None:
                    yield item, future.result()
                elif failed is None:
                    failed = error
                    for other in waiting:
                        other.cancel()
            if failed is not None:
                raise failed
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
