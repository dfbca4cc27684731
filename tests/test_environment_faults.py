"""What environments do wrong in the wild is said as the environment's, let go while it is rare, and never reaches what is ours."""

import os
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from faulty import GLOBAL, LIMIT, faulty
from in_process import HERE, train
from numpy.typing import NDArray

from autoreward.core.outcomes import Outcome
from autoreward.errors import EnvironmentFault
from autoreward.records import Trial, TrialJob
from autoreward.worker import denied
from autoreward.worker.envs import make, watchdog
from autoreward.worker.envs.tolerant import LOST_EPISODE, Losses, Tolerant
from autoreward.worker.envs.watchdog import CLOSING, MAKING, RESETTING, STEPPING, UNSEEDED, Call
from autoreward.worker.jobs.describe import describe
from autoreward.worker.jobs.records import DescribeJob
from autoreward.worker.rollout.recorder import Recorder

torch.set_num_threads(1)
RIGHT = np.array(1)


def played(fault: str, steps: int = 3, every: int = 3) -> tuple[Any, ...]:
    """What the last of some steps returns."""
    env = make.make_env(faulty(fault, every))
    env.reset(seed=5)
    for _ in range(steps):
        result = env.step(RIGHT)
    return tuple(result)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("raises", r"raised ConnectionResetError: the simulator closed the connection\. Its.*: faulty\.py:\d+, in step: raise"),
        ("exits", "raised SystemExit: no display"),
        ("nan", r"returned an observation that is not finite in half \(obs\[1\] = nan\)\.$"),
        ("infinite", r"returned an observation that is not finite in x, half \(obs\[0\] = -inf, obs\[1\] = inf\)\.$"),
        ("words", "returned an observation that is no array of numbers"),
        ("none reward", "returned a reward of None; a reward is one number, 0.0 where there is none"),
        ("list reward", r"returned a reward of \[0\.1\] \(list\); a reward is one number"),
        ("two rewards", r"returned a reward of an array of shape \(2,\) and float64"),
        ("complex reward", r"returned a reward of 1j \(complex\)"),
        ("nan reward", r"returned a reward of nan\.$"),
        ("huge reward", r"returned a reward of inf\.$"),
        ("none flag", "returned truncated = None; it is True or False"),
        ("two flags", r"returned terminated = an array of shape \(2,\) and bool"),
        ("none info", "returned None as info; it is a dict"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_the_way_to_it(fault: str, says: str) -> None:
    with pytest.raises(EnvironmentFault, match=says) as caught:
        played(fault)
    assert str(caught.value).startswith("Faulty-v0: step 3 of the episode that began with reset(seed=5) r")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "place", "value"),
    [
        ("array reward", 1, 0.25),
        ("scalar reward", 1, 0.25),
        ("half reward", 1, 0.25),
        ("int reward", 1, 2.0),
        ("bool reward", 1, 1.0),
        ("array flag", 2, False),
        ("int flag", 3, False),
        ("none", 1, 0.0),
    ],
)
def test_one_number_is_taken_however_it_is_wrapped(fault: str, place: int, value: object) -> None:
    result = played(fault)
    assert result[place] == value
    assert type(result[place]) is type(value)


def test_large_numbers_are_finite() -> None:
    env = make.make_env(faulty())
    env.reset(seed=0)
    env.unwrapped.x = 1e30  # type: ignore[attr-defined]
    with np.errstate(all="raise"):
        assert env.step(RIGHT)[0][0] == np.float32(1e30)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (Call(1, MAKING, 0, 0, 0), "the call that makes it"),
        (Call(1, CLOSING, 4, 1, 5), "its close()"),
        (Call(1, RESETTING, 0, 1, 5), "reset(seed=5)"),
        (Call(1, RESETTING, 0, 3, 5), "the reset of episode 3 after reset(seed=5)"),
        (Call(1, STEPPING, 4, 1, 5), "step 4 of the episode that began with reset(seed=5)"),
        (Call(1, STEPPING, 4, 2, UNSEEDED), "step 4 of episode 2 after a reset without a seed"),
    ],
)
def test_a_call_is_worded_so_that_one_gets_there_again(call: Call, words: str) -> None:
    assert call.words == words
    assert call.going_on
    assert not call._replace(calls=2).going_on


def test_the_page_tells_of_the_call_that_goes_on() -> None:
    seen: list[Call] = []
    env = make.make_env(faulty())
    inner = env.unwrapped
    inner.close = lambda: seen.append(watchdog.read(bytes(watchdog.BEAT.cells)))  # type: ignore[method-assign]
    env.reset(seed=7)
    env.reset()
    env.step(RIGHT)
    before = watchdog.read(bytes(watchdog.BEAT.cells))
    env.close()
    assert (before.going_on, before[1:]) == (False, (STEPPING, 1, 2, 7))
    assert (seen[0].going_on, seen[0][1:]) == (True, (CLOSING, 1, 2, 7))


@pytest.mark.parametrize("fault", ["raises", "nan", "none reward"])
def test_an_episode_that_fails_is_cut_and_counted(fault: str) -> None:
    losses = Losses()
    env = Tolerant(make.make_env(faulty(fault, 5)), losses)
    env.reset(seed=1)
    for _ in range(4):
        last = env.step(RIGHT)[0]
    observation, reward, terminated, truncated, info = env.step(RIGHT)
    np.testing.assert_array_equal(observation, last)
    assert (reward, terminated, truncated, LOST_EPISODE in info) == (0.0, False, True, True)
    env.reset()
    assert (losses.begun, losses.lost) == (2, 1)


