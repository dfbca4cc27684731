"""Compositions: known answers, and what each of them promises."""

import json
from collections.abc import Callable
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
from autoreward.roles.ideas import Ideas
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
    references={
        "main": Reference(mean=0.5, std=2.0),
        "a": Reference(mean=0.0, std=0.5),
        "phi": Reference(mean=1.0, std=0.0),
        "part0": Reference(mean=3.0, std=20.0),
        "part1": Reference(mean=-1.0, std=0.5),
        "part2": Reference(mean=0.0, std=4.0),
    },
    cap=40.0,
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
        # (main - .5) / 2 + a / .5
        ("standardised", [1.75, 3.75, -3.75, 0.75, 2.0]),
        # ln 4 - ln(1 + exp(-.75)) - ln(1 + exp(-1)), and so on
        ("conjunction", [0.686162, 0.542205, -2.650858, 0.336278, 0.566219]),
    ],
)
def test_known_answers(how: CompositionName, expected: list[float]) -> None:
    assert compose(how, PARTS) == pytest.approx(expected)


@pytest.mark.parametrize("how", COMPOSITIONS)
def test_one_part_alone(how: CompositionName) -> None:
    alone = PARTS["main"]
    over = (alone - 0.5) / 2
    expected = {
        "bounded": np.tanh(over / 2),
        "sign": np.sign(alone),
        "standardised": over,
        "conjunction": np.log(2) - np.log1p(np.exp(-over)),
        "staged": np.array([[1.0], [0.0], [0.0], [1.0], [0.0]]),  # its only stage is reached at once, in both episodes
    }
    assert compose(how, {"main": alone}) == pytest.approx(expected.get(how, alone)[:, 0].tolist())


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
        (
            "sign",
            {},
            'no part has the role "main": say what each part is for, ROLES = {"gap": ..., "held": ..., "never": ...}',
        ),
        ("sign", {"gap": "main"}, "the same sign at nearly every step"),
        ("sign", {"held": "main"}, ""),
        ("product", {"held": "sparse"}, 'no part has the role "main"'),
        ("product", {"held": "main"}, ""),
        ("potential", {}, 'no part has the role "potential"'),
        ("potential", {"gap": "potential"}, ""),
        ("potential", {"gap": "potential", "held": "potential", "never": "potential"}, "all parts are potentials"),
        ("sum", {}, ""),
        ("bounded", {}, ""),
        ("standardised", {}, ""),
        ("conjunction", {}, ""),
        ("krc", {"gap": "main"}, "fewer than two parts have the role main or dense"),
        ("krc", {"gap": "main", "held": "dense"}, ""),
        ("krc", {"gap": "main", "never": "dense"}, "the part 'never' is 0 at nearly every step"),
        ("gated", {"held": "main"}, "ROLES does not speak of 'gap'"),
        ("gated", {"held": "main", "never": "dense", "gap": "dense"}, "the part 'gap' is negative at times"),
        ("gated", {"held": "main", "never": "dense", "gap": "penalty"}, ""),
        ("gated", {"gap": "main", "held": "dense", "never": "dense"}, ""),
        ("capped", {"gap": "dense"}, "write CAP = 5.0"),
        ("staged", {"held": "main"}, "fewer than two parts have the role main"),
        ("staged", {"held": "main", "gap": "main"}, "the stage 'gap' leaves [0, 1]"),
        ("staged", {"held": "main", "never": "main"}, ""),
    ],
)
def test_parts_that_do_not_fit_are_refused_with_what_to_do(
    how: CompositionName, roles: dict[str, PartRole], says: str
) -> None:
    parts = {"gap": -GAP, "held": 1.0 * (GAP < 0.2), "never": 0.0 * GAP}
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
    by_role = {role: [parts[n] for n in parts if roles[n] == role] for role in ("main", "dense", "potential")}
    called = {id(part): name for name, part in parts.items()}

    def along(step_of: Callable[..., Any], x: NDArray[np.float64]) -> NDArray[np.float64]:
        y = np.zeros((len(x), ENVS))
        for t in range(len(x)):
            y[t] = step_of(np.where(step[t] == 1, 0.0, y[t - 1] if t else 0.0), x[t])
        return y

    def one_step_earlier(x: NDArray[np.float64] | float) -> NDArray[np.float64]:
        whole = np.broadcast_to(x, step.shape)
        return np.where(step == 1, 0.0, np.concatenate([np.zeros((1, ENVS)), whole[:-1]]))

    def scale(x: NDArray[np.float64]) -> Reference:
        return SETUP.references[called[id(x)]]

    joint = [parts[n] for n in parts if roles[n] in ("main", "dense")]
    not_other = {"potential": ("potential",), "krc": ("main", "dense"), "capped": ("dense",)}.get(how, ("main",))
    names = {"np": np, "parts": parts, "gamma": gamma, "terminated": terminated, "mean": 0.5, "std": 2.0, "cap": 40.0}
    names |= {"size": 1.0, "mu": {}, "cost": {}}
    names |= by_role | {
        "joint": joint,
        "other": [parts[n] for n in parts if roles[n] not in not_other],
        "ranked": [parts[n] for n in SETUP.roles if n in parts],
        "one_step_earlier": one_step_earlier,
        "along": along,
        "centred": lambda x: (x - scale(x).mean) / scale(x).std,
        "good": lambda x: x >= scale(x).mean + scale(x).std,
        "stands": standing(by_role["main"], step),
    }
    reward = eval(COMPOSITIONS[how].formula, names)  # our own source
    return np.broadcast_to(np.asarray(reward, dtype=np.float64), step.shape)


