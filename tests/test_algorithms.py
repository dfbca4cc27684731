"""Every algorithm that a card may name: its rewards come late, its legs are one training, and its exports act as it does."""

import inspect
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnxruntime
import pytest
import sb3_contrib
import stable_baselines3
import torch
from in_process import HERE, exported, in_legs, train
from numpy.typing import NDArray
from policy_envs import CUE, LOCK
from pydantic import ValidationError
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import EnvironmentFault, TaskError
from autoreward.export.build import train_script
from autoreward.records import Score, TrialJob
from autoreward.tasks.algorithms import ALGORITHMS, AlgorithmName
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.tasks.tables import Train
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import PolicyActions, PolicyEnvs
from autoreward.worker.envs.masks import allowed_actions, masks_of
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import EpisodeRows
from autoreward.worker.jobs.describe import describe
from autoreward.worker.jobs.records import DescribeJob, ScoreJob
from autoreward.worker.jobs.score import score

SMALL: dict[str, dict[str, Any]] = {
    "RecurrentPPO": {"n_steps": 16, "batch_size": 16, "n_epochs": 1},
    "MaskablePPO": {"n_steps": 16, "batch_size": 16, "n_epochs": 1},
    "TQC": {"learning_starts": 60, "batch_size": 8},
    "QRDQN": {"learning_starts": 60, "batch_size": 8, "train_freq": 2, "target_update_interval": 30},
}
"""Of sb3-contrib's algorithms: settings of a training that takes no time."""


def card(algorithm: str, **train: Any) -> Task:
    """A task for it, whose policies are small."""
    own = {"RecurrentPPO": CUE, "MaskablePPO": LOCK}
    task = own.get(algorithm) or find_task(
        {"TQC": "pendulum", "QRDQN": "mountain-car"}[algorithm], (envs_folder(),)
    ).model_copy(update={"max_steps": 60})
    change = {"algorithm": algorithm, "hyperparameters": SMALL[algorithm], "net": (8,), "envs": 3, **train}
    return task.model_copy(update={"train": Train.model_validate({**task.train.model_dump(), **change})})


def test_what_is_known_of_an_algorithm_is_what_its_class_says() -> None:
    assert set(ALGORITHMS) == set(get_args(AlgorithmName))
    for name, spec in ALGORITHMS.items():
        package = {"stable_baselines3": stable_baselines3, "sb3_contrib": sb3_contrib}[spec.package]
        parameters = inspect.signature(getattr(package, name)).parameters
        assert parameters[spec.stretch].default == spec.usual, name
        assert spec.on_policy == ("learning_starts" not in parameters)
        assert not hasattr(stable_baselines3, name) or spec.package == "stable_baselines3"


