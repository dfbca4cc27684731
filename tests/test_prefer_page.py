"""`autoreward prefer` as a page: what it shows, what it takes from whom, and what it leaves in the records."""

import http.client
import json
import re
import shutil
import threading
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from browser import NAMES, Browser, find_browser
from filmed import StillCamera
from served import served_pages
from test_accessible import violations
from test_preferences import HUMAN, go, ruled_run
from watcher import acting

from autoreward.api import load
from autoreward.cli.prefer import sit_in_page
from autoreward.errors import CannotDraw, RunLocked
from autoreward.evaluation.questions import questions
from autoreward.judges.camera import Camera
from autoreward.judges.poll import Poll
from autoreward.judges.sides import Side
from autoreward.judges.sitting import Sitting
from autoreward.records import Reel
from autoreward.report.reading import read_run
from autoreward.report.view.server import PageServer
from autoreward.session.preferring import PreferPages
from autoreward.store.book import WithFiles

PROGRAM = find_browser()
JSON = {"Content-Type": "application/json"}


class BlindCamera:
    """Can draw nothing."""

    def film(self, side: Side) -> WithFiles[Reel]:
        """Never."""
        raise CannotDraw("no screen")


class Table(NamedTuple):
    """A sitting, and what serves it."""

    folder: Path
    sitting: Sitting
    server: PageServer

    def ask(self, method: str, path: str = "", said: Any = None, **headers: str) -> tuple[int, str]:
        """As a browser asks from the page itself, but for these headers."""
        server = self.server
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        origin = {"Origin": f"http://127.0.0.1:{server.server_port}"} if method == "POST" else {}
        body = None if said is None else said if isinstance(said, str) else json.dumps(said)
        sent = {**JSON, **origin, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request(method, f"/{server.key}/{path}", body=body, headers={k: v for k, v in sent.items() if v})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text

    def answer(self, value: str, question: str = "", **headers: str) -> tuple[int, str]:
        """Answer the question that is shown."""
        return self.ask(
            "POST", "answer", {"question": question or self.shown, "answer": value, "reason": ""}, **headers
        )

    @property
    def shown(self) -> str:
        """The id of the question that is shown; empty without one."""
        lineup = self.sitting.turn().lineup
        return lineup.question.id if lineup else ""

    def saved(self) -> dict[str, str]:
        """Answers by question, as the run has them."""
        return {p.question.id: p.answer for p in read_run(self.folder).preferences}

    def filmed(self) -> None:
        """Wait until the pair that is shown has its films."""
        until = time.monotonic() + 10
        while self.sitting.turn().filming:
            assert time.monotonic() < until
            time.sleep(0.005)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ruled_run(tmp_path_factory.mktemp("runs") / "done")


@pytest.fixture
def done(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "done"))


def sat(folder: Path, camera: Camera, count: int | None = None, of: int = 2) -> Iterator[Table]:
    with (
        Poll(folder, of=of) as poll,
        Sitting(poll, camera, count) as sitting,
        served_pages(partial(PreferPages, sitting, poll)) as server,
    ):
        yield Table(folder, sitting, server)


@pytest.fixture
def table(done: Path) -> Iterator[Table]:
    yield from sat(done, StillCamera())


def test_the_page_shows_both_clips_and_tells_nothing_of_the_scores(table: Table) -> None:
    table.filmed()
    status, text = table.ask("GET")
    assert status == 200
    assert acting(text, f"/{table.server.key}/") == []
    assert text.count("background-image: url(data:image/webp;base64,") == 2
    assert text.count("<polyline") == 2 * 4, "two lines for each of four numbers"
    shown = text.partition("<main")[2].replace(table.shown, "").replace(table.sitting.turn().stamp, "")
    assert "r000c" not in shown
    assert "success" not in shown


def test_of_three_one_is_chosen(done: Path) -> None:
    for table in sat(done, StillCamera(), of=3):
        table.filmed()
        text, first = table.ask("GET")[1], table.shown
        assert acting(text, f"/{table.server.key}/") == []
        assert "Which does the most of what was meant?" in text
        assert text.count("background-image: url(data:image/webp;base64,") == 3
        assert text.count("<polyline") == 3 * 4
        assert re.findall('data-answer="(.)"', text) == ["a", "b", "c"]
        assert "Three policies from the same start" in text
        assert table.answer("d")[0] == 409, "no fourth one is shown"
        assert table.saved() == {}
        assert table.answer("c")[0] == 200
        assert table.saved() == {first: "c"}
        table.ask("POST", "undo", {})
        assert (table.saved(), table.shown) == ({}, first)
        table.answer("tie")
        assert table.saved() == {first: "tie"}


