"""A task whose success rule asks for more."""

from pydantic import ValidationError

from autoreward.errors import TaskError, shortened
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.expression import Expression


def tightened_task(task: Task, condition: str) -> Task:
    """The task with a rule that asks for the condition, too, in the same window. Raises TaskError."""
    asked = Expression(condition, "the condition")  # whatever it is, it is a formula of its own
    if not asked.names & {*task.state, *task.action}:
        raise TaskError(f"{shortened(condition)!r} names no field; it has {', '.join((*task.state, *task.action))}.")
    success = {**task.success.model_dump(), "when": f"({task.success.when}) and ({condition})"}
    try:
        return Task.model_validate({**task.model_dump(), "success": success})
    except ValidationError as error:
        reason = str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
        raise TaskError(f"{shortened(condition)!r} can't be asked for: {reason}") from None
