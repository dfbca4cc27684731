"""How commands print: text without anything invisible, and JSON as lines of plain ASCII."""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from autoreward.core.lines import json_line
from autoreward.core.visible import visible

if TYPE_CHECKING:
    from autoreward.records import Record


def say(text: str, error: bool = False, whole: bool = True) -> None:
    """Print it, on stdout or as an error; `whole`: as a line, after which nothing more is said or typed on it."""
    typer.echo(visible(text), err=error, nl=whole)


def say_record(record: "Record") -> None:
    """Print it as one JSON line, of the kind that it is."""
    say_line(type(record).__name__, record.model_dump(mode="json"))


def say_line(kind: str, facts: Mapping[str, object]) -> None:
    """Print plain values as one JSON line of a kind."""
    typer.echo(json_line(kind, facts))


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
