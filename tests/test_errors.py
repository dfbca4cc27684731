"""The tree of errors that a reader sees is the tree there is, and so are the exit codes."""

import re
import shlex
from pathlib import Path

from autoreward import errors
from autoreward.core.wording import in_shell


def test_the_tree_and_its_exit_codes_are_those_of_the_classes() -> None:
    told: dict[str, tuple[str, int]] = {}
    for name, code, rest in re.findall(r"[├└]── (\w+) \((\d)\)(.*)", errors.__doc__ or ""):
        told[name] = ("AutorewardError", int(code))
        told |= {
            below: (name, int(code)) for below in re.findall(r"\w+", rest.partition(":")[0]) if hasattr(errors, below)
        }
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.AutorewardError)]
    assert {k.__name__: (k.__base__.__name__, k.exit_code) for k in kinds if k is not errors.AutorewardError} == told  # type: ignore[union-attr]


def test_every_exit_code_is_explained_to_users() -> None:
    page = (Path(__file__).parent.parent / "docs" / "faq.md").read_text(encoding="utf-8")
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.AutorewardError)]
    assert {0, 130, *(k.exit_code for k in kinds)} == set(map(int, re.findall(r"^\| (\d+) \|", page, re.MULTILINE)))


def test_a_command_that_is_named_can_be_pasted() -> None:
    folder = Path("runs/sp ace's")
    said = errors.JudgementNeeded(1, folder).worded(in_shell)
    assert shlex.split(said.partition(": ")[2].partition("; then ")[0]) == ["autoreward", "prefer", str(folder)]