@pytest.mark.slow
@pytest.mark.parametrize(("algorithm", "frames"), [*((name, 1) for name in SMALL), ("MaskablePPO", 3), ("TQC", 3)])
def test_a_training_in_legs_is_the_training_in_one_piece(algorithm: str, frames: int) -> None:
    """To the bit, with what an LSTM remembers, what was allowed and what was seen before."""
    task = card(algorithm, frame_stack=frames)
    legs, weights = in_legs(task, (50, 100, 210))
    (whole,), expected = in_legs(task, (210,))
    assert weights == expected
    assert legs[-1].curve[-1].value_loss == whole.curve[-1].value_loss
    assert legs[-1].begin > 50
    assert in_legs(task, (60,))[1] != weights


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["RecurrentPPO", "MaskablePPO"])
def test_late_rewards_train_the_same_policy_bit_for_bit(algorithm: str) -> None:
    """As the environments' own rewards do in plain sb3-contrib, where these come at every step."""
    task = card(algorithm, normalize_rewards=False)
    _, weights = in_legs(task, (144,))
    venv = policies.normalised(task, make.vectorised(task, 3, 1))
    model = policies.build(task, venv, 1)
    assert type(model.rollout_buffer).__module__.startswith("sb3_contrib"), "its own, whose rewards come at every step"  # type: ignore[attr-defined]
    model.set_logger(Logger(folder=None, output_formats=[]))
    model.learn(144)
    assert policies.to_bytes(model, venv) == weights


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch warns while it writes a graph
@pytest.mark.parametrize("algorithm", SMALL)
def test_exported_policies_act_as_the_trained_one(algorithm: str, tmp_path: Path) -> None:
    task = card(algorithm)
    _, weights = in_legs(task, (300,))
    for name, data in exported(task, weights).items():
        (tmp_path / name).write_bytes(data)
    kind: Any = getattr(sb3_contrib, algorithm)
    model: BaseAlgorithm = kind.load(tmp_path / "policy.zip", device="cpu")
    session = onnxruntime.InferenceSession(tmp_path / "policy.onnx")
    venv = make.vectorised(task, 4, 0)
    view, own = PolicyView(task, venv.layout), PolicyActions(venv.action_space, task.train)
    blank = policies.blank(task, HERE.closing)
    mean, variance = policies.from_bytes(blank, weights)
    ours = policies.policy_function(blank, view, own, mean, variance)
    statistics = VecNormalize.load(str(tmp_path / "vecnormalize.pkl"), policies.normalised(task, venv).venv)
    state: Any = None
    memory = {
        i.name: np.zeros((1, 4, *i.shape[2:]), np.float32) for i in session.get_inputs() if i.name in ("hidden", "cell")
    }

    def choose(observations: NDArray[Any], turn: EpisodeRows) -> Any:
        nonlocal state
        seen, rows = view.of(observations), turn.places
        masks = {"action_masks": masks_of(venv.layout, observations)} if venv.layout.masks else {}
        told = None if state is None else tuple(part[:, rows] for part in state)
        emitted, after = model.predict(statistics.normalize_obs(seen), told, turn.starts, deterministic=True, **masks)
        if after is not None:
            state = state or tuple(np.zeros((1, 4, part.shape[2]), np.float32) for part in after)
            for part, new in zip(state, after, strict=True):
                part[:, rows] = new
        given = {"observation": seen, **masks} | {name: part[:, rows] for name, part in memory.items()}
        action, *new = session.run(None, given)
        for part, now in zip(memory.values(), new, strict=True):
            part[:, rows] = now
        expected = own.acted(emitted)
        assert np.abs(action - expected).max() <= 1e-5
        chosen = ours(observations, turn)
        assert np.array_equal(chosen, expected)
        return chosen

    for seeds in ([1, 2, 3, 4], [5, 6]):
        state = None
        for part in memory.values():
            part[:] = 0.0
        episodes = venv.play(choose, seeds)
        ours = policies.policy_function(blank, view, own, mean, variance)
        again = venv.play(ours, seeds)
        assert all(np.array_equal(one.actions, two.actions) for one, two in zip(episodes, again, strict=True))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch warns while it writes a graph
def test_a_policy_sees_several_observations_at_once(tmp_path: Path) -> None:
    """Played by us, by Stable-Baselines3 alone and by the graph; one is asked for two episodes at once."""
    task = card("QRDQN", frame_stack=3)
    _, weights = in_legs(task, (300,))
    for name, data in exported(task, weights).items():
        (tmp_path / name).write_bytes(data)
    venv = make.vectorised(task, 2, 0)
    view, own = PolicyView(task, venv.layout), PolicyActions(venv.action_space, task.train)
    blank = policies.blank(task, HERE.closing)
    mean, variance = policies.from_bytes(blank, weights)
    assert mean.shape == variance.shape == (6,)
    assert policies.newest_spread(view, variance).shape == (2,)
    played = venv.play(policies.policy_function(blank, view, own, mean, variance), [4, 5])

    one = make.vectorised(task, 1, 5)
    stacked = VecFrameStack(PolicyEnvs(one, view, task.train), 3)
    envs = VecNormalize.load(str(tmp_path / "vecnormalize.pkl"), stacked)
    model = sb3_contrib.QRDQN.load(tmp_path / "policy.zip", device="cpu")
    session = onnxruntime.InferenceSession(tmp_path / "policy.onnx")
    seen = envs.reset()
    for action in played[1].actions:
        chosen = model.predict(seen, deterministic=True)[0]
        (graph,) = session.run(None, {"observation": envs.get_original_obs()})
        assert chosen.tolist() == graph.tolist() == [action]
        seen = envs.step(chosen)[0]
    assert np.any(stacked.stacked_obs.stacked_obs[:, :2] == 0.0), "a new episode remembers nothing"
    text = train_script(task, Score(trial_id="c-s0", candidate_id="c", outcome=Outcome.COMPLETED, seed=7, kept=9), 9)
    assert "    envs = VecFrameStack(envs, 3)\n" in text
    compile(text, "train.py", "exec")