def test_an_answer_is_kept_and_the_next_pair_shown(table: Table) -> None:
    first = table.shown
    status, text = table.answer("b")
    assert status == 200
    assert table.saved() == {first: "b"}
    assert first not in text
    assert f'data-question="{table.shown}"' in text
    assert table.shown != first


def test_a_reason_is_kept_on_one_line(table: Table) -> None:
    table.ask("POST", "answer", {"question": table.shown, "answer": "a", "reason": " it drags\n its leg "})
    (kept,) = read_run(table.folder).preferences
    assert kept.reason == "it drags its leg"


def test_undo_takes_the_answer_back_in_the_records_and_asks_again(table: Table) -> None:
    first = table.shown
    table.answer("a")
    second = table.shown
    table.answer("tie")
    assert table.saved() == {first: "a", second: "tie"}
    assert table.ask("POST", "undo", {})[0] == 200
    assert table.saved() == {first: "a"}
    assert table.shown == second
    assert not (table.folder / "preferences" / f"{second}.json").exists()
    (kept,) = (table.folder / "taken_back").iterdir()
    assert json.loads(kept.read_text())["answer"] == "tie", "what was said is not lost"
    table.answer("b")
    table.ask("POST", "undo", {})
    table.answer("a")
    assert table.saved() == {first: "a", second: "a"}
    assert len(list((table.folder / "taken_back").iterdir())) == 2


def test_only_answers_of_this_sitting_are_taken_back(table: Table) -> None:
    status, text = table.ask("POST", "undo", {})
    assert status == 409
    assert "no answer to take back" in text


def test_a_pair_that_was_answered_elsewhere_is_not_answered_twice(table: Table) -> None:
    first = table.shown
    assert table.sitting.answer(first, "a")
    second = table.shown
    status, text = table.answer("b", question=first)
    assert status == 409
    assert "was not kept" in text
    assert table.saved() == {first: "a"}
    assert table.shown == second


def test_each_pair_is_chosen_by_all_answers_but_that_to_the_one_before(done: Path) -> None:
    """The order is that of `questions`, of which the terminal asks, with one pair that is watched meanwhile."""
    for table in sat(done, StillCamera(), count=6):
        with table.sitting._lock:
            among, episodes = table.sitting._poll._policies, table.sitting._poll.header.config.episodes
        asked = [table.shown]
        while pair := table.shown:
            table.answer("a")
            table.sitting._work.result()  # the next one is chosen
            asked.append(table.shown)
            known = read_run(done).preferences
            if len(known) < 5:
                coming = [q.id for q in questions(among, known, episodes, 6 - len(known)) if q.id != table.shown]
                assert table.sitting._plan[1].id == coming[0]
            assert pair != table.shown
        assert len(table.saved()) == 6
        assert asked[-1] == ""


def test_when_all_is_answered_it_says_what_next_and_can_be_taken_back(done: Path) -> None:
    for table in sat(done, StillCamera(), count=1):
        first = table.shown
        _, text = table.answer("a")
        assert "All pairs are answered" in text
        assert "1 answer is saved" in text
        assert "autoreward prefer" in text
        assert "data-undo" in text
        table.ask("POST", "undo", {})
        assert table.shown == first
        status, text = table.ask("POST", "finish", {})
        assert status == 200
        assert "This page can be closed" in text
        assert 'data-follows=""' in text
        assert table.answer("a", question=first)[0] == 409, "nothing is taken once it was finished"
        assert table.saved() == {}
        until = time.monotonic() + 5
        while not table.sitting.over:
            assert time.monotonic() < until


