"""What an export is given of fields that no policy sees: the reward reads them, in any loop; the policy needs none of them."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnxruntime
import pytest
import torch
from exports import alike_in_vectors_of_sb3, load, pays_as_each_alone, written
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from hidden_envs import FIELDS, parts, told, winch
from in_process import exported, train
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from autoreward.core.outcomes import Outcome
from autoreward.export.build import reward_files, train_script
from autoreward.records import Score, TrialJob
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.sandbox.jail import Jail
from autoreward.tasks.card import Task
from autoreward.worker.envs import make
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.rollout.recorder import Recorder


def seen_only(**change: Any) -> Task:
    """A number of the observation is hidden, and nothing of `info` read."""
    state = {name: FIELDS[name] for name in ("height", "temperature")}
    return winch(state=state, success={"when": "height > 1"}, **change)


KINDS: dict[str, Callable[..., Task]] = {"winch": winch, "parts": parts, "told": told, "no info": seen_only}


@pytest.fixture(params=KINDS)
def task(request: pytest.FixtureRequest) -> Task:
    made: Task = KINDS[request.param](terminates=True)
    return made


def program(task: Task) -> str:
    """Pays by every field before and after a step, and by a memory."""
    sums = " + ".join(
        f"{weight} * flat({of}.{name})"
        for of, weight in (("state", 0.5), ("next_state", 1.0))
        for name in task.state
    )  # fmt: skip
    return (
        "def flat(values):\n    return values.sum(axis=-1) if values.ndim == 2 else 1.0 * values\n\n\n"
        "def compute_reward(state, action, next_state, memory):\n"
        f"    all_of_it = {sums}\n"
        '    memory["best"] = np.maximum(memory.get("best", -9.0), all_of_it)\n'
        '    return {"best": memory["best"], "all": all_of_it, "clock": 0.01 * next_state.step + 0.0 * flat(action.move)}\n'
    )


def paid_in_training(
    task: Task, actions: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], Any]:
    """Rewards (T, n), what the policy sees (T + 1, n, v), and the transitions."""
    count = actions.shape[1]
    venv = make.vectorised(task, count, seed=3)
    recorder = Recorder(venv, task)
    view = PolicyView(task, venv.layout)
    seen = [view.of(np.asarray(recorder.reset()))]
    seen += [view.of(np.asarray(recorder.step(row)[0])) for row in actions]
    batch = recorder.take().transitions
    with Jail(trust_the_model=True) as jail, jail.open(program(task)) as room:
        parts = room.client.evaluate(batch, stepped=True)
    how = COMPOSITIONS["potential"].start(count, task.train.gamma, written("", "potential").setup)
    return how(parts, batch), np.stack(seen), batch


@pytest.mark.slow
def test_an_exported_reward_reads_what_the_policy_does_not_see(task: Task, tmp_path: Path) -> None:
    actions = np.random.default_rng(1).integers(0, 3, (40, 3))
    expected, seen, batch = paid_in_training(task, actions)
    module = load(tmp_path / "out", reward_files(task, written(program(task), "potential")))
    alike_in_vectors_of_sb3(module, actions, seen, expected)

    bare = module.AutoReward(gymnasium.make(module.ENV, **module.KWARGS))
    first, _ = bare.reset(seed=3)
    assert first in bare.observation_space == bare.env.observation_space
    for t in range(int(np.flatnonzero(batch.step[1:, 0] == 1)[0]) + 1):
        assert abs(bare.step(actions[t, 0])[1] - expected[t, 0]) <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("mode", [*AutoresetMode, "async"])
def test_a_vector_environment_reads_it_of_each(task: Task, mode: Any, tmp_path: Path) -> None:
    module = load(tmp_path / "out", reward_files(task, written(program(task), "potential")))

    def one() -> Any:
        return module.Observed(gymnasium.make(module.ENV, **module.KWARGS))

    made = AsyncVectorEnv([one] * 3) if mode == "async" else SyncVectorEnv([one] * 3, autoreset_mode=mode)
    mode = AutoresetMode.NEXT_STEP if mode == "async" else mode
    envs = module.AutoRewardVec(made)
    alone = [module.AutoReward(one()) for _ in range(3)]
    rows = np.random.default_rng(1).integers(0, 3, (50, 3))
    pays_as_each_alone(envs, alone, mode, rows, lambda infos, began: None)
    envs.close()


def test_a_vector_environment_without_info_must_be_as_the_training_had_it(tmp_path: Path) -> None:
    module = load(tmp_path / "out", reward_files(winch(), written(program(winch()))))
    with pytest.raises(ValueError, match=r"wrappers=\[Observed\]"):
        module.AutoRewardVec(SyncVectorEnv([lambda: gymnasium.make(module.ENV)] * 2))


def test_an_export_says_what_the_policy_does_not_see() -> None:
    text = reward_files(winch(), written("x = 1"))["reward.py"]
    assert "- energy: spent (not seen by the policy)" in text
    assert "- height [m]: of the load\n" in text


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")  # torch warns while it writes a graph
def test_a_policy_trained_beside_them_loads_in_plain_sb3_and_sees_none(task: Task, tmp_path: Path) -> None:
    """A few hundred steps by a program that reads all fields; then `train.py` alone, bit for bit, and the graph."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with Jail(trust_the_model=True) as jail, jail.open(program(task)) as room:
        job = TrialJob(id="c-s0", candidate_id="c", reward="candidate", uses_memory=True, seed=7, steps=256)
        with socket.socket(fileno=os.dup(room.fd)) as asked:
            trial, made = train(task, job, b"", asked, lambda *_: None)
    assert trial.outcome.ok, trial.message
    files = exported(task, made[f"policy-{trial.steps}.safetensors"])
    torch.set_num_threads(threads)
    out = tmp_path / "out"
    out.mkdir()
    score = Score(trial_id="c-s0", candidate_id="c", outcome=Outcome.COMPLETED, seed=7, kept=trial.steps)
    texts = reward_files(task, written(program(task))) | {"train.py": train_script(task, score, 256)}
    for name, data in (files | {n: t.encode() for n, t in texts.items()}).items():
        (out / name).write_bytes(data)
    there = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    subprocess.run([sys.executable, "train.py"], cwd=out, check=True, capture_output=True, env=there)
    one, other = (PPO.load(out / n, device="cpu").policy.state_dict() for n in ("policy.zip", "policy-again.zip"))
    assert all((one[k] == other[k]).all() for k in one), "bit for bit"

    module = load(out, texts)
    venv = make.vectorised(task, 1, seed=0)
    seen = PolicyView(task, venv.layout).places
    width = len(seen)
    model = PPO.load(out / "policy.zip", env=DummyVecEnv([module.make]), device="cpu")
    assert model.observation_space.shape == (width,)
    assert width < venv.layout.size
    statistics = VecNormalize.load(str(out / "vecnormalize.pkl"), DummyVecEnv([module.make]))
    assert statistics.obs_rms.mean.shape == (width,)
    session = onnxruntime.InferenceSession(out / "policy.onnx")
    (given,) = session.get_inputs()
    assert given.shape[1] == width
    rows = np.asarray(venv.reset())[:, seen].astype(model.observation_space.dtype)
    (action,) = session.run(None, {given.name: rows})
    assert action.tolist() == model.predict(statistics.normalize_obs(rows), deterministic=True)[0].tolist()
