"""The local pool: a few host threads, each supervising one child process at a time."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from autoreward.pools import Item, Result


class LocalPool:
    """Runs a function on items, `workers` at a time, and yields results as they finish."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def map(self, fn: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
        """(item, result) pairs in the order of finishing. The first exception ends it; items not begun are dropped."""
        executor = ThreadPoolExecutor(self._workers, thread_name_prefix="pool")
        try:
            waiting = {executor.submit(fn, item): item for item in items}
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield waiting.pop(future), future.result()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
