"""Compositions: known answers, and what each of them promises."""

import json
from functools import reduce
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from pydantic import ValidationError

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.errors import UsageError
from autoreward.llm.parsing import Unusable, parse_record
from autoreward.records import Candidate, Candidates, CompositionName, PartRole, Reference, Setup, TrialJob, Verdict
from autoreward.rewards.compose import COMPOSITIONS, as_read
from autoreward.rewards.gate.gate import examine
from autoreward.roles.designer import Ideas
from autoreward.search.halving import search_job
from autoreward.session.reward_file import read_program
from autoreward.tasks.files import find_task

STEP = np.array([[1], [2], [3], [1], [2]])
GOES_ON = np.zeros((5, 1), dtype=bool)
PARTS = {"main": np.array([[2.0], [0.0], [-3.0], [1.0], [0.5]]), "a": np.array([[0.5], [2.0], [-1.0], [0.25], [1.0]])}


def ticks(step: NDArray[np.int64], terminated: NDArray[np.bool_]) -> Transitions:
    """Transitions of which nothing but the place in an episode matters."""
    return Transitions(state={}, action={}, next_state={}, step=step, terminated=terminated)


SETUP = Setup(
    roles={
        "main": "main",
        "a": "potential",
        "phi": "potential",
        "part0": "main",
        "part1": "potential",
        "part2": "dense",
    },
    reference=Reference(mean=0.5, std=2.0),
)


def compose(how: CompositionName, parts: dict[str, NDArray[np.float64]], gamma: float = 0.5) -> list[float]:
    envs = next(iter(parts.values())).shape[1]
    rewards: list[float] = COMPOSITIONS[how].start(envs, gamma, SETUP)(parts, ticks(STEP, GOES_ON))[:, 0].tolist()
    return rewards


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("sum", [2.5, 2.0, -4.0, 1.25, 1.5]),
        ("bounded", np.tanh([0.5, 0.375, -1.125, 0.1875, 0.25]).tolist()),
        ("sign", [1.1, 0.1, -1.1, 1.1, 1.1]),
        ("product", [1.0, 0.0, -0.0, 0.25, 0.5]),
        # 2 + .5*.5;  0 + .5*2 - .5;  -3 - .5 - 2;  new episode: 1 + .5*.25;  .5 + .5 - .25
        ("potential", [2.25, 0.5, -5.5, 1.125, 0.75]),
    ],
)
def test_known_answers(how: CompositionName, expected: list[float]) -> None:
    assert compose(how, PARTS) == pytest.approx(expected)


@pytest.mark.parametrize("how", COMPOSITIONS)
def test_one_part_alone(how: CompositionName) -> None:
    alone = {"main": PARTS["main"]}
    expected = {"bounded": np.tanh((alone["main"] - 0.5) / 4), "sign": np.sign(alone["main"])}.get(how, alone["main"])
    assert compose(how, alone) == pytest.approx(expected[:, 0].tolist())


def test_a_pay_for_being_alive_takes_nothing_from_a_bounded_reward() -> None:
    """PAR is centred: what coming near pays, with a constant beside it, of 0.46 without one. Uncentred it is 0.00006 for 10."""
    for alive in (0.0, 1.0, 5.0, 10.0):
        setup = Setup(reference=Reference(mean=alive, std=1.0))
        parts = {"alive": np.full((2, 1), alive), "near": np.array([[0.0], [1.0]])}
        step = np.ones((2, 1), dtype=np.int64)
        far, near = COMPOSITIONS["bounded"].start(1, 0.9, setup)(parts, ticks(step, step < 0))[:, 0]
        assert near - far == pytest.approx(np.tanh(0.5))


def test_a_sum_that_never_varies_has_no_scale() -> None:
    assert as_read(0.9, Setup(reference=Reference(mean=-1.0, std=1e-12)))["std"] == 1.0
    assert as_read(0.9, Setup())["std"] == 1.0
    assert as_read(0.9, Setup(reference=Reference(mean=0.0, std=1e-3)))["std"] == 1e-3


GAP = np.linspace(0.1, 2.0, 100)[:, None]


