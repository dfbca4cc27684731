"""`autoreward resume RUN`."""

from pathlib import Path

import typer

from autoreward.cli.completion import complete_runs
from autoreward.cli.opened import OPEN, opened
from autoreward.cli.options import (
    JSON,
    MORE_CALLS,
    MORE_COST,
    MORE_SILENCE,
    MORE_TIME,
    RUNS,
    TENSORBOARD,
    find_run,
    raised,
)
from autoreward.cli.trust import TRUST, settle_run
from autoreward.cli.watch import watch


def command(
    run: str = typer.Argument(
        help="A run's folder, its name, the beginning of it, or `latest`.", autocompletion=complete_runs
    ),
    runs: Path = RUNS,
    tensorboard: Path | None = TENSORBOARD,
    max_cost: float | None = MORE_COST,
    max_calls: int | None = MORE_CALLS,
    model_silence: float | None = MORE_SILENCE,
    model_timeout: float | None = MORE_TIME,
    trust: bool = TRUST,
    as_json: bool = JSON,
    open_it: bool = OPEN,
) -> None:
    """Go on with a run that was stopped; nothing finished is done again."""
    from autoreward.session.run import resume

    folder = find_run(run, runs)
    settle_run(folder, trust)
    limits = raised(max_cost, max_calls=max_calls, model_silence=model_silence, model_timeout=model_timeout)
    with opened(folder, open_it, as_json) as listening:
        watch(lambda tell: resume(folder, listening(tell), tensorboard, limits=limits), folder, as_json)
