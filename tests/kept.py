"""Texts that are kept to be compared with: a change of wording is seen in the diff."""

import os
from pathlib import Path


def kept(path: Path, made: str) -> str:
    """What is kept there, which `make pages` (REWRITE=1) replaces by what is made now. Raises OSError if it is missing."""
    if os.environ.get("REWRITE"):
        path.write_text(made, encoding="utf-8")
    return path.read_text(encoding="utf-8")
