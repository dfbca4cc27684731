"""What models, people and programs wrote, in every view: printed as it is, and nothing in it acts on the terminal or the page."""

import dataclasses
import json
import re
import threading
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rude_steps import RudeSteps
from typer.testing import CliRunner

from autoreward import events
from autoreward.cli import app
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.visible import visible
from autoreward.llm.client import SavedReply
from autoreward.llm.cost import Bill
from autoreward.llm.types import Reply
from autoreward.loop import improve
from autoreward.records import (
    Doubt,
    Run,
    Trial,
    TrialJob,
)
from autoreward.report.html import render
from autoreward.report.live.lines import JsonView, PlainView
from autoreward.report.live.notebook_view import CellView, Output
from autoreward.report.live.progress import RunProgress
from autoreward.report.live.terminal_view import LiveView
from autoreward.report.phrases import result_sentence
from autoreward.report.reading import RunView, read_run
from autoreward.report.tables import confirmation, show_candidate, show_run, standings_table
from autoreward.report.terminal import Terminal
from autoreward.search.study import Study
from autoreward.store.book import Book, RunHeader, pages_of
from autoreward.store.keys import TRIALS
from autoreward.tasks.files import find_task

SEEN = "[/x] [bold] [link=https://a.b] :boom:"
HOSTILE = f"{SEEN} \x1b]0;owned\x07 \x1b[2J \x9b31m \u202e \u200b\rover"
TASK = find_task("mountain-car", (envs_folder(),)).model_copy(update={"goal": SEEN})
STYLES = re.compile(r"\x1b\[[\d;]*m|\x1b\[\?25[hl]|\x1b\[[12]?[AK]")
"""What the views themselves write in a terminal: colors, hiding the cursor, and going back over a board."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[events.Event]]:
    """A finished run of the rude steps, and all that was told of it."""
    folder = tmp_path_factory.mktemp("runs") / "rude"
    config = RunConfig(rounds=1, candidates=5, finalists=1, finalist_seeds=0, confirm_seeds=2)
    found: list[events.Event] = [events.RunStarted(TASK, config, folder), events.ModelSaid(HOSTILE)]

    def fails(job: TrialJob) -> Outcome:
        return Outcome.RAISED if job.candidate_id.endswith("c1") else Outcome.COMPLETED

    with Book.create(folder, RunHeader.of(TASK, config)) as book:
        run = improve(Study(TASK, config, RudeSteps(HOSTILE, width=5, fail=fails), book, found.append))
    bad = Trial(id="r000c1-s0", candidate_id="r000c1", outcome=Outcome.RAISED, message=HOSTILE, seed=0, steps=1)
    return folder, [*found, events.TrialProgress(HOSTILE, 1, 2), events.TrialDone(bad), events.RunDone(run, folder)]


def harmless(text: str) -> bool:
    return all(c.isprintable() or c == "\n" for c in text)


def lines_of(view: Callable[[StringIO], Callable[[events.Event], None]], told: list[events.Event]) -> str:
    out = StringIO()
    listener = view(out)
    for event in told:
        listener(event)
    return out.getvalue()


def test_only_what_can_be_seen_is_visible() -> None:
    assert visible(HOSTILE) == f"{SEEN} ]0;owned [2J 31m  over"
    assert visible("é ± ▁ 中\n\tx\u00a0y\r\n") == "é ± ▁ 中\n\tx y\n"


def test_as_lines(told: tuple[Path, list[events.Event]]) -> None:
    text = lines_of(PlainView, told[1])
    assert harmless(text)
    for line in ("mountain-car: ", "  ", "    r000c0 refused: ", "    r000c3 screened out: ", "r000c1-s0 raised: "):
        assert f"{line}{SEEN}" in text


def test_a_long_training_is_heard_of_once_a_minute() -> None:
    now = [0.0]
    out = StringIO()
    view = PlainView(out, lambda: now[0])
    for second in range(0, 200, 10):
        now[0] = float(second)
        view(events.TrialProgress("r000c1-s0-leg4", 1_000 * second, 500_000))
    assert out.getvalue().splitlines() == [
        "  r000c1-s0-leg4: 60,000 of 500,000 steps; 1,000 steps a second",
        "  r000c1-s0-leg4: 120,000 of 500,000 steps; 1,000 steps a second",
        "  r000c1-s0-leg4: 180,000 of 500,000 steps; 1,000 steps a second",
    ]
    now[0] = 230.0
    view(events.RoundStarted(1))
    now[0] = 245.0
    view(events.TrialProgress("r001c1-s0-leg0", 1, 2))
    assert out.getvalue().splitlines()[3:] == ["round 1"], "what was said lately is not said again"


def test_how_fast_trainings_go_and_how_many_are_done() -> None:
    now = [0.0]
    progress = RunProgress(lambda: now[0])
    assert progress.work == ""
    for second in range(41):
        now[0] = float(second)
        for name in ("r000c0-s0-leg0", "r000c1-s0-leg0"):
            progress.take(events.TrialProgress(name, 5_000 + 100 * second, 50_000))
    assert progress.rate == pytest.approx(200.0, rel=0.05), "where a training began does not count"
    done = Trial(id="r000c0-s0-leg0", candidate_id="r000c0", outcome=Outcome.COMPLETED, seed=0, steps=9_000)
    progress.take(events.TrialDone(done))
    assert progress.work.startswith("1 trained, ")
    now[0] = 100.0
    assert progress.work == "1 trained", "nothing trains any more"
    progress.take(events.RoundStarted(1))
    assert progress.work == ""


def test_a_run_that_is_gone_on_with_stands_as_it_was_saved(told: tuple[Path, list[events.Event]]) -> None:
    folder, happened = told
    progress = RunProgress()
    progress.take(next(e for e in happened if isinstance(e, events.RunStarted)))
    reading = read_run(folder)
    searched = {saved.score.trial_id for saved in reading.search_scores}
    assert {score.trial_id for score in progress.standings()} <= searched
    assert len(progress.standings()) == min(len(searched), 12)
    progress.take(events.RoundStarted(0))
    saved = sum(len(page.saved(TRIALS)) for page in pages_of(folder) if page.round == 0)
    assert progress.work == f"{saved} trained"


def test_how_many_trainings_of_the_confirmation_are_left_and_for_how_long() -> None:
    now = [0.0]
    progress = RunProgress(lambda: now[0])
    progress.take(events.Confirming(tuple(f"r000c0-s{i}" for i in range(3))))
    assert progress.work == "0 of 3 trainings"
    done = Trial(id="r000c0-s0", candidate_id="r000c0", outcome=Outcome.COMPLETED, seed=0, steps=60_000)
    progress.take(events.TrialDone(done))
    for second in range(21):
        now[0] = float(second)
        progress.take(events.TrialProgress("r000c0-s1", 10_000 + 100 * second, 60_000))
    # 48,000 steps of the one that trains, 60,000 of the one that waits, at 100 a second
    assert progress.work == "1 of 3 trainings, 100 steps a second, about 18 min left"


def test_how_far_a_rung_of_the_race_is(tmp_path: Path) -> None:
    now = [0.0]
    progress = RunProgress(lambda: now[0])
    progress.take(events.RunStarted(TASK, RunConfig(max_cost=2.0), tmp_path))
    progress.take(events.RoundStarted(1))
    assert (progress.stage, progress.work) == ("round 1: designing", "")
    write_reply(tmp_path, dollars=0.25)
    progress.take(events.Designed(()))
    assert progress.work == "$0.25 of $2.00"
    legs = tuple(f"r001c{i}-s0-leg1" for i in range(4))
    progress.take(events.TrainingsBegin(legs, 1_000, 5_000, 2, 5))
    assert progress.stage == "round 1: rung 2 of 5, to 5,000 steps"
    done = Trial(id=legs[0], candidate_id="r001c0", outcome=Outcome.COMPLETED, seed=0, begin=1_000, steps=5_000)
    progress.take(events.TrialDone(done))
    for second in range(11):
        now[0] = float(second)
        progress.take(events.TrialProgress(legs[1], 1_000 + 20 * second, 5_000))
    # 3,800 steps of the one that trains, 4,000 of each of the two that wait, at 20 a second
    assert progress.work == "1 of 4 trainings, 20 steps a second, about 10 min left, $0.25 of $2.00"
    progress.take(events.TrainingsBegin(("r001c1-s1",), 0, 20_000, 0, 5))
    assert progress.stage == "round 1: the best on further seeds"


def write_reply(folder: Path, dollars: float) -> None:
    """As one call leaves it."""
    bill = Bill(role="designer", model="some-model", input_tokens=1, output_tokens=1, dollars=dollars)
    reply = Reply(text="", model="some-model")
    saved = SavedReply(key="r001-designer", prompt_sha256="0" * 64, bill=bill, reply=reply)
    (folder / "replies").mkdir()
    (folder / "replies" / "r001-designer.json").write_text(saved.model_dump_json())


def test_a_round_says_what_begins_before_it_begins(told: tuple[Path, list[events.Event]]) -> None:
    """Every training of a race is told of before it is done, in a stage that knows how many there are."""
    waiting: set[str] = set()
    for event in told[1][:-2]:
        if isinstance(event, events.TrainingsBegin):
            assert event.steps > event.begin
            waiting |= set(event.trial_ids)
        elif isinstance(event, events.Confirming):
            break
        elif isinstance(event, events.TrialDone):
            assert event.trial.id in waiting


def test_as_json(told: tuple[Path, list[events.Event]]) -> None:
    text = lines_of(JsonView, told[1])
    assert harmless(text)
    said = [json.loads(line) for line in text.splitlines()]
    assert visible(HOSTILE) in [line.get("message") for line in said], "nothing that can be seen is lost"


def test_live(told: tuple[Path, list[events.Event]]) -> None:
    out = StringIO()
    with LiveView(Terminal(out, width=200, force=True)) as view:
        for event in told[1]:
            view(event)
    plain = STYLES.sub("", out.getvalue()).replace("\r", "")
    assert harmless(plain)
    assert f"mountain-car  {SEEN}" in plain
    assert "r000c1-s0" in plain


class Watched(Terminal):
    """While it prints, somebody else draws."""

    def draws(self, draw: Callable[[], object]) -> None:
        self.draw, self.waited = draw, False

    def print(self, *told: Any, **how: Any) -> None:
        drawing = threading.Thread(target=self.draw, daemon=True)
        drawing.start()
        drawing.join(5.0)
        self.waited |= drawing.is_alive()
        super().print(*told, **how)


def test_what_prints_and_what_draws_do_not_wait_for_each_other(told: tuple[Path, list[events.Event]]) -> None:
    """The board is drawn in a thread of its own, under a lock that printing takes as well."""
    console = Watched(StringIO(), width=200, force=True)
    view = LiveView(console)
    console.draws(view._draw)
    view(told[1][0])
    assert not console.waited


def test_in_a_notebook(told: tuple[Path, list[events.Event]]) -> None:
    shown: list[Output] = []
    with CellView(shown.append) as view:
        for event in told[1]:
            view(event)
    assert all(harmless(output._repr_html_()) and harmless(repr(output)) for output in shown)
    assert "r000c1-s0 raised: [/x] [bold]" in shown[-1]._repr_html_()


@pytest.mark.parametrize("width", [80, 100, 250])
def test_show(told: tuple[Path, list[events.Event]], width: int) -> None:
    reading, out = read_run(told[0]), StringIO()
    console = Terminal(out, width=width, force=True)
    console.print(show_run(reading))
    whole = STYLES.sub("", out.getvalue())
    assert harmless(whole)
    assert "mountain-car: [/x] [bold]" in whole
    assert "refused: [/x] [bold]" in whole
    for candidate in reading.candidates:
        console.print(show_candidate(candidate))
    assert harmless(STYLES.sub("", out.getvalue()))


@pytest.fixture(scope="module")
def envs(told: tuple[Path, list[events.Event]]) -> Path:
    """A folder with a task whose goal looks like markup."""
    card = (envs_folder() / "mountain-car" / "task.toml").read_text()
    folder = told[0].parent / "envs"
    (folder / "mine").mkdir(parents=True)
    goal = json.dumps(SEEN)[1:-1]
    (folder / "mine" / "task.toml").write_text(card.replace("Drive the car", goal))
    return folder


COMMANDS = (
    "show rude", "show rude --candidate r000c1", "show rude --json", "runs", "runs --json", "compare rude rude",
    "tasks", "tasks --json", "tasks mine", "tasks mine --json", "tasks mine --prompt",
)  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS)
def test_commands(told: tuple[Path, list[events.Event]], envs: Path, words: str) -> None:
    place = ("--envs", str(envs)) if words.startswith("tasks") else ("--runs", str(told[0].parent))
    done = CliRunner().invoke(app, [*words.split(), *place], env={"COLUMNS": "200"})
    assert (done.exit_code, harmless(done.output)) == (0, True), done.output
    assert "[/x] [bold]" in done.output or words.startswith(("runs", "compare", "show rude --json"))


def test_the_report_has_nothing_that_turns_text_around(told: tuple[Path, list[events.Event]]) -> None:
    page = render(read_run(told[0]))
    assert harmless(page)
    assert "[/x] [bold]" in page


def test_names_of_settings_in_a_verdict_are_printed() -> None:
    said = "Lower learning_rate in [train.hyperparameters]: the rule in [success] was never met."
    doubt = Doubt(reason=said)
    run = Run(
        task="t",
        goal="g",
        stop="s",
        rounds=1,
        best="",
        doubt=doubt,
        trainings=1,
        env_steps=1,
        training_steps=1,
        tier="full",
    )
    out = StringIO()
    Terminal(out, width=200).print(result_sentence(run))
    assert out.getvalue() == f"{said}\n"


@pytest.mark.parametrize(
    ("width", "said"), [(80, "r000c1, r000c2"), (100, "r000c1, r000c2"), (250, "crossover of r000c1, r000c2")]
)
def test_where_candidates_come_from_is_shown(told: tuple[Path, list[events.Event]], width: int, said: str) -> None:
    reading, out = read_run(told[0]), StringIO()
    console = Terminal(out, width=width, force=True)
    console.print(standings_table(reading))
    rows = {line.split()[0]: line for line in STYLES.sub("", out.getvalue()).splitlines()}
    assert rows["r000c4"].split(maxsplit=1)[1].startswith(said)
    assert rows["r000c2"].split()[1] == "fresh"
    console.print(show_candidate(reading.candidates[-1]))
    assert "crossover of r000c1, r000c2\n" in STYLES.sub("", out.getvalue())


LONG = f"x = {' + '.join(['0.25'] * 40)}"
"""A line of a program that is wider than any terminal here."""


def long_reading(folder: Path) -> RunView:
    """The run, as if its first candidate had a long line."""
    reading = read_run(folder)
    first = reading.candidates[0]
    told = dataclasses.replace(first, candidate=first.candidate.model_copy(update={"source": f"{LONG}\ny = 1\n"}))
    return dataclasses.replace(reading, candidates=(told, *reading.candidates[1:]))


def test_a_program_in_a_pipe_can_be_copied(told: tuple[Path, list[events.Event]]) -> None:
    reading, out = long_reading(told[0]), StringIO()
    Terminal(out, width=40).print(show_candidate(reading.candidates[0]))
    assert f"\n{LONG}\ny = 1\n" in out.getvalue()


def test_a_table_in_a_pipe_is_the_widest_one_on_whole_lines(told: tuple[Path, list[events.Event]]) -> None:
    out = StringIO()
    Terminal(out, width=40).print(standings_table(read_run(told[0])))
    rows = out.getvalue().splitlines()
    assert "crossover of r000c1, r000c2" in rows[-1]
    assert rows[0].split()[:3] == ["candidate", "made", "by"]
    assert len(rows) == 1 + len(read_run(told[0]).candidates)


def test_a_narrow_terminal_cuts_no_name(told: tuple[Path, list[events.Event]]) -> None:
    reading, out = read_run(told[0]), StringIO()
    console = Terminal(out, width=30, force=True)
    console.print(confirmation(reading))
    lines = [line.rstrip() for line in STYLES.sub("", out.getvalue()).splitlines()]
    head = next(i for i, line in enumerate(lines) if line.startswith("reward"))
    assert lines[head].split() == ["reward", "success"]
    assert [line.split()[0] for line in lines[head + 1 :]] == [c.who for c in reading.run.confirmed if reading.run]
    assert all(line.endswith("]") for line in lines[head + 1 :])
    console.print(standings_table(reading))
    rows = STYLES.sub("", out.getvalue()).splitlines()
    assert [line.split()[0] for line in rows if line.startswith("r000")][-4:] == [f"r000c{i}" for i in range(1, 5)]
