"""`autoreward run TASK`."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoreward.cli.completion import complete_tasks
from autoreward.cli.opened import OPEN, opened
from autoreward.cli.options import JSON, NAME, RUNS, TENSORBOARD, EnvsOption, file_bytes, task_folders
from autoreward.cli.say import say, say_record
from autoreward.cli.settings import with_settings
from autoreward.cli.trust import TRUST, settle_card
from autoreward.cli.watch import watch
from autoreward.settings import Settings

if TYPE_CHECKING:
    from autoreward.config import RunConfig
    from autoreward.records import Plan
    from autoreward.tasks.card import Task


@with_settings()
def command(
    context: typer.Context,
    task: str = typer.Argument(
        help="A task's name (see `autoreward tasks`), or the path of a task.toml.", autocompletion=complete_tasks
    ),
    runs: Path = RUNS,
    envs: Path | None = EnvsOption,
    name: str | None = NAME,
    *,
    chosen: Settings,
    start_from: list[str] = typer.Option(
        [],
        "--start",
        metavar="FILE",
        help="A reward of your own to start from, or native, the environment's; may be repeated.",
    ),
    demos: Path | None = typer.Option(None, help="An .npz of demonstrations: see autoreward help search."),
    answers: Path | None = typer.Option(
        None, help="With --ask: the answers, one a line: an option's number or words, none, or skip."
    ),
    tensorboard: Path | None = TENSORBOARD,
    trust: bool = TRUST,
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Say what it would do, take and cost; write and ask nothing."
    ),
    as_json: bool = JSON,
    open_it: bool = OPEN,
) -> None:
    """Design reward programs for a task, train and score them, and confirm the best."""
    from autoreward.core.resources import envs_folder
    from autoreward.errors import UsageError
    from autoreward.records import DEMONSTRATIONS
    from autoreward.session.clarifying import GIVEN_ANSWERS
    from autoreward.session.run import config_for, new_folder, plan_run, start
    from autoreward.session.starts import read_starts
    from autoreward.tasks.files import find_task, place_of
    from autoreward.worker.wire import FILE_CAP

    card, told = find_task(task, task_folders(envs)), place_of(task, task_folders(envs), envs_folder())
    settle_card(card, trust)
    config = config_for(card, {**chosen, **read_starts(start_from, card, chosen.get("trust_the_model", False))})
    folder = new_folder(card, runs, name)
    if answers and not config.ask:
        raise UsageError("--answers are to the questions of --ask N; say how many, such as --ask 3.")
    given = {DEMONSTRATIONS: file_bytes("--demos", demos, FILE_CAP)} if demos else {}
    given |= {GIVEN_ANSWERS: file_bytes("--answers", answers)} if answers else {}
    if dry_run:
        _show(plan_run(card, config, folder, given, tensorboard), card, config, as_json)
        return
    if not as_json:
        say(_who(config))
    with opened(folder, open_it, as_json) as listening:
        watch(lambda tell: start(card, config, folder, listening(tell), given, tensorboard, card=told), folder, as_json)


def _show(plan: "Plan", task: "Task", config: "RunConfig", as_json: bool) -> None:
    from rich.text import Text

    from autoreward.report.plan_table import show_plan
    from autoreward.report.terminal import Terminal

    if as_json:
        say_record(plan)
        return
    console = Terminal()
    console.print(Text.assemble((task.name, "bold"), f": {task.goal}"))
    console.print()
    console.print(show_plan(plan))
    for said in filter(None, (task.process.sentence, task.native_sentence)):
        console.print(said)
    console.print(_who(config))
    if config.model != "grammar":
        console.print("\nThe first prompt:\n")
        console.print(plan.prompt, soft_wrap=True)


def _who(config: "RunConfig") -> str:
    """Who will write the programs, and what that is expected to cost, before anything is spent."""
    from autoreward.llm.cost import FREE_PROVIDERS, OWN_SERVER, estimate_cost
    from autoreward.report.phrases import counted

    if config.model == "grammar":
        asked = f"{config.preferred_by} is asked to judge; the" if config.judges else "No model is configured: the"
        return f"{asked} embedded grammar designer writes the programs, at no cost."
    expected = estimate_cost(
        config.models, config.rounds, config.efforts, config.tools, config.ask > 0, config.propose_controller
    )
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
