"""The `autoreward` command: one file per subcommand; heavy imports happen inside them."""

import sys
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from autoreward import __version__
from autoreward.cli import check, compare, doctor, export, feedback, init, prefer, resume, run, runs, show, tasks, train
from autoreward.cli.say import say
from autoreward.errors import AutorewardError

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Write reward functions automatically: design, check, train, score, diagnose, and confirm.",
)
for module in (run, resume, feedback, prefer, init, tasks, runs, show, compare, export, check, train, doctor):
    app.command(module.__name__.rpartition(".")[2])(module.command)


@app.callback(invoke_without_command=True)
def _root(context: typer.Context, version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        say(f"autoreward {__version__}")
    elif context.invoked_subcommand is None:
        say(context.get_help())


def main() -> None:
    """Run a command; a person's mistake is one sentence, never a traceback."""
    try:
        sys.exit(app(standalone_mode=False))
    except AutorewardError as error:
        _say(str(error), error.exit_code)
    except TyperException as error:
        _say(error.format_message(), 2)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _say("stopped.", 130)


def _say(message: str, code: int) -> NoReturn:
    say(f"autoreward: {' '.join(message.split())}", error=True)
    sys.exit(code)
