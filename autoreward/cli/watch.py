"""Which view shows a run: live in a terminal, lines in a pipe, JSON for scripts; and what is said at its end."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

from autoreward.cli.say import say, say_no_more

if TYPE_CHECKING:
    from autoreward import events
    from autoreward.report.reading import RunView
    from autoreward.report.terminal import Terminal

    Go = Callable[[events.Listener], RunView]


def stop_at_term() -> None:
    """From now on SIGTERM stops the main thread as Ctrl-C does, with KeyboardInterrupt."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def watch(go: "Go", folder: Path, as_json: bool) -> None:
    """Run `go`, which works in that folder, under the right view.

    Ctrl-C and SIGTERM stop it with exit code 130 and the line to resume with, and so does a pipe that nobody reads any more.
    A run in which nothing could be trained is told like any other, and ends with exit code 1.
    In a terminal a run that people judge, or that asks what its goal means, asks as it goes; elsewhere it stops there with
    JudgementNeeded or AnswerNeeded.
    """
    from autoreward.core.wording import Command, in_shell
    from autoreward.errors import AnswerNeeded, JudgementNeeded
    from autoreward.report.live.lines import JsonView, PlainView
    from autoreward.report.live.terminal_view import LiveView
    from autoreward.report.terminal import Terminal
    from autoreward.session.run import resume
    from autoreward.store.files import is_run

    stop_at_term()
    console = Terminal()
    try:
        if as_json:
            reading = go(_read_by_somebody(JsonView(sys.stdout)))
        elif console.is_terminal:
            with LiveView(console) as view:
                reading = go(view)
        else:
            reading = go(_read_by_somebody(PlainView(sys.stdout)))
    except (JudgementNeeded, AnswerNeeded) as needed:
        said = _judged if isinstance(needed, JudgementNeeded) else _answered
        if as_json or not (console.is_terminal and sys.stdin.isatty()) or not said(folder, console):
            raise
        watch(lambda tell: resume(folder, tell), folder, as_json)
        return
    except KeyboardInterrupt:
        hint = f" Go on with: {in_shell(Command('resume', (folder,)))}" if is_run(folder) else ""
        say(f"autoreward: stopped; everything finished is saved.{hint}", error=True)
        raise typer.Exit(130) from None
    if not as_json:
        _goodbye(console, reading)
    if not reading.finished.best:
        raise typer.Exit(1)


def _read_by_somebody(view: "events.Listener") -> "events.Listener":
    def tell(event: "events.Event") -> None:
        try:
            view(event)
        except BrokenPipeError:
            say_no_more()
            os.kill(os.getpid(), signal.SIGTERM)  # the main thread stops, whichever thread tells

    return tell


def _judged(folder: Path, console: "Terminal") -> bool:
    """Ask for what a run waits for; False if the person leaves some of it for later."""
    from autoreward.cli import prefer
    from autoreward.judges.poll import Poll

    with Poll(folder) as poll:
        return prefer.sit(poll, None, console)


def _answered(folder: Path, console: "Terminal") -> bool:
    """Ask what its goal means; False if the person leaves some of it for later."""
    from autoreward.cli import answer
    from autoreward.session.clarifying import answer_waiting

    return answer_waiting(folder, answer.ask_goal)


def _goodbye(console: "Terminal", reading: "RunView") -> None:
    from autoreward.core.wording import Command, in_shell
    from autoreward.report.audit import audit_shown
    from autoreward.report.phrases import result_sentence
    from autoreward.report.reading import REPORT
    from autoreward.report.tables import confirmation, spending

    folder = reading.folder
    if console.is_terminal:  # a pipe has the sentence already, as the last event's line
        console.print()
        console.print(result_sentence(reading.finished))
    for line in audit_shown(reading)[-1:]:  # what was found has been told as it was found
        console.print(line, soft_wrap=True)
    if reading.finished.confirmed:
        console.print()
        console.print(confirmation(reading))
    if reading.bills:
        console.print()
        console.print(spending(reading))
    console.print()
    console.print(f"report  {folder / REPORT}", soft_wrap=True)
    parts = (("reward", "best/reward.py"), ("policy", "best/policy.zip"), ("second", "second/reward.py"))
    for what, name in parts:
        if reading.files.has(name):
            console.print(f"{what}  {folder / name}", soft_wrap=True)
    console.print(f"next    {in_shell(Command('show', (folder,)))}", soft_wrap=True)
