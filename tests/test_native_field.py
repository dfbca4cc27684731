"""The environment's own reward as a field: what a card may say of it, who is given it, and that what pays it pays the same."""

import io
import os
import socket
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import safetensors.numpy as sb
from exports import load, unproven, written
from fake_steps import FakeSteps
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hidden_envs import FIELDS, winch
from in_process import HERE, train
from typer.testing import CliRunner

import autoreward as ar
from autoreward.checks.laps import laps
from autoreward.checks.starc import potentials
from autoreward.cli import app
from autoreward.config import RunConfig
from autoreward.core.contract import NATIVE_REWARD
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.errors import TaskError, UsageError
from autoreward.export.best import kept_files
from autoreward.export.build import reward_files
from autoreward.loop import improve
from autoreward.records import REFERENCE_EPISODES, SAMPLES, TrialJob, policy_file
from autoreward.report.html import render
from autoreward.report.reading import read_run
from autoreward.report.tables import show_run
from autoreward.report.terminal import Terminal
from autoreward.rewards.gate.gate import examine
from autoreward.rewards.gate.slips import Known
from autoreward.roles.brief import brief
from autoreward.roles.designer import design_prompt
from autoreward.roles.history import History
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.search.study import Study
from autoreward.session.starts import read_starts, start_files
from autoreward.store.book import Book, RunHeader
from autoreward.tasks.card import Task
from autoreward.tasks.draft.guess import Draft
from autoreward.tasks.draft.write import card_text
from autoreward.tasks.files import parse_task, validated_task
from autoreward.worker.envs import make
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.jobs.audit import audit
from autoreward.worker.jobs.describe import describe
from autoreward.worker.jobs.explore import explore
from autoreward.worker.jobs.hunting_records import ExploreJob
from autoreward.worker.jobs.records import AuditJob, DescribeJob, SurveyJob
from autoreward.worker.jobs.reference_episodes import reference_episodes
from autoreward.worker.jobs.survey import survey
from autoreward.worker.rollout.recorder import Recorder

SAID = (
    "Programs may read the environment's own reward of a step, next_state.native_reward: "
    "the task's card says uses_native = true."
)
HEIGHT = {"height": FIELDS["height"]}


def native(**change: Any) -> Task:
    """A task with it: the winch pays -|height - 1| for each step."""
    return winch(uses_native=True, **{"state": HEIGHT, "success": {"when": "height > 1"}, **change})


def recorded(task: Task, steps: int = 25, envs: int = 2) -> Any:
    recorder = Recorder(make.vectorised(task, envs, 3), task)
    recorder.reset()
    for row in np.random.default_rng(1).integers(0, 3, (steps, envs)):
        recorder.step(row)
    return recorder.take()


# ---------------------------------------------------------------------------------------------------------------- the card


def test_a_card_that_asks_for_it_has_the_field() -> None:
    task = native()
    assert list(task.state) == ["height", NATIVE_REWARD]
    assert task.unseen == (NATIVE_REWARD,)
    assert task.native_sentence == SAID
    assert Task.model_validate_json(task.model_dump_json()) == task
    without = winch()
    assert NATIVE_REWARD not in without.state
    assert without.native_sentence == ""


def test_without_it_a_formula_that_reads_it_is_told_what_the_card_lacks() -> None:
    lacking = winch().model_dump() | {"metrics": {"paid": {"value": "native_reward", "better": "higher"}}}
    with pytest.raises(TaskError) as caught:
        validated_task(lacking, "card")
    assert str(caught.value).endswith(
        "It is one, for programs and [metrics.NAME], where the card says uses_native = true."
    )


def test_it_is_no_number_of_the_environments_own_vector() -> None:
    """Which a reward of single transitions is asked with: `obs` has as many numbers as the environment gives."""
    assert survey(SurveyJob(task=native()), {}, HERE)[0].box == (3,)


