"""The race: who goes on, what it costs, who stays the incumbent, when it is not the reward."""

from pathlib import Path

import pytest
from fake_steps import FakeSteps, alike

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.evaluation.futility import doubt, of_short_trainings, optimiser
from autoreward.evaluation.legs import scored, trainings
from autoreward.evaluation.prospects import Prospect
from autoreward.evaluation.ranking import beats, best, runner_up
from autoreward.loop import improve, measure, stop_reason
from autoreward.records import (
    Candidate,
    CheckpointScore,
    CurvePoint,
    Description,
    Doubt,
    Episode,
    Feedback,
    Feedbacks,
    Longer,
    ReferenceEpisode,
    Round,
    Run,
    Score,
    Screened,
    Standings,
    Trial,
    TrialJob,
    Verdict,
)
from autoreward.search.halving import RUNGS, Budget, env_steps, further_seeds, goals, most_survivors, standings
from autoreward.search.study import Study
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
BIG = 10**9


def episode(progress: float) -> Episode:
    return Episode(
        success=False, length=9, terminated=False, reached=False, held=0, progress=progress, metric=1, movement=1
    )


def score(
    name: str, success: float, *, seed: int = 0, steps: int = 100, spread: float = 0.0, metric: float | None = None
) -> Score:
    episodes = tuple(episode(min(max(success + d, 0.0), 1.0)) for d in (-spread, 0.0, spread)) * 5
    return Score(
        trial_id=f"{name}-s{seed}", candidate_id=name, outcome=Outcome.COMPLETED, seed=seed, steps=steps, success=success,
        mean_success=success, mean_progress=success, episodes=episodes, metric=metric,
    )  # fmt: skip


def job(name: str) -> TrialJob:
    return TrialJob(id=f"{name}-s0", candidate_id=name, reward="candidate", seed=1, steps=8000)


def round_of(number: int, *scores: Score) -> Round:
    return Round(
        number=number, candidates=(), verdicts=(), screened=Screened(order=()), trials=(), scores=scores, diagnoses=()
    )


def promise(value: float, error: float = 0.0) -> Prospect:
    return Prospect(value=value, error=error, progress=value, success=0.0)


def rung(number: int, values: dict[str, Prospect], names: str, places: int = 0, **change: object) -> Standings:
    config = RunConfig.model_validate({"steps": 8000} | change)
    jobs = [job(name) for name in names]
    return standings(config, TASK, number, values, jobs, jobs, places)


def going(found: Standings) -> list[str]:
    return [row.candidate_id for row in found.rows if row.goes_on]


FOUR = {name: promise(value) for name, value in (("a", 0.2), ("b", 0.9), ("c", 0.5), ("d", 0.1))}


def test_the_better_half_goes_on() -> None:
    assert going(rung(0, FOUR, "abcd", places=4)) == ["b", "c"]


def test_as_many_go_on_as_there_are_finalists() -> None:
    assert going(rung(3, FOUR, "abcd", finalists=3)) == ["b", "c", "a"]


@pytest.mark.parametrize("number", [0, 1, 3])
def test_nobody_is_dropped_by_noise_as_long_as_there_are_places(number: int) -> None:
    noisy = {name: promise(value, 0.3) for name, value in (("a", 0.5), ("b", 0.9), ("c", 0.5), ("d", 0.5))}
    assert len(going(rung(number, noisy, "abcd", places=4))) == 4
    assert len(going(rung(number, noisy, "abcd", places=3))) == 3
    assert len(going(rung(number, noisy, "abcd"))) == 2, "the better half at least"
    clear = noisy | {"d": promise(-0.2, 0.1)}
    assert going(rung(number, clear, "abcd", places=4)) == ["b", "a", "c"]


def test_there_are_as_many_places_as_leave_the_finalists_another_seed() -> None:
    config = RunConfig(steps=16_000)
    assert most_survivors(8, 0, config, TASK, Budget(80_000, 77_000)) == 8
    assert most_survivors(8, 1, config, TASK, Budget(80_000, 69_000)) == 4
    assert most_survivors(8, 0, config, TASK, Budget(80_000, 0)) == 4, "who goes on by rank always may"
    no_seeds = RunConfig(steps=16_000, finalist_seeds=0)
    assert most_survivors(8, 1, no_seeds, TASK, Budget(80_000, 48_000)) == 8
    assert most_survivors(3, 4, config, TASK, Budget(0, 0)) == 3, "after the last rung nobody goes on"


