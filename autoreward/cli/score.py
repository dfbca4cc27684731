"""`autoreward score REWARD --task TASK --against BASELINE`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoreward.cli.completion import complete_tasks
from autoreward.cli.options import RUNS, EnvsOption, task_folders
from autoreward.cli.say import say, say_record
from autoreward.cli.settings import with_settings
from autoreward.cli.trust import TRUST, settle_card
from autoreward.settings import Settings

if TYPE_CHECKING:
    from autoreward.records import Paired

SEEDS = 5
"""Pairs below which nothing can be told from chance: `evaluation.keep_or_revert.FEWEST`."""


@with_settings(only={"steps", "episodes", "workers", "minutes_per_trial", "memory_mb", "seed", "trust_the_model"})
def command(
    context: typer.Context,
    reward: str = typer.Argument(
        help="A file with compute_reward or reward(obs, action, next_obs); or native, sparse, none."
    ),
    task: str = typer.Option(..., "--task", help="The task it is for.", autocompletion=complete_tasks),
    against: str = typer.Option(..., "--against", help="What it must beat: native, sparse, none, or a file."),
    seeds: int = typer.Option(SEEDS, help="Training seeds, the same for both."),
    budget: int | None = typer.Option(
        None, help="Environment steps that may be spent; as many pairs are trained as it holds."
    ),
    *,
    chosen: Settings,
    trust: bool = TRUST,
    runs: Path = RUNS,
    envs: Path | None = EnvsOption,
    as_json: bool = typer.Option(False, "--json", help="As a JSON line."),
) -> None:
    """Keep a reward or revert it: trained against another on the same seeds. Exit code 0 for keep, 1 otherwise.

    What was trained once, by the content of its file, is not trained again.
    """
    from autoreward.report.live.lines import PlainView
    from autoreward.session.paired import Duel, duel_config, fight
    from autoreward.session.reward_file import given_reward
    from autoreward.tasks.files import find_task

    card, locked = find_task(task, task_folders(envs)), chosen.get("trust_the_model", False)
    settle_card(card, trust)
    ours, theirs = (given_reward(given, card, trust=locked) for given in (reward, against))
    duel = Duel(card, ours, theirs, seeds, budget)
    config = duel_config(duel, chosen)
    paired = fight(duel, config, runs, PlainView(sys.stderr))
    if as_json:
        say_record(paired)
    else:
        _show(paired)
    raise typer.Exit(0 if paired.verdict == "keep" else 1)


def _show(paired: "Paired") -> None:
    for side in (paired.reward, paired.against):
        spread = f"[{side.estimate.low:.2f}, {side.estimate.high:.2f}]"
        say(f"{side.who:<24}  success {side.estimate.value:.2f} {spread} on {paired.seeds} seeds")
        for why in side.failed:
            say(f"    a training failed: {why}")
    better = paired.improvement
    say(f"better, by {paired.by:<9}     {better.value:.2f} [{better.low:.2f}, {better.high:.2f}]")
    more = f" ({paired.more_seeds} more)" if paired.more_seeds else ""
    say(f"verdict                   {paired.verdict}{more}: {paired.why}")
    spent = f"{paired.trainings} trainings of {paired.steps:,} steps were made for this, {paired.taken} were known"
    say(f"spent                     {spent}")
