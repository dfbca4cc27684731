"""`autoreward mcp --task TASK --budget STEPS`."""

import sys
import threading
from pathlib import Path

import typer

from autoreward.cli.options import NAME, RUNS, EnvsOption, task_folders
from autoreward.cli.say import say
from autoreward.cli.settings import with_settings
from autoreward.cli.trust import TRUST, settle_card
from autoreward.cli.watch import stop_at_term
from autoreward.settings import Settings

OFFERED = {
    "steps",
    "target",
    "finalist_seeds",
    "confirm_seeds",
    "episodes",
    "workers",
    "minutes_per_trial",
    "memory_mb",
    "seed",
    "trust_the_model",
}
"""What a person may choose of a session besides its budget."""


@with_settings(only=OFFERED)
def command(
    context: typer.Context,
    task: str = typer.Option(..., "--task", help="The task that the agent writes rewards for."),
    budget: int = typer.Option(
        ..., "--budget", help="Environment steps that its search may take; confirming comes on top."
    ),
    trainings: int = typer.Option(10, "--trainings", help="Programs that it may train, at most."),
    *,
    chosen: Settings,
    trust: bool = TRUST,
    runs: Path = RUNS,
    envs: Path | None = EnvsOption,
    name: str | None = NAME,
) -> None:
    """Serve a coding agent over the Model Context Protocol (standard input and output): it tries rewards within a budget of yours.

    A session is a run; the agent's winner is confirmed on seeds that it never saw. More: autoreward help agents.
    """
    from autoreward.core.resources import envs_folder
    from autoreward.core.wording import Command, in_shell
    from autoreward.errors import MissingExtra
    from autoreward.report.live.lines import PlainView
    from autoreward.session.run import new_folder
    from autoreward.tasks.files import find_card, read_task

    try:
        from autoreward.session.agent_session import open_session
        from autoreward.session.agent_tools import agent_config
        from autoreward.session.mcp_server import serve_session
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{error.name} is not installed: pip install 'autoreward-rl[mcp]'.") from None

    stop_at_term()
    folders = task_folders(envs)
    path = find_card(task, folders)
    card = read_task(path)
    settle_card(card, trust)
    config = agent_config(card, budget, trainings, chosen)
    folder = new_folder(card, runs, name)
    with open_session(card, config, folder, path, tuple(dict.fromkeys((*folders, envs_folder())))) as session:
        ready = threading.Event()
        server = threading.Thread(target=serve_session, args=(session, ready), daemon=True)
        server.start()
        ready.wait()  # nothing else writes to standard output from here on
        try:
            session.search(PlainView(sys.stderr))
            server.join()
        except KeyboardInterrupt:
            say(f"autoreward: stopped. Go on with: {in_shell(Command('resume', (folder,)))}", error=True)
            raise
