"""STARC distances: between all programs of a search, on the report's page, and along the lineage."""

import dataclasses
import re

import numpy as np
import pytest
from batches import batch
from undrawn import finished

from autoreward.checks.dataset import EpisodeDataset
from autoreward.checks.relabel import Relabelled
from autoreward.checks.screening import screen
from autoreward.records import DUPLICATE, Episode, ReferenceEpisode, RewardDistance, Strengths
from autoreward.report.candidates import CandidateView
from autoreward.report.html import render
from autoreward.report.lineage import lineage
from autoreward.report.reading import RunView, read_run
from autoreward.report.reward_distances import MOST_SHOWN, alike, between


def labels(rewards: np.ndarray) -> Relabelled:
    """Episodes of 10 steps."""
    return Relabelled({"a": rewards}, {"a": 1.0}, rewards.reshape(-1, 10).sum(axis=1), None, rewards)


def test_every_program_is_held_beside_all_before_it() -> None:
    """The same but for scale and what is paid at each step alike: 0; turned: 1; none of these episodes ends by itself."""
    plain = Episode(success=False, length=10, terminated=False, reached=False, held=0, progress=0, metric=1, movement=1)
    data = batch(steps=10, envs=4, length=11)
    dataset = EpisodeDataset(data, (ReferenceEpisode(kind="trial", episode=plain),) * 4, "lower")
    one, other = np.random.default_rng(1).normal(size=(2, 40))
    old, new = {"r000c0": labels(one), "r000c1": labels(other)}, {"r001c0": labels(3 * one + 5), "r001c1": labels(-one)}
    found = screen(dataset, new, old, 0.9, trained=("r000c1",))
    told = {(d.one, d.other): d.value for d in found.distances}
    unrelated = {pair: told.pop(pair) for pair in (("r001c0", "r000c1"), ("r001c1", "r000c1"))}
    assert told == {("r001c0", "r000c0"): 0.0, ("r001c1", "r000c0"): 1.0, ("r001c1", "r001c0"): 1.0}
    assert all(value == pytest.approx(0.7, abs=0.1) for value in unrelated.values())
    (duplicate,) = (s for s in found.items[0].screens if s.name == DUPLICATE)
    assert "nearest to r000c1" in duplicate.evidence, "what never trained is no reason against another"
    assert duplicate.number is not None
    assert duplicate.number > 0.5, "what each step is paid may decide whether a policy wants an episode to end"


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> RunView:
    """Of a run of two rounds."""
    folder = tmp_path_factory.mktemp("alike") / "run"
    finished(folder)
    return read_run(folder)


def views(reading: RunView, count: int, parents: dict[int, int]) -> list[CandidateView]:
    """So many candidates of rounds of 8."""
    (view, *_) = reading.candidates
    names = [f"r{i // 8:03d}c{i % 8}" for i in range(count)]
    of = [
        view.candidate.model_copy(update={"id": n, "parents": (names[parents[i]],) if i in parents else ()})
        for i, n in enumerate(names)
    ]
    return [dataclasses.replace(view, candidate=c, round=i // 8) for i, c in enumerate(of)]


def far(one: str, other: str, value: float) -> RewardDistance:
    return RewardDistance(one=one, other=other, value=value)


def test_the_nearest_pairs_are_named_and_a_parent_is_said(reading: RunView) -> None:
    few = views(reading, 9, {8: 1})
    shown = alike(few, [far("r000c1", "r000c0", 0.5), far("r001c0", "r000c1", 0.06), far("r001c0", "r000c0", 0.93)])
    assert shown is not None
    assert list(shown.nearest) == [
        "r001c0 is 0.06 from r000c1, its parent",
        "r000c1 is 0.50 from r000c0",
        "r001c0 is 0.93 from r000c0",
    ]
    cells = re.findall(r'class="(near|far)" fill-opacity="([\d.]+)"[^>]*><title>([^<]*)', shown.matrix)
    assert cells == [
        ("near", "0.29", "r000c1 and r000c0: 0.50"),
        ("far", "0.76", "r001c0 and r000c0: 0.93"),
        ("near", "0.92", "r001c0 and r000c1: 0.06"),
    ]
    assert "r000c2" not in shown.matrix, "what was compared with nothing"


def test_there_is_no_matrix_without_two_that_were_compared(reading: RunView) -> None:
    assert alike(views(reading, 3, {}), []) is None


def test_the_latest_are_shown_of_many(reading: RunView) -> None:
    many = views(reading, MOST_SHOWN + 2, {})
    names = [view.candidate.id for view in many]
    shown = alike(many, [far(n, m, 0.5) for i, n in enumerate(names) for m in names[:i]])
    assert shown is not None
    assert shown.left_out == 2
    assert shown.matrix.count("<title>") == MOST_SHOWN * (MOST_SHOWN - 1) // 2
    assert ">r000c1<" not in shown.matrix


def test_a_line_to_a_parent_says_how_much_was_changed(reading: RunView) -> None:
    few = views(reading, 10, {8: 0, 9: 1})
    graph = lineage(few, "", Strengths(), distances=between([far("r001c0", "r000c0", 0.21)]))
    assert re.findall(r'class="changed"[^>]*>([^<]*)', graph) == ["0.21"]
    assert graph.count('class="line"') == 2
    assert 'class="changed"' not in lineage(few, "", Strengths())


def test_the_page_shows_it(reading: RunView) -> None:
    page = render(reading)
    assert "How alike the rewards are" in page
    assert "How alike the rewards are" not in render(dataclasses.replace(reading, distances=()))


def test_a_later_comparison_counts() -> None:
    assert between([far("a", "b", 0.5), far("b", "a", 0.25)]) == {frozenset({"a", "b"}): 0.25}