def test_two_train_to_the_end() -> None:
    assert going(rung(3, {"a": promise(0.9), "b": promise(0.1)}, "ab")) == ["a", "b"]


def test_who_failed_is_out_and_in_the_record() -> None:
    found = rung(0, {"a": promise(0.5)}, "ab")
    assert [(row.candidate_id, row.goes_on) for row in found.rows] == [("a", True), ("b", False)]


def test_rungs_that_end_at_the_same_step_are_one() -> None:
    assert goals(RunConfig(steps=160), TASK) == (10, 20, 40, 80, 160)
    assert goals(RunConfig(steps=10), TASK) == (1, 2, 5, 10)
    assert goals(RunConfig(steps=1), TASK) == (1,)


def test_the_finalists_train_on_as_many_seeds_each_and_leave_the_rest_for_later_rounds() -> None:
    config = RunConfig(finalist_seeds=2)
    assert further_seeds(config, 2000, Budget(left=9000, share=9000)) == 2
    assert further_seeds(config, 2000, Budget(left=9000, share=3900)) == 1
    assert further_seeds(config, 2000, Budget(left=9000, share=-500)) == 1, "nobody wins by one training"
    assert further_seeds(config, 2000, Budget(left=1900, share=1900)) == 0, "none of them, rather than some"
    assert further_seeds(config, 0, Budget(left=9000, share=9000)) == 0


def run(folder: Path, steps: FakeSteps, **change: object) -> tuple[Run, list[events.Event]]:
    plain = {
        "rounds": 1,
        "candidates": 8,
        "target": 1.0,
        "confirm_seeds": 0,
        "finalist_seeds": 0,
        "steps": 8000,
    }
    config = RunConfig.model_validate(plain | change)
    heard: list[events.Event] = []
    with Book.create(folder, RunHeader.of(TASK, config)) as book:
        return (measure if config.given else improve)(Study(TASK, config, steps, book, heard.append)), heard


def test_a_race_of_eight_costs_less_than_three_full_trainings(tmp_path: Path) -> None:
    steps = FakeSteps(width=8)
    result, heard = run(tmp_path / "r", steps)
    accepted = next(len(e.screened.order) for e in heard if isinstance(e, events.Checked))
    rungs = [e.standings for e in heard if isinstance(e, events.RungDone)]
    assert [r.steps for r in rungs] == [round(share * 8000) for share in RUNGS]
    assert len(rungs[0].rows) == accepted
    assert result.trainings == accepted, "the legs of one training are one"
    assert result.env_steps <= 3 * 8000
    assert max(steps.done.values()) == 1, "no leg is trained twice"


@pytest.mark.parametrize("budget", [0.5, 1.0, 2.0])
def test_the_budget_holds(tmp_path: Path, budget: float) -> None:
    result, _ = run(tmp_path / "r", FakeSteps(width=8), budget=budget, rounds=9)
    assert result.env_steps <= budget * 8000
    assert "the budget of" in result.stop


class Known(FakeSteps):
    """Accepts everything, and scores candidates as it is told."""

    def __init__(self, success: dict[str, float]) -> None:
        super().__init__(width=8)
        self._success = success

    def review(self, candidate: Candidate) -> Verdict:
        return Verdict(candidate_id=candidate.id, accepted=True, outcome=Outcome.COMPLETED)

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        found = self._success.get(trial.candidate_id, 0.1 - int(trial.candidate_id[-1]) / 1000)
        return alike(super().score(page, trial, purpose), found, found)


def test_where_steps_run_short_the_best_goes_on_and_who_stops_is_in_the_record(tmp_path: Path) -> None:
    _, heard = run(tmp_path / "r", Known({"r000c0": 0.3, "r000c5": 0.85}), budget=2.0)
    rungs = [e.standings for e in heard if isinstance(e, events.RungDone)]
    assert going(rungs[-2]) == ["r000c5", "r000c0"]
    assert ([row.candidate_id for row in rungs[-1].rows], rungs[-1].unaffordable) == (["r000c5"], ("r000c0",))
    result, _ = run(tmp_path / "s", Known({"r000c0": 0.3, "r000c5": 0.85}), budget=4.0, finalist_seeds=2)
    assert result.best == "r000c5", "a seed more for one finalist alone would decide by the seed"


