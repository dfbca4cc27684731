"""The evidence: an outside scorer that plays what a run saved, and a page that says no more than its lines."""

import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from test_architecture import by_path

from autoreward.core.resources import envs_folder
from autoreward.tasks.files import find_task
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import PolicyActions, PolicyEnvs
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import EpisodeRows, VectorEnv

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
lines = by_path("lines", BENCHMARKS / "lines.py")
outside = by_path("outside", BENCHMARKS / "outside.py")
protocols = by_path("protocols", BENCHMARKS / "protocols.py")
page = by_path("evidence_page", BENCHMARKS / "evidence_page.py")
PROTOCOLS = protocols.PROTOCOLS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hopper-1m", "mountain-car-softstop", "half-cheetah-target-speed"])
def test_an_outsider_s_policy_acts_as_the_product_s(name: str) -> None:
    """With unseen fields and without, rescaled and in the environment's units, choices and real numbers."""
    protocol = PROTOCOLS[name]
    task = find_task(str(protocol.card), ())
    task = task.model_copy(update={"train": task.train.model_copy(update={"hyperparameters": {}})})
    with ExitStack() as closing:
        model = policies.blank(task, closing)
        venv = policies.normalised(task, make.vectorised(task, 1, seed=3))
        closing.callback(venv.close)
        if venv.norm_obs:
            statistics = policies.observation_stats(venv)
            statistics.mean[:], statistics.var[:] = 0.3, 4.0
        weights = policies.to_bytes(model, venv)
        mean, variance = policies.statistics(venv)
        assert isinstance(venv.venv, PolicyEnvs)
        inner = venv.venv.venv
        assert isinstance(inner, VectorEnv)
        assert inner.observation_space.shape
        acts = policies.policy_function(
            model, PolicyView(task, inner.layout), PolicyActions(inner.action_space, task.train), mean, variance
        )
        seen = np.random.default_rng(0).normal(size=(8, inner.observation_space.shape[0]))
        choose = outside.network(weights)
        mine = [
            outside._action(inner.action_space, choose(row[protocol.place.sees]), protocol.place.rescales)
            for row in seen
        ]
    assert np.array(mine) == pytest.approx(
        np.array(acts(seen.astype(np.float32), EpisodeRows(np.arange(8), np.ones(8, np.bool_)))), abs=1e-5
    )


@pytest.mark.slow
def test_an_outsider_observes_what_a_state_py_says_in_the_product_s_order() -> None:
    protocol = PROTOCOLS["doorkey-8x8"]
    task = find_task(str(protocol.card), ())
    with ExitStack() as closing:
        theirs, mine = make.make_env(task), gymnasium.make(protocol.place.env)
        closing.callback(theirs.close)
        closing.callback(mine.close)
        observe = outside._observer(mine, protocol.place)
        mine_first, theirs_first = observe(*mine.reset(seed=5)), theirs.reset(seed=5)[0]
        assert mine_first == pytest.approx(theirs_first)
        for action in (2, 1, 2, 3, 2, 0, 2):
            observation, _, _, _, info = mine.step(action)
            assert observe(observation, info) == pytest.approx(theirs.step(action)[0])


def played(**told: Any) -> Any:
    n = 400
    usual = {
        "observations": np.zeros((n + 1, 23)), "actions": np.zeros(n), "rewards": np.zeros(n),
        "infos": [{}] * n, "terminated": False,
    }  # fmt: skip
    return outside.Played(**(usual | told))


def test_measures_of_episodes_that_are_known() -> None:
    states = np.zeros((401, 23))
    states[:, 0] = np.linspace(0.0, -1.6, 401)
    assert PROTOCOLS["hopper-back"].measure(played(observations=states)) == 1.0
    assert PROTOCOLS["hopper-back"].measure(played(observations=states[:300])) == 0.0, "it fell"
    run = [{"x_velocity": v, "x_position": x} for v, x in ((0.0, 1.0), (3.0, 4.0))]
    assert PROTOCOLS["half-cheetah-target-speed"].measure(played(infos=run)) == -0.5
    assert PROTOCOLS["half-cheetah-1m"].measure(played(infos=run)) == 3.0
    assert PROTOCOLS["lunar-lander-1m"].measure(played(rewards=np.array([1.0, -3.5]))) == -2.5
    hops = np.zeros((401, 12))
    hops[::2, 1], hops[-1, 0] = 0.2, 0.04
    assert PROTOCOLS["hopper-hop-in-place"].measure(played(observations=hops)) == pytest.approx(0.1 - 0.04, abs=1e-4)
    there = np.zeros((401, 17))
    there[-60:, 0] = 3.0
    assert PROTOCOLS["cheetah-stop"].measure(played(observations=there)) == 1.0
    there[-20, 9] = 0.5
    assert PROTOCOLS["cheetah-stop"].measure(played(observations=there)) == 0.0, "it moved once"


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_s_card_is_read_and_its_place_is_the_card_s(name: str) -> None:
    protocol = PROTOCOLS[name]
    task = find_task(str(protocol.card), ())
    assert (protocol.steps, protocol.goal) == (task.train.steps, task.goal)
    assert (protocol.place.env, protocol.place.max_steps) == (task.env, task.max_steps)
    assert protocol.place.rescales == task.train.rescale_actions
    assert task.train.algorithm == "PPO", "the outsider knows its network alone"
    assert not task.uses_native


