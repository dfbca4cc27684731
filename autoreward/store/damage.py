"""What is wrong with a file of a run, in words."""

import json
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from autoreward.errors import RunDamaged, shortened

NESTED = 60
"""Most values within each other in what is read as plain JSON; nothing that is written here has more than ten."""


def wrong(error: ValidationError) -> str:
    """What is wrong with a record's text, in a few words."""
    first, count = error.errors(include_url=False)[0], error.error_count()
    if first["type"] == "json_invalid":
        return "it is cut off or not JSON"
    return "1 field is wrong" if count == 1 else f"{count} fields are wrong"


def unreadable(path: Path, error: OSError) -> RunDamaged:
    """A file that is there and can't be read: nothing is known of what is in it."""
    return RunDamaged(
        f"{shortened(path)} can't be read ({error.strerror}); change that, such as with chmod u+r, and go on."
    )


def too_large(path: Path, most: int) -> RunDamaged:
    """A file that nothing here has written: it would fill the memory."""
    return RunDamaged(f"{shortened(path)} is larger than such a file can be ({most >> 20} MiB); it is not read.")


def plain_json(data: bytes) -> Any:
    """The value that a JSON text stands for. Raises ValueError if it is none, has NaN in it, or is nested too deep."""
    try:
        value = json.loads(data, parse_constant=_no_number)
        _demand_flat(value, NESTED)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return value


def _demand_flat(value: Any, left: int) -> None:
    if left < 0:
        raise ValueError("nested too deep")
    if isinstance(value, dict | list):
        for inside in value.values() if isinstance(value, dict) else value:
            _demand_flat(inside, left - 1)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def whole_tensors(data: bytes) -> bool:
    """Whether a .safetensors file is as long as its own header says."""
    size = int.from_bytes(data[:8], "little")
    try:
        header = plain_json(data[8 : 8 + size])
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        return bool(len(data) == 8 + size + max(ends, default=0))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return False
