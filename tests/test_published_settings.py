"""Settings that others publish: known answers, each a card that can be built, what is said where they are not as published."""

from pathlib import Path
from typing import get_args

import pytest
from kept import kept
from test_architecture import by_path
from test_cards import entry, surveyed

from autoreward.core.resources import envs_folder
from autoreward.errors import TaskError
from autoreward.records import Survey
from autoreward.tasks.algorithms import ALGORITHMS, AlgorithmName
from autoreward.tasks.card import Task
from autoreward.tasks.draft.guess import draft_task
from autoreward.tasks.draft.published_training import (
    LEAST_UPDATES,
    ProposedTraining,
    published_settings,
    published_training,
)
from autoreward.tasks.draft.usual_training import proposed_training
from autoreward.tasks.draft.write import card_text
from autoreward.tasks.files import find_task, parse_task
from autoreward.worker.envs import make
from autoreward.worker.jobs.describe import _try_settings

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
SOURCE, KNOWN = published_settings()
ALL = [(algorithm, key) for algorithm, entries in KNOWN.items() for key in entries]
ENTRIES = """
Pole-v1:
  n_timesteps: !!float 5e4
  policy: 'MlpPolicy'

# To be tuned
Hopper-v3: &shared
  normalize: "{'norm_obs': True, 'norm_reward': False}"
  n_envs: 4
  n_timesteps: !!float 1e6
  policy: 'MlpPolicy'
  learning_rate: lin_3e-4
  ent_coef: 'auto'
  noise_type: 'normal'
  noise_std: 0.1
  env_wrapper:
    - some.wrappers.FrameSkip:
        skip: 2
  policy_kwargs: "dict(log_std_init=-3, activation_fn=nn.ReLU, net_arch=dict(pi=[8], qf=[9]))"

Hopper-v4:
  <<: *shared
  n_timesteps: 7 # Unsolved
"""


def proposed(env: str, algorithm: AlgorithmName = "PPO", **kwargs: object) -> ProposedTraining:
    found = published_training(env, kwargs, algorithm, 200_000)
    assert found is not None
    return found


def test_known_answers() -> None:
    hopper = proposed("Hopper-v5")
    assert hopper.guess == (
        "published for Hopper-v4, another version (rl-baselines3-zoo, ppo.yml at 22e3ff2); "
        "meant for its own reward and 1,000,000 steps"
    )
    assert (hopper.train.envs, hopper.train.net, hopper.train.hyperparameters["batch_size"]) == (1, (256, 256), 32)
    assert hopper.train.policy_kwargs.given() == {
        "activation_fn": "ReLU", "ortho_init": False, "log_std_init": -2.0,
    }  # fmt: skip
    lander = proposed("LunarLander-v3", "DQN").train
    assert lander.hyperparameters["gradient_steps"] == -1
    assert (lander.envs, lander.normalize_observations, lander.net) == (1, False, (256, 256))
    pendulum = proposed("Pendulum-v1", "SAC").train
    assert (pendulum.hyperparameters, pendulum.net) == ({"learning_rate": 0.001}, (256, 256)), "SAC's own layers"
    pole = proposed("CartPole-v1")
    assert pole.train.hyperparameters["learning_rate"] == 0.001
    assert pole.notes[0] == (
        "LEFT OUT: the fall of learning_rate to 0 (here it stays where it begins); "
        "the fall of clip_range to 0 (here it stays where it begins)"
    )


def test_which_environments_it_is_for() -> None:
    reach = proposed("gymnasium_robotics:FetchReach-v4", "SAC")
    assert reach.guess.startswith("published for FetchReach-v1, another version (")
    assert reach.notes[0] == "LEFT OUT: its replay buffer HerReplayBuffer"
    assert proposed("LunarLander-v3", gravity=-5.0).guess.startswith("published for LunarLander-v3, without arguments")
    assert ", and said to be unsolved; " in proposed("minigrid:MiniGrid-LockedRoom-v0").guess
    assert ", and still to be tuned; " in proposed("HumanoidBulletEnv-v0").guess
    for env in ("mine:Hopper-v5", "HopperHard-v5", "FrozenLake-v1"):
        assert published_training(env, (), "PPO", 200_000) is None, env
    assert published_training("Hopper-v5", (), "DQN", 200_000) is None
    assert proposed("Hopper").train == proposed("Hopper-v5").train, "gymnasium.make takes the newest"


