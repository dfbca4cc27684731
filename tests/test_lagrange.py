"""The composition `lagrange`: known answers, how its multipliers move, what is kept of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import unproven, written
from fake_steps import FakeSteps
from hypothesis import given
from hypothesis import strategies as st
from in_process import in_legs
from typer.testing import CliRunner

from autoreward.cli import app
from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.errors import UsageError
from autoreward.evaluation.costs import excess, limit_costs
from autoreward.export.best import kept_files
from autoreward.export.build import reward_files, train_script
from autoreward.export.verify import Batch, NotEqual, prove
from autoreward.loop import improve
from autoreward.records import CurvePoint, Score, Setup, Trial, TrialJob
from autoreward.report.html import render
from autoreward.report.reading import read_run
from autoreward.report.scalars import saved_legs
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.rewards.compose.lagrange import LARGEST_MULTIPLIER, RATE, WARM_UP, ascended, composed
from autoreward.sandbox.jail import Jail
from autoreward.search.study import Study
from autoreward.store.book import Book, RunHeader, WithFiles
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.worker.rollout.lagrangian import Lagrangian
from autoreward.worker.rollout.recorder import Recorded

CARD = find_task("mountain-car", (envs_folder(),))
LIMITS: dict[str, dict[str, object]] = {
    "mean": {"value": "abs(velocity)", "at_most": 0.5, "over": "mean"},
    "peak": {"value": "velocity", "at_least": -2.0, "over": "max"},
    "often": {"value": "abs(push - 1) > 0.5", "at_most": 0.25, "over": "share"},
    "seldom": {"value": "velocity > 0", "at_least": 0.5, "over": "share"},
    "worst": {"value": "velocity * step + terminated", "at_most": 0},
}


def card(**limits: dict[str, object]) -> Task:
    return Task.model_validate(CARD.model_dump() | {"limits": limits})


def batch(pushes: list[int], speeds: list[float], ends: bool = False) -> Transitions:
    """One episode that begins here, in one environment."""
    speed, length = np.array(speeds)[:, None], len(speeds)
    states = {"position": np.zeros((length, 1)), "velocity": speed}
    terminated = np.zeros((length, 1), dtype=np.bool_)
    terminated[-1] = ends
    step = np.arange(1, length + 1)[:, None]
    return Transitions(states, {"push": np.array(pushes)[:, None]}, states, step, terminated)


def test_what_a_step_costs_under_each_kind_of_limit() -> None:
    costs = limit_costs(card(**LIMITS), batch([0, 1, 2], [-3.0, 0.25, 1.0], ends=True))
    assert {name: cost[:, 0].tolist() for name, cost in costs.items()} == {
        "limit:mean": [
            5.0,
            -0.5,
            1.0,
        ],  # a step within makes up for one beyond: the sum is 0 where the mean is at its number
        "limit:peak": [0.5, 0.0, 0.0],  # one step does not make up for another
        "limit:often": [0.75, -0.25, 0.75],
        "limit:seldom": [0.5, -0.5, -0.5],
        "limit:worst": [0.0, 0.5, 4.0],
    }


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=8))
def test_a_cost_is_a_number_whatever_the_simulator_says(speeds: list[float]) -> None:
    for name, cost in limit_costs(card(**LIMITS), batch([1] * len(speeds), speeds)).items():
        assert np.all(np.abs(cost) <= 10.0), name


def test_how_far_what_an_episode_came_to_is_beyond_a_limit() -> None:
    limits = card(**LIMITS).limits
    assert [excess(limits[name], 1.0) for name in ("mean", "peak", "often", "seldom", "worst")] == [
        1.0, -1.5, 0.75, -0.5, 1.0,
    ]  # fmt: skip
    assert (excess(limits["mean"], float("nan")), excess(limits["mean"], 1e9)) == (10.0, 10.0)


def test_prices_are_taken_from_the_sum_and_the_whole_is_scaled() -> None:
    parts = {"a": np.array([2.0]), "b": np.array([1.0]), "limit:x": np.array([0.5]), "limit:y": np.array([-1.0])}
    fixed = {"size": 2.0, "multipliers": {"limit:x": 3.0, "limit:y": 1.0}}
    assert composed(parts, 0.0, False, fixed)[0].tolist() == [(3.0 - 2.0 * (3.0 * 0.5 - 1.0)) / 5.0]


def test_before_a_training_it_is_the_plain_sum() -> None:
    seen, setup = batch([1, 1], [1.0, 2.0]), Setup(limits=("mean",))
    parts = {"a": np.array([[1.0], [2.0]]), "b": np.array([[0.5], [-7.0]])}
    initial = COMPOSITIONS["lagrange"].start(1, 0.9, setup)(parts, seen)
    assert np.array_equal(initial, COMPOSITIONS["sum"].start(1, 0.9, setup)(parts, seen))


@pytest.mark.parametrize("begin", [0.0, 5.0])
def test_the_multiplier_of_a_small_problem_is_found(begin: float) -> None:
    """Arm A pays 1 and costs 1, arm B pays 0.4 and costs nothing; half of the cost is allowed.

    At the multiplier 1 - 0.4 = 0.6 both are worth the same, and a policy that weighs them by what they are worth plays A half
    of the time. Solved with the functions that training calls.
    """
    multipliers = {"cost": begin}
    for _ in range(1_000):
        fixed = {"size": 1.0, "multipliers": {"limit:cost": multipliers["cost"]}}
        arms = {"pay": np.array([1.0, 0.4]), "limit:cost": np.array([1.0, 0.0]) - 0.5}
        worth, _ = composed(arms, 0.0, False, fixed)
        share = 1.0 / (1.0 + np.exp(-(worth[0] - worth[1]) / 0.2))
        multipliers = ascended(multipliers, {"cost": share - 0.5})
    assert multipliers["cost"] == pytest.approx(0.6, abs=1e-6)
    assert share == pytest.approx(0.5, abs=1e-6)


def test_multipliers_stay_between_nothing_and_the_largest() -> None:
    assert ascended({"a": 0.01, "b": 99.9}, {"a": -10.0, "b": 10.0}) == {"a": 0.0, "b": LARGEST_MULTIPLIER}


# ----------------------------------------------------------------------------------------------------------- while it trains


def recorded(speeds: list[float]) -> Recorded:
    """An episode that ends with the last step."""
    seen = batch([1] * len(speeds), speeds)
    done = np.zeros(seen.shape, dtype=np.bool_)
    done[-1] = True
    return Recorded(seen, done, np.zeros(seen.shape, np.float32), *(np.zeros_like(done),) * 3)


def test_multipliers_move_once_a_rollout_by_episodes_after_a_warm_up() -> None:
    task = card(mean=LIMITS["mean"], worst={"value": "velocity", "at_most": 1.0})
    learner = Lagrangian(task, 1, Setup(limits=tuple(task.limits)))
    for _ in range(WARM_UP):
        learner.see(recorded([2.0, 0.0]))
        assert learner.multipliers == {"mean": 0.0, "worst": 0.0}
    learner.see(
        recorded([4.0, 0.0])
    )  # a mean of 2 is beyond 0.5 by 3, a largest value of 4 beyond 1 by 3: these are the units
    assert learner.multipliers == pytest.approx({"mean": RATE, "worst": RATE})
    learner.see(recorded([0.25, 0.25]))  # where a limit is held there is room: -0.5 and -0.75
    mu = {"mean": RATE * (1.0 - 0.5 / 3.0), "worst": RATE * (1.0 - 0.75 / 3.0)}
    assert learner.multipliers == pytest.approx(mu)
    paid = learner({"a": np.ones((1, 1))}, batch([1], [1.5]))
    assert paid.item() == pytest.approx((1.0 - mu["mean"] * 2.0 - mu["worst"] * 0.5) / (1.0 + sum(mu.values())))


def test_an_episode_may_come_in_pieces_and_as_many_must_end_as_there_are_environments() -> None:
    task = card(worst={"value": "velocity", "at_most": 1.0})
    learner = Lagrangian(task, 1, Setup(limits=tuple(task.limits)))
    learner._latest = type(learner._latest)(maxlen=2)
    learner._rollouts = WARM_UP
    whole = recorded([3.0, 0.0, 2.5, 0.0])
    for rows in (slice(0, 1), slice(1, 4)):
        learner.see(
            Recorded(
                whole.transitions.cut(rows),
                whole.done[rows],
                whole.native[rows],
                *(np.zeros_like(whole.lost[rows]),) * 3,
            )
        )
    assert learner.multipliers == {"worst": 0.0}, "one episode of two"
    learner.see(recorded([1.0]))
    assert learner.multipliers == pytest.approx({"worst": RATE}), "beyond by 2 and by 0: the mean of both is the unit"
    learner.see(recorded([3.0]))
    assert learner.multipliers == pytest.approx({"worst": RATE + RATE * 1.0})


def test_where_nothing_was_beyond_a_limit_its_number_is_the_unit() -> None:
    task = card(worst={"value": "velocity", "at_most": 1.0})
    learner = Lagrangian(task, 1, Setup(limits=tuple(task.limits)))
    for _ in range(WARM_UP + 1):
        learner.see(recorded([1.0]))
    learner.see(recorded([1.5]))
    assert learner.multipliers == pytest.approx({"worst": RATE * 0.5})


@pytest.mark.slow
def test_a_training_in_legs_is_the_training_in_one_piece() -> None:
    """Multipliers too, to the bit."""
    limits = {
        "speed": {"value": "abs(velocity)", "at_most": 0.002, "over": "mean"},
        "left": {"value": "position", "at_least": -0.55},
    }
    task = Task.model_validate(CARD.model_dump() | {"limits": limits, "max_steps": 20})
    change = {"envs": 3, "net": (8,), "hyperparameters": {"n_steps": 16, "batch_size": 16, "n_epochs": 1}}
    task = task.model_copy(update={"train": task.train.model_copy(update=change)})

    legs, weights = in_legs(task, (200, 300, 400), composition="lagrange")
    (whole,), expected = in_legs(task, (400,), composition="lagrange")
    last = whole.curve[-1].multipliers
    assert last["speed"] > 0.0
    assert last["left"] > 0.0
    assert legs[-1].curve[-1].multipliers == last
    assert weights == expected


# ------------------------------------------------------------------------------------------------------------------ refused

PROGRAM = """
def compute_reward(state, action, next_state, memory):
    return {"speed": np.abs(next_state.velocity), "height": 1.0 * next_state.position}