def test_a_reset_that_fails_is_tried_again() -> None:
    losses = Losses()
    env = Tolerant(make.make_env(faulty("reset", 2)), losses)
    for _ in range(3):
        env.reset(seed=1)
    assert (losses.begun, losses.lost) == (5, 2)


@pytest.mark.parametrize(("begun", "may_be_lost"), [(1, 3), (60, 3), (80, 4), (1_000, 50)])
def test_more_than_a_share_is_not_flaky_but_broken(begun: int, may_be_lost: int) -> None:
    losses = Losses()
    losses.begun = begun
    for _ in range(may_be_lost):
        losses.add(EnvironmentFault("E-v0: it raised."))
    with pytest.raises(
        EnvironmentFault, match=rf"raised\. It is not the first: {may_be_lost + 1} of {begun} episodes"
    ) as caught:
        losses.add(EnvironmentFault("E-v0: it raised."))
    assert "3 or 5% may be" in str(caught.value)


def test_the_first_fault_is_told_where_others_of_another_kind_follow_it() -> None:
    losses = Losses()
    for error in (AssertionError("the info is no dict"), *[TypeError("nothing to unpack")] * 2):
        fault = EnvironmentFault(f"E-v0: it raised {error}.")
        fault.__cause__ = error
        losses.add(fault)
    last = EnvironmentFault("E-v0: it raised nothing to unpack.")
    last.__cause__ = TypeError()
    with pytest.raises(EnvironmentFault, match="The first was another one: E-v0: it raised the info is no dict"):
        losses.add(last)


def test_a_lost_episode_is_recorded_as_such_and_played_again_where_it_is_scored() -> None:
    task = faulty("raises", 30)
    venv = make.vectorised(task, 1, seed=3)
    recorder = Recorder(venv, task)
    recorder.reset()
    for _ in range(40):
        recorder.step(np.array([0]))
    recorded = recorder.take()
    assert np.flatnonzero(recorded.done[:, 0]).tolist() == [19, 29]
    assert np.flatnonzero(recorded.lost[:, 0]).tolist() == [29]
    assert not recorded.transitions.terminated.any()
    episodes = venv.play(lambda observations, turn: [0] * len(observations), [1])
    again = venv.play(lambda observations, turn: [0] * len(observations), [1])
    assert [len(e.actions) for e in (*episodes, *again)] == [LIMIT, LIMIT]
    np.testing.assert_array_equal(episodes[0].observations, again[0].observations)
    assert venv.lost_episodes == 3


JOB = TrialJob(id="native-s0", candidate_id="", reward="native", seed=1, steps=128, checkpoints=1)


def trained(fault: str, every: int = 1, **change: Any) -> tuple[Trial, dict[str, bytes]]:
    return train(faulty(fault, every, **change), JOB, b"", None, lambda step: None)


def test_a_flaky_environment_does_not_end_a_training() -> None:
    trial, _ = trained("raises", 50)
    assert trial.outcome.ok, trial.message
    assert trial.lost_episodes == 2
    assert sum(p.episode_length is not None for p in trial.curve) >= 1


@pytest.mark.parametrize("fault", ["raises", "nan"])
def test_a_broken_one_ends_it_as_the_environments(fault: str) -> None:
    trial, _ = trained(fault, 7)
    assert trial.outcome is Outcome.ENVIRONMENT_FAILED
    assert trial.message.startswith("after ")
    assert "4 of " in trial.message


def test_a_description_counts_them_too() -> None:
    description, _ = describe(DescribeJob(task=faulty("raises", 400), seed=0, demonstrated=False), {}, HERE)
    assert description.lost_episodes > 0


@pytest.mark.parametrize("fault", GLOBAL)
def test_what_it_changes_for_its_process_does_not_reach_the_training(fault: str) -> None:
    """The weights are those of the environment that changes nothing, to the bit."""
    folder = os.getcwd()
    (_, plain), (trial, files) = trained("none"), trained(fault)
    os.chdir(folder)
    assert trial.outcome.ok, trial.message
    name = f"policy-{trial.steps}.safetensors"
    assert files[name] == plain[name]
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() is torch.float32
    assert np.geterr()["under"] == "ignore"


def test_what_it_draws_from_generators_of_the_process_follows_the_seed() -> None:
    def drawn(seed: int) -> NDArray[Any]:
        venv = make.vectorised(faulty("numpy's numbers"), 1, seed)
        venv.reset()
        return np.array(venv.env_method("get_wrapper_attr", "x"))

    np.testing.assert_array_equal(drawn(1), drawn(1))


def test_an_optimiser_that_diverges_is_said_as_such() -> None:
    settings = {"n_steps": 32, "batch_size": 32, "learning_rate": 1e20}
    train_table = faulty().train.model_dump() | {"hyperparameters": settings}
    trial, _ = trained("none", train=train_table)
    assert trial.outcome is Outcome.DIVERGED
    assert "observations and rewards were finite" in trial.message
    assert "NumPy" not in trial.outcome.advice


def test_a_close_that_fails_loses_nothing() -> None:
    env = make.make_env(faulty("close"))
    with pytest.raises(EnvironmentFault, match=r"its close\(\) raised OSError"):
        env.close()
    assert isinstance(env, gymnasium.Wrapper)


def test_a_file_that_is_looked_for_in_the_working_folder_is_said_where_it_is() -> None:
    words, asks = denied.advice(FileNotFoundError(2, "No such file or directory", "prices.csv"))
    assert words == (
        "An environment runs in a folder of its own, in which there is no prices.csv: in its code, begin the path with "
        "Path(__file__).parent"
    )
    assert asks == ()
    assert denied.advice(FileNotFoundError(2, "No such file or directory", "/nowhere/prices.csv")) == ("", ())
