"""The prompt that a designer model is asked, rendered from `prompts/designer.md.j2`."""

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autoreward import contract
from autoreward.resources import prompts_folder
from autoreward.tasks import Task


def designer_prompt(task: Task) -> str:
    """What a designer model is told about a task: goal, fields, constants, the contract quoted from `contract.py`."""
    environment = Environment(
        loader=FileSystemLoader(prompts_folder()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - plain text for a model, not HTML
    )
    quoted = (contract.__doc__ or "").split("\n\n", 1)[1].rstrip()
    return environment.get_template("designer.md.j2").render(task=task, contract=quoted)
