"""Actions and observations cross between policies and environments unchanged in meaning, whatever spaces an environment has."""

import array
import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from exports import load, written
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process import HERE, exported, train
from odd_spaces import HEATER, LEVER, Belt, Sensors, Told, card
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from autoreward.core.outcomes import Outcome
from autoreward.core.stretch_names import stretch_names
from autoreward.core.visible import is_name
from autoreward.errors import RunChanged, TaskError
from autoreward.export.build import reward_files, train_script
from autoreward.records import Score, Survey, Trial, TrialJob
from autoreward.sandbox.jail import Jail
from autoreward.store.header import RunHeader, read_header
from autoreward.tasks.card import Task
from autoreward.tasks.draft.guess import draft_task
from autoreward.tasks.draft.ranges import entries_range
from autoreward.tasks.draft.write import card_text
from autoreward.tasks.files import parse_task, placeholder_task
from autoreward.tasks.tables import Train
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import PolicyActions, out_of_reach, resting
from autoreward.worker.envs.border import Border, copied
from autoreward.worker.envs.fields import action_fields, state_fields
from autoreward.worker.envs.flatten import flat, layout_of
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import EpisodeRows, GymnasiumEnvs
from autoreward.worker.jobs.describe import describe
from autoreward.worker.jobs.records import DescribeJob, ScoreJob, SurveyJob
from autoreward.worker.jobs.score import score
from autoreward.worker.jobs.survey import missed_by_half, survey
from autoreward.worker.rollout.episodes import as_transitions
from autoreward.worker.rollout.recorder import Recorder
from autoreward.worker.scripts import ScriptPolicy

PLAIN = Train(algorithm="PPO", steps=64, envs=2, hyperparameters={"n_steps": 16, "batch_size": 16})
WATTS = spaces.Box(0.0, 1000.0, (1,), np.float32)


def acted(space: spaces.Space[Any], emitted: Any, settings: Train = PLAIN) -> Any:
    return np.asarray(PolicyActions(space, settings).acted(np.asarray(emitted))).tolist()


@pytest.mark.parametrize(
    ("space", "emitted", "given"),
    [
        (spaces.Discrete(3), [0, 1, 2], [0, 1, 2]),
        (spaces.Discrete(3, start=-1), [0, 1, 2], [-1, 0, 1]),
        (spaces.Discrete(2, start=5), 1, 6),
        (spaces.MultiDiscrete([3, 2], start=[4, -2]), [[0, 1], [2, 0]], [[4, -1], [6, -2]]),
        (spaces.MultiBinary(2), [[0, 1]], [[0, 1]]),
        (WATTS, [[-1.0], [0.0], [0.5], [1.0]], [[0.0], [500.0], [750.0], [1000.0]]),
        (WATTS, [0.0], [500.0]),
        (WATTS, [[7.0], [-7.0]], [[1000.0], [0.0]]),
        (spaces.Box(-1.0, 1.0, (1,)), [[0.5], [7.0]], [[0.5], [7.0]]),
        (spaces.Box(np.float32([-2, 10]), np.float32([0, 10])), [[0.0, 0.9]], [[-1.0, 10.0]]),
        (spaces.Box(0, 9, (1,), np.int32), [[-1.0], [0.1], [1.0]], [[0], [5], [9]]),
        (spaces.Box(-1, 1, (1,), np.int8), [[0.2], [0.8]], [[0], [1]]),
        (spaces.Box(-1e20, 1e20, (1,), np.float64), [[1.0]], [[1e20]]),
    ],
)
def test_what_a_policy_emits_is_an_action_of_the_environment(
    space: spaces.Space[Any], emitted: Any, given: Any
) -> None:
    assert acted(space, np.asarray(emitted)) == np.asarray(given).tolist()


