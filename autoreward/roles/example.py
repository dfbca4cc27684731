"""A plain program in a task's own names, which shows a designer the form: weak models copy what they are shown, names and all."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from autoreward.core.contract import NATIVE_REWARD
from autoreward.records import Description
from autoreward.tasks.card import Task

_GAP = re.compile(r"gap|offset|distance|error", re.IGNORECASE)
_SEVERAL = re.compile(r"\[[^\]]*:[^\]]*\]|stack\(|obs\.\w+$")
"""What in a source makes several numbers, where nobody has looked at the environment."""


class _Gap(NamedTuple):
    """A distance that gets smaller on the way to the goal, as far as a card tells."""

    difference: str
    """Of `VIEW.field`, where VIEW stands for a state."""
    vector: bool
    constant: str = ""
    scale: float = 1.0

    def of(self, view: str) -> str:
        """The distance in a state."""
        inside = self.difference.replace("VIEW", view)
        return f"np.linalg.norm({inside}, axis=-1)" if self.vector else f"np.abs({inside})"


def example_program(task: Task, description: Description | None) -> str:
    """It is near the first number that the goal speaks of, or the first thing that has another one's place, and comes nearer."""
    gap = _gap(task, description)
    head = f"{gap.constant}\n\n\n" if gap.constant else ""
    return (
        f"{head}def compute_reward(state, action, next_state, memory):\n"
        f'    """Near is good at every step, and nearer than before is better."""\n'
        f"    gap = {gap.of('next_state')}\n"
        f"    before = {gap.of('state')}\n"
        f'    return {{"near": np.exp(-gap / {gap.scale:.2g}), "nearer": (before - gap) / {gap.scale:.2g}}}\n'
    )


def _gap(task: Task, description: Description | None) -> _Gap:
    stats = {s.name: s for s in description.state} if description else {}
    several = {
        name: bool(stats[name].size) if name in stats else bool(_SEVERAL.search(field.source))
        for name, field in task.state.items()
        if name != NATIVE_REWARD
    }
    for name, constant in task.constants.items():
        if constant.field in task.state and not several[constant.field]:
            unit = f"  # {constant.unit}" if constant.unit else ""
            scale = stats[constant.field].std if constant.field in stats else 0.0
            difference = f"VIEW.{constant.field} - {name.upper()}"
            written = f"{name.upper()} = {constant.value:g}{unit}"
            return _Gap(difference, False, written, max(scale, abs(constant.value) / 2.0, 0.1))
    return _Gap(*_between(task, several))


def _between(task: Task, several: Mapping[str, bool]) -> tuple[str, bool]:
    """A difference of two places, or what is one by its name, or the first field; and whether it is a vector."""
    names = list(several)
    if found := [name for name in names if _GAP.search(name)]:
        return f"VIEW.{found[0]}", several[found[0]]
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            if several[one] and several[other] and task.state[one].unit == task.state[other].unit == "m":
                return f"VIEW.{one} - VIEW.{other}", True
    return f"VIEW.{names[0]}", several[names[0]]
