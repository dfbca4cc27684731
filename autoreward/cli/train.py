"""`autoreward train TASK`."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoreward.cli.options import MINUTES_PER_TRIAL, RUNS, TENSORBOARD, EnvsOption, MemoryOption, task_folders
from autoreward.cli.trust import TRUST, settle_card
from autoreward.cli.watch import watch

if TYPE_CHECKING:
    pass


MOST_SEEDS = 100


def command(
    task: str = typer.Argument(help="A task's name, or the path of a task.toml."),
    reward: str = typer.Option(..., "--reward", help="native, sparse, none, or a file with compute_reward."),
    seeds: int = typer.Option(3, help="Training seeds."),
    steps: int | None = typer.Option(None, help="Environment steps of one training; the task's own if not given."),
    episodes: int = typer.Option(20, help="Held-out episodes per score."),
    pool: str = typer.Option("local", help="Where trainings run: local, or ray (a cluster; see docs/clusters.md)."),
    workers: int | None = typer.Option(None, help="Trainings side by side; one per core if not given."),
    minutes_per_trial: float = MINUTES_PER_TRIAL,
    memory_mb: int = MemoryOption,
    tensorboard: Path | None = TENSORBOARD,
    seed: int = typer.Option(0, help="What the training seeds are derived from."),
    composition: str | None = typer.Option(
        None,
        help="How the parts of a file's reward become one number; the file's own COMPOSITION, or sum, if not given.",
    ),
    trust: bool = TRUST,
    trust_the_model: bool = typer.Option(False, help="Run the file even where nothing locks it in."),
    runs: Path = RUNS,
    envs: Path | None = EnvsOption,
    name: str | None = typer.Option(None, help="Name of the run folder; made from date and task if not given."),
    as_json: bool = typer.Option(False, "--json", help="Tell what happens as JSON lines."),
) -> None:
    """Train one reward on fresh seeds and score it as candidates are: your own file, or a baseline."""
    from autoreward.cli.run import settings
    from autoreward.errors import ConfigError
    from autoreward.session.reward_file import given_reward
    from autoreward.session.run import start
    from autoreward.tasks.files import find_task

    if not 1 <= seeds <= MOST_SEEDS:
        raise ConfigError(f"--seeds {seeds}: write a number from 1 to {MOST_SEEDS}.")
    config = settings(
        given=given_reward(reward, composition),
        confirm_seeds=seeds,
        steps=steps,
        episodes=episodes,
        seed=seed,
        trust_the_model=trust_the_model,
        pool=pool,
        workers=workers,
        minutes_per_trial=minutes_per_trial,
        memory_mb=memory_mb,
    )
    found = find_task(task, task_folders(envs))
    settle_card(found, trust)
    made: list[Path] = []

    def where() -> Path | None:
        return made[0] if made else None

    watch(lambda tell: start(found, config, runs, name, tell, made.append, tensorboard=tensorboard), as_json, where)
