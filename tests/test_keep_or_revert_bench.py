"""The benchmark of keep-or-revert against rounds: its table is of searches that both have ended."""

from pathlib import Path

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
bench = by_path("keep_or_revert_bench", BENCHMARKS / "keep_or_revert.py")
TASK = find_task("mountain-car", (envs_folder(),))


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
