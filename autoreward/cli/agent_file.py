"""`autoreward agent-file`."""

from pathlib import Path

import typer

from autoreward.cli.say import say


def command(
    to: Path = typer.Option(
        Path("AGENTS.md"), "--to", help="The file to write; many agents read AGENTS.md by themselves."
    ),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace the file that is there."),
) -> None:
    """Write a short instruction file for coding agents: which tools `autoreward mcp` gives them, and how to use them."""
    from autoreward.errors import UsageError, shortened
    from autoreward.session.agent_file import agent_instructions

    try:
        with to.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(agent_instructions())
    except FileExistsError:
        raise UsageError(
            f"{shortened(to)} is there already, and is left as it is; name another file with --to, or replace it with --overwrite."
        ) from None
    except OSError as error:
        raise UsageError(f"{shortened(to)} can't be written: {error.strerror}.") from None
    say(f"written  {to}: what an agent is told; start its server with `autoreward mcp --task TASK --budget STEPS`")
