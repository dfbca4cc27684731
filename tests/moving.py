"""Descriptions as a worker would make them, without an environment: what a task's fields are, and how they move."""

import re

from autoreward.records import Description, FieldStats, Motion
from autoreward.tasks.card import Task

VELOCITIES = {"climb": "height", "spin": "angle", "pitch_rate": "pitch"}
"""Those that neither unit nor name gives away."""
STARTS = {"height": 1.4}
STEP_TIME = 0.02


def described(task: Task) -> Description:
    """What random actions showed of a task, made up from its card."""
    sizes = {name: _size(field.source) for name, field in task.state.items()}
    pairs = _pairs(task, sizes)
    return Description(
        state=tuple(FieldStats(name=n, size=size, low=-1, high=1, mean=0, std=0.3) for n, size in sizes.items()),
        action=tuple(FieldStats(name=n, size=0, low=0, high=2, mean=1, std=1, discrete=3) for n in task.action),
        max_steps=200,
        terminates=True,
        random_length=30,
        motions=tuple(_motion(name, pairs.get(name, "")) for name in sizes),
    )


def _size(source: str) -> int:
    """Width of a slice or stack, 3 for a whole key of a dict observation, 0 for one number."""
    if widths := re.findall(r"\[(\d+):(\d+)\]", source):
        return int(widths[0][1]) - int(widths[0][0])
    return 3 if re.fullmatch(r"obs\.\w+", source) else 0


def _pairs(task: Task, sizes: dict[str, int]) -> dict[str, str]:
    """Place -> its velocity, by unit and name."""
    found = {}
    for velocity in task.state:
        stem = re.sub(r"_?(speed|velocity)s?$", "", velocity)
        for place in task.state:
            named = place in (VELOCITIES.get(velocity), stem, f"{stem}_angles") or (stem, place) == ("", "position")
            if place != velocity and sizes[place] == sizes[velocity] and named and place not in found:
                found[place] = velocity
    return found


def _motion(name: str, velocity: str) -> Motion:
    """Only what is pushed by nobody, and goals, stand still."""
    change = 0.0 if name in ("object", "goal", "target") else 0.02
    step_time = STEP_TIME if velocity else 0.0
    return Motion(name=name, start=STARTS.get(name, 0.0), change=change, velocity=velocity, step_time=step_time)
