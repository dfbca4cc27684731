"""Weights of parts from what people prefer, praise and blame: on known answers, and on a run's recorded episodes."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from test_cli import invoked
from test_preferences import ruled_run

from autoreward.core.outcomes import Outcome
from autoreward.design.weight_tuning import SLIPS, fitted_weights
from autoreward.judges.poll import Poll
from autoreward.records import AnsweredWeights, Candidate, Candidates, CompositionName, Verdict
from autoreward.report.agreement import weights_said
from autoreward.report.html import render
from autoreward.report.reading import read_run
from autoreward.sandbox.jail import Jail
from autoreward.session.answered_weights import (
    PREFERRED,
    SaidPair,
    SaidSteps,
    said_pairs,
    weights_of_answers,
    weights_told,
)
from autoreward.session.traits import say_of_steps
from autoreward.store.book import Book

Array = NDArray[np.float64]
HIDDEN = (4.0, 1.0, 0.25)
PROGRAM = """def compute_reward(state, action, next_state, memory):
    return {parts}
"""


def answers(seed: int, count: int, flipped: float, hidden: Sequence[float] = HIDDEN) -> Array:
    """Gaps of what a person prefers by hidden weights, some answers turned round; shape (count, 3)."""
    chance = np.random.default_rng(seed)
    one, other = chance.normal(size=(2, count, 3))
    first = ((one - other) @ np.array(hidden) > 0) ^ (chance.random(count) < flipped)
    return np.asarray(np.where(first[:, None], one - other, other - one))


def recovered(count: int, flipped: float) -> float:
    """How often the order of three hidden weights comes out, of 12 people."""
    orders = [fitted_weights(answers(seed, count, flipped), SLIPS).argsort() for seed in range(12)]
    return float(np.mean([list(order) == [2, 1, 0] for order in orders]))


def test_thirty_answers_with_a_fifth_turned_round_recover_the_order_of_three_weights() -> None:
    assert recovered(30, 0.2) >= 0.6, "by chance a sixth of them"


def test_more_answers_recover_it_more_often_and_honest_ones_nearly_always() -> None:
    assert recovered(120, 0.2) >= 0.75
    assert recovered(30, 0.0) >= 0.75


def test_the_heaviest_part_comes_out_of_thirty_answers() -> None:
    heaviest = [int(fitted_weights(answers(seed, 30, 0.2), SLIPS).argmax()) for seed in range(12)]
    assert heaviest.count(0) >= 11


def test_one_slip_moves_weights_less_where_slips_are_expected() -> None:
    gaps = answers(0, 30, 0.0)
    clear = int(np.abs(gaps @ HIDDEN).argmax())
    slipped = gaps.copy()
    slipped[clear] *= -1

    def moved(slips: float) -> float:
        before, after = fitted_weights(gaps, slips), fitted_weights(slipped, slips)
        return float(np.abs(np.log(after / before)).max())

    assert moved(SLIPS) < 0.8 * moved(0.0)


def test_without_a_pair_nothing_changes_and_counts_are_like_answers_given_twice() -> None:
    assert fitted_weights(np.zeros((0, 3))).tolist() == [1.0, 1.0, 1.0]
    gaps = answers(1, 10, 0.2)
    twice = np.concatenate([gaps, gaps[:3]])
    counts = np.where(np.arange(10) < 3, 2.0, 1.0)
    weighed = fitted_weights(gaps / np.abs(gaps.sum(axis=1)).mean(), SLIPS, counts)
    again = fitted_weights(twice / np.abs(twice.sum(axis=1)).mean(), SLIPS)
    assert weighed == pytest.approx(again, rel=0.05), "but for how much pairs differ on average"


def test_steps_are_compared_by_their_means_and_episodes_by_their_sums() -> None:
    part = np.arange(12.0).reshape(6, 2)
    better, worse = SaidSteps(0, 2, 3), SaidSteps(1, 1, 6)
    assert better.paid(part) == 2.0 + 4.0
    assert worse.paid(part) == 1 + 3 + 5 + 7 + 9 + 11
    assert SaidPair(better, worse, whole=True, counts=1.0).gap(part) == 6.0 - 36.0
    assert SaidPair(better, worse, whole=False, counts=1.0).gap(part) == pytest.approx((3.0 - 6.0) * 4)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ruled_run(tmp_path_factory.mktemp("weights") / "run")


@pytest.fixture
def done(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def prefer_short_ways(folder: Path, count: int) -> None:
    """Say of each pair that the one that came less far is better."""
    with Poll(folder) as poll:
        for question in poll.waiting(count):
            shown = poll.lineup(question).episodes
            a, b = (float(side.next_state["position"][-1, 0]) for side in shown)
            poll.keep(question, "a" if a < b else "b" if b < a else "tie")


def told(folder: Path, jail: Jail, parts: str, composition: CompositionName = "sum") -> AnsweredWeights | None:
    candidate = Candidate(id="r000c0", source=PROGRAM.format(parts=parts), thought="", origin="model", how="fresh",
                          composition=composition)  # fmt: skip
    verdict = Verdict(candidate_id="r000c0", accepted=True, outcome=Outcome.COMPLETED)
    with Book.open(folder) as book:
        said = said_pairs(book, read_run(folder))
    return weights_told(said, jail, candidate, verdict) if said else None


BOTH = '{"far": next_state.position, "near": -0.5 * next_state.position}'


def test_a_part_that_pays_for_what_is_preferred_weighs_more(done: Path, jail: Jail) -> None:
    prefer_short_ways(done, 8)
    weights = told(done, jail, BOTH)
    assert weights
    factors = dict(weights.factors)
    assert factors["far"] < 1.0 < factors["near"]
    assert (weights.told_before, weights.told_after) == (0.0, 1.0)
    assert weights.tells_more
    assert weights_said(weights) == (
        "By 8 answers the parts of r000c0 should weigh: far x 0.5, near x 5. Such weights tell 100% of those that they were not "
        "fitted to, its own weights 0%."
    )


def test_what_can_not_be_weighed_is_left(done: Path, jail: Jail) -> None:
    prefer_short_ways(done, 3)
    assert told(done, jail, BOTH) is None, "too few answers"
    prefer_short_ways(done, 8)
    assert told(done, jail, '{"far": next_state.position}') is None, "one part"
    assert told(done, jail, BOTH, "sign") is None, "no sum"
    assert told(done, jail, '{"a": next_state.position, "b": next_state.nothing}') is None, "it fails"


def test_praised_and_blamed_steps_count_as_pairs(done: Path, jail: Jail) -> None:
    trial = read_run(done).search_scores[0].score.candidate_id
    for number in range(3):
        say_of_steps(done, "far too far", f"{trial}~{number}:3-3", False, "position", lambda line: None)
        say_of_steps(done, "good there", f"{trial}~{number}:1-1", True, "position", lambda line: None)
    weights = told(done, jail, BOTH)
    assert weights
    assert (weights.answers, weights.stretches) == (0, 9)
    assert dict(weights.factors)["near"] > 1.0
    assert weights.source == "9 pairs of praised and blamed steps"


def pay_for_both(folder: Path) -> None:
    """Let every program of a run be a sum of two parts."""
    for path in folder.glob("rounds/*/candidates.json"):
        kept = Candidates.model_validate_json(path.read_bytes())
        source = PROGRAM.format(parts=BOTH)
        items = tuple(candidate.model_copy(update={"source": source}) for candidate in kept.items)
        path.write_text(kept.model_copy(update={"items": items}).model_dump_json())


def test_the_program_with_the_weights_is_written_once(done: Path) -> None:
    pay_for_both(done)
    prefer_short_ways(done, 8)
    told = weights_of_answers(done)
    assert told
    assert told.tells_more
    assert weights_of_answers(done) is None, "nothing new was said"
    written = (done / PREFERRED).read_text()
    assert "WEIGHTS = {" in written
    assert f'"near": {dict(told.factors)["near"]:g}' in written
    assert weights_said(told) in render(read_run(done))


def test_prefer_says_the_weights_in_the_report_and_how_to_train_them(done: Path) -> None:
    pay_for_both(done)
    prefer_short_ways(done, 8)
    (nothing := done.parent / "answers.txt").write_text("")
    said = invoked("prefer", str(done), "--answers", str(nothing))
    assert f"{done / PREFERRED}: train it with autoreward run mountain-car --start" in said.stdout.replace("\n", " ")
    assert "should weigh" in (done / "report.html").read_text()
    shown = invoked("show", str(done))
    assert "should weigh" in " ".join(shown.stdout.split())
