"""`autoreward feedback RUN TEXT`."""

from pathlib import Path

import typer

from autoreward.cli.completion import complete_runs
from autoreward.cli.options import JSON, MORE_CALLS, MORE_COST, MORE_SILENCE, MORE_TIME, RUNS, find_run, raised
from autoreward.cli.say import say
from autoreward.cli.trust import TRUST, settle_run
from autoreward.cli.watch import watch
from autoreward.errors import UsageError


def command(
    run: str = typer.Argument(
        help="A finished run's folder, its name, the beginning of it, or `latest`.", autocompletion=complete_runs
    ),
    text: str = typer.Argument(help="What you saw and what should change, in your own words."),
    at: str = typer.Option(
        "",
        "--at",
        help="Of which steps it is said, EPISODE:FIRST-LAST of the winner or WHO~EPISODE:FIRST-LAST of a candidate; it is kept "
        "and made a number, and nothing is trained.",
    ),
    praise: bool = typer.Option(False, "--praise", help="It is good there; otherwise it is what should change."),
    field: str = typer.Option("", "--field", help="The field of the state or action that it is about."),
    runs: Path = RUNS,
    max_cost: float | None = MORE_COST,
    max_calls: int | None = MORE_CALLS,
    model_silence: float | None = MORE_SILENCE,
    model_timeout: float | None = MORE_TIME,
    trust: bool = TRUST,
    as_json: bool = JSON,
) -> None:
    """Go on with a finished run, with your words in the designer's and the analyzer's prompts; without a model: calmer, faster,
    longer, higher, safer. With --at: say it of some steps, and have it measured from then on."""
    from autoreward.session.run import feedback

    folder = find_run(run, runs)
    settle_run(folder, trust)
    limits = raised(max_cost, max_calls=max_calls, model_silence=model_silence, model_timeout=model_timeout)
    if at:
        _keep(folder, text, at, praise, field)
        return
    if praise or field:
        raise UsageError("--praise and --field are of words about some steps: say which with --at EPISODE:FIRST-LAST.")
    watch(lambda tell: feedback(folder, text, tell, limits), folder, as_json)


def _keep(folder: Path, text: str, at: str, praise: bool, field: str) -> None:
    """Keep what is said of some steps, and say what is measured of it."""
    from autoreward.report.traits import traits_lines
    from autoreward.session.traits import ENOUGH_WORDS, say_of_steps

    heard = say_of_steps(folder, text, at, praise, field, say)
    say(f"kept: {'good' if heard.aspect.praised else 'to change'} at {heard.aspect.where}")
    for line in traits_lines(heard.traits):
        say(line)
    if not heard.traits.proposed:
        asked = (
            f"or say {ENOUGH_WORDS} things in all, and the run's model is asked"
            if heard.by_model
            else "this run has no model to ask"
        )
        say(f"nothing is measured yet: name the field that it is about with --field, {asked}")