def test_a_card_is_written_as_it_was_read() -> None:
    text = card_text(Draft(native(max_steps=9), {}))
    assert "\nuses_native = true\n" in text
    assert NATIVE_REWARD not in text
    assert parse_task(text, Path("winch/task.toml")).state == native().state


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"success": {"when": "native_reward > 0"}}, "'native_reward > 0' reads native_reward; policies would be judged by a reward"),  # noqa: E501
        ({"success": {"when": "height > 1", "always": "native_reward > -1"}}, "reads native_reward; policies would be judged"),
        ({"success": {"when": "height > 1", "distance": "-native_reward"}}, "reads native_reward; policies would be judged"),
        ({"metric": {"value": "native_reward", "better": "higher"}}, "[metric] value: 'native_reward' reads native_reward"),
        ({"limits": {"low": {"value": "native_reward", "at_most": 1, "over": "mean"}}}, "reads native_reward; policies would"),
        ({"script": "1 + (native_reward > 0)"}, "reads native_reward, which the policy does not see"),
        ({"uses_native": False, "state": {**HEIGHT, NATIVE_REWARD: FIELDS["height"]}}, "write uses_native = true above the first"),
        ({"state": {**HEIGHT, NATIVE_REWARD: FIELDS["height"]}}, "or give the field another name"),
        ({"constants": {NATIVE_REWARD: {"value": 1, "about": "x"}}}, "'native_reward' is what the environment's own reward is"),
        ({"state": {**HEIGHT, "x": {**FIELDS["energy"], "source": "info.native_reward"}}}, "[state.x] reads info['native_reward']"),
        ({"state": {}}, "[state] names no field"),
    ],
)  # fmt: skip
def test_a_card_that_can_not_be_is_one_sentence(change: dict[str, Any], says: str) -> None:
    with pytest.raises(TaskError) as caught:
        validated_task(native().model_dump() | {"state": HEIGHT} | change, "card")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_it_may_be_measured_beside() -> None:
    assert native(metrics={"paid": {"value": "native_reward", "better": "higher"}}).metrics


# --------------------------------------------------------------------------------------------------------- the environment


def test_each_step_has_what_the_environment_paid_for_it_and_no_policy_sees_it() -> None:
    task = native()
    found = recorded(task)
    batch = found.transitions
    assert np.array_equal(batch.next_state[NATIVE_REWARD].astype(np.float32), found.native)
    first = batch.step == 1
    assert first.sum() > 4
    assert not batch.state[NATIVE_REWARD][first].any(), "0 at a reset"
    assert np.allclose(batch.next_state[NATIVE_REWARD], -np.abs(batch.next_state["height"] - 1.0), atol=1e-6)
    assert PolicyView(task, make.vectorised(task, 1, 0).layout).places.tolist() == [0, 1, 2]


def test_what_compares_states_does_not_compare_rewards() -> None:
    batch = recorded(native()).transitions
    assert laps(batch) == laps(batch.without(NATIVE_REWARD))
    assert np.array_equal(potentials(batch, 0.9), potentials(batch.without(NATIVE_REWARD), 0.9))


class Pays(gymnasium.RewardWrapper[Any, Any]):
    """Pays something that is one number, or is not."""

    def __init__(self, pays: Any) -> None:
        super().__init__(gymnasium.make("hidden_envs:Winch-v0"))
        self._pays = pays

    def reward(self, reward: Any) -> Any:
        return self._pays


gymnasium.register("WinchPays-v0", Pays, disable_env_checker=True)


@pytest.mark.parametrize("pays", [2, True, np.float32(2), np.array([2.0])])
def test_a_reward_of_any_type_is_one_number(pays: Any) -> None:
    task = native(env="WinchPays-v0", kwargs={"pays": 1})
    env = make.make_env(task)
    env.reset(seed=1)
    inner: Any = env
    while not isinstance(inner, Pays):
        inner = inner.env
    inner._pays = pays
    observation, reward, *_ = env.step(np.array(2))
    assert observation.shape == (4,)
    assert observation[3] == reward == float(np.asarray(pays).reshape(()))


def test_demonstrations_without_it_are_refused() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, observations=np.zeros((1, 3, 3)), actions=np.array([[2, 2]]), lengths=[2], terminated=[False])
    with pytest.raises(TaskError, match=r"demonstrations: it has no info\.native_reward\. The file needs"):
        reference_episodes(native(), make.vectorised(native(), 1, 0), 0, buffer.getvalue())


