"""Reports and pages as axe-core finds them: names, contrast, landmarks, headings, what the keyboard reaches."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_core_python
import filmed
import pytest
from browser import NAMES, Browser, find_browser
from served import served
from test_pages import MEASURE

from autoreward.report.html import render
from autoreward.report.reading import read_run
from autoreward.store.book import Book

PROGRAM = find_browser()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason=f"no browser was found under the names {', '.join(NAMES)}"),
]
RECORDINGS = Path(__file__).parent / "recordings" / "cartpole-hold"
AXE = Path(axe_core_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
ASK = """(async () => {
  document.querySelectorAll("details").forEach(d => { d.open = true; });
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.flatMap(v => v.nodes.map(node => `${v.id}: ${node.html.slice(0, 120)}`));
})()"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 32 candidates with clips and model calls, and its report."""
    folder = tmp_path_factory.mktemp("accessible") / "run"
    filmed.finished(folder, candidates=16)
    with Book.open(folder) as book:
        for file in sorted(RECORDINGS.iterdir()):
            book.write(f"replies/{file.name}", file.read_bytes())
    (folder / "report.html").write_text(render(read_run(folder)))
    return folder


@pytest.fixture(scope="module")
def address(run: Path) -> Iterator[str]:
    with served(lambda: [run]) as server:
        yield server.address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert PROGRAM
    with Browser(PROGRAM) as made:
        yield made


def violations(browser: Browser, page: Path | str, width: int, dark: bool) -> Any:
    browser.see(page, width, dark, "0")
    browser.on(f"{AXE}; 0")
    return browser.on(ASK)


PAGES = ("report", "", "run/run", "run/run/r000c1", "compare?a=run%2Fr000c1&b=run%2Fr001c2", "run/none")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("width", "dark"), [(1400, False), (768, True), (420, False), (420, True)])
def test_nothing_is_found(browser: Browser, run: Path, address: str, page: str, width: int, dark: bool) -> None:
    place = run / "report.html" if page == "report" else address + page
    assert violations(browser, place, width, dark) == []


@pytest.mark.parametrize(("width", "dark"), [(1400, True), (768, False), (420, True)])
def test_a_large_report_fits(browser: Browser, run: Path, width: int, dark: bool) -> None:
    assert len(read_run(run).candidates) == 32
    found = browser.see(run / "report.html", width, dark, MEASURE).found
    assert (found["width"], found["wide"], found["dim"], found["empty"]) == (width, [], [], 0)


def test_what_is_wrong_is_found(browser: Browser, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.html"
    wrong.write_text('<html lang="en"><title>x</title><main><h1>x</h1><img src="data:,"><button></button></main>')
    assert {found.partition(":")[0] for found in violations(browser, wrong, 420, False)} >= {"image-alt", "button-name"}
