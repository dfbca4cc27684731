"""`autoreward audit RUN`."""

from pathlib import Path

import typer

from autoreward.cli.options import NAMED_RUN, RUNS, find_run
from autoreward.cli.say import say, say_record


def command(
    run: str = NAMED_RUN,
    runs: Path = RUNS,
    as_json: bool = typer.Option(False, "--json", help="As a JSON line."),
) -> None:
    """Say whether a run's successes do what the goal says, or a trained reward's. Exit code 1 if something was found."""
    from autoreward.core.wording import Command, in_shell
    from autoreward.report.audit import audit_lines, found_audit
    from autoreward.report.reading import read_run

    folder = find_run(run, runs)
    audit = found_audit(read_run(folder))
    if as_json:
        say_record(audit)
    else:
        for line in audit_lines(audit):
            say(line)
        if audit.proposal:
            say(f"{in_shell(Command('tighten', (folder,)))} asks for `{audit.proposal}` besides")
        if not audit.sentences:
            silent = audit.silent or ("" if audit.successes else "no success has been audited yet")
            say(
                f"nothing to say: {silent}"
                if silent
                else f"{audit.successes} successes do nothing that untrained episodes don't"
            )
    raise typer.Exit(1 if audit.sentences else 0)
