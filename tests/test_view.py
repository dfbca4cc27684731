"""`autoreward view`: pages over a folder of runs that only look, are handed to this machine alone, and in which nothing acts."""

import fcntl
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
import typer
from fake_steps import FakeSteps
from rude_steps import RudeSteps
from served import served
from typer.testing import CliRunner
from watcher import PAYLOADS, Watcher, acting

from autoreward import events
from autoreward.cli import app
from autoreward.cli.opened import opened
from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.errors import RunLocked, UsageError
from autoreward.evaluation.questions import policies
from autoreward.llm.client import REPLIES
from autoreward.loop import improve
from autoreward.records import Preference, Question
from autoreward.report.charts import Band, Series, chart, small_line
from autoreward.report.model_calls import ModelCall, dollars_by_round, model_calls
from autoreward.report.race_curves import races
from autoreward.report.reading import read_run
from autoreward.report.search_curve import best_so_far, search_curves, search_picture, search_points
from autoreward.report.view import viewed_runs
from autoreward.report.view.commands import offers_of_run
from autoreward.report.view.server import PageServer
from autoreward.report.view.site import Site
from autoreward.report.view.viewed_runs import UNREAD, ViewedRuns
from autoreward.report.whiskers import whiskers
from autoreward.search.study import Study
from autoreward.store.book import Book, RunHeader
from autoreward.store.files import LOCK, run_folders
from autoreward.store.keys import DESCRIPTION
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
RECORDINGS = Path(__file__).parent / "recordings" / "cartpole-hold"
BASE = "/key/"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that asked models, one that was stopped at its first round, and one whose header is no JSON."""
    folder = tmp_path_factory.mktemp("runs")
    config = RunConfig(rounds=2, candidates=4, target=1.0)
    with Book.create(folder / "done", RunHeader.of(TASK, config)) as book:
        improve(Study(TASK, config, FakeSteps(width=4), book, lambda event: None))
        for file in sorted(RECORDINGS.iterdir()):
            book.write(f"{REPLIES}/{file.name}", file.read_bytes())
        scores = [s.score for s in read_run(folder / "done").search_scores]
        one, other = policies([scores])[:2]
        pair = Question(
            a=one.candidate_id, b=other.candidate_id, a_trial=one.trials[0], b_trial=other.trials[0], episode=0
        )
        book.write(f"preferences/{pair.id}.json", Preference(question=pair, answer="a").model_dump_json().encode())
    with Book.create(folder / "stopped", RunHeader.of(TASK, config)) as book:
        book.once(DESCRIPTION, FakeSteps().describe)
    (folder / "broken").mkdir()
    (folder / "broken" / "run.json").write_text("{<script>PWN</script>")
    return folder


@pytest.fixture
def site(runs: Path) -> Site:
    return Site(ViewedRuns(lambda: run_folders(runs)), BASE)


def page(site: Site, asked: str) -> str:
    """A page that is there, in which nothing acts."""
    answer = site.answer(asked)
    assert answer.status == 200, answer.text
    assert acting(answer.text, BASE) == []
    return answer.text


def test_all_runs_are_listed_with_their_state(site: Site) -> None:
    text = page(site, "")
    for name, state in (("done", "done"), ("stopped", "unfinished"), ("broken", "can&#39;t be read")):
        row = re.search(rf'<tr data-row="{name}">.*?</tr>', text, re.DOTALL)
        assert row, name
        assert f">{state}</span>" in row[0]
    assert 'href="/key/run/done"' in text
    assert "is damaged" in text
    assert 'aria-label="best so far: ' in text


def test_a_run_shows_its_curve_its_standings_and_what_next(site: Site, runs: Path) -> None:
    text, run = page(site, "run/done"), read_run(runs / "done").finished
    assert 'aria-label="held-out success over environment steps"' in text
    assert f"{run.best} on fresh seeds" in text
    assert 'href="/key/run/done/r001c2"' in text
    assert "who stopped where, and why" in text
    assert f"autoreward export {runs / 'done'}" in text
    assert "autoreward resume" not in text
    assert "What people prefer" in text


def test_a_run_that_was_stopped_can_be_viewed(site: Site, runs: Path) -> None:
    text = page(site, "run/stopped")
    assert "Not finished" in text
    assert f"autoreward resume {runs / 'stopped'}" in text


def test_nothing_is_offered_while_a_process_works_in_a_run(runs: Path) -> None:
    assert offers_of_run(read_run(runs / "stopped"), busy=True) == ()


def test_a_candidate_shows_its_program_and_what_it_was_made_by(site: Site) -> None:
    text = page(site, "run/done/r000c1")
    assert "# r000c1" in text
    assert "r000-designer" in text
    assert "r000-repair-0-r000c1" in text
    assert "r000-repair-0-r000c1" not in page(site, "run/done/r000c2")
    assert "data-before" in text or "data-after" in text


def test_the_difference_to_any_other_program_is_shown(site: Site) -> None:
    assert "no difference" not in page(site, "run/done/r000c1?against=r001c2").lower()
    text = page(site, "run/done/r000c1?against=r001c2")
    assert "-# r001c2" in re.sub("<[^>]+>", "", text)
    assert site.answer("run/done/r000c1?against=r009c9").status == 404


def test_two_programs_and_two_runs_stand_side_by_side(site: Site) -> None:
    text = page(site, "compare?a=done%2Fr000c1&b=done%2Fr001c2")
    assert "+# r001c2" in re.sub("<[^>]+>", "", text)
    assert "Side by side" in page(site, "compare?a=done&b=stopped")
    assert site.answer("compare?a=done").status == 404


@pytest.mark.parametrize(
    "asked",
    [
        "nothing",
        "run/",
        "run/none",
        "run/..%2F..",
        "run/done/r999c0",
        "run/done/r000c1/more",
        "run/%00",
        "run/%ff",
        "compare",
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(site: Site, asked: str) -> None:
    answer = site.answer(asked)
    assert answer.status == 404
    assert acting(answer.text, BASE) == []


def test_a_damaged_run_says_why_on_its_page(site: Site) -> None:
    answer = site.answer("run/broken")
    assert answer.status == 503
    assert "is damaged" in answer.text


def test_looking_changes_nothing(runs: Path, site: Site) -> None:
    def state() -> list[tuple[str, int, int]]:
        return sorted((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in runs.rglob("*"))

    before = state()
    for asked in ("", "run/done", "run/stopped", "run/done/r000c1", "stamp", "stamp?of=done"):
        assert site.answer(asked).status == 200
    assert state() == before


def test_a_stamp_changes_when_something_is_saved_and_not_before(tmp_path: Path) -> None:
    site = Site(ViewedRuns(lambda: run_folders(tmp_path)), BASE)
    empty = site.answer("stamp").text
    with Book.create(tmp_path / "run", RunHeader.of(TASK, RunConfig())) as book:
        seen = [empty, site.answer("stamp").text, site.answer("stamp").text]
        assert seen[0] != seen[1] == seen[2]
        one = site.answer("stamp?of=run").text
        assert one == site.answer("stamp?of=run").text
        book.log("designed 3 candidates")
        two = site.answer("stamp?of=run").text
        assert one != two
    assert two != site.answer("stamp?of=run").text, "that nobody works there any more is news"


def test_many_runs_are_listed_before_all_of_them_are_read(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewed_runs, "_MOMENT", 0.0)
    viewed = ViewedRuns(lambda: run_folders(runs))
    assert {row.state for _, row in viewed.rows()} == {UNREAD}
    monkeypatch.setattr(viewed_runs, "_MOMENT", 60.0)
    assert UNREAD not in {row.state for _, row in viewed.rows()}


def test_runs_of_one_name_from_two_folders_are_told_apart(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "stopped", tmp_path / "done")
    site = Site(ViewedRuns(lambda: [runs / "done", tmp_path / "done"]), BASE)
    assert "Not finished" not in page(site, "run/done")
    assert "Not finished" in page(site, f"run/{quote('done~2')}")


@pytest.mark.slow
def test_nothing_that_others_wrote_acts(tmp_path: Path) -> None:
    """Thoughts, programs, findings, replies and even the folder's name."""
    payload = " ".join(PAYLOADS)
    name = " ".join(PAYLOADS[:4]).replace("/", "_")
    config = RunConfig(rounds=1, candidates=3, finalists=1, finalist_seeds=0, confirm_seeds=2)
    with Book.create(tmp_path / name, RunHeader.of(TASK, config)) as book:
        improve(Study(TASK, config, RudeSteps(payload, width=3), book, lambda event: None))
        reply = json.loads((RECORDINGS / "r000-designer.json").read_bytes())
        reply["reply"]["text"], reply["bill"]["model"] = payload, payload
        book.write(f"{REPLIES}/r000-designer.json", json.dumps(reply).encode())
        book.write(f"{REPLIES}/r000-designer.prompt.md", payload.encode())
    site = Site(ViewedRuns(lambda: run_folders(tmp_path)), BASE)
    at = f"run/{quote(os.fsencode(name), safe='')}"
    assert "PWN" in page(site, "")
    assert "49PWN" not in page(site, f"{at}/r000c1")
    assert "PWN" in page(site, at)
    assert "PWN" in page(site, f"{at}/r000c1")
    both = quote(f"{name}/r000c1", safe="")
    assert "PWN" in page(site, f"compare?a={both}&b={both}")
    answer = site.answer(f"run/{quote(payload, safe='')}x")
    assert acting(answer.text, BASE) == []