def test_a_full_last_round_can_win(tmp_path: Path) -> None:
    steps = Known({"r000c6": 0.3, "r001c4": 0.3, "r002c5": 0.99})
    settings = RunConfig()
    result, _ = run(tmp_path / "r", steps, rounds=3, finalist_seeds=settings.finalist_seeds, budget=settings.budget)
    assert result.best == "r002c5"
    assert result.env_steps <= settings.budget * 8000
    seeds_of = {name.split()[1] for name in steps.done if name.startswith("train r002c5-s")}
    assert {"r002c5-s1", "r002c5-s2"} <= seeds_of, "the last round has what the others left"


class Hopeless(FakeSteps):
    """No candidate gets further than random actions do; the environment's own reward does."""

    def describe(self) -> WithFiles[Description]:
        record, files = super().describe()
        reference = (ReferenceEpisode(kind="random", episode=episode(0.1)),) * 4
        return WithFiles(record.model_copy(update={"reference_episodes": reference}), files)

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        progress = 0.1 if trial.candidate_id else 0.9
        return alike(super().score(page, trial, purpose), 0.0, progress)


def test_the_baselines_of_a_doubt_train_once_and_count(tmp_path: Path) -> None:
    steps = Hopeless(width=3)
    result, heard = run(tmp_path / "r", steps, rounds=3, budget=100.0)
    assert (steps.done["train native-s0"], steps.done["train sparse-s0"]) == (1, 1)
    rounds = [e.round for e in heard if isinstance(e, events.RoundDone)]
    assert [r.doubt.trainings for r in rounds] == [2, 0, 0]
    assert [r.longer.steps for r in rounds] == [(8000, 16_000), (), ()], (
        "the best of all was gone on with once, in vain"
    )
    assert result.env_steps == sum(env_steps(r.trials) for r in rounds) + 8000 + 2 * 8000
    assert result.trainings == sum(len({t.candidate_id for t in r.trials}) for r in rounds) + 2
    again, _ = resumed(tmp_path / "r", Hopeless(width=3))
    assert again == result


def resumed(folder: Path, steps: FakeSteps) -> tuple[Run, FakeSteps]:
    with Book.open(folder) as book:
        return improve(Study(TASK, book.header.config, steps, book, lambda event: None)), steps


def test_a_doubt_is_forgotten_when_somebody_says_what_to_change() -> None:
    lost = round_of(0, score("a", 0.0)).model_copy(update={"doubt": Doubt(reason="It is not the reward.")})
    config = RunConfig()
    assert stop_reason(config, TASK, (lost,), Feedbacks()) == "It is not the reward."
    said = Feedbacks(items=(Feedback(after=1, text="go slower"),))
    assert stop_reason(config, TASK, (lost,), said) is None


def test_only_normalised_rewards_have_a_value_loss_that_is_too_large() -> None:
    point = CurvePoint(step=9, episode_return=None, episode_length=None, value_loss=1e7)
    broken = [
        Trial(id=f"{n}-s0", candidate_id=n, outcome=Outcome.COMPLETED, seed=0, steps=9, curve=(point,)) for n in "ab"
    ]
    assert optimiser(broken, normalized=True)
    assert optimiser(broken, normalized=False) is None


@pytest.mark.parametrize("outcome", [Outcome.LOST, Outcome.ENVIRONMENT_FAILED])
def test_a_training_that_failed_outside_of_its_reward_says_nothing_of_it(tmp_path: Path, outcome: Outcome) -> None:
    def die(job: TrialJob) -> Outcome:
        return outcome if job.id in ("native-s0", "native-s1", "r000c1-s0") else Outcome.COMPLETED

    result, _ = run(tmp_path / "a", FakeSteps(fail=die), given="native", confirm_seeds=3)
    assert len(result.confirmed[0].success) == 1
    none, _ = run(tmp_path / "b", FakeSteps(fail=die), given="native", confirm_seeds=2)
    assert (none.confirmed, none.best) == ((), "")


def test_off_policy_trainings_race_too(tmp_path: Path) -> None:
    train = TASK.train.model_copy(update={"algorithm": "SAC"})
    task: Task = TASK.model_copy(update={"train": train})
    config = RunConfig(rounds=1, candidates=3, confirm_seeds=0, finalist_seeds=0, steps=8000)
    steps = FakeSteps()
    with Book.create(tmp_path / "r", RunHeader.of(task, config)) as book:
        improve(Study(task, config, steps, book, lambda e: None))
    assert [name for name in steps.done if name.startswith("train") and "leg1" in name]


