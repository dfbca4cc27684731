"""The `autoreward` command: one file per subcommand; heavy imports happen inside them."""

import difflib
import sys

import click
import typer
from typer.core import TyperGroup

from autoreward import __version__
from autoreward.cli import check, doctor, resume, run, show, tasks
from autoreward.errors import AutorewardError


class Commands(TyperGroup):
    """Commands that name the nearest one when a name is not known."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1, cutoff=0.4)
            hint = f" Did you mean {close[0]!r}?" if close else " `autoreward --help` lists all."
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Write reward functions automatically: design, check, train, score, diagnose, and confirm.",
)
for module in (run, resume, tasks, show, check, doctor):
    app.command(module.__name__.rpartition(".")[2])(module.command)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        typer.echo(f"autoreward {__version__}")
        raise typer.Exit


def main() -> None:
    """Run a command; a person's mistake is one sentence, never a traceback."""
    try:
        app(standalone_mode=False)
    except AutorewardError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _say("stopped.")
        sys.exit(130)
    except click.ClickException as error:
        _say(error.format_message())
        sys.exit(2)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)


def _say(message: str) -> None:
    typer.echo(f"autoreward: {message}", err=True)