"""


@pytest.mark.parametrize(
    ("setup", "says"),
    [
        (Setup(), "the task's card has no limits to hold: write a [limits] table"),
        (Setup(limits=("x",), replays=True), "learns from a replay buffer"),
        (Setup(limits=("x",)), ""),
    ],
)
def test_what_cannot_learn_is_refused(setup: Setup, says: str) -> None:
    said = COMPOSITIONS["lagrange"].fault(setup, {})
    assert says in said
    assert bool(says) == bool(said)


def test_a_card_without_limits_is_refused_before_anything_trains(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PROGRAM)
    given = [
        "train",
        "mountain-car",
        "--reward",
        str(tmp_path / "mine.py"),
        "--composition",
        "lagrange",
        "--runs",
        str(tmp_path),
    ]
    result = CliRunner().invoke(app, given)
    assert isinstance(result.exception, UsageError)
    assert "the task's card has no limits to hold: write a [limits] table" in str(result.exception)
    assert not list(tmp_path.rglob("trials"))


# --------------------------------------------------------------------------------------------------------------------- kept

FROZEN = dict(zip(LIMITS, (0.5, 1.25, 2.0, 0.0, 3.0), strict=True))


def test_an_export_pays_by_the_multipliers_that_were_kept(jail: Jail) -> None:
    task, rng = card(**LIMITS), np.random.default_rng(0)
    first = written(PROGRAM, "lagrange")
    winner = first.model_copy(update={"setup": first.setup.model_copy(update={"multipliers": FROZEN})})
    seen = batch(rng.integers(0, 3, 50).tolist(), rng.normal(scale=2.0, size=50).tolist(), ends=True)
    costs = limit_costs(task, seen)
    files = reward_files(task, winner)
    assert prove(jail, winner, files, [Batch("samples", seen, costs)], 0.9).largest == 0.0
    dearer = winner.model_copy(
        update={"setup": winner.setup.model_copy(update={"multipliers": FROZEN | {"mean": 0.6}})}
    )
    with pytest.raises(NotEqual, match="the reward is"):
        prove(jail, dearer, files, [Batch("samples", seen, costs)], 0.9)
    score = Score.model_construct(seed=1, kept=64)
    assert "its weights are not the same" in train_script(task, score, 128, learned=True)
    assert "its weights are not the same" not in train_script(task, score, 128)


class Learning(FakeSteps):
    """Trainings with multipliers, which rise."""

    def __init__(self) -> None:
        super().__init__(width=2)

    def train(self, job: TrialJob, begun: bytes = b"") -> WithFiles[Trial]:
        made = super().train(job, begun)
        steps = made.record.checkpoints
        points = tuple(
            CurvePoint(step=s, episode_return=1.0, episode_length=1.0, multipliers={"speed": s / 1e3}) for s in steps
        )
        return WithFiles(made.record.model_copy(update={"curve": points}), made.files)


def test_what_was_learned_is_in_the_report_the_curves_and_the_card(tmp_path: Path) -> None:
    task = card(speed={"value": "abs(velocity)", "at_most": 1.0, "over": "mean"})
    config = RunConfig(rounds=1, candidates=2, confirm_seeds=2)
    seen: list[Any] = []

    def demonstrate(winner: Any, files: Any) -> Any:
        seen.append(winner.setup.multipliers)
        return unproven(winner, files)

    with Book.create(tmp_path / "run", RunHeader.of(task, config)) as book:
        improve(Study(task, config, Learning(), book, lambda event: None))
        reading = read_run(book.folder)
        files = kept_files(book, reading, lambda task, weights: {}, demonstrate).files
    multipliers = json.loads(files["manifest.json"])["reward"]["multipliers"]
    assert multipliers == seen[0] == {"speed": pytest.approx(multipliers["speed"])}
    assert multipliers["speed"] > 0.0
    assert f"as they stood at the kept checkpoint: speed {multipliers['speed']:.3g}." in files["card.md"].decode()
    assert "multiplier of each limit" in render(reading)
    rows = [values for _, leg in saved_legs(book.folder, set()) for values in leg.rows.values()]
    assert any(values.get("multipliers/speed", 0.0) > 0.0 for values in rows)


def test_nothing_is_said_of_multipliers_where_none_was_learned(tmp_path: Path) -> None:
    task = card(speed={"value": "abs(velocity)", "at_most": 1.0, "over": "mean"})
    config = RunConfig(rounds=1, candidates=2, confirm_seeds=2)
    with Book.create(tmp_path / "run", RunHeader.of(task, config)) as book:
        improve(Study(task, config, FakeSteps(width=2), book, lambda event: None))
        reading = read_run(book.folder)
        files = kept_files(book, reading, lambda task, weights: {}, unproven).files
    assert "multiplier" not in files["card.md"].decode()
    assert "multiplier of each limit" not in render(reading)


def test_the_scorer_never_sees_a_multiplier() -> None:
    from autoreward.worker.jobs.records import ScoreJob

    fields = set(ScoreJob.model_fields)
    assert not fields & {"composition", "setup", "multipliers", "training"}
