"""What counts as a training's newest score; everybody who asks for it asks the same function."""

from autoreward.core.outcomes import Outcome
from autoreward.evaluation.legs import newest, scored
from autoreward.evaluation.ranking import latest
from autoreward.records import CheckpointScore, Score, TrialId


def score(seed: int, leg: int, steps: int, outcome: Outcome = Outcome.COMPLETED) -> Score:
    point = CheckpointScore(step=steps, success=0.0, progress=0.0, metric=None, length=1)
    return Score(
        trial_id=str(TrialId("a", seed, leg)), candidate_id="a", outcome=outcome, steps=steps, checkpoints=(point,)
    )


def test_the_newest_of_a_training_is_the_one_after_the_most_steps() -> None:
    scores = [
        score(1, 0, 100),
        score(0, 1, 200),
        score(0, 0, 100),
        score(1, 1, 200),
        score(0, 2, 400, Outcome.TIMED_OUT),
    ]
    assert list(newest(scores)) == [TrialId("a", 1), TrialId("a", 0)]
    assert [s.trial_id for s in newest(scores).values()] == ["a-s1-leg1", "a-s0-leg1"]
    assert latest(scores) == {"a": list(newest(scores).values())}


def test_a_leg_that_took_no_steps_is_not_newer() -> None:
    """A rollout may be longer than a leg: then the leg after it ends where it began."""
    scores = [score(0, 0, 2048), score(0, 1, 2048)]
    assert newest(scores)[TrialId("a", 0)].trial_id == "a-s0-leg0"


def test_a_training_has_the_checkpoints_of_all_its_legs() -> None:
    (whole,) = scored([score(0, 1, 200), score(0, 0, 100), score(0, 2, 400, Outcome.LOST)])
    assert (whole.trial_id, whole.steps, [c.step for c in whole.checkpoints]) == ("a-s0", 200, [100, 200])


def test_nothing_scored_has_no_newest() -> None:
    assert newest([score(0, 0, 100, Outcome.LOST)]) == {}
    assert scored([]) == ()
