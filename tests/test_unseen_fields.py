"""Fields that policies do not see: what a card may say of them, what environments may do wrong, and that nothing of them leaks."""

import io
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hidden_envs import FIELDS, LIMIT, parts, told, winch
from in_process import HERE, train

from autoreward.core.outcomes import Outcome
from autoreward.core.transitions import Transitions
from autoreward.errors import EnvironmentFault, TaskError
from autoreward.records import (
    EPISODES,
    LOGGED,
    TRAINING_STATE,
    Entry,
    InfoValue,
    Stretch,
    Survey,
    Trial,
    TrialJob,
    policy_file,
)
from autoreward.tasks.card import Task
from autoreward.tasks.draft.from_info import info_source
from autoreward.tasks.draft.guess import draft_task
from autoreward.tasks.draft.write import card_text
from autoreward.tasks.files import parse_task, placeholder_task, validated_task
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.names import info_keys
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.envs.flatten import Layout, Leaf, layout_of
from autoreward.worker.envs.policy_view import PolicyView, unseen_places
from autoreward.worker.exploring.simple_policies import Seen, SimplePolicies
from autoreward.worker.jobs.audit import audit
from autoreward.worker.jobs.describe import describe
from autoreward.worker.jobs.explore import explore
from autoreward.worker.jobs.hunting_records import ExploreJob
from autoreward.worker.jobs.records import AuditJob, DescribeJob, ScoreJob, SurveyJob
from autoreward.worker.jobs.reference_episodes import reference_episodes
from autoreward.worker.jobs.score import score
from autoreward.worker.jobs.shots import shoot
from autoreward.worker.jobs.survey import survey
from autoreward.worker.rollout.recorder import Recorder

torch.set_num_threads(1)
LIFT = np.array(2)


# ------------------------------------------------------------------------------------------------------------ the language


@pytest.mark.parametrize(
    "text", ["info.load.mass", "info['load']['mass']", 'info["load"].mass', "info.load['mass'] * 1", "-info.load.mass"]
)
def test_a_value_of_info_has_one_name_however_it_is_written(text: str) -> None:
    formula = Expression(text, "here")
    assert formula.names == {"info['load']['mass']"}
    values = {"info['load']['mass']": np.array([2.0, 3.0])}
    source = formula.as_numpy(lambda name: f"seen[{name!r}]")
    assert np.array_equal(eval(source, {"seen": values, "np": np}), formula.evaluate(values))


@pytest.mark.parametrize("text", ["info.load[-1]", "infos.load", "info.load()", "height.load"])
def test_what_is_no_value_of_info_is_no_formula(text: str) -> None:
    with pytest.raises(TaskError, match="is not part of the formula language"):
        Expression(text, "here")


def test_readings_are_names_with_their_index() -> None:
    found = Expression("norm(obs.arm[0:2] - info.goal) + obs[3] * norm(stack(obs[0], 1))", "here")
    assert {r.text for r in found.readings()} == {"obs.arm[0:2]", "info.goal", "obs[3]", "obs[0]"}


# ---------------------------------------------------------------------------------------------------------------- the card


def changed(**fields: dict[str, Any] | None) -> dict[str, Any]:
    """The task's fields with some of their keys changed; None leaves a field out."""
    state = {n: {**FIELDS.get(n, {"about": "x"}), **(fields.get(n) or {})} for n in {**FIELDS, **fields}}
    return {name: field for name, field in state.items() if fields.get(name, {}) is not None}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"state": changed(energy={"policy": True})}, "[state.energy] reads info['energy'], which no policy sees; write policy"),
        ({"state": changed(height={"at_reset": 0.0})}, "[state.height] at_reset is for a source that reads info; leave it out"),
        ({"state": changed(pull={"at_reset": 0.0})}, "[state.force] and [state.pull] both read info['force']; write the same"),
        ({"state": changed(energy={"source": "energy"})}, "must be made from obs, such as obs[0], or from info, such as info."),
        ({"state": changed(energy={"source": "info[0]"})}, "must be made from obs, such as obs[0], or from info, such as info."),
        ({"state": changed(energy={"at_reset": float("nan")})}, "at_reset"),
        ({"script": "2 * (energy < 3)"}, "'2 * (energy < 3)' reads energy, which the policy does not see (policy = false)"),
        ({"state": {**FIELDS, "info": FIELDS["height"]}}, "'info' can't be a field or constant name"),
        ({"success": {"when": "heigt < 3"}}, "'heigt < 3' speaks of 'heigt', which is not a field. Did you mean 'height'?"),
        ({"success": {"when": "info.energy < 3"}}, "speaks of \"info['energy']\", which is not a field"),
    ],
)  # fmt: skip
def test_a_card_that_does_not_go_together_is_one_sentence(change: dict[str, Any], says: str) -> None:
    card = winch().model_dump() | change
    with pytest.raises(TaskError) as caught:
        validated_task(card, "card")
    assert says in str(caught.value)
    assert not str(caught.value).endswith("?.")
    assert "\n" not in str(caught.value)


