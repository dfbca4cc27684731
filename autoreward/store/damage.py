"""What is wrong with a file of a run, in words."""

import json
from pathlib import Path

from pydantic import ValidationError

from autoreward.errors import RunDamaged, shortened


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


def whole_tensors(data: bytes) -> bool:
    """Whether a .safetensors file is as long as its own header says."""
    size = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + size])
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return False
    return bool(len(data) == 8 + size + max(ends, default=0))
