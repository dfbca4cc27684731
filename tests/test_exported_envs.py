"""What an exported reward observes and pays is what training observed and paid, for every kind of observation and of vector."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnxruntime
import pytest
import torch
from exports import alike_in_vectors_of_sb3, load, pays_as_each_alone, written
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
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
from autoreward.worker.envs.fields import state_fields
from autoreward.worker.envs.flatten import Flat, flat, layout_of
from autoreward.worker.rollout.recorder import Recorder

STATE = "import numpy as np\n\n\ndef observe(env, observation, info):\n    return {'place': env.place, 'aim': [1.0, env.t]}\n"
TOYS = '''
"""Small environments with every kind of observation."""

import copy

import gymnasium
import numpy as np
from gymnasium import spaces

BOX = spaces.Box(-4.0, 4.0, (2,), np.float64)
KINDS = {
    "Box": BOX,
    "Dict": spaces.Dict({"observation": BOX, "goal": spaces.Box(-1.0, 1.0, (1,), np.float64), "mode": spaces.Discrete(3, start=1)}),
    "Tuple": spaces.Tuple((BOX, spaces.MultiBinary(2))),
    "MultiDiscrete": spaces.MultiDiscrete([3, 4]),
    "Discrete": spaces.Discrete(5),
    "Image": spaces.Box(0, 255, (60, 60, 3), np.uint8),
}


class Toy(gymnasium.Env):
    def __init__(self, kind="Box", length=7):
        self.observation_space = copy.deepcopy(KINDS[kind])
        self.action_space = spaces.Discrete(3)
        self.length = length

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self.t, self.place = 0, float(self.np_random.normal())
        return self.observation_space.sample(), {}

    def step(self, action):
        self.t += 1
        self.place += 0.1 * (int(action) - 1)
        return self.observation_space.sample(), 1.0, self.t >= self.length and self.place > 0, False, {}


for kind in KINDS:
    gymnasium.register(f"Toy{kind}-v0", entry_point=Toy, kwargs={"kind": kind}, max_episode_steps=9)
'''
FIELDS = {
    "Box": {"a": "obs[0]", "b": "obs"},
    "Dict": {"a": "obs.observation", "b": "obs.goal[0] + obs[0]", "c": "obs.mode"},
    "Tuple": {"a": "obs.item0[0]", "b": "obs.item1"},
    "MultiDiscrete": {"a": "obs.value", "b": "obs[2]"},
    "Discrete": {"a": "obs.value"},
    "Image": {"a": "obs.place[0]", "b": "obs.aim"},
}
SOURCE = """def flat(values):
    return values.sum(axis=-1) if values.ndim == 2 else 1.0 * values


def compute_reward(state, action, next_state, memory):
    best = np.maximum(memory.get("best", -9.0), flat(next_state.a))
    memory["best"] = best
    return {"best": best, "change": flat(next_state.a) - flat(state.a), "act": 0.1 * action.act + 0.01 * next_state.step}
"""


@pytest.fixture(scope="module")
def toy_package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the package of environments, for this process and its children."""
    folder = tmp_path_factory.mktemp("toys")
    (folder / "exported_toys.py").write_text(TOYS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.syspath_prepend(str(folder))
        yield folder


@pytest.fixture
def toys(toy_package: Path, tmp_path: Path) -> Path:
    """A folder for an export of a task with such an environment."""
    return tmp_path


def card(kind: str, **more: Any) -> Task:
    return Task.model_validate(
        {
            "name": kind.lower(),
            "env": f"exported_toys:Toy{kind}-v0",
            "goal": "Go.",
            "state": {n: {"source": text, "about": n} for n, text in FIELDS[kind].items()},
            "action": {"act": {"about": "which way"}},
            "success": {"when": "terminated"},
            "train": {
                "algorithm": "PPO",
                "steps": 256,
                "envs": 4,
                "hyperparameters": {"n_steps": 32, "batch_size": 32},
            },
            "state_program": STATE if kind == "Image" else "",
            **more,
        }
    )


def trained(task: Task, composition: str, actions: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], Any, Jail]:
    """Rewards (T, n) that a training would compute for such actions, and the observations."""
    count = actions.shape[1]
    recorder = Recorder(make.vectorised(task, count, seed=3), task)
    seen = [recorder.reset()]
    for row in actions:
        seen.append(recorder.step(row)[0])
    batch = recorder.take().transitions
    with Jail(trust_the_model=True) as jail, jail.open(SOURCE) as room:
        parts = room.client.evaluate(batch, stepped=True)
    return (
        COMPOSITIONS[composition].start(count, task.train.gamma, written(SOURCE, composition).setup)(parts, batch),
        np.stack(seen),
        batch,
    )


