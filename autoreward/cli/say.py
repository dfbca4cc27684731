"""How commands print: text without anything invisible, and JSON as plain ASCII."""

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import typer

from autoreward.core.visible import visible

if TYPE_CHECKING:
    from autoreward.records import Record


def say(text: str, error: bool = False) -> None:
    """Print it, on stdout or as an error."""
    typer.echo(visible(text), err=error)


def say_record(record: "Record", indent: int | None = 2) -> None:
    """Print it as JSON."""
    say_json(record.model_dump(mode="json"), indent)


def say_json(value: Any, indent: int | None = None) -> None:
    """Print plain values as JSON; letters beyond ASCII are escaped, so nothing in it acts on a terminal."""
    typer.echo(json.dumps(value, indent=indent))


def say_no_more() -> None:
    """Drop what is printed from now on: nobody reads it, and Python would fail at its end to print the rest."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_closed_streams() -> None:
    """Give a process that was started without some of its standard streams ones that lead nowhere.

    Without them printing fails, and files that are opened later take their numbers.
    """
    for name, flags, mode in (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_WRONLY, "w"), ("stderr", os.O_WRONLY, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8"))
