"""Episodes that begin at snapshots: exactly where a recorded one was, and nothing but the policy's own steps is learned from."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from fake_steps import FakeSteps
from gymnasium import spaces
from in_process import HERE, in_legs, train
from numpy.typing import NDArray

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.seeds import HELD_OUT_BASE
from autoreward.errors import TaskError
from autoreward.loop import measure
from autoreward.records import DEMONSTRATIONS, SNAPSHOTS_FILE, Setup, Snapshots, TrialJob
from autoreward.report.hunting import before_training
from autoreward.report.reading import read_run
from autoreward.report.simulators import snapshots_sentence
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.search.study import Study
from autoreward.store.book import Book, WithFiles
from autoreward.store.header import RunHeader
from autoreward.tasks.card import Task
from autoreward.tasks.files import placeholder_task, validated_task
from autoreward.worker.envs import make
from autoreward.worker.jobs.hunting_records import SnapshotsJob
from autoreward.worker.jobs.snapshots import CLUSTERS, clustered, find_snapshots
from autoreward.worker.rollout.buffers import RewardedRollout
from autoreward.worker.rollout.late_rewards import LateRewards, Normaliser
from autoreward.worker.rollout.recorder import Recorded, Recorder
from autoreward.worker.rollout.snapshots import Restarts, SnapshotSet
from autoreward.worker.success import SuccessRule

END, LIMIT = 30, 60
START = 5


class Chain(gymnasium.Env[Any, Any]):
    """Places in a row, begun at one of the first few by chance: a step to the right, or back to the first; an end at the right."""

    observation_space = spaces.Box(0.0, float(END), (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, hidden: bool = False) -> None:
        self._random = np.random.default_rng() if hidden else None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._at = int((self._random or self.np_random).integers(START))
        return np.array([self._at], np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._at = self._at + 1 if action else 0
        return np.array([self._at], np.float32), 0.0, self._at == END, False, {}


def chain(hidden: bool = False, envs: int = 3, **train: Any) -> Task:
    name = f"Chain{hidden:d}-v0"
    if name not in gymnasium.registry:
        gymnasium.register(name, lambda **_: Chain(hidden), max_episode_steps=LIMIT)
    task = placeholder_task(name, {}, "chain")
    settings = {"n_steps": 16, "batch_size": 16, "n_epochs": 1}
    return Task.model_validate({
        **task.model_dump(exclude_unset=True),
        "state": {"place": {"source": "obs[0]", "about": "where it is", "range": [0.0, float(END)]}},
        "action": {"push": {"about": "1 goes on, 0 goes back"}}, "success": {"when": f"place >= {END}"}, "max_steps": LIMIT,
        "train": {"algorithm": "PPO", "steps": 1000, "envs": envs, "hyperparameters": settings, **train},
    })  # fmt: skip


def begun_at(seed: int) -> int:
    return int(Chain().reset(seed=seed)[0][0])


def taught(steps: Sequence[int] = (6, 12), clusters: Sequence[int] = (0, 1), seed: int = 7) -> SnapshotSet:
    """Snapshots on the way of one episode that goes on all the time."""
    there = [[begun_at(seed) + step] for step in steps]
    return SnapshotSet(
        seeds=np.array([seed]),
        actions=np.ones(max(steps), np.int64),
        begins=np.array([0]),
        episode=np.zeros(len(steps), np.int64),
        steps=np.array(steps),
        cluster=np.array(clusters),
        observations=np.array(there, np.float32),
    )


def begun(task: Task, share: float = 1.0, whole: int = 10**9, snapshots: SnapshotSet | None = None) -> Recorder:
    envs = make.vectorised(task, task.train.envs, 3)
    recorder = Recorder(envs, task, Restarts(task, snapshots or taught(), task.train.envs, share, whole, seed=1))
    recorder.reset()
    return recorder


def back_to_the_first(recorder: Recorder, count: int) -> Recorded:
    for _ in range(count):
        recorder.step(np.zeros(recorder.num_envs, np.int64))
    return recorder.take()


def test_episodes_begin_where_the_recorded_one_was_and_are_whole() -> None:
    """Clock, time limit and what a program or a rule is shown are those of an episode from its reset on."""
    recorded = back_to_the_first(begun(chain()), LIMIT)
    place, step = recorded.transitions.next_state["place"], recorded.transitions.step
    assert np.array_equal(step, np.repeat(np.arange(1, LIMIT + 1)[:, None], 3, axis=1))
    assert recorded.done[-1].all()
    assert not recorded.done[:-1].any()
    assert not recorded.transitions.terminated.any(), "it is cut where the whole episode is"
    ways = recorded.replayed.sum(axis=0)
    assert set(ways.tolist()) == {6, 12}
    for i, way in enumerate(ways.tolist()):
        assert recorded.replayed[:way, i].all()
        assert np.array_equal(place[:way, i], begun_at(7) + np.arange(1, way + 1)), "there as the teacher went"
        assert place[way, i] == 0.0, "and from there on as the policy does"
        assert recorded.transitions.action["push"][:, i].tolist() == [1.0] * way + [0.0] * (LIMIT - way)
    assert recorded.aided.all()
    assert not recorded.telling.any()


def test_without_snapshots_nothing_is_replayed_and_every_end_tells() -> None:
    recorder = Recorder(make.vectorised(chain(), 3, 3), chain())
    recorder.reset()
    recorded = back_to_the_first(recorder, LIMIT)
    assert not recorded.replayed.any()
    assert not recorded.aided.any()
    assert recorded.telling[-1].all()


def test_the_share_falls_to_none_in_the_first_half() -> None:
    restarts = Restarts(chain(), taught(clusters=(0, 0)), 1, share=0.8, whole=1000, seed=0)

    def share(steps: int) -> float:
        restarts.steps = steps
        return sum(restarts.seed_of(0) == 7 for _ in range(1000)) / 1000

    assert [share(steps) for steps in (0, 250, 500, 900)] == pytest.approx([0.8, 0.4, 0.0, 0.0], abs=0.05)


def test_every_cluster_is_as_likely() -> None:
    snapshots = taught(steps=(1, 2, 3, 4, 5), clusters=(0, 0, 0, 0, 1))
    restarts = Restarts(chain(), snapshots, 1, share=1.0, whole=10**9, seed=0)
    ways = []
    for _ in range(800):
        restarts.seed_of(0)
        ways.append(int(np.flatnonzero(restarts.replaying(np.array([4])))[:1].size))
    assert np.mean(ways) == pytest.approx(0.5, abs=0.06), "the fifth alone is in its cluster"


def test_chance_goes_on_for_own_episodes() -> None:
    """After a snapshot's seed the next own episode must not always be the second one of that seed."""
    envs = make.vectorised(chain(envs=1), 1, 3)
    restarts = Restarts(chain(envs=1), taught(steps=(20,), clusters=(0,)), 1, share=0.5, whole=10**9, seed=2)
    recorder = Recorder(envs, chain(envs=1), restarts)
    recorder.reset()
    starts = []
    for _ in range(20):
        was = bool(restarts.aided[0])
        done = False
        while not done:
            done = bool(recorder.step(np.ones(1, np.int64))[2][0])
        if was and not restarts.aided[0]:
            starts.append(float(recorder.observations[0, 0]))
    assert len(set(starts)) > 2