@pytest.mark.slow
@pytest.mark.parametrize("terminates", [True, False])
@pytest.mark.parametrize("kind", FIELDS)
def test_exported_environments_observe_and_pay_as_training_does(kind: str, terminates: bool, toys: Path) -> None:
    task = card(kind, terminates=terminates)
    actions = np.random.default_rng(1).integers(0, 3, (60, 3))
    expected, seen, batch = trained(task, "potential", actions)
    assert terminates == bool(batch.terminated.any())
    module = load(toys / "out", reward_files(task, written(SOURCE, "potential")))
    alike_in_vectors_of_sb3(module, actions, seen, expected)

    bare = module.AutoReward(gymnasium.make(module.ENV, **module.KWARGS))
    first, _ = bare.reset(seed=3)
    assert bare.observation_space == bare.env.observation_space
    assert first in bare.observation_space
    for t in range(int(np.flatnonzero(batch.step[1:, 0] == 1)[0]) + 1):
        _, reward, _, _, info = bare.step(actions[t, 0])
        assert abs(reward - expected[t, 0]) <= 1e-12
        assert set(info["reward_parts"]) == {"best", "change", "act"}


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("kind", FIELDS)
def test_a_vector_environment_pays_as_its_environments_do(kind: str, mode: AutoresetMode, toys: Path) -> None:
    """Every environment's rewards along its episodes are those that it has alone."""
    task = card(kind)
    module = load(toys / "out", reward_files(task, written(SOURCE, "potential")))
    sensed = kind == "Image"

    def one() -> Any:
        env = gymnasium.make(module.ENV, **module.KWARGS)
        return module.Observed(env) if sensed else env

    envs = module.AutoRewardVec(SyncVectorEnv([one] * 3, autoreset_mode=mode))
    alone = [module.AutoReward(one()) for _ in range(3)]

    def looked(infos: Any, began: list[int]) -> None:
        assert set(infos["reward_parts"]) == {"best", "change", "act"}
        assert all(infos["reward_parts"]["best"][i] == 0.0 for i in began)

    pays_as_each_alone(envs, alone, mode, np.random.default_rng(1).integers(0, 3, (80, 3)), looked)


def test_a_vector_environment_must_be_as_the_training_had_it(toys: Path) -> None:
    envs = SyncVectorEnv([lambda: gymnasium.make("exported_toys:ToyBox-v0")] * 2)
    for task in (card("Box", terminates=False), card("Box", state_program=STATE)):
        module = load(toys / "out", reward_files(task, written(SOURCE)))
        with pytest.raises(ValueError, match=r"wrappers=\[Observed\]"):
            module.AutoRewardVec(envs)


KINDS_OF_NUMBERS = st.sampled_from([np.float32, np.float64, np.int16])
LEAVES = st.one_of(
    st.builds(lambda n, kind: spaces.Box(-2, 2, (n,), kind), st.integers(1, 3), KINDS_OF_NUMBERS),
    st.builds(lambda n: spaces.Box(0, 1, (n, 2)), st.integers(1, 2)),
    st.builds(lambda n, s: spaces.Discrete(n, start=s), st.integers(1, 4), st.integers(-2, 3)),
    st.builds(lambda n, s: spaces.MultiDiscrete(n, start=[s] * len(n)), st.lists(st.integers(1, 4), min_size=1, max_size=3),
              st.integers(-1, 2)),
    st.builds(spaces.MultiBinary, st.integers(1, 3)),
    st.just(spaces.Text(4)),
)  # fmt: skip
SPACES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(spaces.Tuple)
        | st.dictionaries(st.sampled_from(["arm", "goal", "a b", "z"]), inner, min_size=1, max_size=3).map(spaces.Dict)
    ),
    max_leaves=5,
)


