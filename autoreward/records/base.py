"""What all records have in common, and the kinds of text that they hold.

What a person writes into a card is refused where it can't be seen; what models, programs and processes say is cleaned
as a record takes it, whether it comes from them or from a file.
"""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from autoreward.core.contract import MAX_PART_NAME
from autoreward.core.visible import (
    LONGEST_UNIT,
    LONGEST_WORD,
    hidden,
    is_environment,
    is_folder,
    is_name,
    is_unit,
    visible,
)


class Record(BaseModel):
    """Base of all records: frozen, nothing extra, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


_DEEPEST = 8
"""Most levels of an environment's arguments."""


def demand_visible(text: str, but: str = "") -> str:
    """The text. Raises ValueError where something in it can't be seen."""
    if letter := hidden(text, but):
        raise ValueError(f"it has the invisible character U+{ord(letter):04X}; leave that out")
    return text


def _several(text: str) -> str:
    return demand_visible(text, "\n\t")


def _formula(text: str) -> str:
    if not demand_visible(text).isascii():
        raise ValueError("a formula is written in plain ASCII letters, such as theta")
    return text


def _such(holds: Callable[[str], bool], message: str) -> AfterValidator:
    def check(text: str) -> str:
        if not holds(text):
            raise ValueError(message)
        return text

    return AfterValidator(check)


def _value(value: Any, left: int = _DEEPEST) -> Any:
    """An argument as TOML and JSON both write it. Raises ValueError."""
    if left == 0:
        raise ValueError(f"it is nested by more than {_DEEPEST} levels")
    match value:
        case str():
            return demand_visible(value)
        case bool() | None:
            return value
        case int() if abs(value) < 2**63:
            return value
        case float() if value - value == 0:
            return value
        case list() | tuple():
            return [_value(one, left - 1) for one in value]
        case dict():
            return {_word(key): _value(one, left - 1) for key, one in value.items()}
    raise ValueError("write texts, numbers, true or false, lists and tables of them")


def _word(key: Any) -> str:
    if not isinstance(key, str) or not key or len(key) > LONGEST_WORD:
        raise ValueError(f"{str(key)[:LONGEST_WORD]!r} can't be a key; write a short word")
    return demand_visible(key)


def _ordered(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise ValueError("write the smaller number first")
    return span


Name = Annotated[str, _such(is_name, f"write a plain word of at most {LONGEST_WORD} ASCII letters, such as 'speed'")]
"""Of a field, a constant or an argument."""
Part = Annotated[str, Field(pattern=rf"^[A-Za-z_][A-Za-z0-9_]{{0,{MAX_PART_NAME - 1}}}$")]
"""Of a named part of a reward, as a room may answer it."""
Curve = Annotated[str, Field(pattern=r"^[A-Za-z0-9_./ -]{1,100}$")]
"""Of a number that is drawn over a training: `train/value_loss`."""
FolderName = Annotated[
    str, _such(is_folder, "name the folder with letters, digits, . _ - alone, the first a letter or digit")
]
"""Of a task, which is the name of its folder."""
Unit = Annotated[
    str, _such(is_unit, f"write a unit of at most {LONGEST_UNIT} letters, such as 'm/s', 'N·m', '°', or leave it empty")
]
Environment = Annotated[str, _such(is_environment, "write an environment's id, such as 'CartPole-v1' or 'module:ID'")]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=200)]
"""Of a candidate, a training or a baseline, which files are named after; empty where there is none."""
Line = Annotated[str, Field(max_length=2_000), AfterValidator(demand_visible)]
"""Words of a person: one line of what can be seen, or it is refused."""
Prose = Annotated[str, Field(max_length=10_000), AfterValidator(_several)]
"""The same in several lines."""
FormulaText = Annotated[str, Field(max_length=2_000), AfterValidator(_formula)]
Argument = Annotated[Any, BeforeValidator(_value)]
"""Of an environment."""
Said = Annotated[str, AfterValidator(visible)]
"""What a model, a program or a process said: what can't be seen is left out as it is taken."""
ProgramText = Annotated[str, Field(max_length=1_000_000)]
"""Source text, kept to the letter."""
Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
"""From the smallest to the largest."""
Hyperparameter = Annotated[int, Field(ge=-(2**63), lt=2**63)] | float | bool | Line
"""Of an algorithm."""


class Estimate(Record):
    """A number with its 95 % bootstrap interval over training seeds."""

    value: float
    low: float
    high: float