def late(recorder: Recorder) -> LateRewards:
    class Places:
        def parts(self, recorded: Recorded) -> dict[str, NDArray[np.float64]]:
            return {"place": recorded.transitions.next_state["place"].astype(np.float64)}

    rule = SuccessRule(chain(), LIMIT)
    return LateRewards(
        recorder, Places(), Normaliser(3, 0.99, False), rule, COMPOSITIONS["sum"].start(3, 0.99, Setup())
    )


def test_no_curve_counts_episodes_that_were_helped() -> None:
    recorder = begun(chain())
    rewards = late(recorder)
    for _ in range(LIMIT):
        recorder.step(np.ones(3, np.int64))
    rewards.collect()
    assert rewards.judged() is None
    assert rewards.episode_returns == rewards.episode_lengths == []
    (place,) = rewards.part_stats()
    assert place.low > begun_at(7) + 6, "parts are of the policy's own steps"


def filled(recorder: Recorder, steps: int) -> RewardedRollout:
    """A rollout of so many steps, of which every row is known by its observation."""
    box = spaces.Box(0.0, 1000.0, (1,), np.float32)
    buffer = RewardedRollout(steps, box, spaces.Discrete(2), n_envs=3, late_rewards=late(recorder))
    for t in range(steps):
        recorder.step(np.zeros(3, np.int64))
        known = np.arange(3, dtype=np.float32)[:, None] * 100 + t
        none = torch.zeros(3)
        buffer.add(known, np.zeros((3, 1)), np.zeros(3), np.zeros(3), none, none)
    buffer.compute_returns_and_advantage(torch.zeros(3), np.zeros(3, np.bool_))
    return buffer


