"""Weights by hand: known answers, what a run's own episodes give, and the sliders in a browser."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from browser import NAMES, Browser, find_browser
from test_accessible import violations
from test_preferences import ruled_run

from autoreward.errors import UsageError
from autoreward.records import EPISODES, Candidate
from autoreward.report.reading import read_run
from autoreward.session.loaded import LoadedCandidate, LoadedRun
from autoreward.session.part_weights import PartWeights
from autoreward.store.keys import SCORES

PROGRAM = find_browser()
SOURCE = """def compute_reward(state, action, next_state, memory):
    return {"near": -state.position, "alive": 1.0 + 0.0 * state.position}
"""


def known() -> PartWeights:
    """Four episodes: the best one is near and short; `alive` pays the worst most."""
    paid = {"near": np.array([0.0, 5.0, 10.0, 4.0]), "alive": np.array([20.0, 6.0, 1.0, 6.0])}
    candidate = Candidate(id="r000c0", source=SOURCE, thought="", origin="grammar", how="fresh")
    episodes = ("idle", "half", "done", "as half")
    return PartWeights(candidate, paid, episodes, np.array([0.0, 0.5, 2.0, 0.52]))


def test_episodes_are_ranked_by_what_they_are_paid() -> None:
    weights = known()
    assert repr(weights).startswith("<weights of r000c0: "), "and not the arrays"
    assert weights.order() == ("idle", "half", "done", "as half"), "20, 11, 11, 10: ties in their order"
    assert weights.order(alive=0.0) == ("done", "half", "as half", "idle")
    assert weights.ranked_right() == pytest.approx(1.5 / 5), (
        "two that are as good as each other are no pair; a tie is half"
    )
    assert weights.ranked_right(alive=0.0) == 1.0
    assert weights.ranked_right(near=0.0) == 0.0


def test_the_program_with_other_weights_is_a_program() -> None:
    space: dict[str, object] = {}
    exec(known().source(alive=0.25), space)
    compute = space["compute_reward"]
    assert callable(compute)
    parts = compute(SimpleNamespace(position=np.array([2.0])), None, None, {})
    assert {name: float(part[0]) for name, part in parts.items()} == {"near": -2.0, "alive": 0.25}


@pytest.mark.parametrize(
    ("factors", "said"),
    [
        ({"nea": 2.0}, "r000c0 has no part 'nea': it has near, alive. Did you mean 'near'?"),
        ({"near": -1.0}, "The factor of near is -1.0: it must be 0 or more."),
        ({"near": float("nan")}, "The factor of near is nan"),
    ],
)
def test_wrong_factors_are_one_sentence(factors: dict[str, float], said: str) -> None:
    for ask in (known().order, known().ranked_right, known().source):
        with pytest.raises(UsageError) as raised:
            ask(**factors)
        assert said in str(raised.value)


@pytest.mark.slow
def test_a_programs_parts_are_summed_over_the_episodes_of_its_run(tmp_path: Path) -> None:
    run = LoadedRun(read_run(ruled_run(tmp_path / "run")))
    one = run.reading.candidates[0].candidate.model_copy(update={"source": SOURCE, "composition": "sum"})
    weights = LoadedCandidate(run.reading, one).weights()
    named = [n for n, recorded in enumerate(weights.episodes) if recorded.startswith(f"{one.id}-s0")]
    trial = weights.episodes[named[0]].partition(",")[0]
    page = next(saved.page for saved in run.reading.search_scores if saved.score.trial_id == trial)
    batch = run.reading.page(page).transitions(SCORES.of(trial), EPISODES)
    there = batch.step[:, 0] > 0
    assert weights.paid["alive"][named[0]] == there.sum()
    assert weights.paid["near"][named[0]] == pytest.approx(-batch.state["position"][there, 0].sum())
    product = LoadedCandidate(run.reading, one.model_copy(update={"composition": "sign"}))
    with pytest.raises(UsageError, match=r"are not added up \(sign\)"):
        product.weights()


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason=f"none of {', '.join(NAMES)} is installed")
def test_sliders_show_what_the_numbers_say(tmp_path: Path) -> None:
    page = tmp_path / "weights.html"
    page.write_text(known().page(), encoding="utf-8")
    script = """const alive = at("part-1");
      const order = () => [...at("ranking").rows].map(row => row.cells[1].textContent);
      const told_now = () => [...["right", "before", "call"].map(id => at(id).textContent), order()];
      const first = told_now(); alive.value = alive.min; alive.dispatchEvent(new Event("input"));
      const off = told_now();
      alive.value = -8; alive.dispatchEvent(new Event("input")); const quarter = at("call").textContent;
      at("reset").click(); return {first, off, quarter, again: told_now()};"""
    assert PROGRAM
    with Browser(PROGRAM) as browser:
        found = browser.see(page, 700, False, f"(() => {{ {script} }})()").found
        assert found["first"] == found["again"] == ["0.300", "0.300", ".source()", list(known().order())]
        assert found["off"] == ["1.000", "0.300", ".source(alive=0)", list(known().order(alive=0.0))]
        assert found["quarter"] == ".source(alive=0.25)"
        for width, dark in ((1200, False), (420, True)):
            assert violations(browser, page.resolve().as_uri(), width, dark) == []
