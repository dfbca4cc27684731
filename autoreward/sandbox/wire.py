"""How transitions and parts cross the socket: a JSON header with names and shapes, then raw bytes. No pickles."""

import json
import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.core.contract import MAX_PART_NAME, MAX_PARTS
from autoreward.core.transitions import Transitions

LOCKED, LOAD, LOADED, PARTS, PROVE, PROOFS, FAILED = b"K", b"L", b"O", b"P", b"T", b"F", b"X"
LOAD_CONTROLLER = b"C"
"""Load a policy written as code instead of a reward program."""
EVALUATE, FORGET = b"E", b"M"
SET_ASIDE, AGAIN = b"S", b"A"
"""Keep a copy of some columns' memory as it is now; evaluate those columns from there, beside what goes on."""
EXPORTED, REWARDS = b"D", b"R"
"""Load the Python files of an export instead of a program; ask for its rewards, step by step."""
BATCH_CAP = 1 << 30
"""Largest batch accepted, in bytes."""
SOURCE_CAP = 1 << 20
FAILURE_CAP = 8_192
_NAMES_CAP = 4_096


def parts_cap(rows: int) -> int:
    """Largest honest answer for that many rows, in bytes."""
    return _NAMES_CAP + MAX_PARTS * rows * 8


BatchLayout = tuple[tuple[str, str, tuple[int, ...]], ...]
"""Of a batch: name, dtype and shape of each array, in the order of their bytes."""


def pack_batch(batch: Transitions, stepped: bool) -> list[bytes | memoryview]:
    """A batch as pieces of one frame."""
    named = [("step", batch.step), ("terminated", batch.terminated)]
    for group, fields in (("state", batch.state), ("action", batch.action), ("next_state", batch.next_state)):
        named += [(f"{group}.{name}", array) for name, array in fields.items()]
    arrays = [(name, np.ascontiguousarray(array, dtype=_wire_type(array))) for name, array in named]
    arrays.sort(key=_by_item_size)  # one-byte booleans last: everything before them stays aligned
    layout = tuple((name, array.dtype.str, array.shape) for name, array in arrays)
    return [_header(stepped, layout), *(array.data.cast("B") for _, array in arrays if array.size)]


def unpack_batch(data: bytes) -> tuple[Transitions, bool]:
    """The batch and whether to step it. Arrays share the bytes, so they are read-only for good."""
    at = 4 + int.from_bytes(data[:4], "little")
    stepped, layout = _layout(data[4:at])
    groups: dict[str, dict[str, NDArray[Any]]] = {"state": {}, "action": {}, "next_state": {}}
    plain: dict[str, NDArray[Any]] = {}
    for name, kind, shape in layout:
        array = np.frombuffer(data, kind, math.prod(shape), at).reshape(shape)
        at += array.nbytes
        group, _, field = name.partition(".")
        (groups[group] if field else plain)[field or name] = array
    return Transitions(**groups, step=plain["step"], terminated=plain["terminated"]), stepped


def pack_parts(names: tuple[str, ...], parts: NDArray[np.float64]) -> list[bytes | memoryview]:
    """Part names and values, shape (P, rows), as pieces of one frame."""
    header = json.dumps(list(names)).encode()
    return [len(header).to_bytes(4, "little"), header, np.ascontiguousarray(parts).data.cast("B")]


def unpack_parts(data: bytearray, rows: int) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Names and values. Raises ValueError unless exactly well formed."""
    size = int.from_bytes(data[:4], "little")
    if size > _NAMES_CAP:
        raise ValueError("the part names are too long")
    try:
        names = json.loads(bytes(data[4 : 4 + size]))
    except RecursionError:
        raise ValueError("the part names are nested") from None
    if not isinstance(names, list) or not 1 <= len(names) <= MAX_PARTS or len(set(map(str, names))) != len(names):
        raise ValueError("the part names are not a list of different words")
    if not all(isinstance(n, str) and n.isascii() and n.isidentifier() and len(n) <= MAX_PART_NAME for n in names):
        raise ValueError("a part name is not a plain word")
    if len(data) != 4 + size + len(names) * rows * 8:
        raise ValueError("the answer has the wrong number of bytes")
    values = np.frombuffer(data, np.float64, len(names) * rows, 4 + size)
    return tuple(names), values.reshape(len(names), rows)


@lru_cache(maxsize=32)
def _header(stepped: bool, layout: BatchLayout) -> bytes:
    """Length and text of a batch's header, padded so that the arrays behind it are aligned."""
    text = json.dumps({"stepped": stepped, "layout": layout}).encode()
    text += b" " * (-(4 + len(text)) % 8)
    return len(text).to_bytes(4, "little") + text


@lru_cache(maxsize=32)
def _layout(header: bytes) -> tuple[bool, tuple[tuple[str, np.dtype[Any], tuple[int, ...]], ...]]:
    values = json.loads(header)
    return bool(values["stepped"]), tuple(
        (name, np.dtype(kind), tuple(shape)) for name, kind, shape in values["layout"]
    )


def _by_item_size(named: tuple[str, NDArray[Any]]) -> int:
    return -named[1].itemsize


def _wire_type(array: NDArray[Any]) -> np.dtype[Any]:
    if array.dtype.kind == "b":
        return np.dtype(np.bool_)
    return np.dtype(np.int64 if array.dtype.kind in "iu" else np.float64)
