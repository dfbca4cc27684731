"""`autoreward show RUN`."""

from pathlib import Path

import typer

from autoreward.cli.completion import complete_candidates
from autoreward.cli.options import NAMED_RUN, RUNS, find_run
from autoreward.cli.say import say_line, say_record


def command(
    run: str = NAMED_RUN,
    runs: Path = RUNS,
    candidate: str | None = typer.Option(
        None, "--candidate", help="Show one candidate: source, scores, symptoms.", autocompletion=complete_candidates
    ),
    as_json: bool = typer.Option(False, "--json", help="As a JSON line."),
) -> None:
    """Show a run, finished or not."""
    from pydantic import TypeAdapter

    from autoreward.errors import UsageError
    from autoreward.report.candidates import CandidateView
    from autoreward.report.reading import read_run
    from autoreward.report.tables import show_candidate, show_run
    from autoreward.report.terminal import Terminal

    reading = read_run(find_run(run, runs))
    if candidate is not None:
        view = reading.candidate(candidate)
        if view is None:
            known = ", ".join(t.candidate.id for t in reading.candidates)
            raise UsageError(f"There is no candidate {candidate!r} in this run; it has {known or 'none yet'}.")
        if as_json:
            say_line("CandidateView", TypeAdapter(CandidateView).dump_python(view, mode="json"))
        else:
            Terminal().print(show_candidate(view))
    elif as_json:
        if reading.run:
            say_record(reading.run)
        else:
            say_line("Unfinished", {"folder": str(reading.folder)})
    else:
        Terminal().print(show_run(reading))