def test_without_the_key_nothing_is_taken(table: Table) -> None:
    port, said = table.server.server_port, json.dumps({"question": table.shown, "answer": "a", "reason": ""})
    for path in ("/answer", f"/{table.server.key[:-1]}/answer", f"/{table.server.key}x/answer", "//answer"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", path, body=said, headers={**JSON, "Origin": f"http://127.0.0.1:{port}"})
        assert connection.getresponse().status == 403, path
        connection.close()
    assert table.saved() == {}


@pytest.mark.parametrize(
    "origin", ["", "null", "http://evil.example", "http://127.0.0.1", "http://127.0.0.1:1", "https"]
)
def test_from_another_origin_nothing_is_taken(table: Table, origin: str) -> None:
    if origin == "https":
        origin = f"https://127.0.0.1:{table.server.server_port}"
    assert table.answer("a", Origin=origin)[0] == 403
    assert table.saved() == {}


def test_nothing_is_taken_that_a_page_from_elsewhere_could_send(table: Table) -> None:
    port = table.server.server_port
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert table.answer("a", Content_Type=kind)[0] == 415, kind
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1"):
        assert table.answer("a", Host=host, Origin=f"http://{host}")[0] == 421, host
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
        assert table.ask(method, "answer")[0] == 405, method
    assert table.saved() == {}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("", 400),
        ("[]", 400),
        ("{", 400),
        ("[" * 4000, 400),
        ({}, 400),
        ({"question": 1, "answer": "a"}, 400),
        ({"question": "x", "answer": "better"}, 400),
        ({"question": "x", "answer": ["a"]}, 400),
        ({"question": "x", "answer": "a", "reason": "y" * 301}, 400),
        ({"question": "../../run", "answer": "a"}, 409),
        ({"question": "x" * 5000, "answer": "a"}, 413),
    ],
)
def test_what_is_no_answer_is_refused(table: Table, said: Any, status: int) -> None:
    assert table.ask("POST", "answer", said)[0] == status
    assert table.saved() == {}


def test_paths_that_are_not_there_are_not_found(table: Table) -> None:
    assert table.ask("GET", "run/done")[0] == 404
    assert table.ask("POST", "run", {})[0] == 404


def test_where_nothing_can_be_drawn_there_are_curves_and_the_reason(done: Path) -> None:
    for table in sat(done, BlindCamera()):
        table.filmed()
        _, text = table.ask("GET")
        assert "could not be drawn on this machine (no screen)" in text
        assert "background-image" not in text
        assert text.count("<polyline") == 2 * 4
        assert table.answer("a")[0] == 200


def test_it_shows_who_is_watched_where_a_terminal_answers(table: Table) -> None:
    before = table.ask("GET", "stamp")[1]
    assert table.ask("GET", "stamp")[1].split()[0] == before.split()[0]
    rung: list[str] = []
    table.sitting.changed = lambda: rung.append(table.shown)
    table.answer("tie")
    assert rung == [table.shown], "the terminal is told"
    table.sitting.answer(table.shown, "a")
    assert table.ask("GET", "stamp")[1].split()[0] == table.shown, "and so is the page"


def test_in_a_notebook_the_page_is_in_a_frame_and_ends_by_its_button(done: Path) -> None:
    with Poll(done) as poll:
        for side in (side for question in poll.waiting(1) for side in poll.unfilmed(question)):
            poll.film(side, StillCamera())
    shown = load(done).prefer(pairs=1)
    try:
        assert f'<iframe src="{shown.address}"' in shown._repr_html_()
        assert repr(shown) == shown.address
        with urllib.request.urlopen(shown.address) as answer:
            text, rules = answer.read().decode(), answer.headers["Content-Security-Policy"]
        assert rules.endswith("frame-ancestors http://127.0.0.1:* http://localhost:*")
        (pair,) = re.findall('data-question="([^"]+)"', text)
        with pytest.raises(RunLocked):
            Poll(done)
        origin = shown.address[: shown.address.index("/", 8)]
        for what, said in (("answer", {"question": pair, "answer": "b"}), ("finish", {})):
            headers = {**JSON, "Origin": origin}
            request = urllib.request.Request(shown.address + what, json.dumps(said).encode(), headers)
            with urllib.request.urlopen(request) as answer:
                assert answer.status == 200
        until, report = time.monotonic() + 10, done / "report.html"
        while not (report.is_file() and "What people prefer" in report.read_text()):
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        shown.close()
    assert [p.answer for p in read_run(done).preferences] == ["b"]
    Poll(done).close()


