"""`autoreward prefer RUN`."""

import os
import select
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import typer

from autoreward.cli.opened import open_in_browser
from autoreward.cli.options import AS_JSON, NAMED_RUN, RUNS, find_run
from autoreward.cli.say import say, say_line, say_record
from autoreward.cli.trust import TRUST, settle_run

if TYPE_CHECKING:
    from autoreward.judges.poll import Poll
    from autoreward.judges.sitting import Sitting
    from autoreward.report.reading import RunView
    from autoreward.report.terminal import Terminal

_UNDO = ("undo", "u")


def command(
    run: str = NAMED_RUN,
    runs: Path = RUNS,
    pairs: int | None = typer.Option(
        None,
        min=1,
        help="Pairs, or choices, to ask about; until every policy was shown three times, on average, if not given.",
    ),
    of: int = typer.Option(2, help="Policies to show at once, 2 to 4; of three or four say which one is the best."),
    answers: Path | None = typer.Option(
        None,
        help="Take the answers from a file: `ID a|b|tie` a line, with --of `ID 1|2|3|4|tie`; piped in, the ids are printed.",
    ),
    by: str = typer.Option(
        "", "--as", help="Your name, where several people answer: each is asked about the same pairs."
    ),
    page: bool = typer.Option(False, "--page", help="Ask in the page alone, until it is finished there."),
    port: int = typer.Option(0, min=0, max=65535, help="Of the page, on this machine alone; 0: any that is free."),
    open_it: bool = typer.Option(False, "--open", help="Open the page in a browser."),
    trust: bool = TRUST,
    as_json: bool = AS_JSON,
) -> None:
    """Say which of two trained policies does more of what was meant, or with --of which of four does the most, in a page with their
    clips or in the terminal; the candidates are ranked by your answers. `a because it drags its leg` gives a reason."""
    from autoreward.errors import UsageError
    from autoreward.judges.poll import Poll
    from autoreward.report.preference_tables import preferences
    from autoreward.report.reading import read_run
    from autoreward.report.terminal import Terminal
    from autoreward.report.traits import traits_lines
    from autoreward.session.answered_weights import PREFERRED
    from autoreward.session.preferring import made_of_answers

    folder, console = find_run(run, runs), Terminal()
    if page and (answers or as_json):
        raise UsageError("--page asks in a page; --answers and --json are for scripts: choose one of them.")
    watched = answers is None and sys.stdin.isatty() and not as_json
    settle_run(folder, trust)  # policies are filmed, in their environment, and programs are weighed by the answers
    with Poll(folder, by, of) as poll:
        try:
            if page:
                sit_in_page(poll, pairs, port, open_it)
            elif watched:
                sit(poll, pairs, console, port, open_it)
            else:
                _take(poll, pairs, console, answers, as_json)
        finally:
            poll.report()
        advice = poll.next_step()
    made = made_of_answers(folder, partial(say, error=as_json))
    if as_json:
        for strength in read_run(folder).strengths.items:
            say_record(strength)
        return
    for line in traits_lines(made.traits) if made.traits else ():
        say(line)
    reading = read_run(folder)
    if reading.strengths.items:
        console.print(preferences(reading))
    if made.weights and made.weights.tells_more:
        console.print(
            f"reward  {folder / PREFERRED}: train it with {_training(folder / PREFERRED, reading)}", soft_wrap=True
        )
    console.print(advice, soft_wrap=True)


def sit(poll: "Poll", pairs: int | None, console: "Terminal", port: int = 0, open_it: bool = False) -> bool:
    """Ask in a page and in this terminal, whichever answers first; False if the person leaves some of it for later."""
    from autoreward.session.preferring import preferring

    if not poll.waiting(pairs):
        return True
    with preferring(poll, pairs, port) as (sitting, address):
        console.print(f"{f'{sitting.turn().noun}s':8}{address}: with clips; answer there or here", soft_wrap=True)
        if open_it:
            open_in_browser(address)
        with _Keyboard(sitting) as keyboard:
            return _ask(sitting, keyboard, console)


