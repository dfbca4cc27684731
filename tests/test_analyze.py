"""Symptoms on synthetic trials with known answers, rankings, intervals."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.evaluation import symptoms
from autoreward.evaluation.diagnose import diagnose
from autoreward.evaluation.hacking import Untrained
from autoreward.evaluation.intervals import interquartile_mean, probability_of_improvement
from autoreward.evaluation.ranking import ranked
from autoreward.records import (
    Candidate,
    CheckpointScore,
    CompositionName,
    CurvePoint,
    Description,
    Episode,
    PartStats,
    ReferenceEpisode,
    Score,
    Trial,
)
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.tasks.files import find_task

HOLD = find_task("cartpole-hold", (envs_folder(),))


def episode(**change: object) -> Episode:
    plain = {"success": False, "length": 500, "terminated": False, "reached": False, "held": 0.0, "progress": 0.3,
             "metric": 1.0, "movement": 0.1}  # fmt: skip
    return Episode.model_validate(plain | change)


def part(
    name: str, share: float, std: float = 1.0, mean: float = 1.0, low: float = -1.0, high: float = 1.0
) -> PartStats:
    return PartStats(name=name, mean=mean, std=std, share=share, low=low, high=high)


def program(composition: CompositionName = "sum") -> Candidate:
    return Candidate(id="a", source="", thought="", origin="grammar", how="fresh", composition=composition)


def described(*kinds: str, progress: float = 0.3) -> Description:
    reference = tuple(ReferenceEpisode(kind=kind, episode=episode(progress=progress)) for kind in kinds)
    return Description(
        state=(), action=(), max_steps=500, terminates=False, random_length=500, reference_episodes=reference
    )


def trial(returns: list[float], outcome: Outcome = Outcome.COMPLETED) -> Trial:
    curve = tuple(CurvePoint(step=i + 1, episode_return=r, episode_length=9) for i, r in enumerate(returns))
    return Trial(id="a-s0", candidate_id="a", outcome=outcome, message="why", seed=0, steps=len(returns), curve=curve)


def score(name: str, *success: float, mean: float = 0.0, metric: float | None = None, seed: int = 0) -> Score:
    points = tuple(
        CheckpointScore(step=i + 1, success=s, progress=s, metric=None, length=1) for i, s in enumerate(success)
    )
    return Score(trial_id=f"{name}-s{seed}", candidate_id=name, outcome=Outcome.COMPLETED, checkpoints=points,
                 mean_success=mean, metric=metric, seed=seed)  # fmt: skip


class Measured(NamedTuple):
    """What a ranking sees of a candidate, in the order in which it decides."""

    seeds: int = 2
    steps: int = 100
    success: float = 0.5
    metric: float = 50.0
    kept: float = 0.5
    progress: float = 0.5

    def scores(self, name: str) -> list[Score]:
        return [
            Score(trial_id=f"{name}-s{seed}", candidate_id=name, outcome=Outcome.COMPLETED, seed=seed, steps=self.steps,
                  mean_success=self.success, metric=self.metric, success=self.kept, mean_progress=self.progress)
            for seed in range(self.seeds)
        ]  # fmt: skip


BETTER = {
    "seeds": (Measured(seeds=2, steps=100, success=0.1, kept=0.1, progress=0.1), Measured(1, 200, 0.95, 10.0, 0.9, 0.9)),
    "steps": (Measured(steps=200, success=0.1, kept=0.1, progress=0.1), Measured(2, 100, 0.95, 10.0, 0.9, 0.9)),
    "success": (Measured(success=0.6, metric=90.0, kept=0.1, progress=0.1), Measured(2, 100, 0.5, 10.0, 0.9, 0.9)),
    "a metric of the solved": (Measured(success=0.92, metric=10.0, kept=0.1, progress=0.1), Measured(2, 100, 0.99, 20.0, 0.9, 0.9)),
    "no metric of the others": (Measured(success=0.5, metric=90.0, kept=0.6), Measured(2, 100, 0.5, 10.0, 0.5, 0.5)),
    "kept": (Measured(kept=0.6, progress=0.1), Measured(kept=0.5, progress=0.9)),
    "progress": (Measured(progress=0.6), Measured(progress=0.5)),
}  # fmt: skip


@pytest.mark.parametrize("what", BETTER)
def test_what_comes_first_decides_whatever_comes_after(what: str) -> None:
    """The one that is ahead in one thing is behind in all that decide later: two of them in another order would be seen here."""
    assert HOLD.metric.better == "lower"
    ahead, behind = BETTER[what]
    for scores in ([*ahead.scores("a"), *behind.scores("b")], [*behind.scores("b"), *ahead.scores("a")]):
        assert ranked(scores, HOLD) == ["a", "b"]


def test_never_reaches() -> None:
    found = symptoms.never_reaches(HOLD, [episode()] * 20)
    assert found
    assert "0 of 20" in found.evidence
    assert symptoms.never_reaches(HOLD, [episode()] * 19 + [episode(reached=True)]) is None
    assert symptoms.never_reaches(HOLD, []) is None


def test_reaches_but_does_not_stay() -> None:
    found = symptoms.reaches_but_does_not_stay(HOLD, [episode(reached=True, held=0.25)] * 20)
    assert found
    assert "25%" in found.evidence
    assert symptoms.reaches_but_does_not_stay(HOLD, [episode(reached=True, held=1.0, success=True)] * 20) is None
    last_step = find_task("mountain-car", (envs_folder(),))
    assert symptoms.reaches_but_does_not_stay(last_step, [episode(reached=True)] * 20) is None


def test_dies_early() -> None:
    dead = episode(terminated=True, length=40)
    found = symptoms.dies_early([dead] * 12 + [episode()] * 8, 500)
    assert found
    assert "12 of 20 episodes ended by themselves after 40 of 500" in found.evidence
    assert symptoms.dies_early([dead] * 8 + [episode()] * 12, 500) is None
    assert symptoms.dies_early([episode(terminated=True, length=40, success=True)] * 20, 500) is None


def test_stands_still() -> None:
    assert symptoms.stands_still([episode(movement=0.0001)] * 3)
    assert symptoms.stands_still([episode(movement=0.05)] * 3) is None
    assert symptoms.stands_still([episode(movement=0.0, success=True)] * 3) is None


def test_one_part_dominates() -> None:
    found = symptoms.one_part_dominates([part("big", 0.85), part("small", 0.15)])
    assert found
    assert found.part == "big"
    assert symptoms.one_part_dominates([part("big", 0.7), part("small", 0.3)]) is None
    assert symptoms.one_part_dominates([part("only", 1.0)]) is None
    assert not found.hurts
    assert "scale" not in found.advice.lower()


@pytest.mark.parametrize("composition", ["potential", "product", "sign"])
def test_no_part_dominates_where_sizes_are_not_added_up(composition: CompositionName) -> None:
    assert symptoms.one_part_dominates([part("big", 0.92), part("small", 0.08)], composition) is None


BONUS = part("bonus", 0.004, std=0.3, mean=0.01, low=0.0, high=10.0)
CRASH = part("crash", 0.004, std=0.3, mean=-0.02, low=-5.0, high=0.0)
NOT_YET = part("resting_there", 0.0, std=0.0, mean=0.0, low=0.0, high=0.0)
TIME = part("time", 0.1, std=0.0, mean=-0.1, low=-0.1, high=-0.1)


@pytest.mark.parametrize("others", [[BONUS], [CRASH], [NOT_YET], [BONUS, CRASH, NOT_YET]])
def test_shaping_does_not_drown_what_is_rare_by_nature(others: list[PartStats]) -> None:
    """A bonus at the end weighs by its peak: that shaping is 99 % of the summed size says nothing."""
    assert symptoms.one_part_dominates([part("shaping", 0.99), *others]) is None
    assert symptoms.one_part_dominates([part("shaping", 0.9), part("effort", 0.09), *others])


def test_flat_parts() -> None:
    (flat,) = symptoms.flat_parts([part("moving", 0.5), NOT_YET, BONUS, TIME])
    assert (flat.part, flat.hurts) == ("resting_there", False)
    assert symptoms.flat_parts([NOT_YET], "product") == ()


@pytest.mark.parametrize("composition", sorted(COMPOSITIONS))
def test_no_advice_is_to_drop_anything(composition: CompositionName) -> None:
    """Whatever a part is for, numbers of one stretch of training do not say that it is useless."""
    curve = (
        CurvePoint(step=9, episode_return=0.0, episode_length=9, parts=(part("near", 0.98), TIME, NOT_YET, CRASH)),
    )
    training = trial([float(i) for i in range(20)]).model_copy(update={"curve": curve})
    found = symptoms.all_symptoms(HOLD, program(composition), training, None, 500, Untrained())
    assert not any(word in s.advice.lower() for s in found for word in ("drop", "remove", "scale"))
    assert not any(s.hurts for s in found)


def test_symptoms_are_of_the_typical_training() -> None:
    """With (1.0, 0.65, 0.0) the one of 0.65; with two the worse one, and whether they differ is said."""
    trials = [trial([1.0]).model_copy(update={"id": f"a-s{i}"}) for i in range(3)]
    scores = [score("a", s, seed=i).model_copy(update={"success": s}) for i, s in enumerate((1.0, 0.0, 0.65))]
    diagnosis = diagnose(HOLD, program(), trials, scores, described())
    assert diagnosis.typical == "a-s2"
    assert diagnosis.success == {"a-s0": 1.0, "a-s1": 0.0, "a-s2": 0.65}
    (differ,) = (s for s in diagnosis.symptoms if s.name == "seeds_differ")
    assert differ.evidence == "success by training: a-s0 1.00, a-s1 0.00, a-s2 0.65"
    assert diagnose(HOLD, program(), trials[:2], scores[:2], described()).typical == "a-s1"
    same = [s.model_copy(update={"success": 0.65}) for s in scores]
    assert not any(s.name == "seeds_differ" for s in diagnose(HOLD, program(), trials, same, described()).symptoms)


def test_still_improving() -> None:
    assert symptoms.still_improving(trial([float(i) for i in range(20)]))
    assert symptoms.still_improving(trial([*map(float, range(15)), 15, 15, 15, 15, 15])) is None
    assert symptoms.still_improving(trial([1.0, -1.0] * 10)) is None
    assert symptoms.still_improving(trial([1.0, 2.0])) is None


def test_loses_its_solution() -> None:
    assert symptoms.loses_its_solution(score("a", 0.0, 0.95, 0.1))
    assert symptoms.loses_its_solution(score("a", 0.0, 0.9, 1.0)) is None
    assert symptoms.loses_its_solution(score("a", 1.0)) is None


@given(st.lists(st.floats(-1e6, 1e6), max_size=40))
def test_any_curve_can_be_diagnosed(returns: list[float]) -> None:
    symptoms.all_symptoms(HOLD, program(), trial(returns), score("a", 0.0, 0.5, 0.2), 500, Untrained())


def test_a_failed_training_is_the_first_symptom() -> None:
    diagnosis = diagnose(HOLD, program(), [trial([1.0], Outcome.NOT_FINITE)], [], described())
    assert diagnosis.symptoms[0].name == "not_finite"
    assert diagnosis.symptoms[0].evidence == "why"
    assert diagnose(HOLD, program(), [], [], described()).symptoms == ()


def test_finalists_rank_by_their_mean_over_seeds() -> None:
    lucky = score("lucky", mean=1.0)
    steady = [score("steady", mean=0.6, seed=i) for i in range(3)]
    worse = [score("worse", mean=m, seed=i) for i, m in enumerate((0.9, 0.1, 0.1))]
    assert ranked([lucky, *worse, *steady], HOLD) == ["steady", "worse", "lucky"]


def test_the_metric_decides_between_two_solved_ones() -> None:
    near, far = score("near", mean=0.92, metric=0.05), score("far", mean=1.0, metric=0.15)
    assert ranked([far, near], HOLD) == ["near", "far"]
    assert ranked([score("a", mean=0.5), score("b", mean=0.5)], HOLD) == ["a", "b"]


def test_interquartile_mean_known_answers() -> None:
    assert interquartile_mean([0.5]) == (0.5, 0.5, 0.5)
    assert interquartile_mean([1.0, 1.0, 1.0]) == (1.0, 1.0, 1.0)
    # scipy.stats.trim_mean([...], 0.25), which rliable uses: 1 of 5 is cut at each end, none of 3
    assert interquartile_mean([0.0, 0.2, 0.4, 0.9, 1.0]).value == pytest.approx(0.5)
    assert interquartile_mean([0.0, 0.0, 0.9]).value == pytest.approx(0.3)
    value, low, high = interquartile_mean([0.0, 1.0] * 50)
    assert value == 0.5
    assert low < 0.5 < high


def test_probability_of_improvement_known_answers() -> None:
    # Mann-Whitney by hand: 0.5 beats 0.1, loses to 0.9; 1.0 beats both; a tie counts half
    assert probability_of_improvement([0.5, 1.0], [0.1, 0.9]).value == 0.75
    assert probability_of_improvement([0.5], [0.5]).value == 0.5
    assert probability_of_improvement([1.0, 1.0], [0.0, 0.0]) == (1.0, 1.0, 1.0)
    value, low, high = probability_of_improvement([0.2, 0.8, 0.9], [0.1, 0.3, 0.4])
    assert value == pytest.approx(7 / 9)
    assert low < value < high


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_the_estimate_lies_in_its_interval(values: list[float]) -> None:
    value, low, high = interquartile_mean(values)
    assert low <= value <= high
