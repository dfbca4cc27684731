"""The environment's own reward as a field that programs are given, where a card says `uses_native = true`.

It takes the way of a value of `info`: behind the numbers of the observation, kept from policies, and 0 at a reset.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from autoreward.core.contract import NATIVE_REWARD
from autoreward.errors import TaskError
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.tables import StateField

USES_NATIVE = "uses_native = true"
"""The line of a card that asks for it."""
NATIVE_PATH = f"info[{NATIVE_REWARD!r}]"
"""What it is called among the values of `info`, where it is put beside what the environment says."""
NATIVE_FIELD = StateField(
    source=f"info.{NATIVE_REWARD}", about="the environment's own reward of the step", policy=False, at_reset=0.0
)


def with_native(values: Any) -> Any:
    """A card's values, with the field where they ask for it and don't have it yet."""
    state = values.get("state") if isinstance(values, Mapping) else None
    if not isinstance(state, Mapping) or NATIVE_REWARD in state or values.get("uses_native") is not True:
        return values
    return {**values, "state": {**state, NATIVE_REWARD: NATIVE_FIELD}}


def check_native(
    used: bool,
    state: Mapping[str, StateField],
    sources: Mapping[str, Expression],
    others: Iterable[str],
    judges: Iterable[Expression | None],
) -> None:
    """Raises TaskError if the name means something else in a card, or what judges policies reads the reward.

    Args:
        used: whether the card asks for the environment's reward.
        state: its state fields.
        sources: what these are made of.
        others: names of its action fields and constants.
        judges: its conditions, and the formulas by which policies are compared.
    """
    if state.get(NATIVE_REWARD, NATIVE_FIELD) != NATIVE_FIELD or (NATIVE_REWARD in state and not used):
        raise TaskError(
            f"[state.{NATIVE_REWARD}] is the environment's own reward, which is no table of a card: write {USES_NATIVE} above "
            "the first table, or give the field another name."
        )
    if NATIVE_REWARD in others:
        raise TaskError(f"{NATIVE_REWARD!r} is what the environment's own reward is called; take another name.")
    if not used:
        return
    for name, source in sources.items():
        if NATIVE_PATH in source.names and name != NATIVE_REWARD:
            raise TaskError(
                f"[state.{name}] reads {NATIVE_PATH}, where {USES_NATIVE} puts the environment's own reward; write one of both."
            )
    for judge in filter(None, judges):
        if NATIVE_REWARD in judge.names:
            raise TaskError(
                f"{judge.where}: {judge.text!r} reads {NATIVE_REWARD}; policies would be judged by a reward, so leave it out."
            )
