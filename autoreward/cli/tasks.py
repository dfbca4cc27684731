"""`autoreward tasks [NAME]`."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoreward.cli.places import ENVS, task_folders
from autoreward.cli.say import say, say_json, say_record

if TYPE_CHECKING:
    from autoreward.tasks import Task


def command(
    name: str | None = typer.Argument(None, help="Show this task's card."),
    envs: Path | None = ENVS,
    prompt: bool = typer.Option(False, "--prompt", help="Print what a designer model would be told about the task."),
    check: bool = typer.Option(False, "--check", help="Hold the cards (or this one) against their environments."),
    as_json: bool = typer.Option(False, "--json", help="As JSON."),
) -> None:
    """List the tasks, show one, or check them."""
    from autoreward.errors import UsageError
    from autoreward.tasks import find_task, read_task, task_names

    folders = task_folders(envs)
    if check:
        names = task_names(folders)
        _check([find_task(name, folders)] if name else [read_task(path) for path in names.values()], as_json)
        return
    if name is None:
        if prompt:
            raise UsageError("--prompt needs a task's name: autoreward tasks NAME --prompt")
        _list([read_task(path) for path in task_names(folders).values()], as_json)
        return
    task = find_task(name, folders)
    if prompt:
        from autoreward.design.author import design_prompt

        say(design_prompt(task, None, (), 0))
    elif as_json:
        say_record(task)
    else:
        _card(task)


def _check(tasks: "list[Task]", as_json: bool) -> None:
    """Print each card's checks; exit code 1 if one failed."""
    from autoreward.session import audit_tasks

    failed = 0
    for audit in audit_tasks(tasks):
        bad = [item for item in audit.items if not item.ok]
        failed += bool(bad)
        if as_json:
            say_record(audit, indent=None)
            continue
        say(f"{'no' if bad else 'ok'}  {audit.task}")
        for item in audit.items if len(tasks) == 1 else bad:
            say(f"    {'ok' if item.ok else 'no'}  {item.name}: {item.said}")
    if failed:
        raise typer.Exit(1)


def _list(tasks: "list[Task]", as_json: bool) -> None:
    if as_json:
        say_json([{"name": t.name, "env": t.env, "tier": t.tier, "goal": t.goal} for t in tasks])
        return
    from rich.table import Table

    from autoreward.report.terminal import Terminal

    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("task", "tier", "environment", "goal"):
        table.add_column(column, no_wrap=column != "goal")
    for task in tasks:
        table.add_row(task.name, task.tier, task.env, task.goal)
    Terminal().print(table)


def _card(task: "Task") -> None:
    from rich.table import Table
    from rich.text import Text

    from autoreward.report.terminal import Terminal

    console = Terminal()
    console.print(Text.assemble((task.name, "bold"), f"  {task.env}, {task.tier}"))
    console.print(task.goal)
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("field", "unit", "range", "about"):
        table.add_column(column)
    for name, field in task.state.items():
        table.add_row(f"state.{name}", field.unit, _range(field.range), field.about)
    for name, action in task.action.items():
        table.add_row(f"action.{name}", action.unit, _range(action.range), action.about)
    for name, constant in task.constants.items():
        table.add_row(name, constant.unit, f"= {constant.value:g}", constant.about)
    console.print(table)
    full = ", over the full length" if task.success.full_length else ""
    share = f" in {task.success.share:.0%} of the" if task.success.window > 1 else " in the"
    if task.ruled:
        console.print(f"success   {task.success.when}{share} {task.success.within}{full}")
        console.print(f"metric    {task.metric.value} ({task.metric.better} is better)")
    else:
        console.print("success   no rule: people compare policies (autoreward prefer)")
    console.print(f"training  {task.train.algorithm}, {task.train.steps:,} steps, {task.train.envs} environments")


def _range(span: tuple[float, float] | None) -> str:
    return f"{span[0]:g} .. {span[1]:g}" if span else ""
