"""`autoreward tasks [NAME]`."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from autoreward.cli.completion import complete_tasks
from autoreward.cli.options import AS_JSON, EnvsOption, task_folders
from autoreward.cli.say import say, say_line, say_record
from autoreward.cli.trust import TRUST, settle_card

if TYPE_CHECKING:
    from autoreward.tasks.card import Task
    from autoreward.tasks.success_table import Success


def command(
    name: str | None = typer.Argument(None, help="Show this task's card.", autocompletion=complete_tasks),
    envs: Path | None = EnvsOption,
    prompt: bool = typer.Option(False, "--prompt", help="Print what a designer model would be told about the task."),
    check: bool = typer.Option(False, "--check", help="Hold the cards (or this one) against their environments."),
    trust: bool = TRUST,
    as_json: bool = AS_JSON,
) -> None:
    """List the tasks, show one, or check them."""
    from autoreward.errors import UsageError
    from autoreward.tasks.files import find_task

    folders = task_folders(envs)
    if check:
        tasks, broken = ([find_task(name, folders)], {}) if name else _all(folders)
        for task in tasks:
            settle_card(task, trust)
        check_cards(tasks, broken, as_json)
        return
    if name is None:
        if prompt:
            raise UsageError("--prompt needs a task's name: autoreward tasks NAME --prompt")
        _list(*_all(folders), as_json)
        return
    task = find_task(name, folders)
    if prompt:
        from autoreward.roles.brief import brief
        from autoreward.roles.designer import design_prompt
        from autoreward.roles.history import History
        from autoreward.settings import RunSettings

        say(design_prompt(brief(task, task.train.steps, RunSettings.episodes), History(), 0))
    elif as_json:
        say_record(task)
    else:
        _card(task)


def _all(folders: tuple[Path, ...]) -> "tuple[list[Task], dict[str, str]]":
    """The tasks of some folders, and what is wrong with the cards that can't be read, by name."""
    from autoreward.core.wording import in_shell
    from autoreward.errors import TaskError
    from autoreward.tasks.files import read_task, task_names

    tasks = []
    broken: dict[str, str] = {}
    for name, path in task_names(folders).items():
        try:
            tasks.append(read_task(path))
        except TaskError as error:
            broken[name] = error.worded(in_shell)
    return tasks, broken


def check_cards(tasks: "list[Task]", broken: dict[str, str], as_json: bool) -> None:
    """Print each card's checks; exit code 1 if one failed."""
    from itertools import chain

    from autoreward.records import Audit, AuditItem
    from autoreward.session.env_check import audit_tasks

    unread = (Audit(task=n, items=(AuditItem(name="card", ok=False, message=why),)) for n, why in broken.items())
    failed = 0
    for audit in chain(unread, audit_tasks(tasks)):
        bad = [item for item in audit.items if not item.ok]
        failed += bool(bad)
        if as_json:
            say_record(audit)
            continue
        say(f"{'no' if bad else 'ok'}  {audit.task}")
        for item in audit.items if len(tasks) + len(broken) == 1 else bad:
            say(f"    {'ok' if item.ok else 'no'}  {item.name}: {item.message}")
    if failed:
        raise typer.Exit(1)


def _list(tasks: "list[Task]", broken: dict[str, str], as_json: bool) -> None:
    if as_json:
        for t in tasks:
            say_line("TaskListed", {"name": t.name, "env": t.env, "tier": t.tier, "goal": t.goal})
        for name, why in broken.items():
            say_line("TaskBroken", {"name": name, "broken": why})
        return
    from rich.table import Table

    from autoreward.report.fitting import Fitting
    from autoreward.report.terminal import Terminal

    def table(*names: str) -> Table:
        grid = Table(box=None, header_style="dim", pad_edge=False)
        for name in names:
            grid.add_column(name, no_wrap=name != "goal")
        for task in tasks:
            cells = {"task": task.name, "tier": task.tier, "environment": task.env, "goal": task.goal}
            grid.add_row(*(cells[name] for name in names))
        return grid

    tables = (table("task", "tier", "environment", "goal"), table("task", "tier", "goal"), table("task", "goal"))
    Terminal().print(Fitting(tables))
    for name, why in broken.items():
        say(f"{name} can't be read: {why}", error=True)


def _card(task: "Task") -> None:
    from rich.table import Table
    from rich.text import Text

    from autoreward.report.terminal import Terminal

    console = Terminal()
    console.print(Text.assemble((task.name, "bold"), f"  {task.env}, {task.tier}"))
    console.print(task.goal)
    for said in task.clarified:
        console.print(f"asked     {said.question} said: {said.answer}")
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("field", "unit", "range", "about"):
        table.add_column(column)
    for name, field in task.state.items():
        about = f"{field.about}{' (comes round)' if field.wrap else ''}"
        about = about if field.policy else f"{about} (not seen by the policy)"
        table.add_row(f"state.{name}", field.unit, _range(field.range), about)
    for name, action in task.action.items():
        table.add_row(f"action.{name}", action.unit, _range(action.range), action.about)
    for name, constant in task.constants.items():
        table.add_row(name, constant.unit, f"= {constant.value:g}", constant.about)
    console.print(table)
    if task.ruled:
        for line in rule_lines(task.success):
            console.print(line)
        console.print(f"metric    {task.metric.value} ({task.metric.better} is better)")
        for name, metric in task.metrics.items():
            console.print(f"  also    {name}: {metric.value} ({metric.better} is better)")
    else:
        console.print("success   no rule: people compare policies (autoreward prefer)")
    for principle in task.judge.principles:
        console.print(f"principle {principle} (what a model that judges scores by)")
    if task.judge.goal or task.judge.baseline:
        against = f" against {task.judge.baseline!r}, strength {task.judge.strength:g}" if task.judge.baseline else ""
        console.print(
            f"looks for {task.judge.goal or task.goal!r}{against} (what an image-text model that judges goes by)"
        )
    for name, limit in task.limits.items():
        console.print(f"limit     {name}: {limit.said}")
    if task.uses_native:
        console.print(f"native    {task.native_sentence}")
    if task.process.allowed:
        console.print(f"process   its environment may {', '.join(task.process.allowed)}")
    console.print(f"training  {task.train.algorithm}, {task.train.steps:,} steps, {task.train.envs} environments")


def rule_lines(success: "Success") -> list[str]:
    """The rule in words: a line, or one a stage, and what must hold all along."""
    full = ", over the full length" if success.full_length else ""
    if not success.stages:
        lines = [f"success   {success.when} {where_it_holds(success)}{full}"]
    else:
        order = "in any order" if success.any_order else "one after the other"
        lines = [f"success   {len(success.stages)} stages, {order}{full}"]
        for number, stage in enumerate(success.stages, start=1):
            when = " ".join(filter(None, (stage.when, success.said(stage))))
            lines.append(f"  {number}       {stage.name}: {when}")
    return [*lines, f"always    {success.always}"] if success.always else lines


def where_it_holds(success: "Success") -> str:
    """Where in an episode the rule has to hold."""
    if success.window > 1:
        return f"in {success.share:.0%} of the {success.within}"
    return f"in {success.within}" if success.window == 0 else f"in the {success.within}"


def _range(span: tuple[float, float] | None) -> str:
    return f"{span[0]:g} .. {span[1]:g}" if span else ""