class Still(gymnasium.Env[Any, Any]):
    """Observes samples of a space."""

    action_space = spaces.Discrete(2)

    def __init__(self, space: spaces.Space[Any]) -> None:
        self.observation_space = space


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(SPACES)
def test_any_observation_is_the_vector_of_the_training(tmp_path_factory: pytest.TempPathFactory, space: Any) -> None:
    task = card("Box")
    env = flat(Still(space), task) if list(numbers(space)) else None
    if env is None:
        return
    keys = [f"obs.{leaf.key}" for leaf in layout_of(env).leaves if leaf.key.isidentifier()]
    state = {f"f{i}": {"source": key, "about": ""} for i, key in enumerate(["obs", *keys])}
    task = Task.model_validate(task.model_dump() | {"state": state})
    module = load(tmp_path_factory.mktemp("out"), reward_files(task, written(SOURCE)))
    reader = module._Reader(space)
    assert reader.space == env.observation_space
    space.seed(3)
    samples = [space.sample() for _ in range(4)]
    wanted = np.stack([env.observation(s) if isinstance(env, Flat) else s for s in samples])
    got = np.stack([reader.vector(s, {}) for s in samples])
    assert got.dtype == env.observation_space.dtype
    assert np.array_equal(got, wanted)
    fields = state_fields(task, layout_of(env), wanted)
    for name, values in reader.fields(got).items():
        assert np.array_equal(values, fields[name])


def numbers(space: spaces.Space[Any]) -> Any:
    """Its parts that are no texts."""
    if isinstance(space, spaces.Dict | spaces.Tuple):
        for inner in space.spaces.values() if isinstance(space, spaces.Dict) else space.spaces:
            yield from numbers(inner)
    elif not isinstance(space, spaces.Text):
        yield space


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")  # torch warns while it writes a graph
@pytest.mark.parametrize(
    "kind",
    [k if k in ("Dict", "Image") else pytest.param(k, marks=pytest.mark.nightly) for k in FIELDS if k != "Box"],
)
def test_an_exported_policy_runs_goes_on_and_is_the_graph(
    kind: str, toys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = card(kind)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with Jail(trust_the_model=True) as jail, jail.open(SOURCE) as room:
        job = TrialJob(id="c-s0", candidate_id="c", reward="candidate", uses_memory=True, seed=7, steps=256)
        with socket.socket(fileno=os.dup(room.fd)) as asked:
            trial, made = train(task, job, b"", asked, lambda *_: None)
    assert trial.outcome.ok, trial.message
    weights = made[f"policy-{trial.steps}.safetensors"]
    files = exported(task, weights)
    torch.set_num_threads(threads)
    out = toys / "out"
    out.mkdir()
    score = Score(trial_id="c-s0", candidate_id="c", outcome=Outcome.COMPLETED, seed=7, kept=trial.steps)
    texts = reward_files(task, written(SOURCE)) | {"train.py": train_script(task, score, 256)}
    for name, data in (files | {n: t.encode() for n, t in texts.items()}).items():
        (out / name).write_bytes(data)

    subprocess.run([sys.executable, "train.py"], cwd=out, check=True, capture_output=True)
    one, other = (PPO.load(out / n, device="cpu").policy.state_dict() for n in ("policy.zip", "policy-again.zip"))
    assert all((one[k] == other[k]).all() for k in one), "bit for bit"

    module = load(out, texts)
    venv = VecNormalize.load(str(out / "vecnormalize.pkl"), DummyVecEnv([module.make]))
    model = PPO.load(out / "policy.zip", env=venv, device="cpu")
    session = onnxruntime.InferenceSession(out / "policy.onnx")
    env = module.make()
    observation, _ = env.reset(seed=1)
    for _ in range(30):
        (action,) = session.run(["action"], {"observation": observation[None]})
        expected, _ = model.predict(venv.normalize_obs(observation), deterministic=True)
        assert np.array_equal(action[0], expected)
        observation, _, ended, cut, _ = env.step(action[0])
        if ended or cut:
            observation, _ = env.reset()
    before = model.policy.state_dict()["action_net.weight"].clone()
    model.learn(64)
    assert not (model.policy.state_dict()["action_net.weight"] == before).all()
