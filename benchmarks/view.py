"""How soon `autoreward view` is seen: until the first paint in headless Chromium, of 50 runs and of a run with 32 candidates.

python benchmarks/view.py [TIMES]

Records are about as large as a real search leaves them: 8 points of a curve with 4 parts for each leg of a training, 20 episodes
for each score. The first visit is to a server that was started a moment ago and has read nothing; the others are medians of TIMES
(5) further ones. Seconds at work are the server's processor time, which other work on the machine does not lengthen.
"""

import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.loop import improve
from autoreward.records import Candidates, CurvePoint, Description, Episode, PartStats, Round, Score, Trial, TrialJob
from autoreward.report.view.server import PageServer
from autoreward.report.view.site import Site
from autoreward.report.view.viewed_runs import ViewedRuns
from autoreward.search.study import Study
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.store.files import run_folders
from autoreward.tasks.files import find_task

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from browser import Browser, find_browser
from fake_steps import FakeSteps

TASK = find_task("mountain-car", (envs_folder(),))
PARTS = ("approach", "speed", "alive", "effort")
PROGRAM = """def compute_reward(state, action, next_state, memory):
    '''A program as long as usual.'''
    gap = np.abs(next_state.position - 0.5)
    return {
        "approach": 1.0 * np.exp(-gap / 0.2),
        "speed": 0.1 * np.abs(next_state.velocity),
        "alive": 0.5 * (1.0 - next_state.terminated),
        "effort": -0.05 * np.square(action.push),
    }
"""
PAINTED = """new Promise(done => {
  const paint = () => performance.getEntriesByName("first-contentful-paint")[0];
  const wait = () => paint() ? done(paint().startTime) : setTimeout(wait, 5);
  wait();
})"""


class FullSteps(FakeSteps):
    """Leaves records of a usual size."""

    def design(self, description: Description, rounds: Sequence[Round]) -> Candidates:
        made = super().design(description, rounds)
        return made.model_copy(
            update={"items": tuple(c.model_copy(update={"source": f"# {c.id}\n{PROGRAM}"}) for c in made.items)}
        )

    def train(self, job: TrialJob, begun: bytes = b"") -> WithFiles[Trial]:
        made = super().train(job, begun)
        parts = tuple(PartStats(name=n, mean=0.1, std=0.2, share=0.25, low=-1.0, high=1.0) for n in PARTS)
        length = job.steps - job.begin
        curve = tuple(
            CurvePoint(step=job.begin + length * i // 8, episode_return=1.0 * i, episode_length=100.0, parts=parts)
            for i in range(1, 9)
        )
        return made._replace(record=made.record.model_copy(update={"curve": curve}))

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        made = super().score(page, trial, purpose)
        episode = Episode(
            success=True, length=100, terminated=True, reached=True, held=1.0, progress=1.0, metric=90.0, movement=0.1
        )
        return made._replace(record=made.record.model_copy(update={"episodes": (episode,) * 20}))


def made(folder: Path, candidates: int, rounds: int) -> None:
    config = RunConfig(rounds=rounds, candidates=candidates, target=1.0, confirm_seeds=5, budget=64.0)
    with Book.create(folder, RunHeader.of(TASK, config)) as book:
        improve(Study(TASK, config, FullSteps(width=candidates), book, lambda event: None))


class Visit(NamedTuple):
    painted: float
    """Seconds from the request to the first paint with something in it."""
    at_work: float
    """Seconds of processor time that the server took for it."""


def visit(browser: Browser, address: str) -> Visit:
    began = time.process_time()
    painted = float(browser.see(address, 1280, False, PAINTED).found) / 1000.0
    return Visit(painted, time.process_time() - began)


def measured(browser: Browser, runs: Path, path: str, times: int) -> tuple[Visit, Visit]:
    with PageServer(partial(Site, ViewedRuns(lambda: run_folders(runs))), 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            first = visit(browser, server.address + path)
            more = [visit(browser, server.address + path) for _ in range(times)]
        finally:
            server.shutdown()
            thread.join()
    return first, Visit(*(statistics.median(values) for values in zip(*more, strict=True)))


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    program = find_browser()
    if program is None:
        sys.exit("no Chromium was found")
    rows: list[tuple[str, Visit, Visit]] = []
    with tempfile.TemporaryDirectory() as place, Browser(program) as browser:
        many, large = Path(place) / "many", Path(place) / "large"
        made(many / "run-00", 8, 2)
        for i in range(1, 50):
            shutil.copytree(many / "run-00", many / f"run-{i:02d}")
        made(large / "run", 16, 2)
        browser.see("about:blank", 1280, False, "0")
        time.sleep(1.0)
        rows.append(("50 runs of 16 candidates", *measured(browser, many, "", times)))
        rows.append(("a run of 32 candidates", *measured(browser, large, "run/run", times)))
        rows.append(("one of its programs", *measured(browser, large, "run/run/r001c3", times)))
    print("| page | first visit, s | at work, s | again, s | at work, s |")
    print("|---|---|---|---|---|")
    for what, first, again in rows:
        print(f"| {what} | {first.painted:.2f} | {first.at_work:.2f} | {again.painted:.2f} | {again.at_work:.2f} |")


if __name__ == "__main__":
    main()
