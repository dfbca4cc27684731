"""`--open`: the page of a run in a browser while the run goes on, and afterwards until Ctrl-C."""

import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import typer

from autoreward.cli.say import say

if TYPE_CHECKING:
    from autoreward import events

    Listening = Callable[[events.Listener], events.Listener]

OPEN = typer.Option(False, "--open", help="Open the run's page in a browser, live; it stays until Ctrl-C.")


def open_in_browser(address: str) -> None:
    """Open an address, or say that no browser was found."""
    if not webbrowser.open(address):
        say("No browser was found; open the address yourself.", error=True)


@contextmanager
def opened(folder: Path, wanted: bool, as_json: bool = False) -> Iterator["Listening"]:
    """Serve the page of the run in that folder, as `autoreward view` does, if it is wanted.

    Gives what a listener is wrapped in: the browser is opened once the run is there. A run that ends, with a winner or without one,
    leaves the page open until Ctrl-C. Raises UsageError if somebody wants JSON, too.
    """
    from autoreward.errors import UsageError

    if not wanted:
        yield lambda tell: tell
        return
    if as_json:
        raise UsageError("--open stays until Ctrl-C, and --json is for scripts: choose one of them.")
    from autoreward import events
    from autoreward.report.view.server import PageServer
    from autoreward.report.view.site import Site
    from autoreward.report.view.viewed_runs import ViewedRuns
    from autoreward.store.files import is_run

    viewed = ViewedRuns(lambda: [folder] if is_run(folder) else [])
    with PageServer(partial(Site, viewed), 0) as server:
        address = f"{server.address}run/{quote(folder.name, safe='')}"

        def opening(tell: "events.Listener") -> "events.Listener":
            def told(event: "events.Event") -> None:
                if isinstance(event, events.RunStarted):
                    open_in_browser(address)
                tell(event)

            return told

        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        say(f"page    {address}")
        ended: typer.Exit | None = None
        try:
            try:
                yield opening
            except typer.Exit as stop:
                if stop.exit_code != 1:  # it was stopped
                    raise
                ended = stop
            say(f"page    {address}: until Ctrl-C")
            with suppress(KeyboardInterrupt):
                serving.join()
        finally:
            server.shutdown()
        if ended:
            raise ended
