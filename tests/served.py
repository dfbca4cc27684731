"""Pages of runs, served beside a test."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from autoreward.report.view.server import PageServer
from autoreward.report.view.viewed_runs import ViewedRuns


@contextmanager
def served(folders: Callable[[], Sequence[Path]]) -> Iterator[PageServer]:
    """What serves them, as `autoreward view` does."""
    with PageServer(ViewedRuns(folders), 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