def test_the_watcher_lets_links_lead_below_the_base_alone() -> None:
    watcher = Watcher(BASE)
    watcher.feed('<a href="/key/run/x">x</a><a href="/other/">y</a>')
    assert watcher.acting == ["a href=/other/"]


@pytest.fixture(scope="module")
def server(runs: Path) -> Iterator[PageServer]:
    with served(lambda: run_folders(runs)) as made:
        yield made


def asked(server: PageServer, method: str, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    response.text = response.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return response


def test_the_server_listens_on_this_machine_alone_and_says_what_a_page_may_do(server: PageServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    response = asked(server, "GET", f"/{server.key}/")
    assert response.status == 200
    allowed = dict(rule.split(" ", 1) for rule in (response.getheader("Content-Security-Policy") or "").split("; "))
    assert allowed["default-src"] == "'none'"
    assert allowed["connect-src"] == "'self'"
    assert allowed["frame-ancestors"] == "'none'"
    assert re.fullmatch("'sha256-[A-Za-z0-9+/=]+'", allowed["script-src"])
    assert allowed["script-src"] in response.text  # type: ignore[attr-defined]
    assert response.getheader("Cache-Control") == "no-store"
    assert response.getheader("Referrer-Policy") == "no-referrer"
    assert response.getheader("X-Content-Type-Options") == "nosniff"


def test_without_the_key_nothing_is_shown(server: PageServer) -> None:
    for path in (
        "/",
        "/run/done",
        f"/{server.key}",
        f"/{server.key[:-1]}/",
        f"/{server.key}x/",
        "/%C3%BC/",
        "//",
    ):
        response = asked(server, "GET", path)
        assert response.status == 403, path
        assert "mountain" not in response.text  # type: ignore[attr-defined]
    assert len(server.key) >= 32


def test_a_name_that_was_made_to_lead_here_is_refused(server: PageServer) -> None:
    port = server.server_port
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1.evil.example:{port}", ""):
        assert asked(server, "GET", f"/{server.key}/", Host=host).status == 421, host
    assert asked(server, "GET", f"/{server.key}/stamp", Host=f"localhost:{port}").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_get_is_answered(server: PageServer, method: str) -> None:
    response = asked(server, method, f"/{server.key}/")
    assert response.status == 405
    assert response.getheader("Allow") == "GET"


def test_a_port_in_use_is_said(server: PageServer) -> None:
    with pytest.raises(UsageError, match="can't be listened on"):
        PageServer(partial(Site, ViewedRuns(list)), server.server_port)


def test_whoever_asks_if_a_run_is_worked_in_keeps_nobody_from_working_there(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    Book.create(folder, RunHeader.of(TASK, RunConfig())).close()
    with (folder / LOCK).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        timer = threading.Timer(0.03, lambda: fcntl.flock(lock, fcntl.LOCK_UN))
        timer.start()
        Book.open(folder).close()
        timer.join()
        fcntl.flock(lock, fcntl.LOCK_SH)
        with pytest.raises(RunLocked):
            Book.open(folder)


def test_points_of_the_search_curve_add_up(runs: Path) -> None:
    reading = read_run(runs / "done")
    points = search_points(reading)
    scored = {s.score.trial_id for s in reading.search_scores}
    assert len(points) == len(scored)
    assert points[-1].env_steps == sum(t.steps for view in reading.candidates for t in view.trials)
    assert [p.env_steps for p in points] == sorted(p.env_steps for p in points)
    assert [p.round for p in points] == sorted(p.round for p in points)
    assert best_so_far(points)[-1] == max(p.success for p in points)


def test_the_search_curve_is_a_picture_of_its_own(runs: Path) -> None:
    reading = read_run(runs / "done")
    drawn = ElementTree.fromstring(search_picture(reading))
    assert reading.run
    words = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert words[-5:] == [
        "best so far", "a training, when it was scored",
        *(f"{c.who} on fresh seeds" for c in reading.run.confirmed if c.who in (reading.run.best, "native", "sparse")),
    ]  # fmt: skip
    assert not re.search(r"var\(--(?!fg|muted|line|ground|c\d)", search_picture(reading)), (
        "every color is in the picture"
    )


def test_dollars_are_drawn_where_models_cost_some(runs: Path) -> None:
    reading = read_run(runs / "done")
    calls = [c for c in model_calls(reading) if c.bill]
    paid = [c._replace(bill=c.bill.model_copy(update={"dollars": 0.25})) for c in calls if c.bill]
    assert len(search_curves(reading, [])) == 2, "a curve and its legend"
    assert len(search_curves(reading, paid)) == 3
    assert dollars_by_round(paid) == {0: 0.25 * len(paid)}


def test_calls_come_as_they_were_asked_with_what_was_said(runs: Path) -> None:
    calls = {call.key: call for call in model_calls(read_run(runs / "done"))}
    assert set(calls) == {"r000-designer", "r000-critic-0", "r000-repair-0-r000c1", "r000-analyzer"}
    assert calls["r000-designer"].prompt == (RECORDINGS / "r000-designer.prompt.md").read_text()
    assert calls["r000-designer"].answer == json.loads((RECORDINGS / "r000-designer.json").read_text())["reply"]["text"]
    waiting = ModelCall("r000-auditor", "?", "", None, "", None, 0.0)
    assert waiting.cost == "no answer is saved"
    assert not waiting.made("r001c0", 1)
    assert waiting.made("r000c0", 0)


def test_who_left_the_race_is_said_with_why(runs: Path) -> None:
    reading = read_run(runs / "done")
    raced = races(reading)
    assert [race.round for race in raced] == [0, 1]
    left = {row.candidate_id for rung in reading.rungs[0] for row in rung.rows if not row.goes_on}
    assert {stop.candidate_id for stop in raced[0].stops} == left != set()
    assert all(stop.why for race in raced for stop in race.stops)


def test_charts_draw_bands_dots_and_sparklines() -> None:
    band = Band("native", 0.5, 0.25, 0.75, "red")
    text = chart([Series("a", [(0.0, 0.0), (10.0, 1.0)], "blue", joined=False)], "success", 0.0, 1.0, limits=(band,))
    assert "polyline" not in text
    assert "<title>native: 0.5 [0.25, 0.75]</title>" in text
    assert "<title>a, 10 steps: 1</title>" in text
    assert small_line([0.5], "x") == ""
    assert 'points="1.0,19.0 79.0,1.0"' in small_line([0.0, 1.0], "x")


def test_no_interval_is_drawn_of_one_training(runs: Path) -> None:
    run = read_run(runs / "done").finished
    several = run.confirmed[0]
    assert "95 % in 0." in whiskers(run.confirmed, run.best)
    single = several.model_copy(update={"success": several.success[:1]})
    assert "95 % in 0." not in whiskers([single], run.best)
    assert whiskers([], "") == ""


def test_the_command_wants_runs_that_are_there(runs: Path) -> None:
    result = CliRunner().invoke(app, ["view", "none-such", "--runs", str(runs)])
    assert isinstance(result.exception, UsageError)


@pytest.mark.slow
def test_the_command_serves_until_it_is_interrupted(runs: Path) -> None:
    command = [sys.executable, "-m", "autoreward", "view", "--runs", str(runs)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    said, address = process.stdout.readline(), process.stdout.readline().strip()
    assert "3 runs" in said
    found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/[\w-]+/)", address)
    assert found, address
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=20)
    connection.request("GET", found[2])
    assert "stopped" in connection.getresponse().read().decode()
    connection.close()
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = process.communicate(timeout=20)
    assert time.monotonic() - began < 5.0
    assert process.returncode == 130
    assert errors == "autoreward: stopped.\n"


class Looking:
    """A browser that fetches what it is told to open."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        with urllib.request.urlopen(url) as answer:
            self.seen.append((url, answer.read().decode()))
        return True


def test_the_page_of_a_run_is_opened_once_the_run_is_there(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Looking()
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
    webbrowser.register("looking", None, browser, preferred=True)
    told: list[events.Event] = []
    header = read_run(runs / "done").header

    def stopped_at_once() -> None:
        with opened(runs / "done", wanted=True) as listening:
            tell = listening(told.append)
            tell(events.ModelSaid("wait"))
            assert browser.seen == []
            tell(events.RunStarted(header.task, header.config, runs / "done"))
            tell(events.RoundStarted(0))
            raise typer.Exit(130)  # nobody is left to look

    with pytest.raises(typer.Exit):
        stopped_at_once()
    (url, page), *more = browser.seen
    assert not more
    assert url.endswith("/run/done")
    assert "Programs, best first" in page
    assert len(told) == 3
    assert f"page    {url}" in capsys.readouterr().out
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url)
