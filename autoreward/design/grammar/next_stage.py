"""The stages of a card's rule as a part of a reward: pay for coming further than ever before in the episode.

`came` is the number of stages reached, less a share of one for what is left of the next: what the card's `distance` of that stage
says, or all of it. It pays only where it is larger than ever, so leaving a stage and coming back earns nothing.
"""

from dataclasses import dataclass

from autoreward.design.grammar.quantities import Quantity, readable
from autoreward.records import Description
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.expression import Expression, numpy_source
from autoreward.tasks.formulas.functions import ATOM


@dataclass(frozen=True)
class StageLadder(Quantity):
    """How far an episode came through the stages."""

    conditions: tuple[str, ...] = ()
    """Source of each stage's condition, after the step."""
    left: tuple[str, ...] = ()
    """Source of what is left of the way to each, in units of its scale; `1.0` where nothing says it."""

    def lines(self) -> list[str]:
        """The lines that keep count, of which the last ones are `came` and `furthest`."""
        lines = ['    stage = memory.get("stage", np.zeros(next_state.step.shape))']
        for number, condition in enumerate(self.conditions):
            lines.append(f"    stage = np.where((stage == {number}) & {condition}, {number + 1}.0, stage)")
        lines += ['    memory["stage"] = stage', "    left = np.zeros(stage.shape)"]
        lines += [f"    left = np.where(stage == {number}, {left}, left)" for number, left in enumerate(self.left)]
        return [
            *lines,
            "    came = stage - left / (1.0 + left)",
            '    furthest = memory.get("furthest", came)',
            '    memory["furthest"] = np.maximum(furthest, came)',
        ]


def stage_ladders(task: Task, description: Description) -> tuple[StageLadder, ...]:
    """One, where the card has stages in order that single steps tell; else none."""
    success = task.success
    formulas = (*task.stage_rules, *filter(None, task.stage_distances))
    if not success.stages or success.any_order or any(formula.over_episodes for formula in formulas):
        return ()
    names = {name for formula in formulas for name in formula.names}
    spans = {s.name: task.state[s.name].span for s in description.state}

    def named(name: str) -> str:
        if name in task.constants:
            return name.upper()
        return f"action.{name}" if name in task.action and name not in task.state else f"next_state.{name}"

    def left(distance: Expression | None) -> str:
        if distance is None:
            return "1.0"
        known = [span for name in distance.names if (span := spans.get(name))]
        scale = readable(max(known, default=4.0) / 4)
        return f"np.maximum({numpy_source(distance.body, named)}, 0.0) / {scale:g}"

    return (
        StageLadder(
            key="ladder:stages",
            name="stages",
            code="",
            scale=1.0,
            tolerance=None,
            constants=tuple(sorted(names & task.constants.keys())),
            conditions=tuple(numpy_source(rule.body, named, ATOM) for rule in task.stage_rules),
            left=tuple(map(left, task.stage_distances)),
        ),
    )
