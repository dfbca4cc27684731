"""Screens and weight tuning: known answers on episodes made by hand."""

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
from batches import batch
from numpy.typing import NDArray

from autoreward.checks import laps, screens, starc
from autoreward.checks.dataset import EpisodeDataset, join
from autoreward.checks.relabel import Relabelled, relabel, shaken_inputs
from autoreward.checks.screening import screen
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.design.grammar.evolve import evolved_candidates
from autoreward.design.grammar.kit import Kit
from autoreward.design.grammar.terms import Genome, part_names
from autoreward.design.weight_tuning import retuned, tuned, weighted
from autoreward.evaluation.rank_correlation import spearman
from autoreward.records import Candidate, Description, Episode, FieldStats, ReferenceEpisode, TrialJob
from autoreward.rewards.gate import gate
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.search.strategy import FIRST_IDEA
from autoreward.tasks.files import find_task

Array = NDArray[np.float64]


def dataset_of(*goodness: float, kinds: tuple[str, ...] = (), **change: object) -> EpisodeDataset:
    """Episodes with that graded progress (1 and more: a success), 10 steps each."""
    plain = {"length": 10, "terminated": False, "reached": False, "held": 0, "metric": 1, "movement": 1.0}
    episodes = [Episode.model_validate(plain | {"success": g >= 1, "progress": min(g, 1.0)} | change) for g in goodness]
    names = kinds or ("trial",) * len(goodness)
    data = batch(steps=10, envs=len(goodness))
    return EpisodeDataset(
        data, tuple(ReferenceEpisode(kind=k, episode=e) for k, e in zip(names, episodes, strict=True)), "lower"
    )


def labels(returns: list[float] | Array, noisy: list[float] | Array | None = None, **peaks: float) -> Relabelled:
    values = np.asarray(returns, dtype=np.float64)
    shaken = values if noisy is None else np.asarray(noisy, dtype=np.float64)
    return Relabelled({"a": values}, peaks or {"a": 1.0}, values, shaken, np.repeat(values, 10) / 10)


GRADED = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0]


def test_ranking_rejects_a_flipped_sign_alone() -> None:
    dataset = dataset_of(*GRADED)
    assert screens.ranking(dataset, labels(GRADED)).number == pytest.approx(1.0)
    flipped = screens.ranking(dataset, labels([-g for g in GRADED]))
    assert (flipped.decision, flipped.number) == ("rejected", pytest.approx(-1.0))
    assert "With its sign turned" in flipped.advice
    shuffled = screens.ranking(dataset, labels([8, 6, 7, 5, 2, 4, 1, 3]))
    assert shuffled.decision == "rejected"
    assert "sign" not in shuffled.advice, "that the sign is wrong is not shown"
    unsure = screens.ranking(dataset, labels([1, 0, 1, 0, 1, 0, 1, 0]))
    assert unsure.decision == "passed", "a weak correlation proves nothing"


@pytest.mark.parametrize("span", [0.12, 0.2, 0.24])
def test_failures_alone_are_no_reason_to_reject(span: float) -> None:
    """Random episodes drift further from the goal than idle ones, and pay more: no success would do either."""
    dataset = dataset_of(*np.linspace(0.0, span, 16), kinds=tuple(f"random {i}" for i in range(16)))
    found = screens.ranking(dataset, labels([float(-i) for i in range(16)]))
    assert (found.decision, found.number) == ("demoted", pytest.approx(-1.0))
    assert "its highest return is of random 0 (progress 0.00)" in found.evidence
    assert not any(claim in found.advice for claim in ("sign", "wrong", "does not ask"))


@pytest.mark.parametrize(("paid", "decision"), [(30.0, "demoted"), (-30.0, "rejected")])
@pytest.mark.parametrize("better", [1.0, 0.9])
def test_a_clearly_better_episode_decides(paid: float, decision: str, better: float) -> None:
    """15 failures that it orders the wrong way; the one that came near, or succeeded, out-scores them all or none of them."""
    dataset = dataset_of(*np.linspace(0.0, 0.1, 15), better)
    found = screens.ranking(dataset, labels([*(float(-i) for i in range(15)), paid]))
    assert found.decision == decision


