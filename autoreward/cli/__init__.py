"""The `autoreward` command: one file per subcommand; heavy imports happen inside them. What commands do is in `session`."""

import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from autoreward.cli import (
    agent_file,
    answer,
    audit,
    check,
    compare,
    confirm,
    doctor,
    export,
    feedback,
    help,
    init,
    lessons,
    mcp,
    play,
    prefer,
    resume,
    run,
    runs,
    score,
    show,
    tasks,
    tighten,
    train,
    tune,
    view,
)
from autoreward.cli.say import open_closed_streams, say, say_line, say_no_more
from autoreward.core.process_secrecy import Hidden
from autoreward.core.wording import Setting, in_shell
from autoreward.errors import AutorewardError, UsageError, from_the_system
from autoreward.llm.keys import take_keys
from autoreward.sandbox.processes.restarting import narrow
from autoreward.version import __version__

PIPE_CLOSED = 128 + signal.SIGPIPE
"""Exit code of a command whose reader went away, such as `head`, as shells give it."""


class Commands(TyperGroup):
    """What stops a command reaches `main`: Typer would end without a word."""

    def invoke(self, context: Any) -> Any:
        """Run the command, and print all that it has said."""
        try:
            try:
                return super().invoke(context)
            finally:
                sys.stdout.flush()
        except KeyboardInterrupt:
            raise typer.Abort from None
        except BrokenPipeError:
            say_no_more()
            sys.exit(PIPE_CLOSED)


app = typer.Typer(
    cls=Commands,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Write reward functions automatically: design, check, train, score, diagnose, and confirm.",
)
COMMANDS = (
    run,
    resume,
    feedback,
    tighten,
    prefer,
    answer,
    init,
    tasks,
    runs,
    lessons,
    view,
    show,
    play,
    compare,
    audit,
    confirm,
    export,
    check,
    score,
    train,
    tune,
    mcp,
    agent_file,
    doctor,
    help,
)
for module in COMMANDS:
    app.command(module.__name__.rpartition(".")[2].replace("_", "-"))(module.command)


@app.callback(invoke_without_command=True)
def _root(context: typer.Context, version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        say(f"autoreward {__version__}")
    elif context.invoked_subcommand is None:
        say(context.get_help())


def main() -> None:
    """Run a command; a person's mistake is one sentence, never a traceback. Nobody else reads this process or its keys."""
    open_closed_streams()
    Hidden()
    take_keys()
    try:
        sys.exit(app(standalone_mode=False))
    except AutorewardError as error:
        subject = (
            error.args[:1] if error.args and isinstance(error.args[0], Setting) else ()
        )  # what is wrong is no way out
        facts = [in_shell(part) for part in error.args[len(subject) :] if not isinstance(part, str)]
        _say(error.worded(in_shell), error.exit_code, type(error), facts)
    except TyperException as error:
        _say(error.format_message(), 2, UsageError)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except OSError as error:  # a place that nobody thought of: a full disk under what is printed, an unreadable folder
        say_no_more()
        _say(from_the_system(error), (UsageError if error.filename else AutorewardError).exit_code)
    except (MemoryError, SystemError) as error:
        # an import for which there was no memory may leave the interpreter without an error to show, which is a SystemError
        if isinstance(error, SystemError) and not narrow():
            raise
        _say(f"there is not enough memory for this.{narrow()} What was finished is saved.", AutorewardError.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _say("stopped.", 130)


def _say(
    message: str, code: int, kind: type[AutorewardError] = AutorewardError, way_out: Sequence[str] = ()
) -> NoReturn:
    """A sentence for people; for scripts that asked for JSON the same as an object, whose way out can be run as it stands."""
    sentence = " ".join(message.split())
    if "--json" in sys.argv:
        facts = {"code": kind.__name__, "exit_code": code, "message": sentence}
        say_line("Error", {**facts, "way_out": [*way_out] or [kind.way_out]})
    say(f"autoreward: {sentence}", error=True)
    sys.exit(code)