@pytest.mark.parametrize(
    ("how", "roles", "says"),
    [
        ("sign", {}, 'no part has the role "main": say what each part is for, ROLES = {"gap": ..., "held": ...}'),
        ("sign", {"gap": "main"}, "the same sign at nearly every step"),
        ("sign", {"held": "main"}, ""),
        ("product", {"held": "sparse"}, 'no part has the role "main"'),
        ("product", {"held": "main"}, ""),
        ("potential", {}, 'no part has the role "potential"'),
        ("potential", {"gap": "potential"}, ""),
        ("potential", {"gap": "potential", "held": "potential"}, "all parts are potentials"),
        ("sum", {}, ""),
        ("bounded", {}, ""),
    ],
)
def test_parts_that_do_not_fit_are_refused_with_what_to_do(
    how: CompositionName, roles: dict[str, PartRole], says: str
) -> None:
    parts = {"gap": -GAP, "held": 1.0 * (GAP < 0.2)}
    said = COMPOSITIONS[how].fault(Setup(roles=roles), parts)
    assert says in said
    assert bool(says) == bool(said)


HEAD = "def compute_reward(state, action, next_state, memory):\n    return {'gap': -next_state.x, 'held': next_state.x + 1.0}\n"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ROLES = {'gap': 'dense', 'held': 'main'}", ""),
        ("ROLES: dict = {'gap': 'potential'}", ""),
        ("ROLES = {}", ""),
        ("ROLES = {'gap': 'boss'}", "a name or a role that can't be read"),
        ("ROLES = {'gap': 'dense', 'gap': 'main'}", "a name or a role that can't be read"),
        ("ROLES = {**{'gap': 'main'}}", "a name or a role that can't be read"),
        ("ROLES = {1: 'main'}", "a name or a role that can't be read"),
        ("ROLES = {'gap': ['main']}", "a name or a role that can't be read"),
        ("ROLES = ['main']", "says what each part is for"),
        ("ROLES = dict(gap='main')", "says what each part is for"),
        ("ROLES, other = {}, {}", "says what each part is for"),
        ("ROLES = other = {'gap': 'main'}", ""),
        ("ROLES = {'gap': 'main'}\nROLES = {'gap': 'dense'}", "is there already"),
    ],
)
def test_roles_are_read_without_running_anything(line: str, says: str) -> None:
    problems = [p for p in examine(f"{line}\n\n\n{HEAD}").problems if p.rule == "roles"]
    assert [says in p.message for p in problems] == [True] * bool(says)


numbers = arrays.arrays(np.float64, (5, 1), elements=st.floats(-1e6, 1e6))


@given(numbers, numbers)
def test_bounded_is_bounded_and_keeps_the_order(a: NDArray[np.float64], b: NDArray[np.float64]) -> None:
    total, made = (a + b)[:, 0], np.array(compose("bounded", {"a": a, "b": b}))
    assert np.all(np.abs(made) <= 1.0)
    order = np.argsort(total)
    assert np.all(np.diff(made[order]) >= 0.0)


@given(numbers, numbers, st.floats(1e-3, 1e3))
def test_signs_do_not_care_for_scales(a: NDArray[np.float64], b: NDArray[np.float64], scale: float) -> None:
    small = np.abs(a) < 1e-300  # where scaling would underflow to 0
    a, b = np.where(small, 0.0, a), np.where(np.abs(b) < 1e-300, 0.0, b)
    assert compose("sign", {"main": a, "b": b}) == compose("sign", {"main": scale * a, "b": scale * b})


@given(numbers, numbers)
def test_a_product_never_pays_more_than_its_main_term(a: NDArray[np.float64], b: NDArray[np.float64]) -> None:
    assert np.all(np.abs(compose("product", {"main": a, "b": b})) <= np.abs(a[:, 0]))


@given(arrays.arrays(np.float64, (6, 2), elements=st.floats(-100, 100)), st.integers(1, 5))
def test_potentials_are_the_same_in_pieces(phi: NDArray[np.float64], cut: int) -> None:
    """The last potential is carried from rollout to rollout."""
    parts = {"main": np.zeros((6, 2)), "phi": phi}
    step = np.tile(np.array([[1], [2], [3], [1], [2], [3]]), (1, 2))
    ended = step == 3
    whole = COMPOSITIONS["potential"].start(2, 0.9, SETUP)(parts, ticks(step, ended))
    combine = COMPOSITIONS["potential"].start(2, 0.9, SETUP)
    pieces = [
        combine({k: v[rows] for k, v in parts.items()}, ticks(step[rows], ended[rows]))
        for rows in (slice(0, cut), slice(cut, 6))
    ]
    assert np.allclose(whole, np.concatenate(pieces))


