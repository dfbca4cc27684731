"""`autoreward run TASK`."""

from pathlib import Path

import typer

from autoreward.cli.places import ENVS, RUNS, task_folders
from autoreward.cli.watch import watch


def command(
    task: str = typer.Argument(help="A task's name (see `autoreward tasks`), or the path of a task.toml."),
    runs: Path = RUNS,
    envs: Path | None = ENVS,
    name: str | None = typer.Option(None, help="Name of the run folder; made from date and task if not given."),
    seed: int = typer.Option(0, help="Seed of the whole run."),
    rounds: int = typer.Option(3, help="Rounds at most."),
    candidates: int = typer.Option(8, help="Reward programs per round."),
    finalists: int = typer.Option(2, help="Best candidates of a round that train again on more seeds."),
    finalist_seeds: int = typer.Option(2, help="More training seeds for each finalist."),
    steps: int | None = typer.Option(None, help="Environment steps of one training; the task's own if not given."),
    target: float = typer.Option(0.9, help="Stop searching at this held-out success rate, averaged over seeds."),
    confirm_seeds: int = typer.Option(3, help="Fresh training seeds for the winner and the baselines; 0 skips it."),
    episodes: int = typer.Option(20, help="Held-out episodes per score."),
    workers: int | None = typer.Option(None, help="Trainings side by side; one per core if not given."),
    as_json: bool = typer.Option(False, "--json", help="Tell what happens as JSON lines."),
) -> None:
    """Design reward programs for a task, train and score them, and confirm the best."""
    import os

    from pydantic import ValidationError

    from autoreward.config import RunConfig
    from autoreward.errors import ConfigError
    from autoreward.session import start
    from autoreward.tasks import find_task

    try:
        config = RunConfig(
            seed=seed,
            rounds=rounds,
            candidates=candidates,
            finalists=finalists,
            finalist_seeds=finalist_seeds,
            steps=steps,
            target=target,
            confirm_seeds=confirm_seeds,
            episodes=episodes,
            workers=workers if workers is not None else os.cpu_count() or 1,
        )
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        option = str(problem["loc"][0]).replace("_", "-")
        raise ConfigError(f"--{option} {problem['input']}: {problem['msg'][0].lower()}{problem['msg'][1:]}.") from None
    found = find_task(task, task_folders(envs))
    if not as_json:
        typer.echo("No model is configured: the embedded grammar designer writes the programs, at no cost.")
    made: list[Path] = []

    def where() -> Path | None:
        return made[0] if made else None

    def begun(folder: Path) -> None:
        made.append(folder)

    watch(lambda tell: start(found, config, runs, name, tell, begun), as_json, where)
