"""Pages, served beside a test."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from autoreward.report.view.server import Pages, PageServer
from autoreward.report.view.site import Site
from autoreward.report.view.viewed_runs import ViewedRuns


@contextmanager
def served(folders: Callable[[], Sequence[Path]]) -> Iterator[PageServer]:
    """What serves the pages of runs, as `autoreward view` does."""
    with served_pages(partial(Site, ViewedRuns(folders))) as server:
        yield server


@contextmanager
def served_pages(make: Callable[[str], Pages]) -> Iterator[PageServer]:
    """What serves pages that are made of a path."""
    with PageServer(make, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