def test_a_potential_telescopes_to_nothing_at_a_true_end() -> None:
    """Whatever the potential, an episode's discounted shaping is 0: it ends by itself, and starts from 0."""
    rng = np.random.default_rng(0)
    length, gamma = 7, 0.9
    parts = {"main": np.zeros((length, 1)), "phi": rng.normal(size=(length, 1))}
    step = np.arange(1, length + 1)[:, None]
    rewards = COMPOSITIONS["potential"].start(1, gamma, SETUP)(parts, ticks(step, step == length))
    assert np.sum(gamma ** np.arange(length) * rewards[:, 0]) == pytest.approx(0.0)


# ------------------------------------------------------------------------------------------------ one definition, three forms

STEPS, ENVS = 7, 2
ROLLOUTS = st.integers(1, 3).flatmap(
    lambda count: st.tuples(
        arrays.arrays(np.float64, (count, STEPS, ENVS), elements=st.floats(-100, 100)),
        arrays.arrays(np.bool_, (STEPS, ENVS)),
        arrays.arrays(np.bool_, (STEPS, ENVS)),
    )
)
"""Values of parts; where an episode ends; whether it does so by itself."""


def steps_of(ends: NDArray[np.bool_]) -> NDArray[np.int64]:
    step = np.ones(ends.shape, dtype=np.int64)
    for t in range(1, len(ends)):
        step[t] = np.where(ends[t - 1], 1, step[t - 1] + 1)
    return step


@pytest.mark.parametrize("how", COMPOSITIONS)
@given(ROLLOUTS, st.integers(1, STEPS - 1))
def test_a_rollout_the_exported_step_and_the_formula_are_the_same(
    how: CompositionName, rollout: tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]], cut: int
) -> None:
    """Of whatever composition is in the table: to the bit for what an export runs, closely for what people read."""
    values, ends, by_itself = rollout
    step, terminated, gamma = steps_of(ends), ends & by_itself, 0.9
    parts = {f"part{i}": value for i, value in enumerate(values)}
    combine = COMPOSITIONS[how].start(ENVS, gamma, SETUP)
    pieces = [
        combine({name: part[rows] for name, part in parts.items()}, ticks(step[rows], terminated[rows]))
        for rows in (slice(0, cut), slice(cut, STEPS))
    ]
    rewards = np.concatenate(pieces)
    assert rewards.shape == (STEPS, ENVS)
    assert np.array_equal(rewards, exported(how, parts, step, terminated, gamma))
    assert np.allclose(rewards, by_formula(how, parts, step, terminated, gamma))


def exported(
    how: CompositionName, parts: dict[str, NDArray[np.float64]], step: NDArray[np.int64], terminated: NDArray[np.bool_],
    gamma: float,
) -> NDArray[np.float64]:  # fmt: skip
    """Step by step, by the source that an export has."""
    names: dict[str, Any] = {"np": np, "reduce": reduce}
    exec(COMPOSITIONS[how].source(), names)  # our own source
    rewards, left = [], np.zeros(ENVS)
    for t in range(STEPS):
        before = np.where(step[t] == 1, 0.0, left)
        reward, left = names["composed"](
            {n: p[t] for n, p in parts.items()}, before, terminated[t], as_read(gamma, SETUP)
        )
        rewards.append(reward)
    return np.array(rewards)


def by_formula(
    how: CompositionName, parts: dict[str, NDArray[np.float64]], step: NDArray[np.int64], terminated: NDArray[np.bool_],
    gamma: float,
) -> NDArray[np.float64]:  # fmt: skip
    """By the text that people read. What an episode's end by itself leaves is never looked at again."""
    roles = {name: SETUP.roles.get(name, "dense") for name in parts}
    main, potential = ([parts[n] for n in parts if roles[n] == role] for role in ("main", "potential"))
    by_role = {"main": main, "potential": potential}

    def one_step_earlier(x: NDArray[np.float64] | float) -> NDArray[np.float64]:
        whole = np.broadcast_to(x, step.shape)
        return np.where(step == 1, 0.0, np.concatenate([np.zeros((1, ENVS)), whole[:-1]]))

    names = {
        "np": np,
        "parts": parts,
        "gamma": gamma,
        "terminated": terminated,
        "mean": 0.5,
        "std": 2.0,
        "size": 1.0,
        "mu": {},
        "cost": {},
    }
    role = "potential" if how == "potential" else "main"
    names |= by_role | {"other": [parts[n] for n in parts if roles[n] != role], "one_step_earlier": one_step_earlier}
    reward = eval(COMPOSITIONS[how].formula, names)  # our own source
    return np.broadcast_to(np.asarray(reward, dtype=np.float64), step.shape)


# ------------------------------------------------------------------------------------------------ the optimal policy

