"""The race: who goes on, what it costs, who stays the incumbent, when it is not the reward."""

from pathlib import Path

import pytest
from fake_crew import FakeCrew

from autoreward import events
from autoreward.analyze.hopeless import judged
from autoreward.analyze.legs import scored, trainings
from autoreward.analyze.ranking import beats, best, runner_up
from autoreward.config import RunConfig
from autoreward.loop import improve, measure, steps
from autoreward.outcomes import Outcome
from autoreward.race import RUNGS, standings
from autoreward.records import (
    Candidate,
    CheckpointScore,
    Episode,
    Round,
    Run,
    Score,
    Screened,
    Trial,
    TrialJob,
)
from autoreward.resources import envs_folder
from autoreward.store.book import Book, RunHeader
from autoreward.tasks import Task, find_task

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


def test_the_better_half_goes_on() -> None:
    scores = [score(name, value) for name, value in (("a", 0.2), ("b", 0.9), ("c", 0.5), ("d", 0.1))]
    rung = standings(0, 0.1, 1000, scores, [job(n) for n in "abcd"], TASK)
    assert [row.candidate_id for row in rung.rows if row.goes_on] == ["b", "c"]


def test_a_tie_within_noise_is_kept_once() -> None:
    noisy = [score(name, value, spread=0.4) for name, value in (("a", 0.5), ("b", 0.9), ("c", 0.5), ("d", 0.5))]
    rung = standings(0, 0.1, 1000, noisy, [job(n) for n in "abcd"], TASK)
    assert sum(row.goes_on for row in rung.rows) == 3, "one is spared while trainings are short"
    late = standings(3, 0.5, 1000, noisy, [job(n) for n in "abcd"], TASK)
    assert sum(row.goes_on for row in late.rows) == 2


def test_two_train_to_the_end() -> None:
    scores = [score("a", 0.9), score("b", 0.1)]
    rung = standings(3, 0.5, 1000, scores, [job("a"), job("b")], TASK)
    assert all(row.goes_on for row in rung.rows)


def test_who_failed_is_out_and_in_the_record() -> None:
    rung = standings(0, 0.1, 1000, [score("a", 0.5)], [job("a"), job("b")], TASK)
    assert [(row.candidate_id, row.goes_on) for row in rung.rows] == [("a", True), ("b", False)]


def run(folder: Path, crew: FakeCrew, **change: object) -> tuple[Run, list[events.Event]]:
    plain = {"rounds": 1, "candidates": 8, "target": 1.0, "confirm_seeds": 0, "finalist_seeds": 0, "steps": 8000}
    config = RunConfig.model_validate(plain | change)
    heard: list[events.Event] = []
    with Book.create(folder, RunHeader.of(TASK, config)) as book:
        return (measure if config.given else improve)(TASK, config, crew, book, heard.append), heard


def test_a_race_of_eight_costs_less_than_three_full_trainings(tmp_path: Path) -> None:
    crew = FakeCrew(width=8)
    result, heard = run(tmp_path / "r", crew)
    accepted = next(len(e.screened.order) for e in heard if isinstance(e, events.Checked))
    rungs = [e.standings for e in heard if isinstance(e, events.RungDone)]
    assert [r.steps for r in rungs] == [round(share * 8000) for share in RUNGS]
    assert len(rungs[0].rows) == accepted
    assert result.trainings == accepted, "the legs of one training are one"
    assert result.env_steps <= 3 * 8000
    assert max(crew.done.values()) == 1, "no leg is trained twice"


@pytest.mark.parametrize("budget", [0.5, 1.0, 2.0])
def test_the_budget_holds(tmp_path: Path, budget: float) -> None:
    result, _ = run(tmp_path / "r", FakeCrew(width=8), budget=budget, rounds=9)
    assert result.env_steps <= budget * 8000
    assert "the budget of" in result.stop


def test_off_policy_trainings_run_in_one_piece(tmp_path: Path) -> None:
    train = TASK.train.model_copy(update={"algorithm": "SAC"})
    task: Task = TASK.model_copy(update={"train": train})
    config = RunConfig(rounds=1, candidates=3, confirm_seeds=0, finalist_seeds=0, steps=8000)
    crew = FakeCrew()
    with Book.create(tmp_path / "r", RunHeader.of(task, config)) as book:
        improve(task, config, crew, book, lambda e: None)
    assert not [name for name in crew.done if "leg1" in name]


def test_a_given_reward_is_measured_and_nothing_is_searched(tmp_path: Path) -> None:
    crew = FakeCrew()
    mine = Candidate(id="mine", source="# x", thought="", origin="human", how="given")
    result, _ = run(tmp_path / "a", crew, given=mine, confirm_seeds=3)
    assert (result.best, result.trainings, result.confirmed[0].role) == ("mine", 3, "given")
    assert not [name for name in crew.done if name.startswith("design")]
    native, _ = run(tmp_path / "b", FakeCrew(), given="native", confirm_seeds=2)
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
    assert steps(legs) == 300
    points = [CheckpointScore(step=100 * (i + 1), success=0, progress=0, metric=None, length=1) for i in range(3)]
    parts = [score("a", 0.1 * i, steps=100 * (i + 1)).model_copy(update={"trial_id": f"a-s0-leg{i}", "checkpoints": (points[i],)})
             for i in range(3)]  # fmt: skip
    (joined,) = scored(parts)
    assert (joined.trial_id, joined.success, [c.step for c in joined.checkpoints]) == ("a-s0", 0.2, [100, 200, 300])


def test_it_is_exploration_or_observation() -> None:
    scores = [score(name, 0.0) for name in ("a", "b")]
    nowhere = judged(scores, [0.1, 0.1], 0.4, [0.4, 0.42], 100)
    assert nowhere.said
    assert "exploration" in nowhere.said
    elsewhere = judged(scores, [0.1, 0.1], 0.4, [0.4, 0.8], 100)
    assert elsewhere.said
    assert "what the policy observes" in elsewhere.said
    assert "80%" in elsewhere.evidence[1]