@pytest.mark.slow
def test_a_memory_is_of_its_episode() -> None:
    """A recurrent policy plays each episode as if it were alone, and its memory is what it acts on."""
    task = card("RecurrentPPO")
    _, weights = in_legs(task, (48,))
    blank = policies.blank(task, HERE.closing)
    mean, variance = policies.from_bytes(blank, weights)
    venv = make.vectorised(task, 3, 0)
    view, own = PolicyView(task, venv.layout), PolicyActions(venv.action_space, task.train)

    def answers(begin: float, forgets: bool) -> NDArray[Any]:
        """The probability of 1 after a cue, and three observations that say nothing."""
        state, shown = None, []
        for t, cue in enumerate([begin, 0.0, 0.0, 0.0]):
            seen = np.array([[cue, t / 4]], np.float32)
            tensor = torch.from_numpy(seen)
            policy: Any = blank.policy
            states = state or tuple(torch.zeros(policy.lstm_hidden_state_shape) for _ in range(2))
            distribution, state = policy.get_distribution(tensor, states, torch.tensor([float(forgets)]))
            shown.append(distribution.distribution.probs.detach().numpy()[0, 1])
        return np.array(shown)

    assert abs(answers(1.0, forgets=False) - answers(-1.0, forgets=False))[-1] > 1e-6
    assert abs(answers(1.0, forgets=True) - answers(-1.0, forgets=True))[-1] == 0.0
    asked = policies.policy_function(blank, view, own, mean, variance)
    together = venv.play(asked, [1, 2, 3])
    for seed, episode in zip([1, 2, 3], together, strict=True):
        (alone,) = venv.play(policies.policy_function(blank, view, own, mean, variance), [seed])
        assert np.array_equal(alone.actions, episode.actions)


@pytest.mark.slow
def test_nothing_that_is_not_allowed_is_ever_played() -> None:
    """The lock raises where it is: a description, its explorers and a training go through, and a score."""
    task = card("MaskablePPO")
    description, _ = describe(DescribeJob(task=task, seed=0, demonstrated=False), {}, HERE)
    assert description.lost_episodes == 0
    trial, files = train(
        task,
        TrialJob(id="n-s0", candidate_id="", reward="native", seed=1, steps=48, checkpoints=1),
        b"",
        None,
        lambda step: None,
    )
    assert (trial.outcome, trial.lost_episodes) == (Outcome.COMPLETED, 0), trial.message
    scored, _ = score(ScoreJob(task=task, trial=trial, choosing=(1, 2), scoring=(3, 4)), files, HERE)
    assert scored.lost_episodes == 0


def test_masks_are_behind_what_the_policy_sees_and_no_field_reads_them() -> None:
    task = card("MaskablePPO")
    env = make.make_env(task.model_copy(update={"kwargs": {"first": -1}}))
    observation, _ = env.reset(seed=3)
    assert env.observation_space.contains(observation)
    layout = env.get_wrapper_attr("layout")
    assert (layout.size, layout.observed, layout.masks) == (7, 1, 6)
    assert layout.values(observation)["obs"].shape == (1,)
    masks = masks_of(layout, observation)
    assert masks.tolist() == env.unwrapped.action_masks().tolist()  # type: ignore[attr-defined]
    assert PolicyView(task, layout).of(observation).tolist() == [0.0]
    low = int(masks.argmax())
    both = np.stack([observation] * 6)
    moved = allowed_actions(env.action_space, layout, both, np.arange(-1, 5))
    assert moved.tolist() == [low - 1 if not low <= a <= low + 1 else a - 1 for a in range(6)]  # type: ignore[union-attr]


def test_an_environment_without_masks_is_refused_and_wrong_masks_are_its_fault() -> None:
    maskless = find_task("mountain-car", (envs_folder(),)).model_copy(update={"train": card("MaskablePPO").train})
    with pytest.raises(TaskError, match=r"asks the environment for action_masks\(\), and MountainCar-v0 has no such"):
        make.make_env(maskless)
    for masks, said in (("short", "5 values of bool"), ("none", "allows no choice")):
        env = make.make_env(card("MaskablePPO").model_copy(update={"kwargs": {"masks": masks}}))
        with pytest.raises(EnvironmentFault, match=said):
            env.reset(seed=1)


def test_without_the_package_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)  # as if it were not installed
    with pytest.raises(
        TaskError, match=r"\"TQC\" is of sb3-contrib, which is not installed: pip install 'autoreward-rl\[contrib\]'"
    ):
        policies.algorithm_class(card("TQC"))


def test_snapshots_are_for_two_algorithms() -> None:
    with pytest.raises(ValidationError, match='snapshots need algorithm = "PPO" or "A2C"'):
        Train(algorithm="RecurrentPPO", steps=1, snapshots=0.5)