@pytest.mark.slow
def test_recorded_episodes_and_checks_know_it() -> None:
    described, files = describe(DescribeJob(task=native(), seed=0, demonstrated=False), {}, HERE)
    assert [s.name for s in described.state] == [m.name for m in described.motions] == ["height"]
    assert [s.name for s in described.native] == [NATIVE_REWARD]
    for name in (SAMPLES, REFERENCE_EPISODES):
        assert NATIVE_REWARD in Transitions.from_bytes(files[name]).next_state
    _, explored = explore(ExploreJob(task=native(), seed=1, steps=100), {}, HERE)
    assert all(NATIVE_REWARD in Transitions.from_bytes(data).next_state for data in explored.values())
    said = {item.name: item for item in audit(AuditJob(task=native()), {}, HERE)[0].items}
    assert said["native reward"].ok
    assert said["native reward"].message.startswith("programs are given it as next_state.native_reward")
    assert said["policy"].message == "sees 3 of the 3 numbers of the observation; not seen: native_reward"
    assert f"range of {NATIVE_REWARD}" not in said


# ------------------------------------------------------------------------------------------------------- programs, designers


@pytest.mark.parametrize(("view", "accepted"), [("state", False), ("next_state", True)])
def test_a_state_does_not_have_it(view: str, accepted: bool) -> None:
    task = native()
    (start,) = read_starts(["native"], task)["start"]
    source = start.source.replace("next_state.native", f"{view}.native")
    known = Known.of(tuple(task.state), tuple(task.action), {})
    found = [slip.message for slip in examine(source, known).slips]
    assert found == ([] if accepted else ["state has no field 'native_reward'. It has: height"])


@pytest.mark.slow
@pytest.mark.parametrize(("view", "accepted"), [("state", False), ("next_state", True)])
def test_no_helper_finds_it_there(view: str, accepted: bool) -> None:
    batch = recorded(native()).transitions
    helped = f"def of({view}):\n    return {view}.native_reward\n\n\ndef compute_reward(state, action, next_state, memory):\n"
    with Jail(trust_the_model=True) as jail, jail.open(helped + f'    return {{"a": of({view})}}\n') as room:
        if accepted:
            assert np.array_equal(room.client.evaluate(batch, stepped=True)["a"], batch.next_state[NATIVE_REWARD])
        else:
            with pytest.raises(RewardFailed, match="state has no field 'native_reward'"):
                room.client.evaluate(batch, stepped=True)


def test_designers_are_told_of_it_and_only_then() -> None:
    told = design_prompt(brief(native(), 40_000, 20), History(), 3)
    assert (
        "- `next_state.native_reward`: the environment's own reward of the step, which this task's card hands" in told
    )
    assert "- The one exception, since this task's card says so: `next_state.native_reward`" in told
    assert "- `native_reward`" not in told, "no field of both states"
    assert "native_reward" not in design_prompt(brief(winch(), 40_000, 20), History(), 3)


# ---------------------------------------------------------------------------------------------------------------- the start


def test_native_is_a_start_where_the_card_hands_it_over(tmp_path: Path) -> None:
    (start,) = read_starts(["native"], native())["start"]
    assert (start.id, start.how, start.composition) == ("native_reward", "given", "sum")
    kept = tmp_path / "native_reward.py"
    kept.write_bytes(start_files(RunConfig(start=(start,)))["start/native_reward.py"])
    (again,) = read_starts([kept], native())["start"]
    assert (again.id, again.source) == (start.id, start.source)
    with pytest.raises(UsageError, match="both called 'native_reward'"):
        read_starts(["native", kept], native())


