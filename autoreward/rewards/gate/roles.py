"""What a program says of its parts in module constants, read without running anything.

ROLES = {"held": "main", "approach": "dense", "effort": "penalty"}
CAP = 5.0
"""

import ast
import math
from collections.abc import Iterator
from typing import cast, get_args

from autoreward.records import PartRole
from autoreward.rewards.gate.rules import Problem

ROLES = "ROLES"
CAP = "CAP"
_FORM = f'write {ROLES} = {{"part": "role", ...}} once, with roles out of {", ".join(get_args(PartRole))}'
_CAP_FORM = f"write {CAP} = 5.0 once: a positive number, what any dense part may add to an episode"


def roles(tree: ast.Module) -> dict[str, PartRole]:
    """The roles of parts by name, of a tree without `role_problems`; empty where the program says nothing."""
    found = {}
    for statement in _statements(tree, ROLES):
        if isinstance(statement.value, ast.Dict):
            for key, value in zip(statement.value.keys, statement.value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                    found[str(key.value)] = cast(PartRole, value.value)
    return found


def cap(tree: ast.Module) -> float | None:
    """What any dense part may add to an episode, of a tree without `stated_problems`; None where the program says nothing."""
    for statement in _statements(tree, CAP):
        return _number(statement.value)
    return None


def stated_problems(tree: ast.Module) -> Iterator[Problem]:
    """What is wrong with the constants."""
    caps = list(_statements(tree, CAP))
    for again in caps[1:]:
        yield Problem("roles", f"{CAP} is there already: {_CAP_FORM}", again.lineno)
    for statement in caps[:1]:
        if _number(statement.value) is None:
            yield Problem("roles", f"{CAP} can't be read: {_CAP_FORM}", statement.lineno)
    statements = list(_statements(tree, ROLES))
    for again in statements[1:]:
        yield Problem("roles", f"{ROLES} is there already: {_FORM}", again.lineno)
    for statement in statements[:1]:
        if not isinstance(statement.value, ast.Dict):
            yield Problem("roles", f"{ROLES} says what each part is for: {_FORM}", statement.lineno)
            continue
        names = [_text(key) for key in statement.value.keys]
        given = [_text(value) for value in statement.value.values]
        if None in names or len(set(names)) < len(names) or not set(given) <= set(get_args(PartRole)):
            yield Problem("roles", f"{ROLES} has a name or a role that can't be read: {_FORM}", statement.lineno)


def _statements(tree: ast.Module, constant: str) -> Iterator[ast.Assign | ast.AnnAssign]:
    """Every statement of the module that sets the name."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if any(
                isinstance(node, ast.Name) and node.id == constant for target in targets for node in ast.walk(target)
            ):
                yield statement


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _number(node: ast.expr | None) -> float | None:
    """A positive finite number, written as one."""
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < math.inf:
        return None
    return float(value)
