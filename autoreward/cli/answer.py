"""`autoreward answer RUN`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoreward.cli.options import NAMED_RUN, RUNS, file_bytes, find_run
from autoreward.cli.say import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from autoreward.evaluation.deliberate import Deliberation

_QUIT = ("quit", "q")


def command(
    run: str = NAMED_RUN,
    runs: Path = RUNS,
    answers: Path | None = typer.Option(
        None, help="Take the answers from a file, one a line: an option's number or words, none, or skip."
    ),
) -> None:
    """Answer what a run asks about its goal before anything is trained (`run --ask`)."""
    from autoreward.core.wording import Command, in_shell
    from autoreward.session.clarifying import answer_lines, answer_waiting

    folder = find_run(run, runs)
    said: Callable[[Deliberation], int | None]
    if answers is not None:
        said = FromLines(answer_lines(file_bytes("--answers", answers)))
    elif sys.stdin.isatty():
        said = ask_goal
    else:
        said = FromLines(answer_lines(sys.stdin.buffer.read()))
    done = answer_waiting(folder, said)
    say(f"next     {in_shell(Command('resume' if done else 'answer', (folder,)))}")


class FromLines:
    """Answers from lines, in the order in which they are asked; None when there are no more."""

    def __init__(self, lines: list[str]) -> None:
        self._lines, self._next = lines, 0

    def __call__(self, stand: "Deliberation") -> int | None:
        """The next line's answer. Raises UsageError if it is none."""
        from autoreward.session.clarifying import answer_read

        if stand.question is None or self._next >= len(self._lines):
            return None
        self._next += 1
        return answer_read(self._lines, self._next - 1, stand.question)


def ask_goal(stand: "Deliberation") -> int | None:
    """Ask in the terminal until there is an answer; None if the person quits."""
    from autoreward.session.clarifying import option_said

    question = stand.question
    if question is None:
        return None
    say("")
    say(question.text)
    if stand.note:
        say(f"({stand.note})")
    for number, offered in enumerate(question.options, start=1):
        say(f"  {number}  {offered.text}")
    while (option := option_said(said := typer.prompt("A number, none, skip or quit"), question)) is None:
        if said.strip().lower() in _QUIT:
            return None
    return option
