"""How pages are made: every value escaped, nothing in them that can't be seen, and a policy that lets nothing of others act.

A page may show pictures that it holds itself and use its own style; it runs its own script alone, told by its hash, and
reaches nothing outside itself.
"""

import base64
import hashlib
import re
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from autoreward.core.visible import visible

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def page(template: str, **values: Any) -> str:
    """The page that `report/TEMPLATE.html.j2` makes of the values. Raises jinja2.UndefinedError on a missing one."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = files("autoreward.report").joinpath(f"{template}.html.j2").read_text(encoding="utf-8")
    return visible(environment.from_string(text).render(policy=Markup(policy(text)), **values))  # noqa: S704


def policy(template: str) -> str:
    """The tag that says what a page may do. A template's scripts hold no values, so that their hashes are known.

    Styles can't be told by hashes: bars and drawings have widths of their own in attributes.
    """
    hashes = "".join(f" 'sha256-{_digest(script)}'" for script in _SCRIPT.findall(template)) or " 'none'"
    rules = (
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        f"script-src{hashes}",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(rules)}">'


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