def line(arm: str, seed: int, **told: Any) -> dict[str, Any]:
    rows = [
        {"role": "winner", "who": "r000c0", "success": [1.0, 0.5], "outside": [210.0, 190.0]},
        {"role": "baseline", "who": "native", "success": [0.0, 0.0], "outside": [-5.0, 5.0]},
    ]
    usual = {"protocol": "lunar-lander-100k", "arm": arm, "seed": seed, "rows": rows, "best": "r000c0", "trainings": 6,
             "env_steps": 600_000, "commit": "abc"}  # fmt: skip
    return usual | told


def test_the_page_has_a_row_an_arm_and_control_and_empty_cells_where_nothing_was_run() -> None:
    said = page.page([line("search", 0), line("search", 1)])
    table = said[said.index("### lunar-lander-100k") : said.index("### lunar-lander-1m")].splitlines()
    assert (
        "| autoreward's search, its winner | 200 [190, 210] | 0.75 [0.50, 1.00] | 2 x 2 | 600,000 steps in 6 trainings |"
        in table
    )
    assert "| keep or revert, one change at a time | | | | |" in table
    first = next(row for row in table if row.startswith("| the search's first program alone"))
    assert "200 [190, 210]" in first, "the first program is the winner here"
    assert any(row.startswith("| native reward | 0.00 [-5.00, 5.00]") for row in table)
    assert "Made at abc." in "\n".join(table)
    assert said.count("Not run yet.") == len(PROTOCOLS) - 1
    unrun = said[said.index("### lunar-lander-1m") : said.index("## Walking")]
    assert "CREATE, reported | 229.0" in unrun
    assert "sparse" not in unrun


def test_a_search_that_hands_nothing_over_counts_as_no_success() -> None:
    said = page.page([line("search", 0, best="", rows=[])])
    assert "| autoreward's search, its winner | - | 0.00 [0.00, 0.00] | 1 x 0 |" in said


def test_docs_say_what_the_committed_lines_say() -> None:
    docs, readme = (BENCHMARKS.parent / name for name in ("docs/evidence.md", "README.md"))
    committed = lines.Lines(lines.DATA / "evidence.jsonl").read()
    assert docs.read_text(encoding="utf-8") == page.page(committed)
    assert readme.read_text(encoding="utf-8") == page.in_readme(readme.read_text(encoding="utf-8"), committed)


def test_the_readme_s_table_has_protocols_that_a_search_was_run_on_alone() -> None:
    by_hand = {"protocol": "lunar-lander-100k", "arm": "controller", "outside": 276.4, "commit": "abc"}
    said = page.in_readme(
        f"above\n{page.BEGIN}stale\n{page.END}below\n", [line("search", 0), line("each-whole", 0), by_hand]
    )
    assert said.startswith(f"above\n{page.BEGIN}| protocol |")
    cells = "200 [190, 210] | 200 [190, 210] | - | 0.00 [-5.00, 5.00] | 276 | 1 x 2"
    assert said.endswith(f"| lunar-lander-100k | native return | {cells} |\n{page.END}below\n")


def test_turns_are_told_from_leaps() -> None:
    turns, leaps = np.zeros((301, 18)), np.zeros((301, 18))
    turns[100:, 2] = -6.2
    assert PROTOCOLS["half-cheetah-backflip"].measure(played(observations=turns)) == 1.0
    assert PROTOCOLS["half-cheetah-backflip"].measure(played(observations=leaps)) == 0.0
    angles = np.concatenate([np.linspace(0.0, 7.0, 200), np.full(101, 7.0)])
    ant = np.zeros((301, 29))
    ant[:, 3], ant[:, 6] = np.cos(angles / 2), np.sin(angles / 2)
    assert PROTOCOLS["ant-spin"].measure(played(observations=ant)) == 1.0
    ant[-5:, 15] = 1.0
    assert PROTOCOLS["ant-spin"].measure(played(observations=ant)) == 0.0, "it moves at the end"
    assert PROTOCOLS["hopper-front-flip"].measure(played(observations=turns * -1)) == 1.0


def test_no_card_of_a_protocol_is_told_what_is_measured_of_it() -> None:
    """Where the native return is what is measured, no field, rule or metric reads it."""
    for protocol in PROTOCOLS.values():
        text = protocol.card.read_text(encoding="utf-8")
        assert "native" not in "".join(str(tomllib.loads(text).get(part)) for part in ("state", "success", "metric"))
    assert (
        find_task("lunar-lander", (envs_folder(),)).success
        == find_task(str(PROTOCOLS["lunar-lander-1m"].card), ()).success
    )