def test_what_the_policy_sees_is_all_but_what_the_card_keeps_from_it() -> None:
    view = PolicyView(winch(), Layout(3))
    assert view.places.tolist() == [0, 2], "of a formula over obs and info, obs stays seen"
    everything = winch(state={"height": FIELDS["height"]}, success={"when": "height > 1"})
    rows = np.zeros((4, 3), np.float32)
    assert PolicyView(everything, Layout(3)).of(rows) is rows


def test_a_number_is_not_seen_by_one_field_and_hidden_by_another() -> None:
    task = winch(state=changed(both={"source": "norm(obs[0:2])"}))
    with pytest.raises(TaskError, match=r"\[state\.both\] and \[state\.temperature\] read the same number .* \(1\)"):
        PolicyView(task, Layout(3))


def test_something_must_be_seen() -> None:
    task = winch(state={"all": {"source": "obs", "about": "a", "policy": False}}, success={"when": "norm(all) > 1"})
    with pytest.raises(TaskError, match="the policy sees nothing; leave policy = false out"):
        PolicyView(task, Layout(3))


@pytest.mark.parametrize(
    ("source", "kept"),
    [("obs.arm", {0, 1}), ("obs.arm[1]", {1}), ("obs.mode", {2, 3, 4}), ("obs.wheels[1]", {7, 8, 9}), ("obs[4]", {4})],
)
def test_integers_are_kept_whole(source: str, kept: set[int]) -> None:
    leaves = (
        Leaf("arm", 0, 2),
        Leaf("mode", 2, 5, (3,), (0,), single=True),
        Leaf("wheels", 5, 10, (2, 3), (0, 0)),
    )
    field = {"x": {"source": source, "about": "x", "policy": False}}
    task = winch(state=field, success={"when": "terminated"})
    assert set(unseen_places(task, Layout(10, leaves))) == kept


# --------------------------------------------------------------------------------------------------------- the environment


def test_fields_have_what_info_says_and_at_a_reset_what_the_card_says() -> None:
    recorder = Recorder(make.vectorised(winch(), 1, 0), winch())
    recorder.reset()
    for _ in range(2):
        recorder.step(np.array([2]))
    seen = recorder.take().transitions
    assert seen.state["energy"].tolist() == [[0.0], [1.0]]
    assert seen.next_state["energy"].tolist() == [[1.0], [2.0]]
    assert seen.state["force"].tolist() == [[[0.5, 0.5]], [[1.0, 0.0]]]
    assert seen.next_state["mass"].tolist() == seen.state["mass"].tolist() == [[2.0], [2.0]]
    assert np.array_equal(seen.next_state["pull"], 1.0 + seen.next_state["height"])


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("missing", "info without info['energy'], which [state.energy] reads: no 'energy', there is force, load, is_success, mode."),  # noqa: E501
        ("nan", "info['energy'] = nan, which [state.energy] reads; it must be finite."),
        ("word", "info['energy'] = 'much' (str), which [state.energy] reads; a field is made of numbers."),
        ("none", "info['energy'] = None, which [state.energy] reads; a field is made of numbers."),
        ("ragged", "info['energy'] = [[1.0], [1.0, 2.0]] (list), which [state.energy] reads; a field is made of numbers."),
        ("vector", "info['energy'] with the shape (2,) after () before, which [state.energy] reads."),
        ("longer", "info['force'] with the shape (3,) after (2,) before, which [state.force], [state.pull] reads."),
        ("flat", "info without info['load']['mass'], which [state.mass] reads: no 'mass', it is no dict."),
    ],
)  # fmt: skip
def test_what_info_says_wrong_is_the_environments_with_the_step(fault: str, says: str) -> None:
    env = make.make_env(winch(kwargs={"fault": fault}))
    env.reset(seed=5)
    env.step(LIFT)
    env.step(LIFT)
    with pytest.raises(EnvironmentFault) as caught:
        env.step(LIFT)
    assert (
        str(caught.value)
        == f"hidden_envs:Winch-v0: step 3 of the episode that began with reset(seed=5) returned {says}"
    )


