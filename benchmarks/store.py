"""What the loop and the store cost by themselves: a search of 1,000 candidates whose trainings take no time.

python benchmarks/store.py
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.loop import improve
from autoreward.search.study import Study
from autoreward.store.book import Book, RunHeader
from autoreward.tasks.files import find_task

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from fake_steps import FakeSteps

CONFIG = RunConfig(rounds=100, candidates=10, target=1.0, budget=1e6, confirm_seeds=3)


def main() -> None:
    task = find_task("mountain-car", (envs_folder(),))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "run"
        began = time.monotonic()
        with Book.create(place, RunHeader.of(task, CONFIG)) as book:
            run = improve(Study(task, CONFIG, FakeSteps(width=10), book, lambda event: None))
        whole = time.monotonic() - began
        began = time.monotonic()
        idle = FakeSteps(width=10)
        with Book.open(place) as book:
            improve(Study(task, CONFIG, idle, book, lambda event: None))
        again = time.monotonic() - began
        files = sum(1 for _ in place.rglob("*.json"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("| candidates | rounds | trainings | records | seconds | resume, seconds | done again | peak memory, MiB |")
    print("|---|---|---|---|---|---|---|---|")
    cells = (
        1000,
        run.rounds,
        run.trainings,
        f"{files:,}",
        f"{whole:.1f}",
        f"{again:.1f}",
        sum(idle.done.values()),
        f"{peak:.0f}",
    )
    print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