def test_cards_may_keep_the_environments_own_units_and_squashing_algorithms_rescale_themselves() -> None:
    for change in ({"rescale_actions": False}, {"algorithm": "SAC"}, {"algorithm": "TD3"}):
        actions = PolicyActions(WATTS, PLAIN.model_copy(update=change))
        assert (actions.space, actions.acted(np.array([[300.0]]))) == (WATTS, [[300.0]])
    own = PLAIN.model_copy(update={"rescale_actions": False})
    assert acted(spaces.Discrete(2, start=5), 0, own) == 5, "choices are counted from 0 whatever a card says"


BOUNDS = st.floats(-(2.0**40), 2.0**40, width=32)
KINDS = st.one_of(
    st.builds(lambda n, s: spaces.Discrete(n, start=s), st.integers(1, 9), st.integers(-9, 9)),
    st.builds(
        lambda rows: spaces.MultiDiscrete([n for n, _ in rows], start=[s for _, s in rows]),
        st.lists(st.tuples(st.integers(1, 5), st.integers(-9, 9)), min_size=1, max_size=3),
    ),
    st.builds(spaces.MultiBinary, st.integers(1, 3)),
    st.builds(
        lambda rows, kind: spaces.Box(*(np.array([f(r) for r in rows], kind) for f in (min, max)), dtype=kind),
        st.lists(st.tuples(BOUNDS, BOUNDS), min_size=1, max_size=3),
        st.sampled_from([np.float32, np.float64]),
    ),
    st.builds(lambda a, b: spaces.Box(min(a, b), max(a, b), (2,), np.int64), *[st.integers(-(10**6), 10**6)] * 2),
)


@settings(deadline=None, max_examples=30)
@given(KINDS, st.integers(0, 2**31 - 1))
def test_any_action_there_and_back(space: Any, seed: int) -> None:
    actions = PolicyActions(space, PLAIN)
    for one in (space, actions.space):
        one.seed(seed)
    assert space.contains(resting(space))
    for _ in range(3):
        given = actions.acted(actions.space.sample())
        assert space.contains(given), given
        own = space.sample()
        emitted = actions.emitted(own)
        back = actions.acted(emitted)
        assert np.asarray(back).dtype == np.asarray(own).dtype
        width = np.asarray(space.high, float) - space.low if isinstance(space, spaces.Box) else 0.0
        assert np.all(np.abs(np.asarray(back, float) - np.asarray(own, float)) <= 1e-6 * width + 1e-30)


def task_of(space: spaces.Space[Any], settings: Train = PLAIN) -> tuple[Task, GymnasiumEnvs]:
    task = placeholder_task("Told-v0", {}, "told").model_copy(update={"train": settings})
    return task, GymnasiumEnvs(task, lambda: Border(Told(space)), 2)


class Constant:
    """A policy that always emits the same."""

    def __init__(self, emitted: Any) -> None:
        self.emitted = emitted

    def predict(self, observations: Any, state: Any, starts: Any, deterministic: bool) -> tuple[Any, None]:
        return np.stack([self.emitted] * len(observations)), None


@pytest.mark.parametrize(
    ("space", "emitted", "given"),
    [
        (spaces.Discrete(3, start=-1), np.int64(2), 1),
        (spaces.MultiDiscrete([3, 2], start=[4, -2]), np.array([0, 1]), [4, -1]),
        (WATTS, np.array([0.5], np.float32), [750.0]),
    ],
)
def test_training_playing_and_fields_have_the_environments_own_actions(space: Any, emitted: Any, given: Any) -> None:
    task, envs = task_of(space)
    recorder = Recorder(envs, task.model_copy(update={"action": {"move": HEATER.action["move"]}}))
    venv = policies.normalised(task, recorder)
    venv.reset()
    venv.step(np.stack([emitted] * 2))
    told = [env.unwrapped for env in envs.envs]
    assert [np.asarray(one.given).tolist() for one in told] == [[given]] * 2
    assert recorder.take().transitions.action["move"][0].tolist() == [given] * 2

    choose = policies.policy_function(
        Constant(emitted), PolicyView(task, envs.layout), PolicyActions(space, PLAIN), np.zeros(2), np.ones(2)  # type: ignore[arg-type]
    )  # fmt: skip
    (episode,) = envs.play(choose, [1])
    assert np.asarray(told[0].given[1:]).tolist() == episode.actions.tolist() == [given] * 2
    assert action_fields(HEATER, space, episode.actions)["move"].tolist() == [given] * 2
    assert space.contains(told[0].given[-1])