def test_only_a_quarter_of_the_way_is_clearly_better() -> None:
    assert list(dataset_of(0.0, 0.0, 0.2, 0.3, 1.0).better_ones) == [False, False, False, False, True]
    assert list(dataset_of(0.0, 0.0, 0.0, 0.2, 0.25).better_ones) == [False, False, False, False, True]
    assert list(dataset_of(0.9, 0.9, 0.9, 0.99, 1.0).better_ones) == [False, False, False, False, True]
    assert list(dataset_of(0.1, 1.0, 1.0).better_ones) == [False, True, True]


def test_ranking_is_silent_when_one_kind_is_known() -> None:
    assert screens.ranking(dataset_of(*[0.4] * 9), labels(range(9))).decision == "silent"  # type: ignore[arg-type]
    assert screens.ranking(dataset_of(0.0, 1.0), labels([1.0, 0.0])).decision == "silent"


@pytest.mark.parametrize(("better", "decision"), [("lower", "demoted"), ("higher", "passed")])
def test_among_successes_the_better_metric_should_out_score(better: Literal["lower", "higher"], decision: str) -> None:
    """16 successes, the more steps one takes the more it collects; the failures collect least."""
    dataset = dataset_of(*[0.1] * 4, *[1.0] * 16)
    taken = np.array([50.0] * 4 + [float(10 + i) for i in range(16)])
    episodes = tuple(
        p.model_copy(update={"episode": p.episode.model_copy(update={"metric": m})})
        for p, m in zip(dataset.episodes, taken, strict=True)
    )
    found = screens.ranking(EpisodeDataset(dataset.transitions, episodes, better), labels([0.0] * 4 + list(taken[4:])))
    assert found.decision == decision
    assert found.number is not None
    assert found.number > 0.5
    assert f"of its 16 successes {'-' if better == 'lower' else '+'}1.00" in found.evidence
    by_chance = labels([0.0] * 4 + [1.0, 2.0] * 8)
    assert screens.ranking(EpisodeDataset(dataset.transitions, episodes, better), by_chance).decision == "passed"


def test_standing_still_must_not_pay_more_than_success() -> None:
    dataset = dataset_of(0.2, 0.3, 1.0, kinds=("constant 0", "random", "trial"))
    assert screens.degenerate(dataset, labels([5.0, 0.0, 4.0])).decision == "rejected"
    assert screens.degenerate(dataset, labels([3.0, 9.0, 4.0])).decision == "passed"
    unsolved = dataset_of(0.2, 0.3, 0.6, kinds=("constant 0", "random", "trial"))
    assert screens.degenerate(unsolved, labels([5.0, 0.0, 4.0])).decision == "silent", "no success is known yet"


def test_ending_the_episode_early_must_not_pay() -> None:
    short = Episode(success=False, length=2, terminated=True, reached=False, held=0, progress=0.1, metric=1, movement=1)
    full = short.model_copy(update={"length": 10, "terminated": False, "success": True, "progress": 1.0})
    episodes = (ReferenceEpisode(kind="random", episode=short), ReferenceEpisode(kind="trial", episode=full))
    dataset = EpisodeDataset(batch(10, 2), episodes, "lower")
    found = screens.degenerate(dataset, labels([-2.0, -10.0]))
    assert found.decision == "rejected"
    assert "ending the episode after 2 steps" in found.evidence


def walked(**paths: Array) -> Transitions:
    """One episode a column, with a field that stays where it is."""
    steps, envs = max(map(len, paths.values())), len(paths)
    x = np.stack([np.pad(path, (0, steps - len(path)), mode="edge") for path in paths.values()], axis=1)
    clock = np.arange(1, steps + 1)[:, None]
    step = np.where(clock <= [len(path) for path in paths.values()], clock, 0)
    fields = {"x": x, "target": np.full_like(x, 0.3)}
    return Transitions(fields, {}, fields, step, np.zeros((steps, envs), dtype=bool))


def test_laps_are_counted() -> None:
    """Four turns of a wheel, a straight line, there and back, and one that hardly moves."""
    time = np.linspace(0.0, 1.0, 101)
    paths = {
        "wheel": np.cos(2 * np.pi * 4 * time),
        "line": 2 * time,
        "back": np.abs(1 - 2 * time[:81]),
        "still": 0.01 * np.sin(50 * time),
    }
    found = dict(zip(paths, laps.laps(walked(**paths)), strict=True))
    assert found == {"wheel": 4, "line": 0, "back": 1, "still": 0}