def test_a_given_reward_is_measured_and_nothing_is_searched(tmp_path: Path) -> None:
    steps = FakeSteps()
    mine = Candidate(id="own", source="# x", thought="", origin="human", how="given")
    result, _ = run(tmp_path / "a", steps, given=mine, confirm_seeds=3)
    assert (result.best, result.trainings, result.confirmed[0].role) == ("own", 3, "given")
    assert not [name for name in steps.done if name.startswith("design")]
    native, _ = run(tmp_path / "b", FakeSteps(), given="native", confirm_seeds=2)
    assert (native.best, native.trainings) == ("native", 2)


def test_the_incumbent_stays_unless_beaten_beyond_noise() -> None:
    old = [score("old", value, seed=i) for i, value in enumerate((0.4, 0.6, 0.8))]
    lucky = [score("new", value, seed=i) for i, value in enumerate((0.5, 0.6, 0.8))]
    better = [score("new", value, seed=i) for i, value in enumerate((0.85, 0.8, 0.85))]
    assert best([round_of(0, *old), round_of(1, *lucky)], TASK) == "old"
    assert best([round_of(0, *old), round_of(1, *better)], TASK) == "new"
    assert not beats(old, old, TASK)


def test_a_single_seed_does_not_replace_the_incumbent_and_two_may() -> None:
    old = [score("old", value, seed=i) for i, value in enumerate((0.0, 0.0, 0.7))]
    two = [score("new", value, seed=i) for i, value in enumerate((1.0, 0.8))]
    noisy = [score("new", value, seed=i) for i, value in enumerate((1.0, 0.0))]
    assert best([round_of(0, *old), round_of(1, two[0])], TASK) == "old"
    assert best([round_of(0, *old), round_of(1, *two)], TASK) == "new"
    assert best([round_of(0, *old), round_of(1, *noisy)], TASK) == "old"


def test_the_runner_up_trained_as_long() -> None:
    scores = [score("a", 0.9), score("b", 0.5), score("c", 0.8, steps=50)]
    assert runner_up([round_of(0, *scores)], TASK) == "b"


def test_legs_are_one_training() -> None:
    legs = [
        Trial(id=f"a-s0-leg{i}", candidate_id="a", outcome=Outcome.COMPLETED, seed=1, begin=100 * i, steps=100 * (i + 1),
              checkpoints=(100 * (i + 1),), seconds=1.0)
        for i in range(3)
    ]  # fmt: skip
    (whole,) = trainings(legs)
    assert (whole.id, whole.begin, whole.steps, whole.checkpoints, whole.seconds) == (
        "a-s0",
        0,
        300,
        (100, 200, 300),
        3.0,
    )
    assert env_steps(legs) == 300
    points = [CheckpointScore(step=100 * (i + 1), success=0, progress=0, metric=None, length=1) for i in range(3)]
    parts = [score("a", 0.1 * i, steps=100 * (i + 1)).model_copy(update={"trial_id": f"a-s0-leg{i}", "checkpoints": (points[i],)})
             for i in range(3)]  # fmt: skip
    (joined,) = scored(parts)
    assert (joined.trial_id, joined.success, [c.step for c in joined.checkpoints]) == ("a-s0", 0.2, [100, 200, 300])


def test_short_trainings_are_named_where_the_reward_is_not_blamed() -> None:
    found = doubt([score("a", 0.0)], [0.1, 0.1], 0.4, [0.4], [Longer()])
    assert of_short_trainings(found, 4_096, 4_096) == found
    said = of_short_trainings(found, 4_096, 200_000).reason
    assert said.startswith(f"{found.reason} Trainings had 4,096 environment steps, though, and the card's have 200,000")
    assert of_short_trainings(Doubt(), 4_096, 200_000) == Doubt()


def test_it_is_exploration_or_observation() -> None:
    scores = [score(name, 0.0) for name in ("a", "b")]
    nowhere = doubt(scores, [0.1, 0.1], 0.4, [0.4, 0.42], [Longer()])
    assert nowhere.reason
    assert "exploration" in nowhere.reason
    longer = Longer(trial_id="a-s0", steps=(100, 200), success=(0.0, 0.0), progress=(0.1, 0.11))
    elsewhere = doubt(scores, [0.1, 0.1], 0.4, [0.4, 0.8], [longer])
    assert elsewhere.reason
    assert "what the policy observes" in elsewhere.reason
    assert "a-s0 made progress of 0.100 by 100, 0.110 by 200" in elsewhere.evidence[1], "what was tried is named"
    assert "80%" in elsewhere.evidence[2]
