"""How pages are made: every value escaped, nothing in them that can't be seen, and a policy that lets nothing of others act.

A page may show pictures that it holds itself and use its own style; it runs its own script alone, told by its hash, and
reaches nothing outside itself.
"""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from autoreward.core.visible import visible

_INCLUDED = re.compile(r'{% include "([^"]+)\.html\.j2" %}')
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def page(template: str, reaches: str = "", **values: Any) -> str:
    """The page that `report/TEMPLATE.html.j2` makes of the values. Raises jinja2.UndefinedError on a missing one.

    `reaches`: what its script may ask, if it may: `'self'`, where the page came from.
    """
    made = _environment().get_template(f"{template}.html.j2")
    said = Markup(policy(whole_template(template), reaches))  # noqa: S704
    return visible(made.render(policy=said, **values))


def part(template: str, **values: Any) -> Markup:
    """The part of a page that `report/TEMPLATE.html.j2` makes; it has no script of its own."""
    return Markup(_environment().get_template(f"{template}.html.j2").render(**values))  # noqa: S704 - every value is escaped


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("autoreward.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def whole_template(template: str) -> str:
    """The text of `report/TEMPLATE.html.j2` and of those that it includes."""
    text = files("autoreward.report").joinpath(f"{template}.html.j2").read_text(encoding="utf-8")
    return text + "".join(whole_template(name) for name in dict.fromkeys(_INCLUDED.findall(text)))


def policy(template: str, reaches: str = "") -> str:
    """The tag that says what a page may do: `rules`."""
    return f'<meta http-equiv="Content-Security-Policy" content="{rules(template, reaches)}">'


def rules(template: str, reaches: str = "") -> str:
    """What a page of that template may do. A template's scripts hold no values, so that their hashes are known.

    Styles can't be told by hashes: bars and drawings have widths of their own in attributes.
    """
    hashes = "".join(f" 'sha256-{_digest(script)}'" for script in _SCRIPT.findall(template)) or " 'none'"
    told = (
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        f"script-src{hashes}",
        *([f"connect-src {reaches}"] if reaches else []),
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(told)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
