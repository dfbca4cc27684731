"""The exported graph chooses what the exported Stable-Baselines3 policy chooses."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import stable_baselines3
from fake_steps import FakeSteps
from gymnasium import spaces
from numpy.typing import NDArray
from safetensors.numpy import load, save
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import MissingExtra, UsageError
from autoreward.loop import improve
from autoreward.records import TrialJob
from autoreward.sandbox.jail import Jail
from autoreward.search.study import Study
from autoreward.session.run import onnx_policy
from autoreward.store.book import Book, RunHeader
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.training.workers import Workers
from autoreward.worker.envs import make

ROWS = 1000


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Jail() as jail, Workers(jail) as made:
        yield made


def card(name: str, algorithm: str) -> Task:
    found = find_task(name, (envs_folder(),))
    if algorithm == found.train.algorithm:
        return found
    change = {"algorithm": algorithm, "hyperparameters": {"learning_starts": 100, "gamma": 0.99}, "net": (32, 32)}
    return found.model_copy(update={"train": found.train.model_copy(update=change)})


def observations(task: Task) -> NDArray[np.generic]:
    """What random actions meet, half of it far outside of what was seen in training."""
    env = make.make_env(task)
    env.action_space.seed(3)
    seen = [env.reset(seed=3)[0]]
    while len(seen) < ROWS:
        observation, _, ended, cut, _ = env.step(env.action_space.sample())
        seen.append(env.reset()[0] if ended or cut else observation)
    rows = np.stack(seen)
    rows[::2] *= np.random.default_rng(3).uniform(-30, 30, rows[::2].shape).astype(rows.dtype)
    return rows


def plain(task: Task, files: dict[str, bytes], rows: NDArray[np.generic], folder: Path) -> NDArray[np.generic]:
    """The actions of policy.zip and vecnormalize.pkl, as somebody who has Stable-Baselines3 alone would ask for them."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    model = getattr(stable_baselines3, task.train.algorithm).load(folder / "policy.zip", device="cpu")
    venv = VecNormalize.load(str(folder / "vecnormalize.pkl"), DummyVecEnv([lambda: make.make_env(task)]))
    return np.asarray(model.predict(venv.normalize_obs(rows), deterministic=True)[0])


def louder(weights: bytes) -> bytes:
    """The same policy with a last layer so large that actions reach their bounds."""
    tensors = load(weights)
    return save({k: v * 30 if k.startswith("policy.action_net") else v for k, v in tensors.items()})


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "algorithm", "steps"),
    [("mountain-car", "PPO", 4096), ("reacher", "PPO", 4096), ("pendulum", "SAC", 600), ("mountain-car", "DQN", 600)],
)
def test_onnx_runtime_acts_as_sb3_on_1000_observations(
    workers: Workers, name: str, algorithm: str, steps: int, tmp_path: Path
) -> None:
    task = card(name, algorithm)
    job = TrialJob(id="t-s0", candidate_id="", reward="native", seed=1, steps=steps)
    trial, files = workers.train(task, job, RunConfig(), lambda *_: None)
    assert trial.outcome.ok, trial.message
    weights = files[f"policy-{trial.steps}.safetensors"]
    if name == "reacher":
        weights = louder(weights)
    rows = observations(task)
    expected = plain(task, workers.package(task, weights), rows, tmp_path)

    made = workers.graph(task, weights)["policy.onnx"]
    assert b".py" not in made, "no path of this machine"
    session = onnxruntime.InferenceSession(made)
    assert [i.name for i in session.get_inputs()] == ["observation"]
    assert [o.name for o in session.get_outputs()] == ["action"]
    (actions,) = session.run(None, {"observation": rows})
    assert actions.shape == expected.shape
    assert np.abs(actions - expected).max() <= 1e-5
    (one,) = session.run(None, {"observation": rows[:1]})
    assert np.abs(one - expected[:1]).max() <= 1e-5

    space = make.make_env(task).action_space
    if isinstance(space, spaces.Box):
        at_bound = (actions == space.low) | (actions == space.high)
        assert actions.std() > 0.01
        assert 0.0 < at_bound.mean() < 1.0 or algorithm == "SAC"
        assert space.contains(actions[0])
    else:
        assert len(np.unique(actions)) > 1, "a policy that always does the same would prove nothing"


def finished(folder: Path, outcome: Outcome = Outcome.COMPLETED) -> Path:
    task = find_task("mountain-car", (envs_folder(),))
    with Book.create(folder, RunHeader.of(task, RunConfig(rounds=1, candidates=2, confirm_seeds=0))) as book:
        improve(Study(task, book.header.config, FakeSteps(width=2, fail=lambda job: outcome), book, lambda event: None))
    return folder


def test_without_the_packages_there_is_one_sentence(memory_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished(memory_folder / "run")
    monkeypatch.setitem(sys.modules, "onnxscript", None)  # as if it were not installed
    with pytest.raises(MissingExtra, match=r"pip install 'autoreward-rl\[onnx\]'"):
        onnx_policy(run)


def test_a_run_without_a_policy_says_so(memory_folder: Path) -> None:
    with pytest.raises(UsageError, match="has no policy"):
        onnx_policy(finished(memory_folder / "run", Outcome.CRASHED))