def test_a_rollout_is_learned_from_where_the_policy_acted() -> None:
    recorder = begun(chain())
    buffer = filled(recorder, 20)
    own = sorted(i * 100.0 + t for i, t in zip(*np.nonzero(~buffer._late_rewards.replayed.T), strict=True))
    for _ in range(2):  # once more an epoch
        batches = [batch.observations.ravel().tolist() for batch in buffer.get(8)]
        assert sorted(number for numbers in batches for number in numbers) == own
        assert min(map(len, batches)) >= 8
    assert sorted(next(iter(buffer.get(None))).observations.ravel().tolist()) == own


def test_a_rollout_on_the_way_to_snapshots_teaches_nothing() -> None:
    buffer = filled(begun(chain()), 5)
    (batch,) = buffer.get(15)
    assert not batch.advantages.any()
    assert torch.equal(batch.returns, batch.old_values)


@pytest.mark.slow
def test_an_episode_that_comes_out_otherwise_ends_the_training_and_says_so() -> None:
    task = chain(snapshots=0.9)
    job = TrialJob(id="x-s0", candidate_id="", reward="sparse", seed=1, steps=500, snapshots=0.9)
    wrong = taught()._replace(observations=np.array([[1.5], [2.5]], np.float32))
    trial, _ = train(task, job, b"", None, lambda step: None, wrong.to_bytes())
    assert trial.outcome is Outcome.ENVIRONMENT_FAILED
    assert "does not come from the seed of its reset alone" in trial.message


@pytest.mark.slow
def test_a_training_in_legs_is_the_training_in_one_piece() -> None:
    taken, told = taught().to_bytes(), {"reward": "sparse", "snapshots": 0.6}
    legs, weights = in_legs(chain(), (100, 130, 150, 600), taken, **told)
    (whole,), expected = in_legs(chain(), (600,), taken, **told)
    assert weights == expected
    for count in ("snapshot_episodes", "replayed_steps"):
        assert sum(getattr(leg, count) for leg in legs) == getattr(whole, count) > 0


@pytest.mark.slow
def test_a_chain_with_its_reward_at_the_end_is_solved_with_snapshots_alone() -> None:
    """Random actions do not get there; the teacher went there once, from one start."""
    settings = {"n_steps": 64, "batch_size": 128, "n_epochs": 4, "learning_rate": 3e-3, "gamma": 0.99}
    task = chain(envs=8, hyperparameters=settings)
    last = {}
    for share in (0.0, 0.5):
        job = TrialJob(id="x-s0", candidate_id="", reward="sparse", seed=1, steps=8_000, snapshots=share)
        ways = taught(steps=range(4, 24, 4), clusters=range(5))
        trial, _ = train(task, job, b"", None, lambda step: None, ways.to_bytes())
        last[share] = trial.curve[-1].success
    assert last == {0.0: 0.0, 0.5: 1.0}


# ----------------------------------------------------------------------------------------------------------- finding them


def found(task: Task, demos: bytes = b"", steps: int = 300) -> tuple[Snapshots, dict[str, bytes]]:
    job = SnapshotsJob(task=task, seed=1, steps=steps, demonstrated=bool(demos))
    return find_snapshots(job, {DEMONSTRATIONS: demos}, HERE)


def test_successes_that_exploring_finds_are_the_teachers() -> None:
    report, files = found(chain(), steps=1500)
    snapshots = SnapshotSet.from_bytes(files[SNAPSHOTS_FILE])
    assert report.teachers[0].success
    assert report.count == len(snapshots.steps) > 0
    assert report.clusters == len(np.unique(snapshots.cluster)) <= CLUSTERS
    assert report.differing == 0
    env = Chain()
    for k, number in enumerate(snapshots.episode):
        observation, _ = env.reset(seed=int(snapshots.seeds[number]))
        for step in range(snapshots.steps[k]):
            observation, _, terminated, _, _ = env.step(snapshots.action(k, step))
            assert not terminated, "a snapshot is before the end"
        assert np.array_equal(observation, snapshots.observations[k])


def test_what_can_not_be_replayed_is_found_out_and_said() -> None:
    report, files = found(chain(hidden=True))
    assert files == {}
    assert report.why_not.startswith("the same seed and actions do not give the same episode")


def demos(seeds: Any = None) -> bytes:
    """Two episodes straight to the end."""
    begin = [begun_at(seed) for seed in (11, 12)]
    lengths = [END - at for at in begin]
    observations = np.array([[[min(at + t, END)] for t in range(END + 1)] for at in begin], np.float32)
    arrays = {"observations": observations, "actions": np.ones((2, END), np.int64), "lengths": np.array(lengths)}
    buffer = io.BytesIO()
    more = {} if seeds is None else {"seeds": np.array(seeds)}
    np.savez(buffer, terminated=np.ones(2, np.bool_), allow_pickle=False, **arrays, **more)
    return buffer.getvalue()


