"""`autoreward tighten RUN`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoreward.cli.options import JSON, NAMED_RUN, RUNS, find_run
from autoreward.cli.say import say, say_line
from autoreward.cli.trust import TRUST, settle_run
from autoreward.cli.watch import watch

if TYPE_CHECKING:
    from autoreward.session.tighten import StricterRule


def command(
    run: str = NAMED_RUN,
    add: str = typer.Option(
        "",
        "--add",
        help='What a success must meet besides, in the language of task cards: "abs(pitch) < 0.5". What the audit of '
        "successes proposes, if not given.",
    ),
    rounds: int | None = typer.Option(
        None, help="More rounds at most, as many as the run had if not given; 0 only judges again and confirms."
    ),
    name: str | None = typer.Option(None, help="Name of the new run's folder; NAME-tightened if not given."),
    runs: Path = RUNS,
    yes: bool = typer.Option(False, "--yes", help="Go on without asking."),
    trust: bool = TRUST,
    as_json: bool = JSON,
) -> None:
    """Go on by a stricter success rule: what a run trained is judged again, in a new run beside it, and not trained again."""
    from autoreward.session.tighten import new_name, stricter_rule, tightened_run

    folder = find_run(run, runs)
    settle_run(folder, trust)
    proposal = stricter_rule(folder, add)
    if as_json:
        say_line("Proposed", _facts(proposal))
    else:
        _show(proposal)
    if not yes and not _agreed():
        raise typer.Exit(0)
    chosen = name or new_name(folder)
    watch(lambda tell: tightened_run(folder, proposal, tell, chosen, rounds), folder.parent / chosen, as_json)


def _show(proposal: "StricterRule") -> None:
    for line in proposal.found:
        say(line)
    say(f"asking for `{proposal.condition}` besides, the rule is: {proposal.task.success.text}")
    if not proposal.changes:
        say("no recorded episode was a success, so none changes")
    for change in proposal.changes:
        say(f"  {change.candidate_id}: success {change.before:.2f} -> {change.after:.2f} by its recorded episodes")


def _facts(proposal: "StricterRule") -> dict[str, object]:
    changed = {c.candidate_id: [c.before, c.after] for c in proposal.changes}
    return {
        "condition": proposal.condition,
        "when": proposal.task.success.text,
        "success": changed,
    }


def _agreed() -> bool:
    """Whether the person wants it. Where nobody can be asked, it was only shown."""
    if not sys.stdin.isatty():
        say("nothing was changed: say --yes to go on by this rule, or --add what it should ask for instead", error=True)
        return False
    return typer.confirm("Go on by this rule?", default=True)
