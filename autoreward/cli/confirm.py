"""`autoreward confirm RUN --vary NAME=LOW..HIGH`."""

from pathlib import Path

import typer

from autoreward.cli.options import NAMED_RUN, RUNS, find_run
from autoreward.cli.say import say_record
from autoreward.cli.trust import TRUST, settle_run

_EPISODES = 60
"""As `session.vary.FRESH_STARTS`."""


def command(
    run: str = NAMED_RUN,
    vary: list[str] = typer.Option(
        [],
        "--vary",
        help="What to draw anew for each episode, and between which ends: gravity=8..12. An argument of the environment, or of a "
        "MuJoCo model gravity, mass, friction, damping or gear; may be repeated. Without it you are told what can be varied.",
    ),
    episodes: int = typer.Option(_EPISODES, help="Held-out starts of each policy, plain and varied."),
    seed: int = typer.Option(0, help="Of what is drawn."),
    runs: Path = RUNS,
    trust: bool = TRUST,
    as_json: bool = typer.Option(False, "--json", help="As a JSON line."),
) -> None:
    """Does the winner hold? Score a finished run's policies where the environment varies, beside the plain one; nothing is trained.

    The baselines' policies are scored beside it. The run's report and `show` have it from then on.
    """
    from autoreward.report.robustness import robustness_table
    from autoreward.report.terminal import Terminal
    from autoreward.session.vary import varied_range, vary_winner

    folder = find_run(run, runs)
    variations = [varied_range(text) for text in vary]
    settle_run(folder, trust)
    found = vary_winner(folder, variations, episodes, seed)
    if as_json:
        say_record(found)
    else:
        Terminal().print(robustness_table(found))
