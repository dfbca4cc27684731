"""`autoreward prefer RUN`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoreward.cli.options import NAMED_RUN, RUNS, find_run
from autoreward.cli.say import say
from autoreward.cli.trust import TRUST, settle_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autoreward.judges.poll import Poll
    from autoreward.records import Question
    from autoreward.report.reading import RunView
    from autoreward.report.terminal import Terminal


def command(
    run: str = NAMED_RUN,
    runs: Path = RUNS,
    pairs: int | None = typer.Option(
        None, min=1, help="Pairs to show; until every policy was compared three times if not given."
    ),
    answers: Path | None = typer.Option(
        None, help="Take the answers from a file: `ID a|b|tie` a line, as pairs.html writes."
    ),
    by: str = typer.Option(
        "", "--as", help="Your name, where several people answer: each is asked about the same pairs."
    ),
    trust: bool = TRUST,
) -> None:
    """Say which of two trained policies does more of what was meant; the candidates are ranked by your answers. `a because it drags
    its leg` gives a reason."""
    from autoreward.judges.poll import Poll
    from autoreward.report.preference_tables import preferences
    from autoreward.report.reading import read_run
    from autoreward.report.terminal import Terminal
    from autoreward.report.traits import traits_lines
    from autoreward.session.answered_weights import PREFERRED, weights_of_answers
    from autoreward.session.traits import traits_of_reasons

    folder, console = find_run(run, runs), Terminal()
    if answers is None:  # their policies are filmed, in their environment
        settle_run(folder, trust)
    with Poll(folder, by) as poll:
        asked = poll.waiting(pairs)
        try:
            if answers is not None:
                _take(poll, _lines(answers), asked)
            elif asked:
                show(poll, asked, console)
                if sys.stdin.isatty():
                    ask(poll, asked, console)
                else:
                    _take(poll, sys.stdin.read().splitlines(), asked)
        finally:
            poll.report()
        advice = _next(poll, folder, by)
    if renewed := traits_of_reasons(folder, say):
        for line in traits_lines(renewed):
            say(line)
    weighed = weights_of_answers(folder)
    reading = read_run(folder)
    if reading.strengths.items:
        console.print(preferences(reading))
    if weighed and weighed.tells_more:
        console.print(
            f"reward  {folder / PREFERRED}: train it with {_training(folder / PREFERRED, reading)}", soft_wrap=True
        )
    console.print(advice, soft_wrap=True)


def show(poll: "Poll", asked: "Sequence[Question]", console: "Terminal") -> None:
    """Write the page with the pairs, and say where it is."""
    console.print(f"filming {len(asked)} pair{'s' * (len(asked) > 1)} ...", style="dim")
    poll.show(asked)
    console.print(f"pairs   {poll.page}", soft_wrap=True)


def ask(poll: "Poll", asked: "Sequence[Question]", console: "Terminal") -> bool:
    """Ask in the terminal, and save each answer at once; False if the person quits."""
    from autoreward.judges.poll import QUIT, WORDS, with_reason
    from autoreward.report.pairs import pair_table

    for number, question in enumerate(asked, start=1):
        console.print()
        console.print(pair_table(poll.pair(question), f"{number} of {len(asked)}"))
        while True:
            answer, reason = with_reason(typer.prompt("Which does more of what was meant? a, b, tie or quit").strip())
            if answer.lower() in WORDS:
                break
            if answer.lower() in QUIT:
                return False
        poll.keep(question, WORDS[answer.lower()], reason)
    return True


def _take(poll: "Poll", lines: "Sequence[str]", asked: "Sequence[Question]") -> None:
    """Save answers that were written down; all of them are read before the first is saved."""
    for preference in poll.read(lines, asked):
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


def _next(poll: "Poll", folder: Path, by: str) -> str:
    from autoreward.core.wording import Command, Setting, in_shell

    own = (Setting("as", by),) if by else ()
    if left := len(poll.waiting()):
        return f"{left} pair{'s' * (left > 1)} left: {in_shell(Command('prefer', (folder,), own))}"
    if poll.awaited:
        return f"next    {in_shell(Command('resume', (folder,)))}"
    if not poll.waiting(1):
        return "Every two policies have been compared in every episode; there are no more pairs."
    more = in_shell(Command("prefer", (folder,), (*own, Setting("pairs", 6))))
    return f"Every policy has been compared; more pairs: {more}"