def test_going_in_circles_must_not_pay_more_than_success() -> None:
    time = np.linspace(0.0, 1.0, 101)
    data = walked(wheel=np.cos(2 * np.pi * 4 * time), line=2 * time, won=2 * time)
    dataset = EpisodeDataset(data, dataset_of(0.2, 0.2, 1.0).episodes, "lower")
    farmed = screens.degenerate(dataset, labels([5.0, 0.0, 4.0]))
    assert farmed.decision == "rejected"
    assert "coming back to the same state" in farmed.evidence
    assert screens.degenerate(dataset, labels([3.0, 9.0, 4.0])).decision == "passed", "the line went nowhere twice"
    near = EpisodeDataset(data, dataset_of(0.2, 0.2, 1.0, reached=True).episodes, "lower")
    assert screens.degenerate(near, labels([5.0, 0.0, 4.0])).decision == "silent"


def test_a_known_exploit_must_not_pay_again() -> None:
    dataset = dataset_of(0.2, 1.0, kinds=("exploit r000c1-s0", "trial"))
    assert screens.exploits(dataset, labels([9.0, 4.0])).decision == "rejected"
    assert screens.exploits(dataset, labels([1.0, 4.0])).decision == "passed"
    assert screens.exploits(dataset_of(0.2, 1.0), labels([9.0, 4.0])).decision == "silent"
    unsolved = dataset_of(0.2, 0.6, kinds=("exploit r000c1-s0", "trial"))
    assert screens.exploits(unsolved, labels([9.0, 4.0])).decision == "silent"


def test_scale_and_variation() -> None:
    solved, unsolved = dataset_of(1.0), dataset_of(0.5)
    assert screens.scale(solved, labels([1.0], a=1000.0, b=1.0)).decision == "demoted"
    assert screens.scale(unsolved, labels([1.0], a=1000.0, b=1.0)).decision == "silent", "b may be large near the goal"
    assert screens.scale(solved, labels([1.0], a=9.0, b=1.0)).decision == "passed"
    assert screens.scale(solved, labels([1.0], a=9.0)).decision == "silent"
    assert screens.scale(solved, labels([1.0], a=9.0, flag=0.0)).decision == "silent", (
        "the flag may be large where it is reached"
    )
    assert screens.variation(labels([0.0, 0.0])).decision == "demoted"
    assert screens.variation(labels([-1.0, -1.0])).decision == "silent", "a cost of time, where all are equally long"
    lasting = labels([1.0, 1.0])._replace(returns=np.array([10.0, 20.0]))
    assert screens.variation(lasting).decision == "passed", "a cost of time tells episodes apart by their length"
    assert screens.variation(labels([1.0, 2.0])).decision == "passed"


def test_noise_must_not_reorder_episodes() -> None:
    values = [float(i) for i in range(10)]
    assert screens.sensitivity(labels(values)).decision == "passed"
    assert screens.sensitivity(labels(values, values[::-1])).decision == "demoted"


def test_canonical_forms_ignore_scale_and_shaping() -> None:
    data, gamma = batch(steps=40, envs=6), 0.9
    basis = starc.potentials(data, gamma)
    rng = np.random.default_rng(0)
    reward = rng.normal(size=len(basis))
    shaped = 3.0 * reward + basis @ rng.normal(size=basis.shape[1])
    rewards = {
        "one": reward,
        "shaped": shaped,
        "turned": -reward,
        "other": rng.normal(size=len(basis)),
        "idle": basis[:, 0],
    }
    distances = starc.Distances(rewards, basis)
    assert distances.between("one", "shaped") == pytest.approx(0.0, abs=1e-6)
    assert distances.between("one", "turned") == pytest.approx(1.0)
    assert distances.between("one", "other") == pytest.approx(0.7, abs=0.1)
    assert distances.between("one", "idle") == pytest.approx(0.5), "what is nothing but shaping has no direction"