def test_scripts_and_recorded_episodes_are_in_the_environments_own_numbers() -> None:
    task = Task.model_validate({**LEVER.model_dump(), "script": "-1 * (x > -3)"})
    env = make.make_env(task)
    policy = ScriptPolicy(task, layout_of(env), env.action_space)
    assert [int(a) for a in policy.actions(np.array([[3.0], [-3.0]]))] == [-1, 0]
    description, _ = describe(DescribeJob(task=task, seed=0, demonstrated=False), {}, HERE)
    (move,) = description.action
    assert (move.low, move.high, move.discrete, move.first) == (-1, 1, 3, -1)
    kinds = {known.kind: known.episode.success for known in description.reference_episodes}
    assert (kinds["scripted"], kinds["constant -1"], kinds["constant 1"]) == (True, True, False)
    _, envs = task_of(spaces.MultiDiscrete([3, 2], start=[4, 2]))
    assert resting(envs.action_space).tolist() == [4, 2]


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (spaces.Box(-np.inf, np.inf, (2,)), r"number 0 has no bounds \(-inf to inf\)"),
        (spaces.Box(np.float32([-1, 0]), np.float32([1, np.inf])), r"number 1 has no bounds \(0 to inf\)"),
        (spaces.Box(np.finfo(np.float32).min, np.finfo(np.float32).max, (1,)), "number 0 has no bounds"),
        (spaces.Box(-(2**63), 2**63 - 1, (1,), np.int64), "number 0 has no bounds"),
        (spaces.Box(-1, 1, (2, 2)), r"with shape \(2, 2\)"),
    ],
)
def test_bounds_that_say_nothing_are_refused(space: spaces.Space[Any], said: str) -> None:
    with pytest.raises(TaskError, match=said):
        make._trainable(space, HEATER)


@pytest.mark.parametrize(
    ("low", "high", "change", "said"),
    [
        ((0, -1), (1000, 1), {}, ""),
        ((0, -1), (1000, 1), {"rescale_actions": False}, "number 0 of the action goes from 0 to 1000"),
        ((-3, -0.01), (3, 0.01), {"rescale_actions": False}, "number 1 of the action goes from -0.01 to 0.01"),
        ((-3, 5), (3, 7), {"rescale_actions": False}, "number 1 of the action goes from 5 to 7"),
        ((0, -1), (1000, 1), {"algorithm": "SAC"}, ""),
    ],
)
def test_bounds_that_a_policy_in_own_units_does_not_get_on_with_are_known(
    low: Any, high: Any, change: dict[str, Any], said: str
) -> None:
    space = spaces.Box(np.float32(low), np.float32(high))
    assert out_of_reach(space, PLAIN.model_copy(update=change)) == said


@pytest.mark.filterwarnings("ignore")  # Gymnasium warns, and goes on
@pytest.mark.parametrize("kind", ["box", "dict", "tuple"])
def test_what_was_seen_stays_as_it_was_seen(kind: str) -> None:
    state = {"x": {"box": "obs[0]", "dict": "obs.a_b[0]", "tuple": "obs.item0[0]"}[kind]}
    task = card("Belt", state, "x == 5", kwargs={"kind": kind})
    envs = make.vectorised(task, 2, seed=0)
    (episode,) = envs.play(lambda observations, turn: [1] * len(observations), [1])
    assert state_fields(task, envs.layout, episode.observations)["x"].tolist() == [float(i) for i in range(21)]
    recorder = Recorder(envs, task)
    recorder.reset()
    for _ in range(21):
        recorder.step(np.array([1, 0]))
    seen = recorder.take().transitions
    assert seen.next_state["x"].T.tolist() == [
        [*map(float, range(1, 21)), 1.0],
        [*(-float(i) for i in range(1, 21)), -1.0],
    ]
    assert seen.state["x"][:, 0].tolist() == [*map(float, range(20)), 0.0]


