"""The local pool: a few host threads, each supervising one child process at a time."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed

from autoreward.core.executor import Item, Result


class LocalPool:
    """Runs a function on items, `workers` at a time, and yields results as they finish."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def map(self, fn: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
        """(item, result) pairs in the order of finishing.

        After an exception nothing more is begun; what is under way is finished and yielded, then the first exception is raised.
        """
        executor = ThreadPoolExecutor(self._workers, thread_name_prefix="pool")
        failed: BaseException | None = None
        try:
            waiting = {executor.submit(fn, item): item for item in items}
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
            executor.shutdown(wait=False, cancel_futures=True)
