"""`autoreward view`."""

from functools import partial
from pathlib import Path

import typer

from autoreward.cli.completion import complete_runs
from autoreward.cli.opened import open_in_browser
from autoreward.cli.options import RUNS, find_run
from autoreward.cli.say import say
from autoreward.cli.watch import stop_at_term


def command(
    names: list[str] | None = typer.Argument(
        None,
        metavar="[RUN ...]",
        help="Only these runs; all of the folder of runs if none is named.",
        autocompletion=complete_runs,
    ),
    runs: Path = RUNS,
    port: int = typer.Option(0, min=0, max=65535, help="To listen on, on this machine alone; 0: any that is free."),
    act: bool = typer.Option(
        False, "--act", help="Let buttons start the commands that pages show; Ctrl-C stops those that still run, too."
    ),
    open_it: bool = typer.Option(False, "--open", help="Open it in a browser."),
) -> None:
    """Look at runs in a browser, while they run and afterwards: a page on this machine alone, until Ctrl-C."""
    from autoreward.report.phrases import counted
    from autoreward.report.view.errands import Errands
    from autoreward.report.view.server import PageServer
    from autoreward.report.view.site import ActingSite, Site
    from autoreward.report.view.viewed_runs import ViewedRuns
    from autoreward.store.files import run_folders

    chosen = list(dict.fromkeys(find_run(name, runs) for name in names or ()))
    viewed = ViewedRuns((lambda: chosen) if chosen else (lambda: run_folders(runs)))
    there = len(viewed.places())

    stop_at_term()
    with (
        Errands() as errands,
        PageServer(partial(ActingSite, viewed, errands) if act else partial(Site, viewed), port) as server,
    ):
        where, may = "" if chosen else f" in {runs}", "look and start commands" if act else "look"
        say(f"{counted(there, 'run')}{where}, live until Ctrl-C; on this machine, whoever knows the address can {may}:")
        say(server.address)
        if open_it:
            open_in_browser(server.address)
        server.serve_forever()