def test_few_steps_are_updates_enough() -> None:
    walker = proposed("BipedalWalker-v3")
    assert walker.train.envs == 4
    assert walker.notes == ("CHANGED: envs = 4, 32 there, so that 200,000 steps are 24 updates",)
    long = published_training("BipedalWalker-v3", (), "PPO", 5_000_000)
    assert long is not None
    assert (long.train.envs, long.notes) == (32, ())
    assert proposed("LunarLander-v3").notes[0].startswith("CHANGED: rewards are normalised, and were not there")


def test_every_entry_learns_in_the_steps_of_a_new_card() -> None:
    assert len(ALL) > 100
    assert set(KNOWN) == set(get_args(AlgorithmName)) - {"MaskablePPO"}
    for algorithm, key in ALL:
        train = drafted(algorithm, key).train
        if train.spec.on_policy:
            stretch = int(train.hyperparameters.get("n_steps", train.spec.usual))
            assert train.envs == 1 or train.steps >= LEAST_UPDATES * stretch * train.envs, key
        else:
            assert int(train.hyperparameters.get("learning_starts", 100)) < train.steps, key


def drafted(algorithm: AlgorithmName, key: str) -> ProposedTraining:
    """What `init` proposes for the environment of an entry."""
    return proposed_training(algorithm, likely(algorithm, KNOWN[algorithm][key].env), (), 500)


def likely(algorithm: AlgorithmName, env: str) -> Survey:
    """An environment of this name whose actions the algorithm chooses."""
    choices = "Box" not in ALGORITHMS[algorithm].actions
    return surveyed(env=env, **({} if choices else {"choices": (), "action": (entry(-1, 1),)}))


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", KNOWN)
def test_every_entry_is_a_card_that_can_be_built(algorithm: AlgorithmName) -> None:
    """Written and read again, and tried as a run tries a card's settings before anything is paid for."""
    name = "pendulum" if "Box" in ALGORITHMS[algorithm].actions else "mountain-car"
    card = find_task(name, (envs_folder(),))
    for key, found in KNOWN[algorithm].items():
        draft = draft_task(likely(algorithm, found.env), "toy", "Do it.", {}, algorithm)
        assert parse_task(text := card_text(draft), Path("toy/task.toml")) == draft.task, key
        assert f"# GUESS: published for {key}" in text
        task: Task = card.model_copy(update={"train": draft.task.train})
        venv = make.vectorised(task, task.train.envs, 0)
        try:
            _try_settings(task, venv)
        finally:
            venv.close()


def test_the_card_that_init_writes() -> None:
    smooth = surveyed(env="LunarLanderContinuous-v3", choices=(), action=(entry(-1, 1),))
    text = card_text(draft_task(smooth, "toy", "Land.", {}, "TQC"))
    assert text == kept(Path(__file__).parent / "golden" / "init-published.toml", text)


def test_without_published_settings() -> None:
    smooth = surveyed(choices=(), action=(entry(-1, 1),))
    with pytest.raises(TaskError, match="no settings of TD3 are published for Toy-v0; take PPO or SAC"):
        draft_task(smooth, "toy", "Hold it.", {}, "TD3")
    with pytest.raises(TaskError, match="Toy-v0 takes real numbers, and DQN makes choices alone"):
        draft_task(smooth, "toy", "Hold it.", {}, "DQN")
    text = card_text(draft_task(smooth, "toy", "Hold it.", {}))
    assert "# GUESS: usual PPO settings for this kind of action; not tuned\n[train]" in text


def test_the_data_are_made_from_the_source() -> None:
    made = by_path("published_settings_bench", BENCHMARKS / "published_settings.py")
    lines = "\n".join(made.entries("SAC", ENTRIES, {"Hopper": ("Hopper-v5", "gymnasium")}))
    assert (
        lines
        == """
[SAC.Hopper-v4]
env = "Hopper-v5"
module = "gymnasium"
steps = 7
doubt = "unsolved"
left_out = ["the fall of learning_rate to 0 (here it stays where it begins)", "noise of actions (normal)", "the wrapper FrameSkip"]
train.envs = 4
train.normalize_observations = true
train.normalize_rewards = false
train.net = { pi = [8], qf = [9] }
train.policy_kwargs = { log_std_init = -3, activation_fn = "ReLU" }
train.hyperparameters = { learning_rate = 0.0003, ent_coef = "auto" }"""
    )
    assert made.doubts(ENTRIES)["Hopper-v3"] == "to be tuned"
    assert "Pole-v1" not in made.doubts(ENTRIES)
    assert dict(SOURCE.files) == made.FILES
