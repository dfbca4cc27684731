"""Lines for scripts: one JSON object each, of a kind, by a version of the form. docs/json.md lists the kinds."""

import json
from collections.abc import Mapping

FORM = 1
"""Version of the form. It rises when a kind or a field goes away or means something else, not when one is added."""


def json_line(kind: str, facts: Mapping[str, object]) -> str:
    """One object on one line in plain ASCII, so that nothing in it acts on a terminal; facts are plain values."""
    return json.dumps({"form": FORM, "kind": kind, **facts})
