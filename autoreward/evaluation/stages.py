"""How far the episodes of policies come through the stages of a success rule."""

from collections.abc import Sequence

from autoreward.records import Episode, Score, StageReading
from autoreward.tasks.card import Task


def stages_of_episodes(task: Task, episodes: Sequence[Episode]) -> tuple[StageReading, ...]:
    """Each stage over the episodes of one policy; nothing without stages, or without an episode."""
    stages, any_order = task.success.stages, task.success.any_order
    if not episodes:
        return ()
    first = [next((j for j, step in enumerate(e.stage_steps) if not step), None) for e in episodes]
    reached = [sum(e.stage_steps[j] > 0 for e in episodes) for j in range(len(stages))]
    return tuple(
        StageReading(
            name=stage.name,
            episodes=len(episodes),
            reached=reached[j],
            stopped=len(episodes) - reached[j] if any_order else first.count(j),
            any_order=any_order,
        )
        for j, stage in enumerate(stages)
    )


def stages_over_trainings(scores: Sequence[Score]) -> tuple[StageReading, ...]:
    """Each stage over the kept policies of some trainings: their episodes taken together."""
    columns = zip(*(s.stages for s in scores if s.stages), strict=True)
    return tuple(
        own[0].model_copy(update={key: sum(getattr(r, key) for r in own) for key in ("episodes", "reached", "stopped")})
        for own in columns
    )


def stages_cell(readings: Sequence[StageReading]) -> str:
    """`1.9/3`: how many stages an episode reaches on average, and how many there are; `-` without stages."""
    return f"{sum(r.share for r in readings):.1f}/{len(readings)}" if readings else "-"


def where_they_stop(readings: Sequence[StageReading]) -> str:
    """`17 of 20 episodes stop at 2/3: door_open`: the stage that most episodes get no further than; empty if none stops."""
    at = max(readings, key=lambda r: r.stopped, default=None)
    if at is None or not at.stopped:
        return ""
    number = [r.name for r in readings].index(at.name) + 1
    verb = "lack" if at.any_order else "stop at"
    also = [f"{r.stopped} at {r.name}" for r in readings if r.stopped and r is not at]
    more = f" ({', '.join(also)})" if also and not at.any_order else ""
    return f"{at.stopped} of {at.episodes} episodes {verb} {number}/{len(readings)}: {at.name}{more}"