@pytest.mark.parametrize("fault", ["missing", "nan", "word", "flat"])
def test_what_the_first_step_lacks_is_the_cards(fault: str) -> None:
    with pytest.raises(
        TaskError, match=r"^task winch: the first step returned info.*, which \[state\.\w+\] reads"
    ) as caught:
        make.make_env(winch(kwargs={"fault": fault, "at": 1}))
    assert "\n" not in str(caught.value)


def test_what_a_reset_lacks_is_to_be_said_in_the_card() -> None:
    state = changed(energy={"at_reset": None})
    with pytest.raises(TaskError) as caught:
        make.make_env(winch(state=state))
    assert str(caught.value) == (
        "task winch: a reset returned info without info['energy'], which [state.energy] reads: no 'energy', there is load; "
        "say in the card what it is there, such as at_reset = 0.0."
    )


@pytest.mark.slow
def test_a_training_that_loses_all_to_info_is_the_environments() -> None:
    trial, _ = trained(winch(kwargs={"fault": "nan"}))
    assert trial.outcome is Outcome.ENVIRONMENT_FAILED
    assert "info['energy'] = nan, which [state.energy] reads" in trial.message


# ----------------------------------------------------------------------------------------------------------------- no leak
# What is hidden differs by 7 in all rows: nothing that a policy is asked or learns from differs by a bit.


def trained(task: Task, begun: bytes = b"", **job: Any) -> tuple[Trial, dict[str, bytes]]:
    given = {"id": "r000c0-s0", "candidate_id": "r000c0", "seed": 3, "steps": 128, "checkpoints": 2, "reward": "native"}
    return train(task, TrialJob.model_validate({**given, **job}), begun, None, lambda step: None)


def noisy(noise: float, algorithm: str = "PPO", **change: Any) -> Task:
    return winch(algorithm, kwargs={"noise": noise}, **change)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["PPO", "A2C", "DQN"])
def test_nothing_hidden_reaches_a_policy_that_learns(algorithm: str) -> None:
    """Nor the statistics, the optimiser and the replay buffer that its next leg goes on from."""
    first = [trained(noisy(noise, algorithm), unfinished=True, schedule_steps=256)[1] for noise in (0.0, 7.0)]
    second = [
        trained(noisy(noise, algorithm), begun[TRAINING_STATE], leg=1, begin=128, steps=256, id="r000c0-s0-leg1")[1]
        for noise, begun in zip((0.0, 7.0), first, strict=True)
    ]
    whole = trained(noisy(0.0, algorithm), steps=256)[1]
    assert first[0].keys() >= {TRAINING_STATE}
    for one, other in (first, second):
        assert all(one[name] == other[name] for name in one if name != LOGGED)
    assert second[0][policy_file(256)] == whole[policy_file(256)], "in legs as in one piece"


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["PPO", "DQN"])
def test_the_same_numbers_reach_a_policy_where_nothing_hides_them(algorithm: str) -> None:
    state = changed(temperature={"policy": True})
    one, other = (trained(noisy(noise, algorithm, state=state))[1] for noise in (0.0, 7.0))
    assert one[policy_file(128)] != other[policy_file(128)]


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["PPO", "DQN"])
def test_fields_of_info_change_nothing_of_a_training(algorithm: str) -> None:
    told = {n: f for n, f in FIELDS.items() if n != "temperature"}
    plain = {"height": FIELDS["height"]}
    rule = {"when": "height > 1"}
    one, other = (trained(winch(algorithm, state=state, success=rule))[1] for state in (told, plain))
    assert one[policy_file(128)] == other[policy_file(128)]


@pytest.fixture(scope="module")
def weights() -> bytes:
    return trained(noisy(0.0))[1][policy_file(128)]


@pytest.mark.slow
def test_nothing_hidden_reaches_a_policy_that_is_scored() -> None:
    trial, files = trained(noisy(0.0))
    found = []
    for noise in (0.0, 7.0):
        task = noisy(noise, limits={"energy": {"value": "energy", "at_most": 5, "over": "mean"}})
        scored, made = score(ScoreJob(task=task, trial=trial, choosing=(1, 2), scoring=(3, 4, 5)), files, HERE)
        found.append((scored, Transitions.from_bytes(made[EPISODES])))
    (one, seen), (other, unlike) = found
    assert np.array_equal(seen.action["move"], unlike.action["move"])
    assert [e.movement for e in one.episodes] == [e.movement for e in other.episodes]
    energy = (seen.next_state["energy"] + 7.0)[seen.step > 0]
    assert np.allclose(unlike.next_state["energy"][seen.step > 0], energy), "what judges it sees all"
    assert one.limits != other.limits


