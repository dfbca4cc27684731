"""The legs of one training as one trial and one score."""

from collections.abc import Sequence

from autoreward.records import Score, Trial


def trainings(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """One trial per training: its legs' curves and checkpoints in a row, the rest from the last leg."""
    legs: dict[str, list[Trial]] = {}
    for trial in trials:
        legs.setdefault(training(trial.id), []).append(trial)
    return tuple(_joined(sorted(found, key=lambda t: (t.begin, t.id))) for found in legs.values())


def scored(scores: Sequence[Score]) -> tuple[Score, ...]:
    """One score per training: checkpoints of all legs, the rest as the last leg was scored."""
    legs: dict[str, list[Score]] = {}
    for score in scores:
        if score.outcome.ok:
            legs.setdefault(training(score.trial_id), []).append(score)
    made = []
    for name, found in legs.items():
        found.sort(key=lambda s: s.steps)
        points = tuple(point for score in found for point in score.checkpoints)
        made.append(found[-1].model_copy(update={"trial_id": name, "checkpoints": points}))
    return tuple(made)


def training(trial_id: str) -> str:
    """`r000c1-s0` of `r000c1-s0-leg2`."""
    return trial_id.partition("-leg")[0]


def _joined(legs: Sequence[Trial]) -> Trial:
    last = legs[-1]
    return last.model_copy(
        update={
            "id": training(last.id),
            "begin": legs[0].begin,
            "curve": tuple(point for leg in legs for point in leg.curve),
            "checkpoints": tuple(step for leg in legs for step in leg.checkpoints),
            "seconds": sum(leg.seconds for leg in legs),
        }
    )
