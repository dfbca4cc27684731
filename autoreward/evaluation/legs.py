"""The legs of one training as one trial and one score."""

from collections.abc import Iterable, Sequence

from autoreward.records import CheckpointScore, Score, Trial, TrialId


def trainings(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """One trial per training: its legs' curves and checkpoints in a row, the rest from the last leg."""
    legs: dict[TrialId, list[Trial]] = {}
    for trial in trials:
        legs.setdefault(TrialId.parse(trial.id).training, []).append(trial)
    return tuple(_joined(training, sorted(own, key=lambda t: (t.begin, t.id))) for training, own in legs.items())


def scored(scores: Sequence[Score]) -> tuple[Score, ...]:
    """One score per training: checkpoints of all legs, the rest as the last leg was scored."""
    points: dict[TrialId, list[CheckpointScore]] = {}
    for score in sorted((s for s in scores if s.outcome.ok), key=lambda s: s.steps):
        points.setdefault(TrialId.parse(score.trial_id).training, []).extend(score.checkpoints)
    return tuple(
        last.model_copy(update={"trial_id": str(training), "checkpoints": tuple(points[training])})
        for training, last in newest(scores).items()
    )


def scored_trainings(trials: Sequence[Trial], scores: Sequence[Score]) -> tuple[tuple[Trial, Score], ...]:
    """Each training that was scored, its legs as one trial, with its one score."""
    whole = {trial.id: trial for trial in trainings(trials)}
    return tuple((whole[score.trial_id], score) for score in scored(scores))


def middle(scores: Sequence[Score]) -> Sequence[Score]:
    """From the training in the middle by success on, the worse of the two in an even number; empty without one."""
    order = sorted(scores, key=lambda s: (s.success, s.mean_success, s.progress, s.trial_id))
    return order[(len(order) - 1) // 2 :]


def newest(scores: Iterable[Score]) -> dict[TrialId, Score]:
    """Of each training that was scored, the score after the most steps; of legs that end at the same step, the first.

    In the order in which the trainings come first.
    """
    last: dict[TrialId, Score] = {}
    for score in scores:
        training = TrialId.parse(score.trial_id).training
        if score.outcome.ok and (training not in last or score.steps > last[training].steps):
            last[training] = score
    return last


def _joined(training: TrialId, legs: Sequence[Trial]) -> Trial:
    return legs[-1].model_copy(
        update={
            "id": str(training),
            "begin": legs[0].begin,
            "curve": tuple(point for leg in legs for point in leg.curve),
            "checkpoints": tuple(step for leg in legs for step in leg.checkpoints),
            "seconds": sum(leg.seconds for leg in legs),
            "lost_episodes": sum(leg.lost_episodes for leg in legs),
        }
    )