@pytest.mark.slow
def test_nothing_hidden_reaches_a_policy_that_is_filmed(weights: bytes) -> None:
    with ExitStack() as closing:
        one, other = (shoot(noisy(noise), weights, 5, None, closing).episode for noise in (0.0, 7.0))
    assert np.array_equal(one.action["move"], other.action["move"])
    assert np.allclose(one.next_state["energy"] + 7.0, other.next_state["energy"])


@pytest.mark.slow
def test_nothing_hidden_reaches_a_policy_that_is_bred_or_a_script() -> None:
    bred, scripted = [], []
    for noise in (0.0, 7.0):
        task = noisy(noise, script="2 * (height < 1)")
        venv = make.vectorised(task, 1, 0)
        seen = Seen(PolicyView(task, venv.layout), np.zeros(2), np.ones(2))
        breed = SimplePolicies(venv.action_space, seen, LIMIT, answers=True)
        (episode,) = venv.play(breed.policy(np.linspace(1, -1, breed.size) ** 3), [2])
        bred.append(episode.actions.tolist())
        episodes, known, _ = reference_episodes(task, venv, 0, b"")
        by_script = [i for i, one in enumerate(known) if one.kind == "scripted"]
        scripted.append(episodes.action["move"][:, by_script].tolist())
    assert bred[0] == bred[1]
    assert len(set(bred[0])) > 1
    assert scripted[0] == scripted[1]


@pytest.mark.slow
def test_normalisation_has_no_statistics_of_what_is_hidden(weights: bytes) -> None:
    with ExitStack() as closing:
        mean, variance = policies.from_bytes(policies.blank(winch(), closing), weights)
    assert mean.shape == variance.shape == (2,)


# ------------------------------------------------------------------------------------------------------------ round about


