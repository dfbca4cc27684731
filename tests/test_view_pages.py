"""`autoreward view` as a browser draws it, at three widths, in light and dark, with 32 candidates, and by keyboard alone."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import NAMES, Browser, find_browser
from fake_steps import FakeSteps
from served import served
from test_pages import MEASURE

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.loop import improve
from autoreward.search.study import Study
from autoreward.store.book import Book, RunHeader
from autoreward.store.files import run_folders
from autoreward.tasks.files import find_task

PROGRAM = find_browser()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason=f"no browser was found under the names {', '.join(NAMES)}"),
]
TASK = find_task("mountain-car", (envs_folder(),))
RECORDINGS = Path(__file__).parent / "recordings" / "cartpole-hold"
NAMELESS = """[...document.querySelectorAll("button, input, select, a, svg[role=img], dialog")]
  .filter(e => !(e.textContent.trim() || e.getAttribute("aria-label") || (e.labels && e.labels.length)))
  .map(e => e.outerHTML.slice(0, 80))"""
PRESS = """const press = key =>
  (document.activeElement || document.body).dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
const type = (box, text) => { box.value = text; box.dispatchEvent(new InputEvent("input", {bubbles: true})); };
const rows = () => [...document.querySelectorAll("tr[data-row]")].filter(r => !r.hidden);
const at = () => document.querySelector("tr.at")?.dataset.row;"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name, width in (("large", 16), ("small", 3)):
        config = RunConfig(rounds=2, candidates=width, target=1.0, budget=64.0)
        with Book.create(folder / name, RunHeader.of(TASK, config)) as book:
            improve(Study(TASK, config, FakeSteps(width=width), book, lambda event: None))
            for file in sorted(RECORDINGS.iterdir()):
                book.write(f"replies/{file.name}", file.read_bytes())
    return folder


@pytest.fixture(scope="module")
def address(runs: Path) -> Iterator[str]:
    with served(lambda: run_folders(runs)) as server:
        yield server.address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert PROGRAM
    with Browser(PROGRAM) as made:
        yield made


@pytest.mark.parametrize("path", ["", "run/large", "run/large/r000c1", "compare?a=large%2Fr000c1&b=large%2Fr001c2"])
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (768, True), (420, False), (420, True)])
def test_pages_fit_and_can_be_read(browser: Browser, address: str, path: str, width: int, dark: bool) -> None:
    found: dict[str, Any] = browser.see(address + path, width, dark, MEASURE).found
    assert found["width"] == width, "it scrolls sideways"
    assert found["wide"] == []
    assert found["dim"] == [], "text that is hard to read on its ground"
    assert found["empty"] == 0
    assert (sum(found["ground"][:3]) < 150) == dark
    assert browser.see(address + path, width, dark, NAMELESS).found == [], "what has no name for those who can't see it"


def keys(browser: Browser, address: str, script: str) -> Any:
    return browser.see(address, 1280, False, f"(async () => {{ {PRESS} {script} }})()").found


def test_rows_are_gone_through_filtered_and_sorted_by_keyboard(browser: Browser, address: str) -> None:
    script = """press("j"); const first = at(); press("j"); const second = at(); press("k"); const back = at();
      press("/"); const box = document.activeElement; type(box, "r001c3");
      const left = rows().map(r => r.dataset.row), query = location.search; press("Escape"); const all = rows().length;
      const head = [...document.querySelectorAll("th [data-sort]")].find(b => b.textContent === "success"); head.click();
      const values = rows().map(r => Number(r.cells[5].dataset.value));
      return {first, second, back, box: box.id, left, query, all, sort: head.closest("th").ariaSort, values};"""
    found = keys(browser, address + "run/large", script)
    assert found["first"] == found["back"] != found["second"]
    assert found["box"] == "filter"
    assert found["left"] == ["r001c3"]
    assert found["query"] == "?q=r001c3"
    assert found["all"] == 32
    assert found["sort"] == "descending"
    assert found["values"] == sorted(found["values"], reverse=True)


def test_a_filtered_list_has_an_address(browser: Browser, address: str) -> None:
    script = "return rows().map(r => r.dataset.row);"
    assert keys(browser, address + "?q=small", script) == ["small"]


def waited(browser: Browser, ending: str) -> str:
    """The path that the browser shows, when it ends so."""
    for _ in range(200):
        path = str(browser.on("location.pathname"))
        if path.endswith(ending) and browser.on("document.readyState") == "complete":
            return path
        time.sleep(0.05)
    raise AssertionError(f"{path} does not end in {ending}")


def test_keys_go_to_the_next_program_and_up(browser: Browser, address: str) -> None:
    after = keys(
        browser, address + "run/large/r000c1", 'return document.querySelector("[data-after]").getAttribute("href");'
    )
    browser.on(f'(() => {{ {PRESS} press("j"); }})()')
    assert waited(browser, after.rpartition("/")[2]) == after
    browser.on(f'(() => {{ {PRESS} press("Escape"); }})()')
    waited(browser, "/run/large")
    browser.on(f'(() => {{ {PRESS} press("Escape"); }})()')
    assert address.endswith(waited(browser, address[-10:]))
    browser.on(f'(() => {{ {PRESS} press("?"); }})()')
    assert browser.on('document.querySelector("#help").open') is True


def test_two_that_are_picked_can_be_compared(browser: Browser, address: str) -> None:
    script = """press("j"); press("x"); press("j"); press("x");
      const link = document.querySelector("#compare"); return [link.hidden, link.getAttribute("href")];"""
    hidden, link = keys(browser, address, script)
    assert hidden is False
    assert link.endswith("compare?a=small&b=large") or link.endswith("compare?a=large&b=small")


def test_what_is_saved_meanwhile_is_shown_and_nothing_that_was_typed_is_lost(browser: Browser, address: str) -> None:
    script = """const box = document.querySelector("#filter"); box.focus(); type(box, "la");
      const before = document.querySelector("main");
      before.dataset.stamp = "another";
      await follow();
      return {anew: document.querySelector("main") !== before, typed: document.querySelector("#filter").value,
              focus: document.activeElement.id,
              shown: rows().map(r => r.dataset.row)};"""
    assert keys(browser, address, script) == {"anew": True, "typed": "la", "focus": "filter", "shown": ["large"]}


def test_it_says_when_nobody_answers_and_can_ask_nobody_else(browser: Browser, address: str) -> None:
    script = """document.querySelector("main").dataset.follows = "http://127.0.0.1:9/"; await follow();
      return document.querySelector("#live").textContent;"""
    assert "the viewer has ended" in keys(browser, address, script)


def test_a_program_can_be_copied(browser: Browser, address: str) -> None:
    """Where the clipboard may not be written, it is selected."""
    script = """const button = document.querySelector(".copyable [data-copy]"); await copy(button);
      return [button.textContent, getSelection().toString()];"""
    said, selected = keys(browser, address + "run/large/r000c1", script)
    assert said == "copied" or "# r000c1" in selected