def test_the_border_copies_infos_and_actions_too() -> None:
    env = Border(Belt("dict", spoil=True))
    _, begun = env.reset()
    action = np.ones(1, np.float32)
    _, _, _, _, info = env.step(action)
    env.step(action)
    assert action.tolist() == [1.0]
    assert begun["seen"].tolist() == begun["log"][0].tolist() == [0.0, 0.0]
    assert info["seen"].tolist() == [1.0, 1.0]


def test_the_border_copies_what_holds_itself_and_what_an_object_reads_as() -> None:
    told: dict[str, Any] = {"x": np.zeros(1), "buffer": array.array("f", [0.0])}
    told["itself"] = [told]
    copy = copied(told)
    assert copy["itself"][0] is copy
    told["x"][0] = told["buffer"][0] = 1.0
    assert (copy["x"].tolist(), copy["buffer"].tolist()) == ([0.0], [0.0])
    assert np.isnan(copied(np.ma.array([1, 2], mask=[False, True]))).tolist() == [False, True]


def test_coordinates_and_counters_keep_all_their_digits() -> None:
    task = card("Survey", {"x": "obs.north[0]", "t": "obs.tick[0]"}, "abs(x - 5400000.7) < 0.05")
    envs = make.vectorised(task, 1, seed=0)
    assert envs.observation_space.dtype == np.float64
    (episode,) = envs.play(lambda observations, turn: [2], [1])
    fields = as_transitions(task, envs, [episode]).next_state
    assert np.abs(fields["x"][:, 0] - (5_400_000 + 0.1 * np.arange(1, 21))).max() < 1e-6
    assert fields["t"][:, 0].tolist() == [2**25 + i for i in range(1, 21)]
    sensed = task.model_copy(
        update={"state_program": "def observe(env, observation, info):\n    return {'north': [5400000.7]}"}
    )
    assert make.make_env(sensed).reset()[0].tolist() == [5400000.7]


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ({"a": WATTS}, np.float32),
        ({"a": WATTS, "b": spaces.Discrete(3), "c": spaces.MultiBinary(2), "d": spaces.Box(0, 255, (1,), np.uint8)}, np.float32),
        ({"a": WATTS, "b": spaces.Box(0, 9, (1,), np.int32)}, np.float64),
        ({"a": spaces.Box(0, 9, (1,), np.float64)}, np.float64),
    ],
)  # fmt: skip
def test_a_vector_is_of_the_type_that_holds_its_parts(parts: dict[str, Any], kind: type) -> None:
    env = Told(spaces.Discrete(2))
    env.observation_space = spaces.Dict(parts)  # type: ignore[assignment]
    assert flat(env, HEATER).observation_space.dtype == kind


def test_a_state_program_that_changes_its_mind_is_said_and_one_in_another_order_is_put_right() -> None:
    program = "n = 0\ndef observe(env, observation, info):\n    global n\n    n += 1\n    return {%s}"
    several = "**({'a': 1, 'b c': 2} if n % 2 else {'b c': 2, 'a': 1})"
    env = make.make_env(LEVER.model_copy(update={"state_program": program % several}))
    assert [env.reset()[0].tolist() for _ in range(2)] == [[1.0, 2.0]] * 2
    assert [leaf.key for leaf in layout_of(env).leaves] == ["a", "b_c"]
    env = make.make_env(LEVER.model_copy(update={"state_program": program % "'a' if n < 2 else 'b': 1"}))
    with pytest.raises(TaskError, match="it returned 1 of 'b' after 1 of 'a' before"):
        env.reset()


