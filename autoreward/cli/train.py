"""`autoreward train TASK`."""

from pathlib import Path

import typer

from autoreward.cli.completion import complete_tasks
from autoreward.cli.options import JSON, NAME, RUNS, TENSORBOARD, EnvsOption, task_folders
from autoreward.cli.settings import with_settings
from autoreward.cli.trust import TRUST, settle_card
from autoreward.cli.watch import watch
from autoreward.settings import TRAINING_SEEDS, Settings


@with_settings(
    only={
        "steps",
        "episodes",
        "pool",
        "simulator",
        "workers",
        "minutes_per_trial",
        "memory_mb",
        "seed",
        "trust_the_model",
    }
)
def command(
    context: typer.Context,
    task: str = typer.Argument(help="A task's name, or the path of a task.toml.", autocompletion=complete_tasks),
    reward: str = typer.Option(
        ..., "--reward", help="native, sparse, none, or a file with compute_reward or reward(obs, action, next_obs)."
    ),
    seeds: int = typer.Option(TRAINING_SEEDS, help="Training seeds."),
    *,
    chosen: Settings,
    tensorboard: Path | None = TENSORBOARD,
    composition: str | None = typer.Option(
        None,
        help="How the parts of a file's reward become one number; the file's own COMPOSITION, or sum, if not given.",
    ),
    trust: bool = TRUST,
    runs: Path = RUNS,
    envs: Path | None = EnvsOption,
    name: str | None = NAME,
    as_json: bool = JSON,
) -> None:
    """Train one reward on fresh seeds and score it as candidates are: your own file, or a baseline."""
    from autoreward.core.resources import envs_folder
    from autoreward.session.reward_file import given_settings
    from autoreward.session.run import config_for, new_folder, start
    from autoreward.tasks.files import find_task, place_of

    card, told = find_task(task, task_folders(envs)), place_of(task, task_folders(envs), envs_folder())
    settle_card(card, trust)
    given = given_settings(reward, seeds, card, composition, chosen.get("trust_the_model", False))
    config = config_for(card, {**chosen, **given})
    folder = new_folder(card, runs, name)
    watch(lambda tell: start(card, config, folder, tell, tensorboard=tensorboard, card=told), folder, as_json)
