"""`autoreward check FILE --task TASK`."""

from pathlib import Path

import typer

from autoreward.cli.completion import complete_tasks
from autoreward.cli.options import EnvsOption, task_folders
from autoreward.cli.say import say, say_record
from autoreward.cli.trust import TRUST, settle_card
from autoreward.core.outcomes import Outcome


def command(
    file: Path = typer.Argument(help="A Python file with compute_reward(state, action, next_state, memory)."),
    task: str = typer.Option(..., "--task", help="The task it is for.", autocompletion=complete_tasks),
    envs: Path | None = EnvsOption,
    trust: bool = TRUST,
    trust_the_model: bool = typer.Option(False, help="Run it even where this machine can't lock a process."),
    as_json: bool = typer.Option(False, "--json", help="As a JSON line."),
) -> None:
    """Check a reward file of your own the way candidates are checked. Exit code 1 if it may not train."""
    from autoreward.session.reward_file import check_file, program_file
    from autoreward.tasks.files import find_task

    card = find_task(task, task_folders(envs))
    settle_card(card, trust)
    verdict = check_file(file, card, trust_the_model)
    if as_json:
        say_record(verdict)
    else:
        for finding in verdict.findings:
            place = f"{program_file(file)}:{finding.line}" if finding.line else str(file)
            say(f"{place}: {finding.rule}: {finding.message}")
        if verdict.accepted:
            memory = ", uses memory" if verdict.uses_memory else ""
            say(f"{file} keeps the contract: parts {', '.join(verdict.parts)}{memory}.")
        else:
            advised = verdict.outcome is Outcome.BROKE_CONTRACT  # each such finding says what to do
            say(f"{file} may not train." + ("" if advised else f" {verdict.outcome.advice}"))
    raise typer.Exit(0 if verdict.accepted else 1)