def standing(stages: list[NDArray[np.float64]], step: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far each episode has come, told from all that it has seen since its start: the slow way."""
    stands = np.zeros(step.shape)
    for t, env in np.ndindex(*step.shape):
        reached = 0
        for earlier in range(t + 1 - min(step[t, env], t + 1), t + 1):
            while reached < len(stages) and stages[reached][earlier, env] >= 1.0:
                reached += 1
        near = np.clip(stages[reached][t, env], 0.0, 1.0) if reached < len(stages) else 0.0
        stands[t, env] = (reached + near) / len(stages) if stages else 0.0
    return stands


# ------------------------------------------------------------------------------------------------ what each promises


def episode(how: CompositionName, parts: dict[str, Any], setup: Setup) -> NDArray[np.float64]:
    """Rewards of one episode."""
    columns = {name: np.asarray(part, dtype=np.float64)[:, None] for name, part in parts.items()}
    step = np.arange(1, len(next(iter(columns.values()))) + 1)[:, None]
    return COMPOSITIONS[how].start(1, 0.9, setup)(columns, ticks(step, step < 0))[:, 0]


@given(arrays.arrays(np.float64, (30,), elements=st.floats(-1e3, 1e3)), st.floats(0.1, 100.0))
def test_what_guidance_earns_in_an_episode_is_capped(way: NDArray[np.float64], cap: float) -> None:
    """At any time, whatever the trace; and coming down from the cap is paid like any other step."""
    setup = Setup(roles={"way": "dense", "won": "main"}, cap=cap)
    earned = np.cumsum(episode("capped", {"way": way, "won": 0.0 * way}, setup))
    assert np.all(np.abs(earned) <= cap * (1 + 1e-9))
    assert episode("capped", {"way": np.array([3.0, 3.0, -1.0]), "won": np.array([0.0, 0.0, 9.0])},
                   Setup(roles={"way": "dense"}, cap=5.0)).tolist() == [3.0, 2.0, 8.0]  # fmt: skip


def test_a_stage_is_paid_once_and_leaving_and_coming_back_earns_nothing() -> None:
    setup = Setup(roles={"first": "main", "second": "main"})
    straight = episode("staged", {"first": [0.5, 1.0, 1.0], "second": [0.0, 0.5, 1.0]}, setup)
    assert straight.tolist() == [0.25, 0.5, 0.25]
    back_and_forth = episode(
        "staged",
        {
            "first": [0.5, 0.0, 0.5, 0.0, 0.5, 1.0, 0.0, 1.0, 1.0],
            "second": [0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.0, 0.2, 1.0],
        },
        setup,
    )
    assert back_and_forth.sum() == pytest.approx(1.0)
    out_of_order = episode("staged", {"first": [0.0, 0.0, 1.0], "second": [1.0, 1.0, 0.0]}, setup)
    assert out_of_order.tolist() == [0.0, 0.0, 0.5], "what is reached too early does not count"


@given(arrays.arrays(np.float64, (12, 3), elements=st.floats(0.0, 1.0)))
def test_an_episode_of_stages_earns_where_it_stands(values: NDArray[np.float64]) -> None:
    parts = {f"part{i}": np.round(values[:, i], 1) for i in range(3)}
    rewards = episode("staged", parts, Setup(roles=dict.fromkeys(parts, "main")))
    stands = standing(
        [part[:, None].repeat(ENVS, 1) for part in parts.values()], np.arange(1, 13)[:, None].repeat(ENVS, 1)
    )
    assert rewards.sum() == pytest.approx(stands[-1, 0])


def test_gates_open_in_order() -> None:
    """delta is 0 for a limit, and mean + std under random actions for other parts."""
    setup = Setup(
        roles={"safe": "limit", "held": "main", "style": "dense"}, references={"held": Reference(mean=0.1, std=0.4)}
    )
    parts = {"style": [2.0, 2.0, 2.0, 2.0], "held": [0.4, 0.5, 1.0, 1.0], "safe": [0.0, 0.0, 0.0, -0.1]}
    assert episode("gated", parts, setup).tolist() == [0.4, 2.5, 3.0, -0.1]


def test_a_kinesthetic_combination_is_high_where_all_are() -> None:
    setup = Setup(roles={"speed": "main", "towards": "dense", "won": "sparse"})
    parts = {"speed": [4.0, 4.0, -4.0, -4.0], "towards": [1.0, -1.0, 1.0, -1.0], "won": [0.0, 0.0, 0.0, 10.0]}
    assert episode("krc", parts, setup).tolist() == [2.0, -2.0, -2.0, 8.0]


@given(numbers, numbers, st.floats(1e-3, 1e3))
def test_what_is_centred_and_scaled_does_not_care_for_units(
    a: NDArray[np.float64], b: NDArray[np.float64], factor: float
) -> None:
    """The references are measured of the scaled part, too."""
    for how in ("standardised", "conjunction"):
        plain = Setup(references={"a": Reference(mean=2.0, std=3.0), "b": Reference(mean=0.0, std=1.0)})
        other = Setup(
            references={"a": Reference(mean=2.0 * factor, std=3.0 * factor), "b": Reference(mean=0.0, std=1.0)}
        )
        parts = [{"a": a[:, 0] * f, "b": b[:, 0]} for f in (1.0, factor)]
        assert episode(how, parts[0], plain) == pytest.approx(episode(how, parts[1], other), rel=1e-6, abs=1e-6)


def test_a_conjunction_pays_random_actions_about_nothing_and_never_much() -> None:
    setup = Setup(references={"a": Reference(mean=-5.0, std=1.0), "b": Reference(mean=0.0, std=2.0)})
    paid = episode("conjunction", {"a": [-5.0, 1e6, -5.0, 1e6], "b": [0.0, 0.0, 1e6, 1e6]}, setup)
    assert paid == pytest.approx([0.0, np.log(2), np.log(2), 2 * np.log(2)])
    worst = episode("conjunction", {"a": [-9.0, -5.0], "b": [1e6, 0.0]}, setup)
    assert worst[0] < worst[1], "what is good already can't make up for what is bad"


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
        KeyError, match="no composition 'harmonic': write one of sum, bounded, sign, product, potential, standardised, "
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