def test_a_command_asks_in_the_page_alone(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Poll(done) as poll:
        for side in (side for question in poll.waiting(1) for side in poll.unfilmed(question)):
            poll.film(side, StillCamera())
        asking = threading.Thread(target=sit_in_page, args=(poll, 1))
        asking.start()
        said, until = "", time.monotonic() + 10
        while not (found := re.search(r"(http://[\w.:]+)(/[\w-]+/)", said)):
            assert time.monotonic() < until
            time.sleep(0.005)
            said += capsys.readouterr().out
        headers = {**JSON, "Origin": found[1]}
        with urllib.request.urlopen(urllib.request.Request(f"{found[0]}finish", b"{}", headers)) as answer:
            assert answer.status == 200
        asking.join(10)
        assert not asking.is_alive()


def test_a_film_is_made_once(done: Path) -> None:
    for table in sat(done, StillCamera()):
        table.filmed()
    for table in sat(done, BlindCamera()):
        assert not table.sitting.turn().filming
        assert "background-image" in table.ask("GET")[1]


PRESS = """
const press = (key, at = document.body) => at.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
const moment = () => new Promise(done => setTimeout(done, 10));
const settled = async () => { for (let i = 0; i < 500 && tell.waits; i++) await moment(); };
const shown = () => one(".lineup")?.dataset.question ?? "";
"""


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason=f"no browser was found under the names {', '.join(NAMES)}")
def test_in_a_browser_it_is_answered_by_keyboard(table: Table) -> None:
    table.filmed()
    script = """
      const first = shown(), box = one("[data-keep]");
      watch(false); show_step(0);
      press("."); press(".");
      const place = all(".screen").map(s => s.style.backgroundPosition), step = one("output").textContent;
      const lines = all(".charts .now").length;
      press("/"); const typing = document.activeElement === box; box.value = "calm"; press("ArrowLeft", box); box.blur();
      press("ArrowRight", one("#step")); const unanswered = shown() === first;
      press("ArrowLeft"); await settled(); const second = shown();
      press("ArrowDown"); await settled(); const third = shown();
      press("u"); await settled(); const back = shown();
      return {first, second, third, back, place, lines, step, typing, unanswered, told: one("#told").textContent};"""
    assert PROGRAM
    with Browser(PROGRAM) as browser:
        found = browser.see(table.server.address, 1200, False, f"(async () => {{ {PRESS} {script} }})()").found
        assert found["place"][0] == found["place"][1] == "22.2222% 0%", "both clips show their third frame"
        assert found["step"] == "step 8 of 96"
        assert found["lines"] == 4
        assert found["typing"]
        assert found["unanswered"], "keys that are typed into the reason or move the slider answer nothing"
        assert len({found["first"], found["second"], found["third"]}) == 3
        assert found["back"] == found["second"]
        assert found["told"] == "taken back"
        assert table.saved() == {found["first"]: "a"}
        assert read_run(table.folder).preferences[0].reason == "calm"
        for width, dark in ((1200, False), (420, True)):
            assert violations(browser, table.server.address, width, dark) == []
            assert browser.on("document.documentElement.scrollWidth") == width


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason=f"no browser was found under the names {', '.join(NAMES)}")
def test_in_a_browser_one_of_four_is_chosen_by_its_number(tmp_path: Path) -> None:
    go(tmp_path / "four", HUMAN.model_copy(update={"judge": "rule", "rounds": 3}))
    script = """
      const first = shown(), boxes = all(".screen").map(s => s.getBoundingClientRect());
      const grid = boxes.map(b => [boxes.filter(o => o.top < b.top).length, boxes.filter(o => o.left < b.left).length].join());
      const seen = one(".answers").getBoundingClientRect().bottom <= innerHeight;
      watch(false); show_step(0); press(".");
      const places = new Set(all(".screen").map(s => s.style.backgroundPosition)).size;
      press("ArrowLeft"); press("5"); const unanswered = shown() === first && !tell.waits;
      press("4", one("#step")); await settled(); const second = shown();
      press("0"); await settled(); const third = shown();
      press("u"); await settled(); const back = shown();
      return {first, second, third, back, grid, seen, places, unanswered};"""
    assert PROGRAM
    for table in sat(tmp_path / "four", StillCamera(), of=4):
        table.filmed()
        with Browser(PROGRAM) as browser:
            found = browser.see(table.server.address, 1200, False, f"(async () => {{ {PRESS} {script} }})()").found
            assert found["grid"] == ["0,0", "0,2", "2,0", "2,2"]
            assert found["seen"], "clips and buttons are seen at once"
            assert found["places"] == 1, "all clips show the same frame"
            assert found["unanswered"], "that is no key of theirs"
            assert found["back"] == found["second"] != found["third"]
            assert table.saved() == {found["first"]: "d"}
            for width, dark in ((1200, False), (420, True)):
                assert violations(browser, table.server.address, width, dark) == []
                assert browser.on("document.documentElement.scrollWidth") == width