def test_spearman_known_answers() -> None:
    assert spearman(np.array([1.0, 2, 3]), np.array([10.0, 20, 30])) == pytest.approx(1.0)
    assert spearman(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == pytest.approx(-1.0)
    # ties at their mean rank: ranks 1.5 1.5 3 against 1 2 3, by hand sqrt(3)/2
    assert spearman(np.array([1.0, 1, 3]), np.array([1.0, 2, 3])) == pytest.approx(3**0.5 / 2)
    assert spearman(np.array([1.0, 1]), np.array([1.0, 2])) == 0.0


PROGRAM = "def compute_reward(state, action, next_state, memory):\n    return {body}\n"


def job(body: str, uses_memory: bool = False, composition: str = "sum") -> TrialJob:
    return TrialJob(id="a-s0", candidate_id="a", reward="candidate", source=PROGRAM.replace("{body}", body), seed=0, steps=1,
                    uses_memory=uses_memory, composition=composition)  # fmt: skip


def test_relabelling_sums_what_belongs_to_the_episode(jail: Jail) -> None:
    """Rows after an episode's end count nothing."""
    data = batch(steps=10, envs=2)
    step = data.step.copy()
    step[4:, 1] = 0
    cut = Transitions(data.state, data.action, data.next_state, step, data.terminated)
    dataset = EpisodeDataset(cut, dataset_of(0.1, 0.2).episodes, "lower")
    found = relabel(jail, job('{"one": np.ones_like(next_state.x), "x": next_state.x}'), 0.9, dataset)
    assert found.parts["one"].tolist() == [10.0, 4.0]
    assert found.parts["x"][1] == pytest.approx(data.next_state["x"][:4, 1].sum())
    assert found.returns == pytest.approx(found.parts["one"] + found.parts["x"])
    assert len(found.rewards) == dataset.size == 14


def test_a_hundred_thousand_transitions_are_one_call(jail: Jail) -> None:
    data = batch(steps=1_000, envs=100, length=1_000)
    narrow = Transitions({"x": data.state["x"]}, data.action, {"x": data.next_state["x"]}, data.step, data.terminated)
    dataset = EpisodeDataset(narrow, dataset_of(*[0.1] * 100).episodes, "lower")
    found = relabel(jail, job('{"rows": np.full_like(next_state.x, len(next_state.x))}'), 0.9, dataset)
    assert dataset.size == 100_000
    assert found.peaks == {"rows": 100_000.0}


def short_and_long() -> EpisodeDataset:
    """An episode of 2 steps beside one of 10."""
    data = batch(steps=10, envs=2)
    step = data.step.copy()
    step[2:, 0] = 0
    return EpisodeDataset(
        Transitions(data.state, data.action, data.next_state, step, data.terminated),
        dataset_of(0.1, 0.2).episodes,
        "lower",
    )


@pytest.mark.parametrize("uses_memory", [False, True])
def test_nobody_is_asked_about_rows_after_an_episodes_end(jail: Jail, uses_memory: bool) -> None:
    found = relabel(jail, job('{"a": np.log(next_state.step)}', uses_memory), 0.9, short_and_long())
    assert found.returns.tolist() == pytest.approx([np.log(2), np.log(np.arange(1, 11)).sum()])


def test_failing_on_noise_alone_silences_one_screen(jail: Jail) -> None:
    dataset = short_and_long()
    top = float(dataset.transitions.next_state["x"].max())
    found = relabel(
        jail, job(f'{{"a": np.arccos(np.minimum(next_state.x, 0) / 9) + np.sqrt({top} - next_state.x)}}'), 0.9, dataset
    )
    assert found.noisy is None
    assert screens.sensitivity(found).decision == "silent"
    assert np.isfinite(found.returns).all()


def test_a_program_that_fails_on_the_pool_still_trains_last(jail: Jail) -> None:
    dataset = dataset_of(0.1, 0.2)
    with pytest.raises(RewardFailed) as failed:
        relabel(jail, job('{"a": 1.0 / (next_state.step - 3)}'), 0.9, dataset)
    fine = relabel(jail, job('{"a": next_state.x}'), 0.9, dataset)
    result = screen(dataset, {"fails": failed.value, "fine": fine}, {}, 0.9)
    assert result.order == ("fine", "fails")
    (why,) = next(i.screens for i in result.items if i.candidate_id == "fails")
    assert (why.decision, why.number) == ("demoted", None)
    assert "became inf at step 3 of an episode" in why.evidence
    assert screen(dataset, {"fails": failed.value}, {}, 0.9).order == ("fails",)


def test_noise_is_small_and_meets_its_own_next_step() -> None:
    """1 % of a field's spread on every state, the same draw where a state is seen again; none on switches and constants."""
    data = batch(steps=10, envs=4)
    after = data.next_state["x"]
    fields = {"x": after, "on": np.rint(np.abs(after)), "still": np.full_like(after, 0.3)}
    before = {name: np.concatenate([np.full_like(values[:1], 0.7), values[:-1]]) for name, values in fields.items()}
    plain = Transitions(before, data.action, fields, data.step, data.terminated)
    noisy = shaken_inputs(plain)
    moved = noisy.next_state["x"] - after
    assert moved.std() == pytest.approx(0.01 * after.std(), rel=0.3)
    assert (moved != 0.0).all()
    assert np.array_equal(noisy.state["x"][1:], noisy.next_state["x"][:-1]), "successive states still meet"
    assert np.array_equal(noisy.state["x"][0], before["x"][0]), "an episode's first state has none"
    for name in ("on", "still"):
        assert np.array_equal(noisy.next_state[name], fields[name])
        assert np.array_equal(noisy.state[name], before[name])


def test_a_knife_edge_is_sensitive_and_a_slope_is_not(jail: Jail) -> None:
    data = batch(steps=10, envs=9)
    edge = float(data.next_state["x"][0, 0])
    dataset = EpisodeDataset(data, dataset_of(*np.linspace(0.1, 0.9, 9)).episodes, "lower")
    for body, decision in (("next_state.x", "passed"), (f"1.0 * (np.abs(next_state.x - {edge}) < 1e-9)", "demoted")):
        found = relabel(jail, job(f'{{"a": {body}}}'), 0.9, dataset)
        assert screens.sensitivity(found).decision == decision


def test_datasets_of_different_lengths_are_joined() -> None:
    one, other = dataset_of(0.1, 0.2), EpisodeDataset(batch(steps=5, envs=1), dataset_of(0.3).episodes, "lower")
    joined = join([(one.transitions, one.episodes), (other.transitions, other.episodes)], "lower")
    assert joined.transitions.shape == (10, 3)
    assert joined.size == 25
    assert joined.goodness.tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_the_order_and_the_last_one_standing(jail: Jail) -> None:
    data = batch(steps=10, envs=9)
    quality = data.next_state["x"].sum(axis=0)
    ranks = (np.argsort(np.argsort(quality)) + 1) / 9
    dataset = EpisodeDataset(data, dataset_of(*ranks).episodes, "lower")
    bodies = {"good": '{"a": next_state.x}', "again": '{"a": 2.0 * next_state.x}', "bad": '{"a": -next_state.x}'}
    found = {name: relabel(jail, job(body), 0.9, dataset) for name, body in bodies.items()}
    result = screen(dataset, found, {}, 0.9)
    assert result.order == ("good",)
    decisions = {i.candidate_id: [s.name for s in i.screens if s.decision == "rejected"] for i in result.items}
    assert decisions == {"good": [], "again": ["duplicate"], "bad": ["ranking"]}
    assert screen(dataset, {"bad": found["bad"]}, {}, 0.9).order == ("bad",), "a screen can't stop a search"


def order_of(jail: Jail, dataset: EpisodeDataset, *bodies: str) -> list[str]:
    """What the duplicate screen decides about each, in the order they were designed."""
    found = {f"c{i}": relabel(jail, job(f"{{{body}}}"), 0.9, dataset) for i, body in enumerate(bodies)}
    result = screen(dataset, found, {}, 0.9)
    return [next(s.decision for s in item.screens if s.name == "duplicate") for item in result.items]


HEIGHT = '"height": np.sin(next_state.x)'


def test_what_the_pool_can_not_tell_apart_is_not_rejected(jail: Jail) -> None:
    """Episodes of one length, none of which ends by itself or succeeds: a bonus of time is a cost, a bonus for success is none."""
    data = batch(steps=10, envs=9)
    endless = Transitions(data.state, data.action, data.next_state, data.step, np.zeros_like(data.terminated))
    dataset = EpisodeDataset(endless, dataset_of(*[0.1] * 9).episodes, "lower")
    alive, time = HEIGHT + ', "alive": np.ones_like(state.x)', HEIGHT + ', "time": -np.ones_like(state.x)'
    bonus = ', "flag": 100.0 * (next_state.x > 99)'
    made = order_of(jail, dataset, alive, time, HEIGHT, alive + bonus, HEIGHT.replace("np.sin", "2 * np.sin"))
    assert made == ["silent", "passed", "passed", "demoted", "demoted"]


def test_a_duplicate_is_rejected_where_a_success_and_ends_are_known(jail: Jail) -> None:
    data = batch(steps=10, envs=9)
    solved = EpisodeDataset(data, dataset_of(*[0.1] * 8, 1.0).episodes, "lower")
    assert data.terminated.any()
    bonus = HEIGHT + ', "flag": 100.0 * (next_state.x > 99)'
    assert order_of(jail, solved, HEIGHT, HEIGHT.replace("np.sin", "2 * np.sin"), bonus) == [
        "silent",
        "rejected",
        "demoted",
    ]
    assert order_of(jail, solved, HEIGHT, HEIGHT.replace("np", "5 + np")) == ["silent", "passed"], (
        "ending is worth 5 less"
    )


def test_a_rejected_program_makes_no_duplicates(jail: Jail) -> None:
    """What never trained is no reason against another."""
    data = batch(steps=10, envs=9)
    ranks = (np.argsort(np.argsort(data.next_state["x"].sum(axis=0))) + 1) / 9
    dataset = EpisodeDataset(data, dataset_of(*ranks).episodes, "lower")
    assert order_of(jail, dataset, '"a": -next_state.x', '"a": -2 * next_state.x') == ["silent", "silent"]


def test_weights_are_tuned_toward_what_ranks_better(jail: Jail) -> None:
    rng = np.random.default_rng(0)
    useful, useless = rng.normal(size=40), 5 * rng.normal(size=40)
    factors = tuned({"useful": useful, "useless": useless}, useful)
    assert factors["useful"] > 2.0
    assert factors["useless"] < 0.5
    assert tuned({"a": useful}, np.zeros(40)) == {"a": 1.0}


def parts_of(source: str, jail: Jail, data: Transitions) -> dict[str, Array]:
    """What a program that the gate lets in makes of the transitions."""
    assert not gate.examine(source).problems, source
    with jail.open(source) as room:
        return room.client.evaluate(data, stepped=False)


def test_a_weighted_program_is_a_program(jail: Jail) -> None:
    source = weighted(PROGRAM.replace("{body}", '{"a": next_state.x, "b": state.x}'), {"a": 2.0, "b": 0.5})
    data = batch()
    parts = parts_of(source, jail, data)
    assert parts["a"] == pytest.approx(2.0 * data.next_state["x"])
    assert parts["b"] == pytest.approx(0.5 * data.state["x"])


def test_a_program_that_is_weighted_again_gets_new_weights(jail: Jail) -> None:
    once = weighted(PROGRAM.replace("{body}", '{"a": next_state.x, "b": state.x, "c": state.x}'), {"a": 2.0, "b": 0.1})
    twice = weighted(once, {"a": 5.0, "b": 0.2, "c": 0.5})
    assert len(twice.splitlines()) == len(once.splitlines())
    assert 'WEIGHTS = {"a": 10.0, "b": 0.02, "c": 0.5}' in twice
    data = batch()
    parts = parts_of(weighted(twice, {"a": 0.5}), jail, data)
    assert parts["a"] == pytest.approx(5.0 * data.next_state["x"])
    assert parts["b"] == pytest.approx(0.02 * data.state["x"])
    assert parts["c"] == pytest.approx(0.5 * data.state["x"])


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("WEIGHTS", "WEIGHTS"),
        ("10.0,", "10.0 * 2,"),
        ("scaled.", "scaled as people like it."),
        ("WEIGHTS.get(name, 1.0) * part", "WEIGHTS.get(name, 1.0) * part * 1.0"),
        ("unweighted_reward", "plain"),
    ],
)
def test_names_that_are_taken_are_left_alone(written: str, instead: str, jail: Jail) -> None:
    """A model may write its own `WEIGHTS`, or rework a weighted program in any way."""
    plain = PROGRAM.replace("{body}", '{"a": WEIGHTS["a"] * next_state.x, "b": unweighted_reward(state.x)}')
    own = f"WEIGHTS = {{'a': 3.0}}\n\n\ndef unweighted_reward(x):\n    return -x\n\n\n{plain}"
    data = batch()
    reworked = weighted(own, {"a": 10.0, "b": 0.5}).replace(written, instead)
    before, after = (parts_of(s, jail, data) for s in (reworked, weighted(reworked, {"a": 2.0, "b": 3.0})))
    assert after["a"] == pytest.approx(2.0 * before["a"])
    assert after["b"] == pytest.approx(3.0 * before["b"])
    assert abs(before["a"]).sum() > 0.0


