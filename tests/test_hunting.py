"""Exploring without a reward, and hunting for exploits: known answers on small environments."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from batched_envs import CARTS
from batches import batch
from fake_steps import FakeSteps
from gymnasium import spaces
from in_process import HERE

from autoreward import events
from autoreward.checks.dataset import EpisodeDataset
from autoreward.checks.hunting import as_screen, best_success, hunt_of, recorded_exploit
from autoreward.checks.relabel import Relabelled
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.evaluation.motion_words import motion_in_words
from autoreward.evaluation.overpaid import clearly_more, reaches_nothing
from autoreward.loop import improve
from autoreward.records import Candidate, Episode, Hunt, Hunted, ReferenceEpisode, Round, TrialJob, Verdict
from autoreward.report.hunting import before_training
from autoreward.sandbox.jail import Jail
from autoreward.search.hunts import exploited_last
from autoreward.search.study import Study
from autoreward.store.book import Book, RunHeader, WithFiles
from autoreward.store.keys import HUNTS
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, placeholder_task
from autoreward.training.workers import Workers
from autoreward.worker.envs.flatten import Layout
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import EpisodeRows
from autoreward.worker.exploring.breeding import GENERATION, Breeding
from autoreward.worker.exploring.simple_policies import Seen
from autoreward.worker.jobs.explore import explore
from autoreward.worker.jobs.hunting_records import ExploreJob, HuntJob

ONE = EpisodeRows(np.zeros(1, np.intp), np.ones(1, np.bool_))
"""The first of the episodes, at its start."""
CAR = find_task("mountain-car", (envs_folder(),))


class Corridor(gymnasium.Env[Any, Any]):
    """40 places in a row: a step to the left or the right. Random actions come about as far as the root of their number."""

    observation_space = spaces.Box(0.0, 40.0, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, chance: bool = False) -> None:
        self._chance = chance

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._at = float(np.random.default_rng().random()) if self._chance else 0.0
        return np.array([self._at], np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._at = min(max(self._at + (1.0 if action else -1.0), 0.0), 40.0)
        return np.array([self._at], np.float32), 0.0, False, False, {}


def corridor(chance: bool = False) -> Task:
    name = f"HuntingCorridor{chance:d}-v0"
    if name not in gymnasium.registry:
        gymnasium.register(name, lambda **_: Corridor(chance), max_episode_steps=60)
    task = placeholder_task(name, {}, "corridor")
    fields = {"place": {"source": "obs[0]", "about": "where it is", "range": [0.0, 40.0]}}
    return Task.model_validate({
        **task.model_dump(exclude_unset=True), "state": fields, "action": {"push": {"about": "left or right"}},
        "success": {"when": "place > 41"}, "max_steps": 60,
    })  # fmt: skip


def test_exploring_gets_where_random_actions_do_not() -> None:
    found, files = explore(ExploreJob(task=corridor(), seed=0, steps=3_000), {}, HERE)
    places = Transitions.from_bytes(files["explored.npz"]).next_state["place"]
    kinds = np.array([known.kind for known in found.episodes])
    assert places[:, kinds == "explored"].max() >= 30
    assert found.replayable
    assert found.cells > found.by_chance
    assert found.numbers == 1
    assert 3_000 <= found.steps < 3_000 + 60
    random = np.random.default_rng(0).integers(0, 2, (50, 60)) * 2 - 1
    assert np.maximum.accumulate(random.cumsum(axis=1), axis=1).max() < 30, "as many random steps"


def test_what_can_not_be_replayed_is_explored_from_its_starts_and_said() -> None:
    found, _ = explore(ExploreJob(task=corridor(chance=True), seed=0, steps=600), {}, HERE)
    assert not found.replayable
    assert "can't be replayed" in before_training(events.Explored(found))


def test_exploring_is_a_function_of_its_seed() -> None:
    job = ExploreJob(task=corridor(), seed=3, steps=600)
    assert explore(job, {}, HERE) == explore(job, {}, HERE)


@pytest.mark.parametrize(
    ("space", "wanted"),
    [(spaces.Box(-2.0, 2.0, (1,), np.float32), 1.5), (spaces.Discrete(5), 3), (spaces.MultiDiscrete([3, 4]), None),
     (spaces.MultiBinary(3), None)],
)  # fmt: skip
def test_breeding_finds_what_pays(space: spaces.Space[Any], wanted: float | None) -> None:
    seen = Seen(PolicyView(CARTS, Layout(2)), np.zeros(2), np.ones(2))
    breeding = Breeding(space, seen, limit=50, seed=0)
    best = -np.inf
    for _ in range(12):
        generation = breeding.draw()
        assert len(generation.policies) == GENERATION
        taken = [policy(np.zeros((1, 2)), ONE)[0] for policy in generation.policies]
        assert all(space.contains(action) for action in taken)
        worth = [-abs(float(np.sum(action)) - (wanted or 2.0)) for action in taken]
        best = max(best, *worth)
        breeding.learn(generation, worth)
    assert best > -0.1


def episode(progress: float, success: bool = False, reached: bool = False) -> Episode:
    return Episode(
        success=success, length=10, terminated=False, reached=reached, held=0, progress=progress, metric=0, movement=1
    )


def known(returns: Sequence[float], episodes: Sequence[Episode]) -> tuple[EpisodeDataset, Relabelled]:
    data = batch(steps=10, envs=len(episodes))
    values = np.array(returns)
    labels = Relabelled({"a": values}, {"a": 1.0}, values, values, np.repeat(values, 10) / 10)
    return EpisodeDataset(data, tuple(ReferenceEpisode(kind="random", episode=e) for e in episodes), "lower"), labels


WON = episode(1.0, success=True)


@pytest.mark.parametrize(
    ("returns", "episodes", "found"),
    [
        ([0.0, 10.0, 12.0], [episode(0.0), WON, episode(0.1)], 2),
        ([0.0, 10.0, 10.3], [episode(0.0), WON, episode(0.1)], None),  # by less than can be told from luck
        ([0.0, 10.0, 12.0], [episode(0.0), WON, episode(0.9)], None),  # a near miss
        ([0.0, 10.0, 12.0], [episode(0.0), WON, episode(0.1, reached=True)], None),
        ([0.0, 1.0, 12.0], [episode(0.0), episode(0.5), episode(0.1)], None),  # failures alone say nothing
        ([5.0, 5.0, 5.0], [episode(0.0), WON, episode(0.1)], None),  # a reward that is always the same
    ],
)  # fmt: skip
def test_an_exploit_clearly_out_earns_every_success_and_reaches_nothing(
    returns: list[float], episodes: list[Episode], found: int | None
) -> None:
    dataset, labels = known(returns, episodes)
    exploit = recorded_exploit(dataset, labels)
    assert (exploit[0] if exploit else None) == found


def test_negative_returns_are_held_against_each_other_as_others_are() -> None:
    assert clearly_more(-50.0, -100.0, -120.0)
    assert not clearly_more(-99.0, -100.0, -120.0)
    assert not reaches_nothing(WON)
    assert best_success(*known([1.0, 2.0], [episode(0.0), episode(0.2)])) is None


def moved(**fields: Any) -> Transitions:
    columns = {name: np.asarray(values, dtype=np.float64)[:, None] for name, values in fields.items()}
    steps = len(next(iter(columns.values())))
    still = {name: np.roll(values, 1, axis=0) for name, values in columns.items()}
    push = {"push": np.zeros((steps, 1), dtype=np.int64)}
    return Transitions(still, push, columns, np.arange(1, steps + 1)[:, None], np.zeros((steps, 1), dtype=np.bool_))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (np.full(60, -2.4), "stays at -2.4"),
        (np.minimum(np.arange(60) / 10, 2.0), "goes from 0 and stays at 2"),
        (np.tile([0.0, 1.0], 30), "shakes between 0 and 1"),
        (np.sin(np.arange(60) / 3), "goes back and forth"),
        (np.arange(60) / 20, "goes from 0 to 2.95"),
    ],
)
def test_what_an_episode_does_is_said(path: Any, said: str) -> None:
    words = motion_in_words(moved(x=path), moved(x=np.linspace(-3, 3, 60)))
    assert f"`x` {said}" in words
    assert "the action `push` is 0 in 100% of the steps" in words
    assert words.endswith("it is cut off after 60 steps")


def test_nothing_found_is_never_called_safe() -> None:
    plain = Hunted(candidate_id="c", outcome=Outcome.COMPLETED, steps=500, episodes=5, success=1.0)
    changes = [
        {},
        {"success": None},
        {"replayable": False},
        {"outcome": Outcome.RAISED, "message": "it broke"},
        {"steps": 0},
    ]
    hunts = [hunt_of(plain.model_copy(update=change), None, batch()) for change in changes]
    said = " ".join(hunt.said for hunt in hunts)
    assert "found nothing in 500" in said
    assert "no success is known" in said
    assert "not hunted" in said
    assert "it broke" in said
    assert "safe" not in said
    assert {as_screen(hunt).decision for hunt in hunts} == {"silent"}


def test_an_exploit_is_told_with_its_steps_and_demotes() -> None:
    hunted = Hunted(
        candidate_id="c", outcome=Outcome.COMPLETED, found=True, success=10.0, earned=30.0, episode=episode(0.1)
    )
    hunt = hunt_of(hunted, moved(x=np.full(60, -2.4)), moved(x=np.linspace(-3, 3, 60)))
    assert "earns 30, 3.0 times as much as the best success known (10): `x` stays at -2.4" in hunt.said
    assert as_screen(hunt).decision == "demoted"


def pair(name: str, how: Any = "fresh") -> tuple[Candidate, Verdict]:
    candidate = Candidate(id=name, source="# x\n", thought="", origin="human", how=how)
    return candidate, Verdict(candidate_id=name, accepted=True, outcome=Outcome.COMPLETED)


def test_the_exploited_train_last_and_what_has_shown_itself_does_not_move() -> None:
    hunts = [Hunt(candidate_id=name, found=name in "ab", said="") for name in "abc"]
    field = [pair("b", "again"), pair("a"), pair("c")]
    assert [c.id for c, _ in exploited_last(field, hunts)] == ["b", "c", "a"]


class Finds(FakeSteps):
    """Finds an exploit in the first program of a round."""

    def hunt(self, candidate: Candidate, verdict: Verdict, rounds: Sequence[Round], steps: int) -> WithFiles[Hunt]:
        made = super().hunt(candidate, verdict, rounds, steps)
        return made._replace(record=made.record.model_copy(update={"found": candidate.id.endswith("c0")}))


def test_hunts_count_in_the_budget_and_leave_most_of_it(tmp_path: Path) -> None:
    config = RunConfig(rounds=1, candidates=8, confirm_seeds=0, steps=8000, target=1.0, budget=16.0, hunt_steps=10_000)
    heard: list[events.Event] = []
    with Book.create(tmp_path / "r", RunHeader.of(CAR, config)) as book:
        result = improve(Study(CAR, config, Finds(width=8), book, heard.append))
        hunts = book.page(0).saved(HUNTS)
    (done,) = (e.round for e in heard if isinstance(e, events.RoundDone))
    taken = sum(h.steps for h in hunts)
    assert 0 < taken <= 16 * 8000 / 16
    assert result.env_steps == sum(t.steps - t.begin for t in done.trials) + taken + done.longer.env_steps
    assert done.hunts == hunts
    with Book.create(tmp_path / "s", RunHeader.of(CAR, config.model_copy(update={"hunt_steps": 0}))) as book:
        steps = FakeSteps(width=8)
        improve(Study(CAR, book.header.config, steps, book, heard.append))
    assert not [name for name in steps.done if name.startswith("hunt")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pay", "found"),
    [
        ("np.exp(-np.abs(next_state.position + 1.2) / 0.1)", True),
        ("np.full_like(next_state.position, -1.0)", False),
    ],
)
def test_swinging_to_the_border_is_found_and_a_cost_of_time_is_none(jail: Jail, pay: str, found: bool) -> None:
    source = f'def compute_reward(state, action, next_state, memory):\n    return {{"pay": {pay}}}\n'
    training = TrialJob(id="c-s0", candidate_id="c", reward="candidate", source=source, seed=0, steps=100)
    with Workers(jail) as workers:
        hunted, files = workers.hunt(
            HuntJob(task=CAR, training=training, seed=1, steps=8_000, success=-110.0 if not found else 5.0)
        )
        assert (hunted.outcome, hunted.found, hunted.replayable) == (Outcome.COMPLETED, found, True)
        if found:
            (column,) = Transitions.from_bytes(files["hunted.npz"]).next_state["position"].T
            near = np.exp(-np.abs(column + 1.2) / 0.1)
            assert near.sum() > 5.0, "it earns more than the success that is known"
            visits = np.flatnonzero(np.diff((near > 0.1).astype(int)) == 1)
            assert len(visits) >= 2, "nothing can stay at this border: it comes there again and again"
