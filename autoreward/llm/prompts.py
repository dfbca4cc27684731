"""Prompts are Jinja2 files in `prompts/`; a name that a template does not get is an error, and model text is only ever a value."""

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autoreward import contract
from autoreward.llm.asking import storable
from autoreward.resources import prompts_folder


def render(template: str, **values: Any) -> str:
    """The prompt `prompts/TEMPLATE.md.j2`. Raises jinja2.UndefinedError on a missing value."""
    text = _environment().get_template(f"{template}.md.j2").render(contract=_contract(), **values)
    return storable(text.strip() + "\n")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(prompts_folder()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - plain text for a model, not HTML
    )


def _contract() -> str:
    """The contract as contract.py states it, with its limits as numbers."""
    text = (contract.__doc__ or "").split("\n\n", 1)[1].rstrip()
    return text.replace("MAX_PARTS", str(contract.MAX_PARTS)).replace("MAGNITUDE", f"{contract.MAGNITUDE:g}")