# --------------------------------------------------------------------------------------------------- weights of a run

TASK = find_task("cartpole-hold", (envs_folder(),))
DESCRIPTION = Description(
    state=tuple(FieldStats(name=n, size=0, low=-1, high=1, mean=0, std=0.3) for n in TASK.state),
    action=tuple(FieldStats(name=n, size=0, low=0, high=2, mean=1, std=1, discrete=3) for n in TASK.action),
    max_steps=200,
    terminates=True,
    random_length=30,
)


def sums(names: Sequence[str]) -> dict[str, Array]:
    """Parts of which the first alone is higher in better episodes, and the others are larger."""
    rng = np.random.default_rng(0)
    return {name: np.linspace(0, 1, 40) if i == 0 else 5 * rng.normal(size=40) for i, name in enumerate(names)}


def test_a_tuned_program_of_the_grammar_stays_one_and_can_have_children() -> None:
    parent = evolved_candidates(TASK, DESCRIPTION, (), [FIRST_IDEA] * 8, seed=0)[3]
    genome = Genome.model_validate_json(parent.genome)
    names = part_names(genome, Kit(TASK, DESCRIPTION).things)
    child = retuned(TASK, DESCRIPTION, parent, tuned(sums(list(names.values())), np.linspace(0, 1, 40)), "w", "r001w")
    assert child
    assert (child.id, child.how, child.parents) == ("r001w", "weights", (parent.id,))
    assert child.source.count("def ") == 1, "it is still one plain function"
    factors = dict(re.findall(r"(\w+) x ([\d.]+)", child.thought))
    for old, new in zip(genome.terms, Genome.model_validate_json(child.genome).terms, strict=True):
        assert new.weight == pytest.approx(old.weight * float(factors[names[old.slot]]))
        assert new.model_copy(update={"weight": old.weight}) == old


