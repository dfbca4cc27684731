"""A task whose success rule asks for more: its condition, or that of its last stage."""

from pydantic import ValidationError

from autoreward.errors import TaskError, shortened
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.expression import Expression


def tightened_task(task: Task, condition: str) -> Task:
    """The task with a rule that asks for the condition, too, in the same window. Raises TaskError."""
    asked = Expression(condition, "the condition")  # whatever it is, it is a formula of its own
    if not asked.names & {*task.state, *task.action}:
        raise TaskError(f"{shortened(condition)!r} names no field; it has {', '.join((*task.state, *task.action))}.")
    if task.success.any_order:
        raise TaskError(
            "its stages may be reached in any order; write the condition into the stage that it belongs to."
        )
    success = task.success.model_dump()
    judged = success["stages"][-1] if task.success.stages else success  # of stages the last one
    judged["when"] = f"({judged['when']}) and ({condition})"
    try:
        return Task.model_validate({**task.model_dump(), "success": success})
    except ValidationError as error:
        reason = str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
        raise TaskError(f"{shortened(condition)!r} can't be asked for: {reason}") from None