def test_names_of_parts_are_words_and_no_two_alike() -> None:
    paths = [("arm", "pos"), ("arm/pos",), ("arm_pos",), ("arm_pos_1",), ("1x",), ("class",), ("",), ("-",), ("plain",)]
    assert stretch_names(paths) == (
        "arm_pos_2", "arm_pos_3", "arm_pos", "arm_pos_1", "n_1x", "class_value", "part_1", "part_2", "plain",
    )  # fmt: skip


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.text(max_size=5)) | st.tuples(st.text("a_1/", max_size=3), st.text("a_1/", max_size=3)),
                unique=True, max_size=12))  # fmt: skip
def test_any_keys_have_names_that_formulas_can_say(paths: list[tuple[str, ...]]) -> None:
    names = stretch_names(paths)
    assert len(set(names)) == len(names) == len(paths)
    for path, name in zip(paths, names, strict=True):
        assert name.isascii()
        assert name.isidentifier()
        assert path != (name,) or (name,) in paths
        assert name == path[0] or not is_name(path[0]) or len(path) > 1, "a key that is a word keeps it"
        Task.model_validate({**LEVER.model_dump(), "state": {"x": {"source": f"obs.{name}[0]", "about": ""}}})


def surveyed(env: str) -> Survey:
    return survey(SurveyJob(task=placeholder_task(f"odd_spaces:Odd{env}-v0", {}, "odd")), {}, HERE)[0]


def drafted(found: Survey) -> tuple[str, Task]:
    draft = draft_task(found, "odd", "Bring it there.", {})
    text = card_text(draft)
    assert parse_task(text, Path("odd/task.toml")) == draft.task
    return text, draft.task


def test_keys_that_collide_or_are_no_words_become_fields_of_their_own_numbers() -> None:
    text, task = drafted(surveyed("Sensors"))
    env = make.make_env(task)
    env.reset()
    fields = state_fields(task, layout_of(env), env.step(0)[0][None])
    assert sorted(float(v[0]) for v in fields.values()) == [100.0 * i + 1 for i in range(10)]
    assert {n: float(v[0]) for n, v in fields.items()}["arm_pos"] == 201.0, "the key that is that very word"
    for key in Sensors.keys:
        assert key in text, "the card says what each is"
    assert all(is_name(name) for name in fields)


def test_choices_are_described_by_their_own_numbers() -> None:
    found = surveyed("Lever")
    assert (found.choices, found.first) == ((3,), (-1,))
    assert drafted(found)[1].action["choice"].about == "one of -1 to 1"
    doc = "## Action Space\n- -1: down\n- 0: stay\n- 1: up\n"
    assert drafted(found.model_copy(update={"doc": doc}))[1].action["choice"].about == "-1 down, 0 stay, 1 up"


@pytest.mark.parametrize(
    ("places", "names", "said"),
    [
        ((0, 1, 2), ["p0", "p1", "p2"], ""),
        ((0, 1), ["p0", "p1", "obs_2"], "describes 2 of the 3 numbers"),
        ((0, 1, 2, 3), ["obs_0", "obs_1", "obs_2"], "describes 4 numbers and there are 3"),
        ((1, 2), ["obs_0", "obs_1", "obs_2"], "describes 2 numbers and there are 3"),
        ((0, 0, 1), ["obs_0", "obs_1", "obs_2"], "describes 3 numbers and there are 3"),
    ],
)
def test_names_of_a_documentation_that_does_not_fit_are_not_taken_or_marked(
    places: tuple[int, ...], names: list[str], said: str
) -> None:
    found = surveyed("Lever")
    (whole,) = found.stretches
    rows = "".join(f"| {i} | p{i} | -1 | 1 |\n" for i in places)
    doc = f"## Observation Space\n| Num | Observation | Min | Max |\n|---|---|---|---|\n{rows}"
    parts = (whole.model_copy(update={"entries": whole.entries * 3}),)
    text, task = drafted(found.model_copy(update={"doc": doc, "stretches": parts}))
    assert list(task.state) == names
    assert said in text
    assert ("the documentation describes" in text) == bool(said)