def test_a_tuned_program_of_a_model_is_wrapped() -> None:
    source = PROGRAM.replace("{body}", '{"a": next_state.x, "b": state.x}')
    parent = Candidate(id="r000c1", source=source, thought="t", origin="model", how="fresh")
    child = retuned(TASK, DESCRIPTION, parent, tuned(sums("ab"), np.linspace(0, 1, 40)), "w", "r001w")
    assert child
    assert "WEIGHTS = " in child.source
    assert child.genome == ""
    again = retuned(TASK, DESCRIPTION, child, tuned(sums("ab"), np.linspace(0, 1, 40)), "w", "r002w")
    assert again
    assert again.source.count("WEIGHTS = ") == 1


def test_nothing_is_tuned_that_gains_nothing() -> None:
    parent = Candidate(id="r000c1", source=PROGRAM, thought="t", origin="model", how="fresh")
    assert retuned(TASK, DESCRIPTION, parent, tuned(sums("ab"), np.zeros(40)), "w", "r001w") is None, (
        "all episodes are as good"
    )
    signs = parent.model_copy(update={"composition": "sign"})
    assert retuned(TASK, DESCRIPTION, signs, tuned(sums("ab"), np.linspace(0, 1, 40)), "w", "r001w") is None, (
        "no sum of parts"
    )