@pytest.mark.parametrize("algorithm", SMALL)
def test_the_exported_training_is_of_the_same_class(algorithm: str) -> None:
    text = train_script(
        card(algorithm), Score(trial_id="c-s0", candidate_id="c", outcome=Outcome.COMPLETED, seed=7, kept=9), 9
    )
    assert f"from sb3_contrib import {algorithm}\n" in text
    assert f'model = {algorithm}("{card(algorithm).train.policy}", envs' in text
    assert "Needs gymnasium and sb3-contrib, not autoreward" in text
    compile(text, "train.py", "exec")


MADE_OF: dict[str, Any] = {
    "activation_fn": "ReLU",
    "optimizer_class": "AdamW",
    "optimizer_kwargs": {"weight_decay": 0.25},
}


def test_policies_are_made_of_what_the_card_names() -> None:
    apart = {"pi": (5,), "vf": (7, 6)}
    own = {**MADE_OF, "ortho_init": False, "lstm_hidden_size": 9, "n_lstm_layers": 2}
    task = card("RecurrentPPO", net=apart, policy_kwargs=own)
    model: Any = policies.blank(task, HERE.closing)
    assert [
        layer.out_features for layer in model.policy.mlp_extractor.policy_net if hasattr(layer, "out_features")
    ] == [5]
    widths = [layer.out_features for layer in model.policy.mlp_extractor.value_net if hasattr(layer, "out_features")]
    assert widths == [7, 6]
    assert type(model.policy.mlp_extractor.policy_net[1]) is torch.nn.ReLU
    assert (type(model.policy.optimizer), model.policy.optimizer.defaults["weight_decay"]) == (torch.optim.AdamW, 0.25)
    assert (model.policy.lstm_actor.hidden_size, model.policy.lstm_actor.num_layers) == (9, 2)
    for name, critics in (("TQC", {"n_critics": 3, "n_quantiles": 7}), ("QRDQN", {"n_quantiles": 11})):
        plain = Train(algorithm=name, steps=1, net=(8,), policy_kwargs=critics, hyperparameters={"buffer_size": 10})
        made: Any = policies.blank(card(name).model_copy(update={"train": plain}), HERE.closing)
        assert made.policy.activation_fn is torch.nn.ReLU, "its class's own"
        found = made.policy.critic if name == "TQC" else made.policy.quantile_net
        assert found.n_quantiles == critics["n_quantiles"]
        assert name == "QRDQN" or found.n_critics == 3


@pytest.mark.parametrize(
    ("algorithm", "change", "said"),
    [
        ("PPO", {"policy_kwargs": {"features_extractor_class": "os.system"}}, "Extra inputs"),
        ("PPO", {"policy_kwargs": {"activation_fn": "Module"}}, "'Tanh', 'ReLU'"),
        ("PPO", {"policy_kwargs": {"optimizer_kwargs": {"lr": 1.0}}}, "Extra inputs"),
        ("SAC", {"policy_kwargs": {"n_critics": 17}}, "less than or equal to 16"),
        ("PPO", {"net": {"pi": [8]}}, r"net of PPO is \{ pi = \[64, 64\], vf = \[64, 64\] \}, or \[64, 64\]"),
        ("TQC", {"net": {"pi": [8], "vf": [8]}}, r"net of TQC is \{ pi = \[64, 64\], qf = \[64, 64\] \}"),
        ("DQN", {"net": {"pi": [8], "qf": [8]}}, r"net of DQN is \[64, 64\]"),
    ],
)
def test_what_is_no_plain_data_within_bounds_is_refused(algorithm: str, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Train.model_validate({"algorithm": algorithm, "steps": 1, **change})


def test_what_a_policy_does_not_have_is_said_before_a_run() -> None:
    task = card("TQC", policy_kwargs={"ortho_init": True})
    with pytest.raises(TaskError, match=r"policies of TQC have no 'ortho_init'; leave it out"):
        describe(DescribeJob(task=task, seed=0, demonstrated=False), {}, HERE)


def test_the_exported_training_makes_the_same_policy() -> None:
    task = card("TQC", policy_kwargs={**MADE_OF, "n_critics": 3}, net={"pi": (5,), "qf": (7, 6)})
    text = train_script(task, Score(trial_id="c-s0", candidate_id="c", outcome=Outcome.COMPLETED, seed=7, kept=9), 9)
    begin, end = text.index("POLICY = "), text.index("SETTINGS = ")
    space: dict[str, Any] = {"torch": torch}
    exec(text[begin:end], space)
    assert space["POLICY"] == policies.policy_kwargs(task)
    assert space["POLICY"]["net_arch"] == {"pi": [5], "qf": [7, 6]}
    assert space["POLICY"]["optimizer_class"] is torch.optim.AdamW