@pytest.mark.parametrize(
    ("low", "high", "seen", "span"),
    [
        (5400000.25, 5400001.75, (0, 0), (5400000.25, 5400001.75)),
        (-4.8, 4.8, (0, 0), (-4.8, 4.8)),
        (None, None, (5400000.0, 5400002.0), (5399999.5, 5400002.5)),
        (None, None, (-1.0, 1.0), (-1.5, 1.5)),
    ],
)
def test_ranges_of_large_numbers_keep_their_ends_apart(low: Any, high: Any, seen: Any, span: Any) -> None:
    entry = surveyed("Lever").stretches[0].entries[0]
    change = {"low": low, "high": high, "seen_low": seen[0], "seen_high": seen[1], "missed": 0.0}
    assert entries_range([entry.model_copy(update=change)])[0] == span


@pytest.mark.parametrize(
    ("numbers", "share"),
    [
        (np.random.default_rng(0).uniform(size=2_500), 0.25),
        (np.array([0.0, 1.0, 0.0, 0.95]), 0.25),  # misses 0.05
        (np.array([0.0, 0.5, 0.0, 1.0]), 1.5),
        (np.array([3.0, 3.0, 3.0, 4.0]), 3.0),
        (np.array([0.0, 10.0, 1.0, 3.0]), 2.4),
    ],
)
def test_a_range_is_wider_where_half_of_the_steps_reached_less_far(numbers: Any, share: float) -> None:
    low, high = float(numbers.min()), float(numbers.max())
    change = {"low": None, "high": None, "seen_low": low, "seen_high": high, "missed": missed_by_half(numbers)}
    found = entries_range([surveyed("Lever").stretches[0].entries[0].model_copy(update=change)])[0]
    assert found == pytest.approx((low - share * (high - low), high + share * (high - low)), rel=0.1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"algorithm": "DQN", "hyperparameters": {"n_steps": 3}}, "n_steps is not used here: DQN learns from single steps"),
        ({"algorithm": "SAC", "hyperparameters": {}, "rescale_actions": False}, "SAC always rescales actions; leave it out"),
    ],
)  # fmt: skip
def test_settings_that_an_algorithm_does_not_use_are_refused(change: dict[str, Any], said: str) -> None:
    task = LEVER if change["algorithm"] == "DQN" else HEATER
    changed = task.model_copy(update={"train": task.train.model_copy(update=change)})
    with pytest.raises(TaskError, match=said):
        describe(DescribeJob(task=changed, seed=0, demonstrated=False), {}, HERE)


def test_a_run_from_before_actions_were_rescaled_is_refused_by_its_version(tmp_path: Path) -> None:
    from autoreward.config import RunConfig

    header = json.loads(RunHeader.of(HEATER, RunConfig()).model_dump_json())
    del header["task"]["train"]["rescale_actions"]
    (tmp_path / "run.json").write_text(json.dumps(header | {"format": 2}))
    with pytest.raises(RunChanged, match=r"\(format 2\).*Start a new run"):
        read_header(tmp_path)


def trained(task: Task, source: str, steps: int) -> tuple[Trial, dict[str, bytes]]:
    """A training by a reward program."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with Jail(trust_the_model=True) as jail, jail.open(source) as room:
        job = TrialJob(id="c-s0", candidate_id="c", reward="candidate", seed=7, steps=steps)
        with socket.socket(fileno=os.dup(room.fd)) as asked:
            trial, files = train(task, job, b"", asked, lambda *_: None)
    torch.set_num_threads(threads)
    assert trial.outcome.ok, trial.message
    return trial, files


DOWN = """def compute_reward(state, action, next_state, memory):
    return {"down": -0.1 * next_state.x, "up": -0.01 * (action.move == 1)}
"""
WARM = """def compute_reward(state, action, next_state, memory):
    return {"near": np.exp(-np.abs(next_state.t - 60.0) / 20.0), "cheap": -1e-6 * np.square(action.move[:, 0] / 1000.0)}
