"""Commands that are started from a page of `autoreward view --act`: those that it offers, and no others."""

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from browser import NAMES, Browser, find_browser
from fake_steps import FakeSteps
from served import served_pages

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.core.wording import Command, Setting, in_words
from autoreward.loop import improve
from autoreward.report.view.errands import Errands
from autoreward.report.view.server import PagesThatHear
from autoreward.report.view.site import ActingSite, Site
from autoreward.report.view.viewed_runs import ViewedRuns
from autoreward.search.study import Study
from autoreward.store.book import Book, RunHeader
from autoreward.store.files import run_folders
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
SAYS = (sys.executable, "-I", "-S", "-c", "import sys; print(sys.argv[1:]); sys.exit(len(sys.argv) - 4)")
"""Prints its words, and ends with 0 where there are three."""
WAITS = (sys.executable, "-I", "-S", "-c", "print('http://127.0.0.1:8001/key/: there', flush=True); input()")
"""Serves a page, as far as one can tell."""
STAYS = (sys.executable, "-I", "-S", "-c", "import time; print('on', flush=True); time.sleep(60)")


class Kept(Errands):
    """Starts nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[tuple[str, Command]] = []

    def start(self, run: str, command: Command) -> bool:
        """Only once."""
        self.begun.append((run, command))
        return len(self.begun) == 1


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    config = RunConfig(rounds=1, candidates=3, target=1.0)
    with Book.create(folder / "done", RunHeader.of(TASK, config)) as book:
        improve(Study(TASK, config, FakeSteps(), book, lambda event: None))
    return folder


def site_of(runs: Path, errands: Errands) -> ActingSite:
    return ActingSite(ViewedRuns(lambda: run_folders(runs)), errands, "/key/")


def waited(found: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not found():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_command_is_words_of_which_none_is_read_as_an_option() -> None:
    command = Command("feedback", ("runs/a b", "--trust; rm *"), (Setting("yes"), Setting("max_cost", None)))
    assert in_words(command) == ["feedback", "--yes", "--max-cost", "none", "--", "runs/a b", "--trust; rm *"]


def test_what_is_started_is_shown_until_it_ends() -> None:
    with Errands(SAYS) as errands:
        before = errands.stamp("done")
        assert errands.start("done", Command("export", ("runs/done",)))
        waited(lambda: errands.of("done")[0].code is not None)
        (errand,) = errands.of("done")
        assert errand == ("autoreward export runs/done", "['export', '--', 'runs/done']\n", 0, "")
        assert errands.stamp("done") != before
        assert errands.of("other") == []


def test_one_command_runs_at_a_time_and_its_page_can_be_opened() -> None:
    with Errands(STAYS) as errands:
        assert errands.start("done", Command("resume", ("runs/done",)))
        assert not errands.start("done", Command("play", ("runs/done",)))
        waited(lambda: errands.of("done")[0].said == "on\n")
        began = time.monotonic()
    assert time.monotonic() - began < 20, "it is stopped with the viewer"
    with Errands(WAITS) as errands:
        errands.start("done", Command("prefer", ("runs/done",)))
        waited(lambda: bool(errands.of("done")[0].said))
        seen = errands.of("done")[0]
        assert seen.address in ("http://127.0.0.1:8001/key/", ""), "the page of one that has ended leads nowhere"


@pytest.mark.parametrize(
    ("asked", "told", "status"),
    [
        ("run/done", {"command": "autoreward export RUN"}, 200),
        ("run/done", {"command": "autoreward prefer RUN --page"}, 200),
        ("run/done", {"command": "autoreward feedback RUN 'what should change'", "words": " calmer "}, 200),
        ("run/done", {"command": "autoreward feedback RUN 'what should change'", "words": " "}, 400),
        ("run/done", {"command": "autoreward export RUN --to /"}, 409),
        ("run/done", {"command": "autoreward resume RUN"}, 409),
        ("run/done", {"command": 3}, 400),
        ("run/done", {}, 400),
        ("run/none", {"command": "autoreward export RUN"}, 404),
        ("run/done/r000c2", {"command": "autoreward play RUN --candidate r000c2"}, 200),
        ("run/done/r000c1", {"command": "autoreward show RUN --candidate r000c1"}, 409),
        ("compare", {"command": "autoreward export RUN"}, 400),
    ],
)
def test_what_a_page_offers_can_be_started_and_nothing_else(
    runs: Path, asked: str, told: dict[str, Any], status: int
) -> None:
    errands = Kept()
    if isinstance(told.get("command"), str):
        told = {**told, "command": told["command"].replace("RUN", str(runs / "done"))}
    site = site_of(runs, errands)
    assert site.take(asked, told).status == status
    assert len(errands.begun) == (status == 200)
    if "words" in told and status == 200:
        assert errands.begun == [("done", Command("feedback", (runs / "done", "calmer")))]
    if status == 200:
        assert site.take(asked, told).status == 409, "one at a time"


def test_pages_have_buttons_only_where_they_may_start_something(runs: Path) -> None:
    looking = Site(ViewedRuns(lambda: run_folders(runs)), "/key/")
    assert not isinstance(looking, PagesThatHear)
    assert "data-start=" not in looking.answer("run/done").text.partition("<script>")[0]
    text = site_of(runs, Kept()).answer("run/done").text.partition("<script>")[0]
    assert text.count("data-start=") == text.count("data-copy>") - 1, "all but how to reproduce it"
    assert "prefer" in text
    assert "--page</code>" in text


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find_browser()
    assert program
    with Browser(program) as made:
        yield made


@pytest.mark.slow
@pytest.mark.skipif(find_browser() is None, reason=f"no browser was found under the names {', '.join(NAMES)}")
def test_in_a_browser_the_second_click_starts_it(browser: Browser, runs: Path) -> None:
    script = """(async () => {
      const button = document.querySelector('[data-start*=" export "]'), seen = [document.querySelectorAll("[id^=errand]").length];
      button.click(); seen.push(button.textContent, document.querySelectorAll("[id^=errand]").length);
      button.click();
      for (let i = 0; i < 200 && !document.querySelector("#errand-1"); i++) await new Promise(done => setTimeout(done, 20));
      return [...seen, document.querySelector("#errand-1 code").textContent];
    })()"""
    with (
        Errands(SAYS) as errands,
        served_pages(partial(ActingSite, ViewedRuns(lambda: run_folders(runs)), errands)) as server,
    ):
        found = browser.see(f"{server.address}run/done", 1280, False, script).found
    assert found == [0, "start it: sure?", 0, f"autoreward export {runs / 'done'}"]
