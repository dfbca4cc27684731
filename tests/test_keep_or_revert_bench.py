"""The benchmarks of keep-or-revert and of agents: tables of searches that have ended, and what the best of many looks is worth."""

from itertools import permutations
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from fake_steps import FakeSteps
from test_architecture import by_path

from autoreward.core.resources import envs_folder
from autoreward.loop import improve
from autoreward.search.study import Study
from autoreward.session.run import config_for
from autoreward.store.book import Book, RunHeader
from autoreward.tasks.files import find_task

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
by_path("suite", BENCHMARKS / "suite.py")
by_path("hard", BENCHMARKS / "hard.py")
signals = by_path("early_signal", BENCHMARKS / "early_signal.py")
bench = by_path("keep_or_revert_bench", BENCHMARKS / "keep_or_revert.py")
agents = by_path("agents_bench", BENCHMARKS / "agents.py")
TASK = find_task("mountain-car", (envs_folder(),))


def trained(name: str, seed: int, success: float) -> Any:
    return signals.Training(name, seed, success, [success] * 16, [0.0] * 16, [0.0] * 16, [0.0] * 16)


def test_what_is_kept_of_some_is_the_mean_over_all_orders_of_writing_them() -> None:
    field = [(trained(n, 0, first), trained(n, 1, other)) for n, first, other in
             (("a", 0.9, 0.1), ("b", 0.5, 1.0), ("c", 0.2, 0.4), ("d", 0.0, 0.0))]  # fmt: skip
    for tried in (1, 2, 3, 4):
        kept = [max(some, key=lambda p: p[0].success) for some in permutations(field, tried)]
        assert bench.worth_kept(field, tried) == pytest.approx(fmean(signals.worth(p) for p in kept))


@pytest.mark.slow
def test_a_whole_search_races_each_round_and_keeping_or_reverting_writes_on_in_order_while_there_are_steps() -> None:
    def written(number: int, best: int, success: float) -> list[Any]:
        named = [(f"r{number:03d}c{n}", success if n == best else 0.0) for n in range(8)]
        return [(trained(name, 0, held), trained(name, 1, held)) for name, held in named]

    steps, raced, kept, best = bench.whole_search("lander-left", [written(0, 3, 0.6), written(1, 7, 0.9)])
    assert 8 <= steps < 16, "programs that it could not try whole are those of the second round"
    assert (raced, kept, best) == (0.9, 0.6, 0.9)


def test_the_best_of_many_looks_is_held_against_the_other_seed() -> None:
    held = np.array([[0.0, 0.3, 1.0], [0.0, 0.3, 1.0]])
    assert agents.flattered(held, 3, 4) == (1.0, 1.0)
    luck = np.array([[1.0, 0.0], [0.0, 0.5]])
    assert agents.flattered(luck, 2, 4) == (0.75, 0.0)
    assert agents.flattered(luck, 1, 400)[0] == pytest.approx(agents.flattered(luck, 1, 400)[1], abs=0.1)


@pytest.mark.slow
def test_a_row_is_a_seed_that_both_searches_have_ended(memory_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for search, seed in (("rounds", 0), ("agent", 0), ("rounds", 1)):
        config = config_for(
            TASK, {"model": "grammar", "search": search, "seed": seed, "budget": 2.0, "confirm_seeds": 1}
        )
        folder = bench.folder_of(memory_folder, TASK.name, search, seed)
        with Book.create(folder, RunHeader.of(TASK, config)) as book:
            improve(Study(TASK, config, FakeSteps(width=config.candidates), book, lambda event: None))  # type: ignore[arg-type]
    bench.table([TASK.name], (0, 1, 2), memory_folder)
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(" | ")[:3] for row in rows] == [["| mountain-car", search, "0"] for search in ("rounds", "agent")]
