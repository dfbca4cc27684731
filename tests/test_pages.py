"""The report as a browser draws it: at a desk and on a phone, in light and dark."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filmed
import pytest
from browser import NAMES, Browser, Seen, find_browser
from PIL import Image
from undrawn import finished

from autoreward.report.html import render
from autoreward.report.reading import read_run

pytestmark = [pytest.mark.slow]
PROGRAM = find_browser()
needs_browser = pytest.mark.skipif(PROGRAM is None, reason=f"no browser was found under the names {', '.join(NAMES)}")

MEASURE = """(() => {
  document.querySelectorAll("details").forEach(d => { d.open = true; });
  const channels = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = rgb => rgb.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = channels(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const dim = [];
  for (const e of document.body.querySelectorAll("*:not(script, title)")) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const style = getComputedStyle(e);
    const two = [light(channels(e.closest("svg") ? style.fill : style.color)), light(ground(e))].sort((a, b) => a - b);
    const contrast = (two[1] + 0.05) / (two[0] + 0.05);
    if (contrast < 4.5) dim.push(`${e.tagName} ${e.className} ${e.textContent.slice(0, 30)}: ${contrast.toFixed(2)}`);
  }
  const wide = [...document.querySelectorAll("img, svg, .highlight, details, p, h1")]
    .filter(e => !e.parentElement.closest(".scroll") && e.getBoundingClientRect().right > innerWidth)
    .map(e => `${e.tagName} ${e.className.baseVal ?? e.className}`);
  const empty = [...document.querySelectorAll("img, svg")].filter(e => e.getBoundingClientRect().height < 10).length;
  return {width: document.documentElement.scrollWidth, drawings: document.querySelectorAll("svg").length, wide, empty, dim,
          ground: channels(getComputedStyle(document.body).backgroundColor)};
})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    finished(folder / "run")
    (folder / "report.html").write_text(render(read_run(folder / "run")))
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert PROGRAM
    with Browser(PROGRAM) as made:
        yield made


@needs_browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 420])
def test_the_report_fits_and_can_be_read(browser: Browser, page: Path, width: int, dark: bool) -> None:
    seen: Seen = browser.see(page, width, dark, MEASURE)
    found: dict[str, Any] = seen.found
    assert found["width"] == width, "it scrolls sideways"
    assert found["wide"] == []
    assert found["dim"] == [], "text that is hard to read on its ground"
    assert found["drawings"] > 4
    assert found["empty"] == 0
    assert (sum(found["ground"][:3]) < 150) == dark
    drawn = Image.open(io.BytesIO(seen.png)).convert("RGB")
    assert drawn.width == width
    colors = drawn.getcolors(maxcolors=1 << 24)
    assert len(colors) > 100, "the page is blank"
    assert max(count for count, _ in colors) < 0.98 * drawn.width * drawn.height


@needs_browser
def test_the_measure_finds_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.html"
    wrong.write_text('<body style="margin:0"><svg width="900" height="40"></svg><p style="color:#ccc">faint</p>')
    found = browser.see(wrong, 420, False, MEASURE).found
    assert found["width"] == 900
    assert found["wide"] == ["svg "]
    assert found["dim"][0].startswith("P  faint")


@needs_browser
def test_a_link_to_a_candidate_opens_it_and_the_keyboard_shows_where_it_is(browser: Browser, page: Path) -> None:
    go = """(() => {
      document.querySelectorAll("details").forEach(d => { d.open = false; });
      location.hash = "r000c1"; open_target();
      const head = document.querySelector("#r000c1 > summary");
      head.focus({focusVisible: true});
      return [document.getElementById("r000c1").open, getComputedStyle(head).outlineStyle];
    })()"""
    assert browser.see(page, 1200, False, go).found == [True, "solid"]


@needs_browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1400, 420])
def test_a_clip_is_gone_through_with_its_parts_and_its_rule(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, width: int, dark: bool
) -> None:
    folder = tmp_path_factory.mktemp("filmed")
    filmed.finished(folder / "run")
    (folder / "report.html").write_text(render(read_run(folder / "run")))
    found = browser.see(folder / "report.html", width, dark, MEASURE).found
    assert (found["width"], found["wide"], found["dim"], found["empty"]) == (width, [], [], 0)
    go = """(() => {
      const film = document.querySelector(".film"), bar = film.querySelector("input"), seen = [];
      for (const i of [12, 21]) {
        bar.value = i; bar.dispatchEvent(new Event("input", {bubbles: true}));
        seen.push([film.querySelector("output").textContent, film.querySelector("[data-ruled]").textContent.split(":")[0],
          ...[...film.querySelectorAll("[data-part]")].map(part => part.textContent),
          film.querySelector(".screen").style.backgroundPosition, Number(film.querySelector(".now").getAttribute("x1"))]);
      }
      const names = [...document.querySelectorAll(".film input, .film button")].every(e => e.ariaLabel || e.textContent.trim());
      film.querySelector("[data-play]").click();
      return {seen, names, word: film.querySelector("[data-play]").textContent, told: bar.getAttribute("aria-valuetext")};
    })()"""
    found = browser.on(go)
    assert found["seen"] == [
        ["step 48 of 96", "does not hold", "48", "-48", "22.2222% 50%", 189],
        ["step 84 of 96", "holds", "84", "-84", "11.1111% 100%", 294.75],
    ]
    assert found["names"], "everything that can be pressed has a name"
    assert (found["word"], found["told"]) == ("pause", "step 84 of 96")
    ended = """(async () => { await new Promise(done => setTimeout(done, 700)); const film = document.querySelector(".film");
      return [film.querySelector("output").textContent, film.querySelector("[data-play]").textContent]; })()"""
    assert browser.on(ended) == ["step 96 of 96", "play"]
