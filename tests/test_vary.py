"""Does the winner hold: what can be varied, what is drawn, what comes of it, and what is kept and shown."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from in_process import HERE
from typer.testing import CliRunner
from undrawn import TASK, finished

from autoreward.cli import app
from autoreward.errors import TaskError, UsageError
from autoreward.evaluation.robustness import even_shares, varied_reward
from autoreward.records import Episode, Feedback, Feedbacks, Robustness, VariedEpisodes, VariedRange, policy_file
from autoreward.report.reading import read_run
from autoreward.report.robustness import robustness_rows
from autoreward.session.feedback import heed
from autoreward.session.vary import varied_range, vary_winner
from autoreward.store.book import Book
from autoreward.store.keys import FEEDBACK, ROBUSTNESS, TRIALS
from autoreward.tasks.card import Task
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.envs.varied import demand_variable, value_within, varied_envs
from autoreward.worker.jobs.records import WEIGHTS_FILE
from autoreward.worker.jobs.vary import vary
from autoreward.worker.jobs.vary_record import VaryJob


class Windy(gymnasium.Env[Any, Any]):
    """A ball that lies at the flag, or by so much before it as the wind blows; more than two laps and it lies nowhere near."""

    action_space = spaces.Discrete(3)

    def __init__(
        self, wind: float = 0.0, laps: int = 1, size=2, loud: bool = False, render_mode: str | None = None
    ) -> None:
        if wind > 5.0:
            raise AssertionError("wind must be at most 5")
        self.observation_space = spaces.Box(-9, 9, (size,), np.float32)
        self.wind, self.laps = wind, laps

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._seen(), 0.0, False, False, {}

    def _seen(self) -> Any:
        return np.array([1.0 - self.wind if self.laps <= 2 else -1.0, 0.0], np.float32)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    gymnasium.register("Windy-v0", entry_point=Windy, max_episode_steps=4, disable_env_checker=True)
    yield
    del gymnasium.registry["Windy-v0"]


def task_of(env: str = "Windy-v0") -> Task:
    train = TASK.train.model_copy(update={"hyperparameters": {}})
    return TASK.model_copy(update={"env": env, "kwargs": {}, "max_steps": None, "train": train})


def weights(task: Task) -> bytes:
    with ExitStack() as closing:
        venv = policies.normalised(task, make.vectorised(task, 1, seed=0))
        closing.callback(venv.close)
        return policies.to_bytes(policies.blank(task, closing), venv)


def played(*ranges: str, starts: int = 60) -> VariedEpisodes:
    task = task_of()
    job = VaryJob(
        task=task,
        trial_id="r000c0-s0",
        variations=tuple(map(varied_range, ranges)),
        shares=even_shares(3, starts, len(ranges)),
        seeds=tuple(range(starts)),
    )
    return vary(job, {WEIGHTS_FILE: weights(task)}, HERE)[0]


def test_success_that_depends_on_an_argument_falls_just_where_it_must() -> None:
    report = played("wind=0..1")
    assert all(e.success for e in report.plain)
    assert [e.success for e in report.varied] == [own["wind"] <= 0.5 for own in report.values]
    reward = varied_reward(task_of(), "r000c0", "winner", [varied_range("wind=0..1")], [report])
    assert (reward.plain.value, reward.varied.value) == (1.0, 0.5)
    assert [(p.said, p.success.value, p.episodes) for p in reward.parts] == [
        ("wind 0..0.333", 1.0, 20),
        ("wind 0.333..0.667", 0.5, 20),
        ("wind 0.667..1", 0.0, 20),
    ]
    assert [p.said for p in reward.worst] == ["wind 0.667..1"]


def test_of_a_few_whole_numbers_each_is_a_part() -> None:
    report = played("laps=1..4", "wind=0..0.1")
    assert report.whole == ("laps",)
    reward = varied_reward(task_of(), "r", "winner", [varied_range("laps=1..4"), varied_range("wind=0..0.1")], [report])
    assert [(p.said, p.success.value) for p in reward.parts[:4]] == [
        ("laps 1", 1.0), ("laps 2", 1.0), ("laps 3", 0.0), ("laps 4", 0.0),
    ]  # fmt: skip
    assert all(p.episodes == 15 for p in reward.parts[:4])


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        (["winds=0..1"], "'winds' of Windy-v0 can't be varied; what can be: laps, size, wind. Did you mean 'wind'?"),
        (["mass=0.8..1.2"], "'mass' of Windy-v0 can't be varied; what can be: laps, size, wind"),
        (["loud=0..1"], "'loud' of Windy-v0 can't be varied"),
        (["laps=1..2.5"], "'laps' of Windy-v0 is a whole number"),
        (["size=3..4"], "observed in another shape, which trained policies can't read"),
        ([], "nothing is to be varied of Windy-v0; what can be: laps, size, wind"),
    ],
)
def test_what_cannot_be_varied_is_refused_with_what_can(ranges: list[str], said: str) -> None:
    with pytest.raises(TaskError) as refused:
        played(*ranges, starts=2)
    assert said in str(refused.value)


def test_an_environment_without_any_number_says_so() -> None:
    task = task_of("CartPole-v1")
    with pytest.raises(TaskError, match="takes no number as an argument, and has no MuJoCo model"):
        demand_variable(task, make.make_env(task), [varied_range("gravity=8..12")])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gravity=12..8", "the range of gravity is empty"),
        ("gravity=8..8", "the range of gravity is empty"),
        ("gravity", "is no range; write what is to be varied as NAME=LOW..HIGH"),
        ("gravity=8..fast", "is no range"),
        ("a b=1..2", "write a plain word"),
        ("gravity=0..inf", "can't be varied"),
    ],
)
def test_a_range_that_is_none_is_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        varied_range(text)
    assert said in str(refused.value)


def test_what_is_drawn_is_even_and_the_same_again() -> None:
    shares = even_shares(7, 30, 2)
    assert shares == even_shares(7, 30, 2) != even_shares(8, 30, 2)
    for column in zip(*shares, strict=True):
        assert sorted(int(share * 30) for share in column) == list(range(30))
    five = VariedRange(name="n", low=5, high=9)
    assert [value_within(five, share, whole=True) for share in (0.0, 0.19, 0.2, 0.99)] == [5, 5, 6, 9]
    assert value_within(five, 0.25, whole=False) == 6.0


def episode(success: bool) -> Episode:
    return Episode(
        success=success, length=4, terminated=False, reached=success, held=1.0, progress=1.0, metric=1.0, movement=0.0
    )


def policy(seed: int, rate: float) -> VariedEpisodes:
    """Ten episodes, the varied ones of which succeed at the low end."""
    wins = [i < round(10 * rate) for i in range(10)]
    values = tuple({"wind": (i + 0.5) / 10} for i in range(10))
    return VariedEpisodes(
        trial_id=f"r-s{seed}",
        values=values,
        plain=(episode(True),) * 10,
        varied=tuple(map(episode, wins)),
    )


def test_a_row_says_plain_and_varied_success_and_the_worst_part() -> None:
    wind = varied_range("wind=0..1")
    rewards = tuple(
        varied_reward(TASK, who, role, [wind], [policy(0, rate), policy(1, rate)])
        for who, role, rate in (("r000c0", "winner", 0.7), ("native", "baseline", 0.0))
    )
    found = Robustness(id="a", variations=(wind,), episodes=10, seed=0, rewards=rewards, unplayed=("sparse",))
    assert robustness_rows(found)[0] == {
        "reward": "r000c0",
        "": "winner",
        "plain": "1.00 [1.00, 1.00]",
        "varied": "0.70 [0.70, 0.70]",
        "worst part of each range": "wind 0.667..1: 0.00 [0.00, 0.00]",
    }


@pytest.mark.slow
def test_a_mujoco_model_is_varied_in_its_own_fields() -> None:
    pytest.importorskip("mujoco")
    task = task_of("InvertedPendulum-v5")
    env = make.make_env(task)
    names = {"gravity": 12.0, "mass": 2.0, "friction": 0.5, "damping": 3.0, "gear": 0.25}
    known = demand_variable(task, env, [VariedRange(name=name, low=0, high=20.5) for name in names])
    changed: Any = varied_envs(task, known, [names, {**names, "mass": 1.0}])
    plain, one, two = (e.unwrapped.model for e in (env, *changed.envs))
    assert one.opt.gravity.tolist() == pytest.approx([0, 0, -12])
    assert np.allclose(one.body_mass, 2 * plain.body_mass)
    assert np.allclose(one.body_inertia, 2 * plain.body_inertia)
    assert np.allclose(one.body_subtreemass, 2 * plain.body_subtreemass)
    assert np.allclose(one.geom_friction, 0.5 * plain.geom_friction)
    assert np.allclose(one.dof_damping, 3 * plain.dof_damping)
    assert np.allclose(one.actuator_gear, 0.25 * plain.actuator_gear)
    assert np.allclose(two.body_mass, plain.body_mass)
    assert plain.opt.gravity.tolist() == pytest.approx([0, 0, -9.81])
    with pytest.raises(TaskError, match="is not negative"):
        demand_variable(task, env, [varied_range("mass=-1..1")])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")  # of the blank model, which trains nothing
def test_a_finished_run_is_confirmed_under_variation_and_shows_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    finished(folder)
    reading, real = read_run(folder), weights(TASK)
    for score in (s.score for s in reading.confirm_scores):
        (folder / "confirm" / TRIALS.of(score.trial_id).folder / policy_file(score.kept)).write_bytes(real)
    asked = ["confirm", str(folder), "--episodes", "6", "--json", "--vary", "goal_velocity=0..0.05"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.exception
    said = json.loads(done.stdout)
    assert [r["who"] for r in said["rewards"]] == [reading.finished.best, "native", "sparse"]
    assert said["rewards"][0]["varied"]["value"] == 0.0
    (kept,) = read_run(folder).robustness
    assert kept.episodes == 6
    for score in (s.score for s in reading.confirm_scores):  # what was played once is taken as it was
        (folder / "confirm" / TRIALS.of(score.trial_id).folder / policy_file(score.kept)).unlink()
    assert vary_winner(folder, [varied_range("goal_velocity=0..0.05")], 6) == kept
    shown = CliRunner().invoke(app, ["show", str(folder)]).stdout
    assert "Under variation of goal_velocity 0..0.05" in shown
    assert "Where the environment varies" in (folder / "report.html").read_text(encoding="utf-8")
    with Book.open(folder) as book:
        book.put(FEEDBACK, Feedbacks(items=(Feedback(after=1, text="calmer"),)))
        heed(book)
        assert not book.saved(ROBUSTNESS), "it is of a winner that has not heard what was said"
