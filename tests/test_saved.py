"""What is saved: every name stands in one table, and each of them is used."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoreward.store import keys
from autoreward.store.keys import Key

PACKAGE = Path(__file__).parent.parent / "autoreward"
TABLE = PACKAGE / "store" / "keys.py"
KEYS = {name: key for name, key in vars(keys).items() if isinstance(key, Key)}
SAVING = {"each", "file", "has", "lone", "need", "once", "put", "saved", "transitions"}
PAGES = {"book", "page", "run", "whole", "confirm"}
OTHERS = [path for path in sorted(PACKAGE.rglob("*.py")) if path != TABLE]


def saving(tree: ast.Module) -> Iterator[ast.expr]:
    """What books and pages are asked for by."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in SAVING
            and node.args
        ):
            owner = ast.unparse(node.func.value)
            if (
                owner.rpartition(".")[2].lstrip("_") in PAGES
                or owner.endswith(("_page()", "page(0)"))
                or owner.startswith("Page(")
            ):
                yield node.args[0]


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_saved_has_a_key(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {name for asked in saving(tree) for name in [ast.unparse(asked).partition(".")[0]]}
    assert names <= KEYS.keys() | ({"key"} if path.parent.name == "store" else set())
    own = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Key"]
    assert not own, "keys stand in store/keys.py"


def test_every_key_is_used_and_says_what_it_holds() -> None:
    used = {node.id for path in OTHERS for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
    assert KEYS.keys() <= used
    body = ast.parse(TABLE.read_text()).body
    for statement, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) in KEYS:
            assert isinstance(after, ast.Expr), ast.unparse(statement)


def test_no_two_keys_share_a_name() -> None:
    names = [key.name for key in KEYS.values()]
    assert len(set(names)) == len(names)
    assert not [(a, b) for a in names for b in names if a != b and b.startswith(a)]


def test_names_that_begin_several_are_completed() -> None:
    assert keys.RESULT.file == "result.json"
    assert keys.SCORES.of("r000c0-s0").file == "scores/r000c0-s0.json"
    assert keys.SCORES.of("r000c0-s0").folder == "scores/r000c0-s0"
    assert keys.SCORES.folder == "scores"
    assert keys.STANDINGS.of("2").file == "rung-2.json"
