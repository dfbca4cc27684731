"""Asking a person whether they trust what a card or a run would do on their machine."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoreward.cli.say import say

if TYPE_CHECKING:
    from autoreward.store.trust import Powers
    from autoreward.tasks.card import Task

TRUST = typer.Option(
    False,
    "--trust",
    help="Trust the code, addresses and places of this card or run; a terminal asks if it is new here.",
)
_SHOWN = 40
"""Lines of a program that are shown before the question."""


def settle_run(folder: Path, trust: bool) -> None:
    """The same for going on with a run. Raises UsageError, StoreError."""
    from autoreward.store.book import Page, powers_of
    from autoreward.store.folder import Folder

    settle(lambda: powers_of(Page(Folder(folder))), str(folder), trust)


def settle_card(task: "Task", trust: bool) -> None:
    """The same for a task card. Raises UsageError."""
    from autoreward.store.trust import of_card

    settle(lambda: of_card(task), f"task {task.name}", trust)


def settle(find: "Callable[[], Powers]", who: str, trust: bool) -> None:
    """Let in what `who` would do beyond computing, if the person says so: with --trust, or asked in a terminal.

    Raises NotTrusted where nobody can be asked, typer.Abort if the answer is no.
    """
    from autoreward.store.trust import demand, keep, known

    powers = find()
    if known(powers):
        return
    if not trust:
        if not sys.stdin.isatty():
            demand(powers, who)
        say(f"{who} is new on this machine. It")
        for power in powers:
            say(f"- {power.what}")
            lines = power.code.splitlines()
            for line in lines[:_SHOWN]:
                say(f"    | {line}")
            if len(lines) > _SHOWN:
                say(f"    | ... and {len(lines) - _SHOWN} lines more")
        if not typer.confirm("Do you trust it?", default=False):
            raise typer.Abort
    keep(powers)
