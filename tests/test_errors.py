"""The tree of errors that a reader sees is the tree there is, and so are the exit codes."""

import re

from autoreward import errors


def test_the_tree_and_its_exit_codes_are_those_of_the_classes() -> None:
    told: dict[str, tuple[str, int]] = {}
    for name, code, rest in re.findall(r"[├└]── (\w+) \((\d)\)(.*)", errors.__doc__ or ""):
        told[name] = ("AutorewardError", int(code))
        told |= {
            below: (name, int(code)) for below in re.findall(r"\w+", rest.partition(":")[0]) if hasattr(errors, below)
        }
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.AutorewardError)]
    assert {k.__name__: (k.__base__.__name__, k.exit_code) for k in kinds if k is not errors.AutorewardError} == told  # type: ignore[union-attr]