def sit_in_page(poll: "Poll", pairs: int | None, port: int = 0, open_it: bool = False) -> None:
    """Ask in a page until the person has finished there."""
    from autoreward.session.preferring import preferring

    if not poll.waiting(pairs):
        return
    with preferring(poll, pairs, port) as (sitting, address):
        say(f"{f'{sitting.turn().noun}s':8}{address}: answer there, until you finish there")
        if open_it:
            open_in_browser(address)
        changed = threading.Event()
        sitting.changed = changed.set
        while not sitting.over:
            changed.wait()
            changed.clear()


class _Keyboard:
    """Lines that are typed, until something changes elsewhere. A context manager."""

    def __init__(self, sitting: "Sitting") -> None:
        self._sitting = sitting
        self._heard, self._bell = os.pipe()
        os.set_blocking(self._bell, False)

    def line(self, prompt: str) -> str | None:
        """What is typed, or None if something changed elsewhere; QUIT at the end of what can be typed."""
        from autoreward.judges.poll import QUIT

        say(f"{prompt} ", whole=False)
        keys = sys.stdin.fileno()
        ready, _, _ = select.select([keys, self._heard], [], [])
        if self._heard in ready:
            os.read(self._heard, 4096)
            say("")
            return None
        # a terminal gives a line at a time
        typed = os.read(keys, 65536).decode(errors="replace")
        return typed.strip() if typed else QUIT[0]

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # it rings already
            os.write(self._bell, b"!")

    def __enter__(self) -> Self:
        self._sitting.changed = self._ring
        return self

    def __exit__(self, *ended: object) -> None:
        self._sitting.changed = lambda: None
        os.close(self._heard)
        os.close(self._bell)


def _ask(sitting: "Sitting", keyboard: _Keyboard, console: "Terminal") -> bool:
    """Until all is answered, here or in the page, or the person quits: then False."""
    from autoreward.judges.poll import QUIT, answer_meant, offered_words, with_reason
    from autoreward.report.lineups import lineup_table

    shown, said_here = "", False
    while not sitting.over:
        turn = sitting.turn()
        if turn.lineup is None:
            if said_here:  # nothing is left to be undone in the page
                return True
            line = keyboard.line(f"All {turn.noun}s are answered. Enter ends it; so does `finish` in the page.")
            if line is not None:
                return True
            continue
        question = turn.lineup.question
        if shown != question.id:
            shown = question.id
            console.print()
            console.print(lineup_table(turn.lineup, f"{turn.answered + 1} of {turn.answered + turn.left}"))
        line = keyboard.line(f"Which does {turn.more} of what was meant? {offered_words(turn.of)}, undo or quit:")
        if line is None:
            continue
        word, reason = with_reason(line)
        answer = answer_meant(word, question)
        said_here = answer is not None and sitting.answer(shown, answer, reason)
        if word.lower() in QUIT:
            return False
        if word.lower() in _UNDO and not sitting.undo():
            console.print("There is no answer of this sitting to take back.")
    return sitting.turn().left == 0


def _take(poll: "Poll", pairs: int | None, console: "Terminal", answers: Path | None, as_json: bool) -> None:
    """Save answers that were written down; all of them are read before the first is saved."""
    from autoreward.report.lineups import lineup_table

    asked = poll.waiting(pairs)
    if answers is None:
        for number, question in enumerate(asked, start=1):
            if as_json:
                say_line("PairAsked", {"id": question.id, "episode": question.episode})
                continue
            console.print(lineup_table(poll.lineup(question), f"{number} of {len(asked)}: {question.id}"))
    for preference in poll.read(sys.stdin.read().splitlines() if answers is None else _lines(answers), asked):
        poll.keep(preference.question, preference.answer, preference.reason)


def _lines(answers: Path) -> list[str]:
    from autoreward.core.resources import plain_text
    from autoreward.errors import UsageError

    try:
        return plain_text(answers).splitlines()
    except OSError as error:
        raise UsageError(f"--answers {answers} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"--answers {answers} can't be read: {error}.") from None


def _training(program: Path, reading: "RunView") -> str:
    from autoreward.core.wording import Command, Setting, in_shell

    return in_shell(Command("run", (reading.header.task.name,), (Setting("start", program),)))