def demonstrations(**more: Any) -> bytes:
    """One episode of two steps."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {
        "observations": np.zeros((1, 3, 3)), "actions": np.array([[2, 2]]), "lengths": [2], "terminated": [False],
        "info.energy": [[9.0, 1.0, 2.0]], "info.force": np.ones((1, 3, 2)), "info.load.mass": np.full((1, 3), 2.0),
    }  # fmt: skip
    np.savez(buffer, **{name: array for name, array in {**arrays, **more}.items() if array is not None})
    return buffer.getvalue()


@pytest.mark.slow
def test_demonstrations_have_an_array_for_each_value_of_info() -> None:
    venv = make.vectorised(winch(), 1, 0)
    episodes, known, _ = reference_episodes(winch(), venv, 0, demonstrations())
    assert known[-1].kind == "demo"
    assert episodes.state["energy"][:2, -1].tolist() == [0.0, 1.0], "at a reset it is what the card says"
    assert episodes.next_state["force"][:2, -1].tolist() == [[1.0, 1.0]] * 2


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"info.energy": None}, "it has no info.energy. The file needs"),
        ({"info.energy": np.zeros((1, 2))}, "info.energy of shape (1, 2) beside observations of (1, 3, 3)"),
        ({"info.force": np.zeros((1, 3, 3))}, "info.force of shape (1, 3, 3) beside"),
        ({"info.energy": [[0.0, np.nan, 0.0]]}, "an observation of episode 0 is not finite"),
        ({"observations": np.zeros((1, 3, 2))}, "observations of shape (2,), not (3,)"),
    ],
)
def test_demonstrations_that_lack_one_are_refused(more: dict[str, Any], says: str) -> None:
    venv = make.vectorised(winch(), 1, 0)
    with pytest.raises(TaskError) as caught:
        reference_episodes(winch(), venv, 0, demonstrations(**more))
    assert says in str(caught.value)
    assert "and info.energy (E, L + 1), and info.force (E, L + 1, k), and info.load.mass (E, L + 1)." in str(
        caught.value
    )


@pytest.mark.slow
def test_exploring_and_checking_read_them() -> None:
    found, _ = explore(ExploreJob(task=winch(), seed=1, steps=100), {}, HERE)
    assert found.replayable
    described, _ = describe(DescribeJob(task=winch(), seed=0, demonstrated=False), {}, HERE)
    sizes = {field.name: field.size for field in described.state}
    assert sizes == {"height": 0, "temperature": 0, "energy": 0, "force": 2, "pull": 0, "mass": 0}
    said = {item.name: item for item in audit(AuditJob(task=winch()), {}, HERE)[0].items}
    assert said["determinism"].ok
    assert {name for name in said if name.startswith("range of")} == {"range of energy"}, "the rule reads it alone"
    sees = "sees 2 of the 3 numbers of the observation, and nothing of the 4 that fields read of info; "
    assert said["policy"].message == sees + "not seen: temperature, energy, force, pull, mass"


def test_a_state_program_may_return_both() -> None:
    env = make.make_env(told())
    row = env.reset(seed=1)[0]
    assert row.tolist() == [row[0], row[0] / 2, 20.0, 0.0]
    assert PolicyView(told(), layout_of(env)).of(row).tolist() == row[:2].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("made", [told, parts])
def test_what_a_state_program_or_a_part_hides_does_not_reach_a_policy(made: Callable[..., Task]) -> None:
    one, other = (trained(made(kwargs={"noise": noise}))[1][policy_file(128)] for noise in (0.0, 7.0))
    assert one == other


# -------------------------------------------------------------------------------------------------------------------- init


@pytest.fixture(scope="module")
def surveyed() -> Survey:
    found, _ = survey(SurveyJob(task=placeholder_task("hidden_envs:Winch-v0", {}, "winch")), {}, HERE)
    return found


@pytest.mark.slow
def test_a_survey_tells_of_info(surveyed: Survey) -> None:
    found = {value.keys: (value.size, value.flag, value.at_reset) for value in surveyed.info}
    assert found == {
        ("energy",): (0, False, False),
        ("force",): (2, False, False),
        ("load", "mass"): (0, False, True),
        ("is_success",): (0, True, False),
    }


@pytest.mark.slow
def test_a_draft_takes_the_environments_own_word_and_offers_the_rest(surveyed: Survey) -> None:
    drafted = draft_task(surveyed, "winch", "Lift the load.", {})
    assert (drafted.task.success.when, drafted.task.success.within) == ("is_success > 0.5", "last step")
    assert drafted.task.unseen == ("is_success",)
    text = card_text(drafted)
    assert parse_task(text, Path("winch/task.toml")) == drafted.task
    assert (
        '# [state.load_mass]\n# source = "info.load.mass"\n# about = "a number, from 2 to 2 by random actions"\n'
        in text
    )
    assert "reward" not in "".join(line for line in text.splitlines() if line.startswith("# source"))
    # taken in: what is a comment is a card once its marks are gone
    lines = text.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("# [state.energy]"))
    end = next(i for i in range(begin, len(lines)) if not lines[i].startswith("# "))
    opened = [*lines[:begin], *(line.removeprefix("# ") for line in lines[begin:end]), *lines[end:]]
    task = parse_task("\n".join(opened), Path("winch/task.toml"))
    assert task.unseen == ("is_success", "energy", "force", "load_mass")
    env = make.make_env(task)
    assert layout_of(env).size == 3 + 1 + 1 + 2 + 1
    said = {item.name: item for item in audit(AuditJob(task=drafted.task), {}, HERE)[0].items}
    assert not [item for item in said.values() if not item.ok and item.name.startswith("range")]


@pytest.mark.parametrize(
    ("keys", "source"), [(("a",), "info.a"), (("a", "b c"), "info['a']['b c']"), (("class",), "info['class']")]
)
def test_values_of_info_have_a_source_that_reads_them(keys: tuple[str, ...], source: str) -> None:
    value = InfoValue(keys=keys, size=0, low=0.0, high=1.0, flag=True, at_reset=True)
    assert info_source(value) == source
    (name,) = Expression(source, "here").names
    assert info_keys(name) == keys


def test_where_a_distance_is_known_it_grades_what_the_environment_says() -> None:
    three = (Entry(low=-1.0, high=1.0, seen_low=-1.0, seen_high=1.0, mean=0.0, std=0.5),) * 3
    parts = tuple(Stretch(key=k, entries=three) for k in ("achieved_goal", "desired_goal", "observation"))
    said = InfoValue(keys=("is_success",), size=0, low=0.0, high=0.0, flag=True, at_reset=False)
    paid = InfoValue(keys=("reward_dist",), size=0, low=0.0, high=3.0, flag=False, at_reset=False)
    seen = Survey(env="Toy-v0", doc="", stretches=parts, left_out=(), action=three, choices=(), max_steps=50,
                  terminates=False, random_length=50.0, longest=50, info=(said, paid))  # fmt: skip
    drafted = draft_task(seen, "toy", "Bring it there and hold it.", {})
    success = drafted.task.success
    assert (success.when, success.distance) == ("is_success > 0.5", "norm(achieved_goal - desired_goal)")
    assert success.within == "last 10 steps"
    assert "reward_dist" not in card_text(drafted), "whoever writes a reward must not read the environment's own"
    assert parse_task(card_text(drafted), Path("toy/task.toml")) == drafted.task
