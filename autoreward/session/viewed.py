"""A run's page from Python: the server of `autoreward view` in a thread of this process."""

import threading
from functools import partial
from html import escape
from pathlib import Path
from urllib.parse import quote

from autoreward.report.view.server import PageServer
from autoreward.report.view.site import Site
from autoreward.report.view.viewed_runs import ViewedRuns


class ViewedPage:
    """The page of a run, on this machine alone, for as long as this process lives or until it is closed."""

    def __init__(self, folder: Path) -> None:
        """`folder`: the run's."""
        self._server = PageServer(partial(Site, ViewedRuns(lambda: [folder])), 0)
        self.address = f"{self._server.address}run/{quote(folder.name, safe='')}"
        """What to open in a browser; whoever knows it on this machine can look."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()

    def _repr_html_(self) -> str:
        return f'<a href="{escape(self.address)}" target="_blank" rel="noreferrer">{escape(self.address)}</a>'

    def __repr__(self) -> str:
        return self.address
