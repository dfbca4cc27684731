"""`autoreward tune TASK`."""

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
    from autoreward.records import Tuned

_SHOWN = 5


@with_settings(
    only={"steps", "episodes", "simulator", "workers", "minutes_per_trial", "memory_mb", "seed", "trust_the_model"}
)
def command(
    context: typer.Context,
    task: str = typer.Argument(help="A task's name, or the path of a task.toml.", autocompletion=complete_tasks),
    reward: str = typer.Option(
        "native", "--reward", help="native, sparse, or a file with compute_reward or reward(obs, action, next_obs)."
    ),
    tries: int = typer.Option(20, help="Settings to try, the card's own among them."),
    seeds: int = typer.Option(2, help="Training seeds of each."),
    fresh: int = typer.Option(5, help="Fresh training seeds on which the best are held against the card's own."),
    *,
    chosen: Settings,
    trust: bool = TRUST,
    runs: Path = RUNS,
    envs: Path | None = EnvsOption,
    as_json: bool = typer.Option(False, "--json", help="As a JSON line."),
) -> None:
    """Find training settings that suit a task, with the reward as it is. Exit code 0 if they beat the card's own, 1 otherwise.

    Run again, it goes on where it was: nothing is trained twice.
    """
    from autoreward.config import make_config
    from autoreward.report.live.lines import PlainView
    from autoreward.session.reward_file import given_reward
    from autoreward.session.tuning import Tuning, tune
    from autoreward.tasks.files import find_task

    card, locked = find_task(task, task_folders(envs)), chosen.get("trust_the_model", False)
    settle_card(card, trust)
    given = given_reward(reward, card, trust=locked)
    config = make_config({**chosen, "given": given, "confirm_seeds": fresh})
    found = tune(Tuning(card, given, tries, seeds, fresh), config, runs, PlainView(sys.stderr))
    if as_json:
        say_record(found)
    else:
        _show(found)
    raise typer.Exit(0 if found.verdict == "keep" else 1)


def _show(found: "Tuned") -> None:
    order = sorted(range(len(found.tried)), key=lambda place: (-found.tried[place].value, place))
    for place in order[:_SHOWN]:
        one = found.tried[place]
        rates = ", ".join(f"{success:.2f}" for success in one.success)
        say(f"{f'try {place}' if place else 'as in the card':<16}  success {rates}, with progress {one.value:.2f} of 2")
        for why in one.failed:
            say(f"    a training failed: {why}")
    if found.improvement:
        better = found.improvement
        mean, own = (sum(side) / len(side) for side in (found.ours, found.theirs))
        say(f"on {len(found.ours)} fresh seeds  {found.by} {mean:.2f}, the card's own {own:.2f}; "
            f"better {better.value:.2f} [{better.low:.2f}, {better.high:.2f}]")  # fmt: skip
    say(f"verdict           {found.verdict}: {found.why}")
    say(f"spent             {found.env_steps:,} environment steps")
    if found.best:
        say("\n[train.hyperparameters]")
        for name, value in found.tried[found.best].hyperparameters.items():
            say(f"{name} = {_toml(value)}")


def _toml(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value).replace("'", '"')