def test_demonstrations_teach_where_they_say_their_seeds() -> None:
    report, _ = found(chain(), demos([11, 12]), steps=300)
    assert [(one.kind, one.seed) for one in report.teachers[:2]] in (
        [("demo", 11), ("demo", 12)],
        [("demo", 12), ("demo", 11)],
    )
    assert "demo" not in {one.kind for one in found(chain(), demos(), steps=300)[0].teachers}
    other = next(seed for seed in range(100) if begun_at(seed) != begun_at(12))
    wrong, _ = found(chain(), demos([11, other]), steps=300)
    assert (wrong.differing, [one.kind for one in wrong.teachers].count("demo")) == (1, 1), "the other one is left out"


@pytest.mark.parametrize("seeds", [[11], [11.5, 12.0], [-1, 12], [11, HELD_OUT_BASE]])
def test_seeds_that_are_none_of_trainings_are_refused(seeds: Any) -> None:
    with pytest.raises(TaskError, match="whole numbers from 0 to 999999999"):
        found(chain(), demos(seeds), steps=300)


def test_clusters_are_of_numbers_that_are_near() -> None:
    groups = clustered(np.array([0.0, 0.01, 0.5, 0.51, 0.99, 1.0]))
    assert len(set(groups.tolist())) <= CLUSTERS
    assert clustered(np.array([3.0, 3.0, 3.0])).tolist() == [0, 0, 0]
    many = clustered(np.concatenate([np.full(50, 0.1), np.full(2, 0.9)]))
    assert many.tolist() == [0] * 50 + [1] * 2


# -------------------------------------------------------------------------------------------------------------- in a run


def test_a_card_with_an_algorithm_that_learns_from_all_actions_is_refused() -> None:
    with pytest.raises(TaskError, match=r'snapshots need algorithm = "PPO" or "A2C"; DQN learns from every action'):
        validated_task(
            {**chain().model_dump(exclude_unset=True), "train": {"algorithm": "DQN", "steps": 9, "snapshots": 0.5}},
            "chain",
        )


class Asked(FakeSteps):
    """Remembers what its trainings were asked for."""

    def __init__(self, why_not: str = "") -> None:
        super().__init__()
        self.why_not = why_not
        self.shares: list[float] = []

    def snapshots(self) -> WithFiles[Snapshots]:
        made = super().snapshots()
        return made if not self.why_not else WithFiles(Snapshots(why_not=self.why_not), {})

    def train(self, job: TrialJob, begun: bytes = b"") -> Any:
        self.shares.append(job.snapshots)
        made = super().train(job, begun)
        counts = {"snapshot_episodes": 30, "replayed_steps": 1200} if job.snapshots else {}
        return WithFiles(made.record.model_copy(update=counts), made.files)


def run(task: Task, steps: FakeSteps, folder: Path, heard: list[Any]) -> None:
    config = RunConfig.model_validate({"given": "sparse", "confirm_seeds": 2})
    with Book.create(folder, RunHeader.of(task, config)) as book:
        measure(Study(task, config, steps, book, heard.append))


def test_a_run_finds_them_once_and_says_so(tmp_path: Path) -> None:
    heard: list[Any] = []
    steps = Asked()
    run(chain(snapshots=0.4), steps, tmp_path / "with", heard)
    assert steps.done["snapshots"] == 1
    assert steps.shares == [0.4, 0.4]
    (told,) = [event for event in heard if isinstance(event, events.SnapshotsFound)]
    assert before_training(told).strip().startswith("found 3 snapshots to begin episodes at")
    assert snapshots_sentence(read_run(tmp_path / "with")).startswith(
        "Trainings began 60 episodes at snapshots on the ways of "
    )
    assert "2,400 of their steps led there, and 100 others" in snapshots_sentence(read_run(tmp_path / "with"))
    plain = Asked()
    run(chain(), plain, tmp_path / "without", [])
    assert (plain.done["snapshots"], plain.shares) == (0, [0.0, 0.0])
    assert snapshots_sentence(read_run(tmp_path / "without")) == ""


def test_where_there_are_none_the_run_ends_before_it_trains(tmp_path: Path) -> None:
    steps = Asked("no recorded episode is long enough")
    with pytest.raises(
        TaskError, match=r"\[train\] snapshots: there is nothing to begin episodes at: no recorded episode"
    ):
        run(chain(snapshots=0.4), steps, tmp_path / "run", [])
    assert steps.shares == []
