"""`autoreward run TASK`."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoreward.cli.options import (
    MINUTES_PER_TRIAL,
    RUNS,
    TENSORBOARD,
    EnvsOption,
    MemoryOption,
    limit,
    max_cost_option,
    task_folders,
)
from autoreward.cli.say import say, say_record
from autoreward.cli.trust import TRUST, settle_card
from autoreward.cli.watch import watch

if TYPE_CHECKING:
    from autoreward.config import RunConfig
    from autoreward.records import Plan
    from autoreward.tasks.card import Task


def command(
    context: typer.Context,
    task: str = typer.Argument(help="A task's name (see `autoreward tasks`), or the path of a task.toml."),
    runs: Path = RUNS,
    envs: Path | None = EnvsOption,
    name: str | None = typer.Option(None, help="Name of the run folder; made from date and task if not given."),
    seed: int = typer.Option(0, help="Seed of the whole run."),
    rounds: int = typer.Option(3, help="Rounds at most."),
    candidates: int = typer.Option(8, help="Reward programs per round."),
    finalists: int = typer.Option(2, help="Best candidates of a round that train again on more seeds."),
    finalist_seeds: int = typer.Option(2, help="More training seeds for each finalist."),
    steps: int | None = typer.Option(None, help="Environment steps of one training; the task's own if not given."),
    target: float = typer.Option(0.9, help="Stop searching at this held-out success rate, averaged over seeds."),
    budget: float = typer.Option(16.0, help="Environment steps that the search may take, in full trainings."),
    confirm_seeds: int = typer.Option(5, help="Fresh training seeds for the finalists and the baselines."),
    no_confirm: bool = typer.Option(False, "--no-confirm", help="Skip the confirmation."),
    judge: str | None = typer.Option(
        None,
        help="Who ranks those that trained to the end: rule (the task's, if it has one) or human (docs/preferences.md).",
    ),
    tune_weights: bool = typer.Option(False, help="Also tune the best program's weights on recorded episodes."),
    demos: Path | None = typer.Option(None, help="An .npz of demonstrations: see docs/search.md."),
    episodes: int = typer.Option(20, help="Held-out episodes per score."),
    pool: str = typer.Option("local", help="Where trainings run: local, or ray (a cluster; see docs/clusters.md)."),
    workers: int | None = typer.Option(None, help="Trainings side by side; one per core if not given."),
    minutes_per_trial: float = MINUTES_PER_TRIAL,
    memory_mb: int = MemoryOption,
    tensorboard: Path | None = TENSORBOARD,
    model: str | None = typer.Option(
        None,
        help="Who designs: anthropic:MODEL, openai:MODEL, openai+http://HOST:PORT/v1:MODEL, replay:DIR, manual, or grammar.",
    ),
    critic: str | None = typer.Option(
        None, help="Who reviews programs before training; the designer's model if not given."
    ),
    analyzer: str | None = typer.Option(None, help="Who explains failures; the designer's model if not given."),
    max_cost: float = max_cost_option(1.0),
    max_calls: int = typer.Option(30, help="Most model calls."),
    trust: bool = TRUST,
    trust_the_model: bool = typer.Option(False, help="Run a model's programs even where nothing locks them in."),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Say what it would do, take and cost; write and ask nothing."
    ),
    as_json: bool = typer.Option(False, "--json", help="Tell what happens as JSON lines."),
) -> None:
    """Design reward programs for a task, train and score them, and confirm the best."""

    from autoreward.errors import UsageError
    from autoreward.records import DEMONSTRATIONS
    from autoreward.session.run import plan_run, start, usual_settings
    from autoreward.tasks.files import find_task

    source = context.get_parameter_source("confirm_seeds")
    if no_confirm and source and source.name != "DEFAULT":
        raise UsageError("--no-confirm and --confirm-seeds contradict each other: leave one of them out.")
    found = find_task(task, task_folders(envs))
    usual = usual_settings(found)
    config = settings(
        seed=seed,
        rounds=rounds,
        candidates=candidates,
        finalists=finalists,
        finalist_seeds=finalist_seeds,
        steps=steps,
        target=target,
        confirm_seeds=0 if no_confirm else confirm_seeds,
        budget=budget,
        judge=judge or usual["judge"],
        tune_weights=tune_weights,
        episodes=episodes,
        model=model or usual["model"],
        critic=critic or "",
        analyzer=analyzer or "",
        max_cost=limit(max_cost),
        max_calls=max_calls,
        trust_the_model=trust_the_model,
        pool=pool,
        workers=workers,
        minutes_per_trial=minutes_per_trial,
        memory_mb=memory_mb,
    )
    settle_card(found, trust)
    given = {DEMONSTRATIONS: _read(demos)} if demos else {}
    if dry_run:
        _show(plan_run(found, config, runs, name, given, tensorboard), found, config, as_json)
        return
    if not as_json:
        say(_who(config))
    made: list[Path] = []

    def where() -> Path | None:
        return made[0] if made else None

    def begun(folder: Path) -> None:
        made.append(folder)

    watch(lambda tell: start(found, config, runs, name, tell, begun, given, tensorboard), as_json, where)


def _show(made: "Plan", task: "Task", config: "RunConfig", as_json: bool) -> None:
    from rich.text import Text

    from autoreward.report.plan_table import show_plan
    from autoreward.report.terminal import Terminal

    if as_json:
        say_record(made, indent=None)
        return
    console = Terminal()
    console.print(Text.assemble((task.name, "bold"), f": {task.goal}"))
    console.print()
    console.print(show_plan(made))
    if task.process.sentence:
        console.print(task.process.sentence)
    console.print(_who(config))
    if config.model != "grammar":
        console.print("\nThe first prompt:\n")
        console.print(made.prompt, soft_wrap=True)


def _read(demos: Path) -> bytes:
    from autoreward.errors import UsageError

    try:
        return demos.read_bytes()
    except OSError as error:
        raise UsageError(f"--demos {demos} can't be read: {error.strerror}.") from None


def settings(**chosen: object) -> "RunConfig":
    """A run's settings. Raises ConfigError naming the option that can't be."""
    from pydantic import ValidationError

    from autoreward.config import RunConfig, first_problem
    from autoreward.errors import ConfigError

    try:
        return RunConfig.model_validate(chosen)
    except ValidationError as error:
        name, given, said = first_problem(error)
        raise ConfigError(f"--{name.replace('_', '-')} {given}: {said}") from None


def _who(config: "RunConfig") -> str:
    """Who will write the programs, and what that is expected to cost, before anything is spent."""
    from autoreward.llm.cost import FREE_PROVIDERS, OWN_SERVER, estimate_cost
    from autoreward.report.phrases import counted

    if config.model == "grammar":
        return "No model is configured: the embedded grammar designer writes the programs, at no cost."
    expected = estimate_cost(config.models, config.rounds)
    if config.model.partition(":")[0] in FREE_PROVIDERS:
        return f"{config.model} writes the programs, at no cost."
    usual = f"{config.model} writes the programs: about {counted(expected.calls, 'call')} for {counted(config.rounds, 'round')}"
    calls = f"{counted(config.max_calls, 'call')} (--max-calls)"
    own = [name for name in config.models.values() if name.startswith(f"{OWN_SERVER}:")]
    if len(own) == len(config.models):
        return f"{usual}; what {own[0]} may cost is not counted; limit: {calls}."
    money = "at an unknown price" if expected.dollars is None else f"about ${expected.dollars:.2f}"
    dollars = "none in dollars" if config.max_cost is None else f"${config.max_cost:.2f} (--max-cost)"
    return f"{usual}, {money}; limits: {dollars} and {calls}." + (
        f" What {own[0]} may cost is not counted." if own else ""
    )
