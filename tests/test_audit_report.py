"""What the audit of successes found stands beside the verdict: on the page, in the terminal, as an event."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from fake_steps import FakeSteps
from rich.console import Console
from test_success_audit import departure
from test_tighten import CONFIG, TASK
from typer.testing import CliRunner

from autoreward import events
from autoreward.cli import app
from autoreward.core.transitions import Transitions
from autoreward.core.wording import Command, Setting, in_python, in_shell
from autoreward.errors import UsageError
from autoreward.loop import improve
from autoreward.records import Episode, Score, SuccessAudit, Trial
from autoreward.report.html import render
from autoreward.report.live.lines import JsonView
from autoreward.report.phrases import describe_event
from autoreward.report.reading import RunView, read_run
from autoreward.report.tables import show_run
from autoreward.search.study import Study
from autoreward.session.tighten import stricter_rule
from autoreward.store.book import Book, Page, RunHeader, WithFiles

FOUND = SuccessAudit(successes=20, departures=(departure(field="velocity"),))
SENTENCE = "in 19 of 20 successes `velocity` ends above 0.55 (typically 0.75)"


class Auditing(FakeSteps):
    """Finds that successes are not what the goal says. Of four episodes three reach the flag, two of them too fast."""

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        made = super().score(page, trial, purpose).record
        episodes = tuple(Episode(success=s, length=12, terminated=False, reached=s, held=s, progress=s, metric=1, movement=1)
                         for s in (True, True, True, False))  # fmt: skip
        fields = {
            "position": np.full((12, 4), [0.6, 0.6, 0.6, 0.0]),
            "velocity": np.full((12, 4), [0.9, -0.9, 0.02, 0.02]),
        }
        clock = np.tile(np.arange(1, 13)[:, None], (1, 4))
        recorded = Transitions(fields, {}, fields, clock, np.zeros((12, 4), dtype=np.bool_))
        scored = made.model_copy(update={"episodes": episodes, "success": 0.75})
        return WithFiles(scored, {"episodes.npz": recorded.to_bytes()})

    def audit(self, scored: object, candidate_id: str, ask: bool) -> SuccessAudit:
        self.done[f"audit {candidate_id} {ask}"] += 1
        return FOUND.model_copy(update={"candidate_id": candidate_id})


def run(folder: Path, steps: FakeSteps) -> tuple[RunView, list[events.Event]]:
    heard: list[events.Event] = []
    with Book.create(folder, RunHeader.of(TASK, CONFIG)) as book:
        improve(Study(TASK, CONFIG, steps, book, heard.append))
    return read_run(folder), heard


@pytest.fixture
def reading(memory_folder: Path) -> RunView:
    return run(memory_folder / "run", Auditing())[0]


def shown(reading: RunView) -> str:
    console = Console(width=500, file=io.StringIO(), record=True)
    console.print(show_run(reading))
    return console.export_text()


def test_it_stands_beside_the_verdict(reading: RunView) -> None:
    page, text = render(reading), shown(reading)
    winner = reading.finished.best
    for place in (page, text):
        assert f"does success do what the goal says? {winner}, {SENTENCE.replace('`', '`')}" in place
        assert (
            "asks for `abs(velocity) &lt; 0.56` besides" in place or "asks for `abs(velocity) < 0.56` besides" in place
        )
    assert page.index('class="verdict"') < page.index("does success do") < page.index("core-minutes")
    assert f"autoreward tighten {reading.folder}" in page


def test_a_run_without_a_finding_says_nothing(memory_folder: Path) -> None:
    plain, heard = run(memory_folder / "run", FakeSteps())
    assert "does success do" not in render(plain) + shown(plain)
    assert not [event for event in heard if isinstance(event, events.Audited)]


def test_it_is_told_once_in_the_search_and_of_the_winner(memory_folder: Path) -> None:
    """A model is asked after the first successes and about the winner, not in every round."""
    steps = Auditing()
    reading, heard = run(memory_folder / "run", steps)
    told = [event.audit.candidate_id for event in heard if isinstance(event, events.Audited)]
    winner = reading.finished.best
    assert told == ["", winner]
    assert {name: count for name, count in steps.done.items() if name.startswith("audit")} == {
        "audit  True": 1, "audit  False": 1, f"audit {winner} True": 1
    }  # fmt: skip
    assert reading.finished.audit.departures == FOUND.departures


def test_an_unfinished_run_shows_the_latest_round(reading: RunView) -> None:
    (reading.folder / "result.json").unlink()
    assert SENTENCE in shown(read_run(reading.folder))


def test_as_an_event() -> None:
    event = events.Audited(FOUND)
    assert describe_event(event).strip().startswith("does success do what the goal says? in 19 of 20")
    out = io.StringIO()
    JsonView(out)(event)
    facts = json.loads(out.getvalue())
    assert (facts["kind"], facts["proposal"]) == ("Audited", "abs(velocity) < 0.56")
    assert SENTENCE in facts["found"][0]
    JsonView(out)(events.JudgedAgain({"r000c0": 1.0}, {"r000c0": 0.05}))
    assert json.loads(out.getvalue().splitlines()[1]) == {
        "form": 1,
        "kind": "JudgedAgain",
        "before": {"r000c0": 1.0},
        "now": {"r000c0": 0.05},
    }
    assert describe_event(events.JudgedAgain({"r000c0": 1.0}, {"r000c0": 0.05})).strip().endswith("r000c0 1.00 -> 0.05")


def test_where_nobody_can_be_asked_it_is_only_shown(reading: RunView) -> None:
    done = CliRunner().invoke(app, ["tighten", str(reading.folder)], input="")
    assert done.exit_code == 0, done.output
    assert SENTENCE in done.output
    assert "the rule is: (position >= flag) and (abs(velocity) < 0.56)" in done.output
    assert f"{reading.finished.best}: success 0.75 -> 0.25 by its recorded episodes" in done.output
    assert not list(reading.folder.parent.glob("run-tightened*"))


def test_a_condition_of_ones_own_goes_before_the_proposal(reading: RunView) -> None:
    assert stricter_rule(reading.folder).condition == "abs(velocity) < 0.56"
    own = stricter_rule(reading.folder, " velocity > 0 ")
    assert own.condition == "velocity > 0"
    assert {(c.before, c.after) for c in own.changes} == {(0.75, 0.5)}
    assert {c.candidate_id for c in own.changes} >= {reading.finished.best, "native", "sparse"}
    with pytest.raises(UsageError, match="names no field"):
        stricter_rule(reading.folder, "1 < 2")


def test_it_is_worded_for_each_door() -> None:
    fact = Command("tighten", (Path("runs/a b"),), (Setting("add", "abs(x) < 1"),))
    assert in_shell(fact) == "autoreward tighten 'runs/a b' --add 'abs(x) < 1'"
    assert in_python(fact) == "tighten('runs/a b', add='abs(x) < 1')"
