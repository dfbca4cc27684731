"""Which letters can be seen; that every text of every record is of a kind that says what may be in it."""

import typing
import unicodedata
from collections.abc import Iterator

import pytest

from autoreward import records
from autoreward.config import RunConfig
from autoreward.core.visible import hidden, is_environment, is_folder, is_name, is_unit, visible
from autoreward.llm.cost import Bill
from autoreward.records import Record
from autoreward.store.book import RunHeader
from autoreward.tasks.card import Task
from autoreward.tasks.success_table import Success
from autoreward.tasks.tables import ActionField, Constant, Metric, StateField, Train

KINDS = [
    *(
        kind
        for name in records.__all__
        if isinstance(kind := getattr(records, name), type) and issubclass(kind, Record)
    ),
    *(Task, Train, StateField, ActionField, Constant, Success, Metric, RunConfig, RunHeader, Bill),
]


def bare(kind: typing.Any) -> Iterator[str]:
    """Plain `str` within a type."""
    if kind is str:
        yield "str"
    elif typing.get_origin(kind) is not typing.Annotated and typing.get_origin(kind) is not typing.Literal:
        for part in typing.get_args(kind):
            yield from bare(part)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_record_holds_a_text_of_no_kind(kind: type[Record]) -> None:
    hints = typing.get_type_hints(kind, include_extras=True)
    held = {
        name: hint for name, hint in hints.items() if name in kind.model_fields and not kind.model_fields[name].metadata
    }
    assert [name for name, hint in held.items() if list(bare(hint))] == []


@pytest.mark.parametrize(
    "letter", [chr(n) for n in (*range(32), *range(127, 161), 0xAD, 0x61C, 0x180E, 0x3164, 0x2800)]
)
def test_what_can_not_be_seen_is_hidden(letter: str) -> None:
    assert hidden(f"a{letter}b") == letter
    assert visible(f"a{letter}b") in ("ab", "a b", f"a{letter}b" if letter in "\n\t" else "ab")


def test_no_format_control_or_surrogate_is_seen() -> None:
    unseen = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert all(hidden(chr(n)) for n in range(0x3000) if unicodedata.category(chr(n)) in unseen)
    assert all(
        hidden(chr(n)) for n in (*range(0xD800, 0xE000, 97), *range(0xE0000, 0xE1000, 7), *range(0xFE00, 0xFE10))
    )
    assert hidden("Grüße, 你好, שלום, μ² ± 1 °C — “so”…") is None


def test_names_units_and_ids() -> None:
    assert all(map(is_unit, ("", "1", "m/s", "rad", "°", "m/s²", "N·m", "N m", "kg m^2", "%", "µm", "squares")))
    assert not any(
        map(is_unit, ('m"', "m\n", " m", "<m>", "[m]", "`m`", "m\\", "m|s", "{m}", "\u3164", "m" * 25, "m#"))
    )
    assert all(map(is_name, ("speed", "T", "x_2")))
    assert not any(map(is_name, ("", "_x", "2x", "a b", "lambda", "__class__", "\u0430", "a\n", "x" * 61)))
    assert all(map(is_environment, ("CartPole-v1", "ALE/Pong-v5", "metaworld:Meta-World/MT1", "a.b:Toy-v0")))
    assert not any(map(is_environment, ("", "a b", "a\n", "../x", "/x", "a/b/c", "a'b", "x" * 101)))
    assert is_folder("mountain-car")
    assert not any(map(is_folder, ("", "..", "a/b", "latest", "-x", ".x", "a\n")))
