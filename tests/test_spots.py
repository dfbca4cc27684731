"""Spot checks while a policy trains: what only a training meets ends it, and nothing else is changed by watching."""

import contextlib
import inspect
from typing import Any

import numpy as np
import pytest
import stable_baselines3
from batches import batch, practice
from in_process import train

from autoreward.checks.dry_run import dry_run
from autoreward.checks.samples import Practice, rollout
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.records import LOGGED, Trial, TrialJob
from autoreward.rewards.agreement import differing
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.worker.rollout import sources, spot_checks
from autoreward.worker.rollout.recorder import Recorded

HEAD = "def compute_reward(state, action, next_state, memory):\n"
CAR = find_task("mountain-car", (envs_folder(),))


def program(body: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in body.splitlines())


def small(task: Task, envs: int = 16, **settings: Any) -> Task:
    settings = settings or {"n_steps": 32, "batch_size": 32, "n_epochs": 1}
    changed = task.train.model_copy(update={"envs": envs, "net": (8,), "hyperparameters": settings})
    return task.model_copy(update={"train": changed})


def trained(jail: Jail, task: Task, body: str, steps: int = 1024, **job: Any) -> tuple[Trial, dict[str, bytes]]:
    source = program(body)
    asked = TrialJob(id="c-s0", candidate_id="c", reward="candidate", seed=1, steps=steps, checkpoints=1,
                     uses_memory="memory" in body, **job)  # fmt: skip
    with jail.open(source) as room, room._child.socket.dup() as sock:
        return train(task, asked, b"", sock, lambda step: None)


