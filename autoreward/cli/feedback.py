"""`autoreward feedback RUN TEXT`."""

from pathlib import Path

import typer

from autoreward.cli.completion import complete_runs
from autoreward.cli.options import JSON, MORE_CALLS, MORE_COST, MORE_SILENCE, MORE_TIME, RUNS, find_run, raised
from autoreward.cli.trust import TRUST, settle_run
from autoreward.cli.watch import watch


def command(
    run: str = typer.Argument(
        help="A finished run's folder, its name, the beginning of it, or `latest`.", autocompletion=complete_runs
    ),
    text: str = typer.Argument(help="What you saw and what should change, in your own words."),
    runs: Path = RUNS,
    max_cost: float | None = MORE_COST,
    max_calls: int | None = MORE_CALLS,
    model_silence: float | None = MORE_SILENCE,
    model_timeout: float | None = MORE_TIME,
    trust: bool = TRUST,
    as_json: bool = JSON,
) -> None:
    """Go on with a finished run, with your words in the designer's and the analyzer's prompts; without a model: calmer, faster,
    longer, higher, safer."""
    from autoreward.session.run import feedback

    folder = find_run(run, runs)
    settle_run(folder, trust)
    limits = raised(max_cost, max_calls=max_calls, model_silence=model_silence, model_timeout=model_timeout)
    watch(lambda tell: feedback(folder, text, tell, limits), folder, as_json)