"""
NATIVE_UNITS = HEATER.model_copy(update={"train": HEATER.train.model_copy(update={"rescale_actions": False})})


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("task", "source", "steps", "success"),
    [(LEVER, DOWN, 8192, 1.0), (HEATER, WARM, 16_384, 1.0), (NATIVE_UNITS, WARM, 4096, 0.0)],
)
def test_a_right_reward_trains_to_success_whatever_the_actions_numbers_are(
    task: Task, source: str, steps: int, success: float
) -> None:
    """In its own units a Gaussian policy about 0 never warms the tank: what rescaling is for."""
    trial, files = trained(task, source, steps)
    job = ScoreJob(task=task, trial=trial, choosing=tuple(range(5)), scoring=tuple(range(5, 15)))
    made, _ = score(job, files, HERE)
    assert made.success == success


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")  # torch warns while it writes a graph
@pytest.mark.parametrize(("task", "source"), [(LEVER, DOWN), (HEATER, WARM), (NATIVE_UNITS, WARM)])
def test_what_is_exported_acts_as_what_was_trained(task: Task, source: str, tmp_path: Path) -> None:
    trial, made = trained(task, source, 512)
    weights = made[f"policy-{trial.steps}.safetensors"]
    record = Score(trial_id="c-s0", candidate_id="c", outcome=Outcome.COMPLETED, seed=7, kept=trial.steps)
    texts = reward_files(task, written(source)) | {"train.py": train_script(task, record, 512)}
    module = load(tmp_path / "out", texts)
    out = tmp_path / "out"
    for name, data in exported(task, weights).items():
        (out / name).write_bytes(data)

    there = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    subprocess.run([sys.executable, "train.py"], cwd=out, check=True, capture_output=True, env=there)
    one, other = (PPO.load(out / n, device="cpu").policy.state_dict() for n in ("policy.zip", "policy-again.zip"))
    assert all((one[k] == other[k]).all() for k in one), "bit for bit"

    venv = VecNormalize.load(str(out / "vecnormalize.pkl"), DummyVecEnv([module.make]))
    model = PPO.load(out / "policy.zip", env=venv, device="cpu")
    with ExitStack() as closing:
        blank = policies.blank(task, closing)
    env = make.make_env(task)
    choose = policies.policy_function(
        blank,
        PolicyView(task, layout_of(env)),
        PolicyActions(env.action_space, task.train),
        *policies.from_bytes(blank, weights),
    )
    session = onnxruntime.InferenceSession(out / "policy.onnx")
    taking, own = module.make(), module.make(own_actions=True)
    rows = np.random.default_rng(1).normal(30, 40, (50, 1)).astype(np.float32)
    (graph,) = session.run(["action"], {"observation": rows})
    emitted, _ = model.predict(venv.normalize_obs(rows), deterministic=True)
    expected = choose(rows, EpisodeRows(np.arange(50), np.ones(50, np.bool_)))
    assert graph.dtype == expected.dtype
    assert np.abs(graph - expected).max() <= 1e-4 * max(1.0, np.abs(expected).max())
    assert np.array_equal(module.acted_vec(emitted), expected)
    assert all(np.array_equal(module.acted(e), a) for e, a in zip(emitted, expected, strict=True))
    assert len(np.unique(expected)) > 1
    taking.reset(seed=1), own.reset(seed=1)
    for e, a in zip(emitted[:10], expected[:10], strict=True):
        assert own.action_space.contains(a)
        one_step, two = taking.step(e), own.step(a)
        assert one_step[0].tolist() == two[0].tolist()
        assert one_step[1:4] == two[1:4]
    many, each = module.make_vec(3), module.make_vec(3, own_actions=True)
    many.reset(seed=1), each.reset(seed=1)
    for mine, theirs in zip(many.step(emitted[:3])[:2], each.step(expected[:3])[:2], strict=True):
        assert np.array_equal(mine, theirs)
    assert many.single_action_space == taking.action_space == blank.action_space
    env.close()