X = "x = next_state.position\n"
LEAKS = {
    "the number of rows alone": X + 'return {"r": x - (x.mean() if len(x) == 512 else 0.0)}',
    "more rows than a dry run has": X + 'return {"r": x[::-1] if len(x) > 300 else x}',
    "a constant of the rollout's size": X + 'return {"r": x + (1000.0 if len(x) == 512 else 0.0)}',
    "late steps": X + 'return {"r": np.where(next_state.step > 30, x[::-1], x)}',
    "one rare state": X + 'return {"r": np.where(x == x.max(), -1.0, x)}',
    "tiny numbers": X + 'return {"r": 1e-8 * (x - x.mean())}',
    "one huge row": X + 'return {"r": np.where(x == x.min(), 1e6, x - x.mean())}',
    "memory": X + 'memory["m"] = x\nreturn {"r": memory["m"] - memory["m"].mean()}',
    "memory and the number of environments": X
    + 'memory["m"] = x\nreturn {"r": x + (1.0 if len(x) == 16 and memory["m"].sum() else 0.0)}',
    "memory of the others": X
    + 'last = memory.get("m", 0.0)\nmemory["m"] = x\nreturn {"r": x + np.where(next_state.step > 20, last[::-1], 0.0)}',
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_program_that_looks_at_other_rows_in_training_alone_is_ended(
    jail: Jail, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spot_checks, "EVERY", 1)
    trial, files = trained(jail, small(CAR), LEAKS[name], steps=4096)
    assert trial.outcome is Outcome.BROKE_CONTRACT
    assert "part 'r' of a row was" in trial.message
    assert "when asked again among" in trial.message
    assert trial.steps < 4096
    assert set(files) == {LOGGED}


def test_the_first_rollout_is_always_watched(jail: Jail) -> None:
    trial, _ = trained(jail, small(CAR), LEAKS["the number of rows alone"], steps=4096)
    assert trial.steps <= 512


HONEST = {
    "rows": X + 'return {"r": np.exp(-np.abs(x)) + 1e-9 * np.sin(50 * next_state.velocity)}',
    "memory": X
    + 'best = np.maximum(memory.get("best", x), x)\nmemory["best"] = best\nreturn {"r": best, "x": -0.1 * x}',
    "memory whose keys are asked for": X
    + 'last = memory["x"] if "x" in memory else x\nmemory["x"] = x\nreturn {"r": x - last}',
    "little that is left in single precision": X
    + "y = np.stack([x, next_state.velocity, x], axis=-1).astype(np.float32)\n"
    + "z = np.stack([state.position, state.velocity, x], axis=-1).astype(np.float32)\n"
    + 'w = np.array([1.3, -0.7, 2.1]).astype("float32")\nreturn {"r": 10.0 * (y @ w - z @ w)}',
    "a part that is 0 but for rounding": X
    + "y = np.stack([x, next_state.velocity, x], axis=-1)\nw = np.array([1.3, -0.7, 2.1])\n"
    'return {"r": x, "none": 1e4 * (np.einsum("...i,i->...", y, w) - y @ w)}',
    "single precision": X + 'y = x.astype("float32")\nreturn {"r": np.tanh(3.0 * y) * np.cos(y) ** 3}',
}


@pytest.mark.slow
@pytest.mark.parametrize("envs", [1, 4])
@pytest.mark.parametrize("name", HONEST)
def test_watching_changes_nothing(jail: Jail, name: str, envs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spot_checks, "STRETCH", 64)
    task, made = small(CAR, envs), []
    for every in (1, 10**9):
        monkeypatch.setattr(spot_checks, "EVERY", every)
        trial, files = trained(jail, task, HONEST[name], steps=96 * envs)
        assert trial.outcome.ok, trial.message
        files.pop(LOGGED)  # it tells the speed
        made.append((files, trial.curve))
    assert made[0] == made[1]


@pytest.mark.slow
@pytest.mark.parametrize("body", [
    'return {"r": next_state.position + (1.0 if len(next_state.step) == 1 else 0.0)}',
    'memory["m"] = next_state.step\nreturn {"r": next_state.position + (1.0 if len(memory["m"]) == 1 else 0.0)}',
])  # fmt: skip
def test_algorithms_that_ask_about_single_rows_are_watched_too(jail: Jail, body: str) -> None:
    task = find_task("inverted-pendulum-offset", (envs_folder(),))
    off = task.model_copy(update={"train": task.train.model_copy(update={"algorithm": "SAC"})})
    off = small(off, envs=1, learning_starts=10, batch_size=8, buffer_size=1000, train_freq=1, gradient_steps=1)
    trial, _ = trained(jail, off, body, steps=400)
    assert trial.outcome is Outcome.BROKE_CONTRACT, trial.message
    assert trial.steps < 400
    fair, _ = trained(jail, off, 'return {"r": next_state.position}', steps=400)
    assert fair.outcome.ok


class Slow:
    """A room whose answers take as long as they are told to."""

    def __init__(self, clock: list[float], seconds: float) -> None:
        self._clock, self._seconds = clock, seconds

    def evaluate(self, rows: Transitions, stepped: bool, **_: Any) -> dict[str, Any]:
        self._clock[0] += self._seconds
        return {"r": np.zeros(rows.step.shape)}


@pytest.mark.parametrize(("seconds", "ended"), [(0.2, False), (1.0, True), (9.0, True)])
def test_a_reward_that_eats_the_trainings_time_is_ended_by_name(
    seconds: float, ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(sources.time, "monotonic", lambda: clock[0])
    job = TrialJob(id="c-s0", candidate_id="c", reward="candidate", seed=1, steps=256 * 1000)
    source = sources.CandidateReward(None, job, 8, seconds=600.0)  # type: ignore[arg-type] # never asked: the room is below
    source._client = Slow(clock, seconds)  # type: ignore[assignment]
    rows = batch(steps=32, envs=8)
    never = np.zeros(rows.step.shape, np.bool_)
    recorded = Recorded(rows, never, np.zeros(rows.step.shape, np.float32), *(never,) * 3)
    with (
        contextlib.nullcontext()
        if not ended
        else pytest.raises(RewardFailed, match=r"compute_reward took 1\d s for") as why
    ):
        source._spot_checks._client = source._client
        for _ in range(100):
            source.parts(recorded)
    if ended:
        assert why.value.outcome is Outcome.TIMED_OUT
        assert "more than half of the 10 minutes" in why.value.message


def tried(jail: Jail, body: str, made: Practice, memory: bool = False) -> tuple[Outcome, str]:
    outcome, found, _ = dry_run(jail, program(body), made, memory)
    return outcome, found[0].message if found else ""


@pytest.mark.parametrize(("body", "outcome", "says"), [
    ('x = next_state.x\nreturn {"r": x - (x.mean() if len(x) == 256 else 0.0)}', Outcome.BROKE_CONTRACT, "256 rows of a"),
    ('x = next_state.x\nreturn {"r": np.where(next_state.step > 900, x[::-1], x)}', Outcome.BROKE_CONTRACT, "late in an episode"),
    ('return {"r": np.where(next_state.step > 900, np.nan, 1.0)}', Outcome.NOT_FINITE, "part 'r' became nan at step"),
    ('return {"r": np.where(next_state.step > 100, 1e6, next_state.x)}', Outcome.TOO_LARGE, "let nothing explode with the step"),
    ('late = max(next_state.step) > 900\nreturn {"b" if late else "a": next_state.x}', Outcome.BROKE_CONTRACT, "the parts changed"),
    ('x = next_state.x\nreturn {"r": np.where(x > 49.0, x - x.mean(), x)}', Outcome.BROKE_CONTRACT, "at the ends of the ranges"),
    ('x = next_state.x\nreturn {"r": np.where(next_state.terminated, x[::-1], x)}', Outcome.BROKE_CONTRACT, "number of rows"),
    ('return {"r": 1e-8 * (next_state.x - next_state.x.mean())}', Outcome.BROKE_CONTRACT, "number of rows"),
])  # fmt: skip
def test_the_dry_run_meets_what_a_training_brings(jail: Jail, body: str, outcome: Outcome, says: str) -> None:
    rows = batch()
    made = Practice.made(rows, 1000, (64, 4), {"x": (-50.0, 50.0)})
    found, said = tried(jail, body, made)
    assert (found, says in said) == (outcome, True), said


def test_states_that_can_not_be_are_asked_about_and_not_judged(jail: Jail) -> None:
    made = Practice.made(batch(), 1000, (64, 4), {"x": (-50.0, 50.0)})
    assert tried(jail, 'return {"r": np.where(np.abs(next_state.x) > 49.0, np.nan, 1.0) + state.x}', made)[0].ok
    assert tried(jail, 'assert np.abs(next_state.x).max() < 49.0\nreturn {"r": state.x}', made)[0].ok


def test_a_program_with_memory_meets_the_number_of_environments(jail: Jail) -> None:
    made = practice(batch(), rollout=(64, 13))
    body = 'memory["n"] = next_state.x\nreturn {"r": next_state.x + (1.0 if len(state.x) == 13 else 0.0)}'
    assert "of a rollout" in tried(jail, body, made, memory=True)[1]


def test_late_rows_are_late_and_extreme_ones_extreme() -> None:
    made = Practice.made(batch(length=10), 1000, (2, 2), {"x": (-7.0, 9.0)})
    assert made.late.step.max() == 1000
    assert ((made.late.step == 1) == (made.samples.step == 1)).all()
    assert (made.late.terminated == (made.samples.step == 10)).all()
    assert {-7.0, 9.0} == {made.extreme.next_state["x"].min(), made.extreme.next_state["x"].max()}
    assert made.extreme.next_state["v"].max() == made.samples.next_state["v"].max()
    short = Practice.made(batch(length=10), 10, (2, 2))
    assert np.array_equal(short.late.step, short.samples.step)


@pytest.mark.parametrize(("algorithm", "settings", "steps"), [
    ("PPO", {}, 2048), ("PPO", {"n_steps": 16}, 16), ("A2C", {}, 5), ("SAC", {}, 1), ("TD3", {}, 1), ("DQN", {}, 4),
])  # fmt: skip
def test_a_rollout_is_as_long_as_sb3_makes_it(algorithm: str, settings: dict[str, int], steps: int) -> None:
    train_ = CAR.train.model_copy(update={"algorithm": algorithm, "hyperparameters": settings, "envs": 3})
    assert rollout(train_) == (steps, 3)
    if not settings:
        usual = inspect.signature(getattr(stable_baselines3, algorithm)).parameters
        assert usual["n_steps" if "n_steps" in usual and algorithm in ("PPO", "A2C") else "train_freq"].default == steps


def test_answers_agree_up_to_rounding_alone() -> None:
    one = {"a": np.array([1e-8, 2e-8, -3e-8]), "b": np.array([1e6, 0.5, np.nan])}
    assert differing(one, {**one, "a": one["a"] + 1e-11}) is None, "it is nothing beside the other part"
    assert differing({"a": one["a"]}, {"a": one["a"] + 1e-11}) == ("a", (0,)), "it is all there is"
    single = np.array([0.1, 0.2], np.float32).astype(float)
    assert differing({"a": single}, {"a": (single * 1.0001).astype(np.float32).astype(float)}) is None
    assert differing({"a": single}, {"a": (single * 1.01).astype(np.float32).astype(float)}) == ("a", (0,))
    assert differing({"a": single}, {"a": single * (1 + 1e-5)}) == ("a", (0,)), "this is in double precision"
    assert differing(one, {n: p * (1 + 1e-9) for n, p in one.items()}) is None
    assert differing(one, {**one, "a": one["a"] + 1e-9}) == ("a", (0,))
    assert differing(one, {**one, "b": np.array([1e6, 0.50001, np.nan])}) == ("b", (1,))
    assert differing(one, {**one, "b": np.array([1e6, 0.5, 0.0])}) == ("b", (2,))


def test_memory_that_is_set_aside_goes_on_by_itself(jail: Jail) -> None:
    source = program('n = memory.get("n", 0.0) + state.x\nmemory["n"] = n\nreturn {"n": n}')
    rows = batch(steps=20, envs=3, length=100)
    first, later = rows.cut(rows=slice(0, 10)), rows.cut(rows=slice(10, None))
    with jail.open(source) as room:
        room.client.evaluate(first, stepped=True)
        room.client.set_aside([2, 0])
        expected = room.client.evaluate(later, stepped=True)["n"]
        again = room.client.evaluate(later.cut(columns=[2, 0]), stepped=True, again=True)["n"]
        assert np.array_equal(again, expected[:, [2, 0]])
        on = room.client.evaluate(later.cut(rows=slice(0, 1)), stepped=True)["n"]
    assert np.array_equal(on, expected[-1:] + later.state["x"][:1])


def test_a_room_that_is_gone_is_a_failure_of_the_reward(jail: Jail) -> None:
    room = jail.open(program('return {"x": next_state.x}'))
    room._child.kill()
    room._child.wait(5)
    with room, pytest.raises(RewardFailed, match="died") as failed:
        room.client.set_aside([0])
    assert failed.value.outcome is Outcome.CRASHED