def test_where_it_does_not_the_line_to_write_is_said(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", "mountain-car", "--start", "native", "--runs", str(tmp_path / "runs")])
    assert isinstance(result.exception, UsageError), "which ends the command with exit code 2"
    assert "write uses_native = true into its card, above the first table." in str(result.exception)
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_show_page_card_and_manifest_say_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = RunConfig(rounds=1, candidates=2, confirm_seeds=2, **read_starts(["native"], native()))
    with Book.create(tmp_path / "run", RunHeader.of(native(), config)) as book:
        run = improve(Study(native(), config, FakeSteps(), book, lambda event: None))
    assert [own.candidate_id for own in run.starts] == ["native_reward"]
    reading = read_run(tmp_path / "run")
    assert SAID in render(reading).replace("&#39;", "'")
    Terminal(width=300).print(show_run(reading))
    assert SAID in capsys.readouterr().out
    with Book.open(tmp_path / "run") as book:
        files = kept_files(book, reading, lambda task, weights: {}, unproven).files
    assert SAID in files["card.md"].decode().replace("\\", "")
    assert SAID in files["manifest.json"].decode()
    assert SAID in files["reward.py"].decode()


# --------------------------------------------------------------------------------------------------------------- the export


@pytest.mark.slow
def test_an_exported_reward_pays_what_the_environment_does(tmp_path: Path) -> None:
    (start,) = read_starts(["native"], native())["start"]
    module = load(tmp_path / "out", reward_files(native(), written(start.source)))
    plain, around, made = gymnasium.make(module.ENV), module.AutoReward(gymnasium.make(module.ENV)), module.make()
    for env in (plain, around, made):
        env.reset(seed=3)
    for action in (2, 2, 0, 1, 2):
        paid = plain.step(action)[1]
        observation, reward, *_, info = around.step(action)
        assert reward == made.step(action)[1] == info["reward_parts"]["native"] == paid
        assert observation in around.observation_space
        assert NATIVE_REWARD not in info


@pytest.mark.slow
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_so_does_a_vector_environment(mode: Any, tmp_path: Path) -> None:
    (start,) = read_starts(["native"], native())["start"]
    module = load(tmp_path / "out", reward_files(native(), written(start.source)))
    makers = [lambda: module.Observed(gymnasium.make(module.ENV))] * 3
    plain, around = SyncVectorEnv(makers, autoreset_mode=mode), SyncVectorEnv(makers, autoreset_mode=mode)
    envs = module.AutoRewardVec(around)
    plain.reset(seed=5)
    envs.reset(seed=5)
    for row in np.random.default_rng(1).integers(0, 3, (40, 3)):
        assert np.array_equal(envs.step(row)[1], plain.step(row)[1])


@pytest.mark.slow
def test_training_by_it_is_training_by_the_environments_reward(tmp_path: Path) -> None:
    """The start and the baseline have the same seed: the same weights, to the digits that 32 bits leave of a reward."""
    task = native()
    (start,) = read_starts(["native"], task)["start"]
    job = {"id": "c-s0", "candidate_id": "c", "seed": 7, "steps": 256}
    with (
        Jail(trust_the_model=True) as jail,
        jail.open(start.source) as room,
        socket.socket(fileno=os.dup(room.fd)) as asked,
    ):
        by_program, made = train(
            task, TrialJob.model_validate({**job, "reward": "candidate"}), b"", asked, lambda step: None
        )
    by_baseline, other = train(task, TrialJob.model_validate({**job, "reward": "native"}), b"", None, lambda step: None)
    assert by_program.outcome.ok, by_program.message
    assert by_program.steps == by_baseline.steps
    mine, theirs = (sb.load(files[policy_file(by_program.steps)]) for files in (made, other))
    assert mine.keys() == theirs.keys()
    assert all(np.allclose(mine[name], theirs[name], rtol=1e-4, atol=1e-5) for name in mine)
    unlike = train(task, TrialJob.model_validate({**job, "reward": "none"}), b"", None, lambda step: None)[1]
    paid_nothing = sb.load(unlike[policy_file(by_program.steps)])
    assert not all(np.allclose(mine[name], paid_nothing[name], rtol=1e-4, atol=1e-5) for name in mine)


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_from_the_start_to_the_export(tmp_path: Path) -> None:
    """A search of a few hundred steps trains it; alone it is exported, too, and pays as mountain-car does."""
    text = (envs_folder() / "mountain-car" / "task.toml").read_text()
    card = tmp_path / "car" / "task.toml"
    card.parent.mkdir()
    card.write_text(f"uses_native = true\n{text}")
    run = ar.improve(card, runs=tmp_path / "runs", name="one", start=["native"], model="grammar", tell=lambda event: None,
                     rounds=1, candidates=2, steps=600, confirm_seeds=0, hunt_steps=400)  # fmt: skip
    view = run.reading.candidate("native_reward")
    assert view is not None
    assert [t for t in view.trials if t.outcome.ok]
    kept = tmp_path / "runs" / "one" / "start" / "native_reward.py"
    ar.train(card, kept, seeds=1, runs=tmp_path / "runs", name="two", steps=600)
    best = tmp_path / "runs" / "two" / "best"
    module = load(tmp_path / "out", {name: (best / name).read_text() for name in ("reward.py", "program.py")})
    envs = [gymnasium.make("MountainCar-v0"), module.AutoReward(gymnasium.make("MountainCar-v0")), module.make()]
    for env in envs:
        env.reset(seed=3)
    for action in (2, 0, 1, 2, 2):
        assert [env.step(action)[1] for env in envs] == [-1.0] * 3
