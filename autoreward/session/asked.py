"""A run that a notebook or a script asks for: begun or gone on with, and watched where it is asked."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from autoreward import events
from autoreward.errors import RunChanged
from autoreward.report.live.lines import PlainView
from autoreward.report.live.notebook_view import CellView, cell_output
from autoreward.report.reading import RunView
from autoreward.report.scalars import Log
from autoreward.session.loaded import LoadedRun
from autoreward.session.run import config_for, new_folder, resume, start
from autoreward.store.book import Page, powers_of
from autoreward.store.files import is_run, plain_name
from autoreward.store.folder import Folder
from autoreward.store.header import read_header
from autoreward.store.trust import keep, of_card
from autoreward.tasks.card import Task


class AskedRun(NamedTuple):
    """A run that somebody asks for."""

    task: Task
    runs: Path
    name: str | None
    settings: dict[str, object]
    log: Log | str | Path | None
    card: str = ""


def watched_run(asked: AskedRun, tell: events.Listener | None, trust: bool) -> LoadedRun:
    """The finished run, watched as `shown_run` says."""
    if trust:
        _let_in(asked)
    return shown_run(lambda told: _gone_on(asked, told), tell)


def shown_run(go: Callable[[events.Listener], RunView], tell: events.Listener | None) -> LoadedRun:
    """The finished run, told to `tell`; if there is none, to a live view in the cell, or as lines outside of notebooks."""
    if tell is not None:
        return LoadedRun(go(tell))
    if not _in_notebook():
        return LoadedRun(go(PlainView(sys.stdout)))
    with CellView(cell_output()) as view:
        return LoadedRun(go(view))


def _gone_on(asked: AskedRun, tell: events.Listener) -> RunView:
    """Start a run or go on with it; the finished run."""
    runs, name = asked.runs, asked.name
    board, log = (Path(asked.log), None) if isinstance(asked.log, str | Path) else (None, asked.log)
    config, folder = config_for(asked.task, asked.settings), new_folder(asked.task, runs, name)
    if not is_run(folder):
        return start(asked.task, config, folder, tell, tensorboard=board, log=log, card=asked.card)
    header = read_header(folder)
    changed = [key for key in asked.settings if getattr(header.config, key) != getattr(config, key)]
    if header.task.name != asked.task.name or changed:
        what = "another task" if header.task.name != asked.task.name else f"another {', '.join(changed)}"
        raise RunChanged(f"{folder} is a run with {what}; choose another name, or load it as it is.")
    return resume(folder, tell, board, log)


def _let_in(asked: AskedRun) -> None:
    """What the person trusts by saying so. Raises UsageError, StoreError."""
    keep(of_card(asked.task))
    if asked.name is not None and is_run(asked.runs / plain_name(asked.name)):
        keep(powers_of(Page(Folder(asked.runs / asked.name))))


def _in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook, where outputs can be redrawn."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None
