"""How soon `autoreward view` is seen, what it takes from a run that goes on, and how large a report is.

python benchmarks/view.py [TIMES]                   until the first paint in headless Chromium: 50 runs, a run of 32 candidates
python benchmarks/view.py training [PAIRS] [STEPS]  trainings of 20,000 steps with its page open and without, 7 of each in turn
python benchmarks/view.py report                    of 32 candidates, each with a clip of noise, the largest there can be

Records are about as large as a real search leaves them: 8 points of a curve with 4 parts for each leg of a training, 20 episodes
for each score. The first visit is to a server that was started a moment ago and has read nothing; the others are medians of TIMES
(5) further ones. Seconds at work are the server's processor time, which other work on the machine does not lengthen.
"""

import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.loop import improve
from autoreward.records import (
    Candidates,
    Clip,
    CurvePoint,
    Description,
    Episode,
    PartStats,
    Reel,
    Round,
    Score,
    Trial,
    TrialJob,
)
from autoreward.report.html import render
from autoreward.report.reading import read_run
from autoreward.report.view.server import PageServer
from autoreward.report.view.site import Site
from autoreward.report.view.viewed_runs import ViewedRuns
from autoreward.search.study import Study
from autoreward.session.asked import AskedRun, watched_run
from autoreward.session.clips import candidates_looks, worth_a_look
from autoreward.session.reward_file import given_settings
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


class Moment(NamedTuple):
    """While a training goes on."""

    step: int
    wall: float
    training: float
    """Seconds of processor time of the workers so far."""
    viewing: float
    """And of the viewer and the browser."""


class Alternating:
    """Listens to a run whose trainings come one after the other: its page is open during every second one."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self._address, self._open = browser, address, False
        self._moments: list[Moment] = []
        self.rates: dict[bool, list[float]] = {False: [], True: []}
        """Steps a second of the training's processor time, without and with the page."""
        self.taken: list[float] = []
        """What viewer and browser took of a core while the page was open."""

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.TrialProgress):
            workers, viewers = processor_seconds()
            self._moments.append(Moment(event.step, time.monotonic(), workers, viewers))
        if isinstance(event, events.TrialDone):
            first, last = self._moments[0], self._moments[-1]
            self.rates[self._open].append((last.step - first.step) / (last.training - first.training))
            if self._open:
                assert self._browser.on("document.hidden") is False, "a hidden page does not ask"
                self.taken.append((last.viewing - first.viewing) / (last.wall - first.wall))
            self._moments.clear()
            self._open = not self._open
            self._browser.see(self._address if self._open else "about:blank", 1280, False, "0")


def processor_seconds() -> tuple[float, float]:
    """Of all workers that this process has started, and of all else below it, so far."""
    workers = others = 0.0
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            continue
    below, waiting = set[int](), [os.getpid()]
    while waiting:
        below.update(found := parents.get(waiting.pop(), []))
        waiting += found
    for number in below:
        try:
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            line = Path(f"/proc/{number}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        if b"autoreward.worker.server" in line:
            workers += seconds
        else:
            others += seconds
    return workers, others


def of_training(program: str, pairs: int, steps: int) -> None:
    settings = {"steps": steps, "episodes": 5, "workers": 1, **given_settings("native", 2 * pairs, TASK)}
    with tempfile.TemporaryDirectory() as place, Browser(program) as browser:
        runs = Path(place)
        viewer = subprocess.Popen(
            [sys.executable, "-m", "autoreward", "view", "--runs", place], stdout=subprocess.PIPE, text=True
        )
        try:
            assert viewer.stdout
            address = next(line for line in viewer.stdout if line.startswith("http")).strip()
            listener = Alternating(browser, f"{address}run/run")
            watched_run(AskedRun(TASK, runs, "run", settings, None), listener, trust=False)
        finally:
            viewer.terminate()
            viewer.wait()
    alone, viewed = (statistics.median(listener.rates[opened]) for opened in (False, True))
    ratios = [b / a for a, b in zip(listener.rates[False], listener.rates[True], strict=True)]
    print("steps a second of the training's processor time; what viewer and browser take is a share of one core")
    print(
        "| pairs | steps each | alone | with the page open | with against without | of single pairs | viewer and browser |"
    )
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {pairs} | {steps:,} | {alone:,.0f} | {viewed:,.0f} | {viewed / alone:.3f} | {min(ratios):.3f} to {max(ratios):.3f} "
        f"| {statistics.median(listener.taken):.3f} |"
    )


def of_report() -> None:
    """Frames of noise are the largest that a codec can be given."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        made(folder, 16, 2)
        film_all(folder)
        data = render(read_run(folder)).encode()
    print(f"{len(data) / 1e6:.2f} MB, of 32 candidates")


def film_all(folder: Path) -> None:
    """A clip of each candidate that gets one: 40 frames of 240 x 160 pixels, each of noise."""
    reading, noise = read_run(folder), np.random.default_rng(0)
    looks = worth_a_look(reading)
    with Book.open(folder) as book:
        for look in (*looks, *candidates_looks(reading, looks)):
            at = tuple(range(0, 200, 5))
            pays = {name: tuple(0.1 * step for step in at[1:]) for name in PARTS}
            reel = Reel(at=at, width=240, height=160, holds=(False,) * (len(at) - 1), parts=pays)
            clip = Clip(id=look.id, trial_id=look.score.trial_id, page=look.page, reel=reel)
            book.write(f"clips/{look.id}.json", clip.model_dump_json().encode())
            for name, size in (("clip", (240, 160)), ("sheet", (2400, 640)), ("still", (240, 160))):
                frame = Image.fromarray(noise.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
                buffer = io.BytesIO()
                frame.save(buffer, "WEBP", quality=60)
                book.write(f"clips/{look.id}/{name}.webp", buffer.getvalue())


def main() -> None:
    program = find_browser()
    if program is None:
        sys.exit("no Chromium was found")
    words = sys.argv[1:]
    if words[:1] == ["training"]:
        of_training(program, int(words[1]) if len(words) > 1 else 7, int(words[2]) if len(words) > 2 else 20_000)
    elif words == ["report"]:
        of_report()
    else:
        of_pages(program, int(words[0]) if words else 5)


def of_pages(program: str, times: int) -> None:
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