CELLS, GAMMA = 5, 0.9
ENDS = (0, CELLS - 1)


def paid(phi: NDArray[np.float64], cell: int, after: int, first: bool) -> float:
    """The composed reward of one step."""
    combine, one = COMPOSITIONS["potential"].start(1, GAMMA, SETUP), np.ones((1, 1))
    if not first:  # let it see the step that led here
        combine({"main": 0 * one, "phi": phi[cell] * one}, ticks(one.astype(int), one < 0))
    main = {0: 0.3, CELLS - 1: 1.0}.get(after, 0.0)
    step = np.full((1, 1), 1 if first else 2)
    return combine({"main": main * one, "phi": phi[after] * one}, ticks(step, np.full((1, 1), after in ENDS))).item()


def optimal(phi: NDArray[np.float64]) -> list[int]:
    """Optimal moves in a corridor whose right end pays 1 and whose left end pays 0.3; both end the episode.

    Value iteration over (cell, whether it is an episode's first step), as the shaping of a first step is different.
    """
    inside = range(1, CELLS - 1)
    rewards = {
        (cell, first, move): paid(phi, cell, cell + move, first)
        for cell in inside
        for first in (True, False)
        for move in (-1, 1)
    }
    value = np.zeros(CELLS)  # of being there later than at the first step
    for _ in range(300):
        value[1:-1] = [
            max(rewards[c, False, m] + GAMMA * value[c + m] * (c + m not in ENDS) for m in (-1, 1)) for c in inside
        ]
    return [
        max((-1, 1), key=lambda m: rewards[c, first, m] + GAMMA * value[c + m] * (c + m not in ENDS))
        for c in inside
        for first in (True, False)
    ]


def test_a_potential_does_not_change_the_optimal_policy() -> None:
    """Ng et al. 1999, in a small MDP: also with potentials that point the wrong way, where adding them would change it."""
    plain = optimal(np.zeros(CELLS))
    assert plain == [1] * 6
    misleading = np.array([9.0, 8.0, 4.0, 2.0, -5.0])
    assert optimal(misleading) == plain
    rng = np.random.default_rng(1)
    for _ in range(3):
        assert optimal(rng.normal(scale=3.0, size=CELLS)) == plain


def test_an_unknown_composition_is_refused_wherever_it_is_read(tmp_path: Path) -> None:
    """In a record, a saved one too, in a designer's reply, in a reward file, and where it would be composed."""
    made = {"id": "r000c0", "source": "", "thought": "", "origin": "model", "how": "fresh"}
    assert Candidate.model_validate(made | {"composition": "potential"})
    with pytest.raises(ValidationError, match="composition"):
        Candidate.model_validate(made | {"composition": "harmonic"})
    with pytest.raises(ValidationError, match="composition"):
        Candidates.model_validate_json(json.dumps({"items": [made | {"composition": ""}]}))
    job = {"id": "r000c0-s0", "candidate_id": "r000c0", "reward": "candidate", "seed": 0, "steps": 1}
    with pytest.raises(ValidationError, match="composition"):
        TrialJob.model_validate(job | {"composition": "harmonic"})
    idea = {"thought": "", "parent": "", "composition": "harmonic", "source": ""}
    with pytest.raises(Unusable, match=r"ideas\.0\.composition"):
        parse_record(json.dumps({"ideas": [idea]}), Ideas)
    for name in ("harmonic", "SUM", "potential2"):
        (tmp_path / "reward.py").write_text(f"COMPOSITION = {name!r}\n")
        with pytest.raises(UsageError, match=f"COMPOSITION = '{name}': write one of sum, bounded"):
            read_program(tmp_path / "reward.py")
    with pytest.raises(
        KeyError, match="no composition 'harmonic': write one of sum, bounded, sign, product, potential"
    ):
        COMPOSITIONS["harmonic"]  # type: ignore[index]


def test_each_composition_that_may_be_named_is_there() -> None:
    assert set(COMPOSITIONS) == set(get_args(CompositionName))


def test_a_training_knows_what_the_review_found_of_its_parts() -> None:
    """Also of a program that has only just been reviewed, as a designer's tools ask about it."""
    task = find_task("mountain-car", (envs_folder(),))
    program = Candidate(id="c", source="#", thought="", origin="model", how="fresh", composition="product")
    verdict = Verdict(candidate_id="c", accepted=True, outcome=Outcome.COMPLETED, setup=SETUP)
    assert search_job(RunConfig(), task, program, verdict).setup == SETUP
    assert program.reviewed(verdict).setup == SETUP
