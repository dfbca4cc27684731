"""Prompts are Jinja2 files in `prompts/`; a name that a template does not get is an error.

What others wrote (people, environments, models, programs that failed) is only ever a value, and every value that is text is
delimited: `quoted`, as one JSON string, or `fenced`, in a block that it can't end.
"""

import json
import re
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autoreward.core import contract
from autoreward.core.resources import prompts_folder
from autoreward.core.visible import hidden, visible_line
from autoreward.llm.types import storable

_UNIT_SHOWN = 20
"""Characters of a unit that are shown."""


def render_prompt(template: str, **values: Any) -> str:
    """The prompt `prompts/TEMPLATE.md.j2`. Raises jinja2.UndefinedError on a missing value."""
    text = _environment().get_template(f"{template}.md.j2").render(contract=_contract(), **values)
    return storable(text.strip() + "\n")


def quoted(text: str) -> str:
    """The text as a JSON string on one line, with nothing in it that can't be seen."""
    return "".join(json.dumps(c)[1:-1] if hidden(c) else c for c in json.dumps(text, ensure_ascii=False))


def fenced(text: str, language: str = "") -> str:
    """The text as a block between fences that are longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _numbered(source: str) -> str:
    """A program's lines, each after its number."""
    return "\n".join(f"{number:2d}  {line}" for number, line in enumerate(source.rstrip().split("\n"), start=1))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(prompts_folder()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - plain text for a model, not HTML
    )
    environment.filters |= {
        "quoted": quoted,
        "fenced": fenced,
        "numbered": _numbered,
        "unit": lambda text: visible_line(text, _UNIT_SHOWN),
    }
    return environment


def _contract() -> str:
    """The contract as contract.py states it, with its limits as numbers, without its example, which has the names of one task."""
    text = "- " + (contract.__doc__ or "").split("\n- ", 1)[1].rstrip()
    return text.replace("MAX_PARTS", str(contract.MAX_PARTS)).replace("MAGNITUDE", f"{contract.MAGNITUDE:g}")
