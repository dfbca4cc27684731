"""Every string and key of every record as an attack: pages, terminals, curves and the notebook show it, and nothing of it acts."""

import json
import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filmed import reel
from rude_steps import RudeSteps
from undrawn import TASK, episodes
from watcher import PAYLOADS, acting

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.visible import hidden, is_folder, visible
from autoreward.errors import AutorewardError, UsageError
from autoreward.judges.sitting import SittingState
from autoreward.loop import improve
from autoreward.records import Clip, CurvePoint, PartStats, Preference, Question, Trial
from autoreward.report.charts import Series, picture
from autoreward.report.html import render
from autoreward.report.lineups import Footage, Lineup
from autoreward.report.live.notebook_view import CellView, Output
from autoreward.report.reading import read_run
from autoreward.report.scalars import saved_legs
from autoreward.report.tables import show_candidate, show_run
from autoreward.report.templates import page, policy
from autoreward.report.tensorboard import check_board, event_file
from autoreward.report.terminal import Terminal
from autoreward.search.study import Study
from autoreward.session.clips import worth_a_look
from autoreward.session.preferring import prefer_page
from autoreward.store.book import Book, RunHeader


def in_terminal(shown: Any) -> str:
    out = StringIO()
    Terminal(out, width=100).print(shown)
    return out.getvalue()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that has a record of nearly every kind."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    config = RunConfig(
        rounds=1, candidates=4, finalists=1, finalist_seeds=0, confirm_seeds=2, explore_steps=1_000, hunt_steps=1_000
    )
    with Book.create(folder, RunHeader.of(TASK, config)) as book:
        improve(Study(TASK, config, RudeSteps("said", width=4), book, lambda event: None))
        for look in worth_a_look(read_run(folder)):
            clip = Clip(id=look.id, trial_id=look.score.trial_id, page=look.page, why_not="no picture")
            book.write(f"clips/{look.id}.json", clip.model_dump_json().encode())
            book.write(f"{look.page}/scores/{look.score.trial_id}/episodes.npz", episodes().to_bytes())
        asked = Question(a="r000c1", b="r000c2", a_trial="r000c1-s0", b_trial="r000c2-s0", episode=0)
        book.write(f"preferences/{asked.id}.json", Preference(question=asked, answer="a").model_dump_json().encode())
        part = PartStats(name="near", mean=0.0, std=0.0, share=1.0, low=0.0, high=0.0)
        for path in sorted((folder / "rounds/000/trials").glob("*.json"))[:2]:
            trial = Trial.model_validate_json(path.read_bytes())
            curve = (CurvePoint(step=1, episode_return=0.0, episode_length=1.0, parts=(part,)),)
            path.write_text(trial.model_copy(update={"curve": curve}).model_dump_json())
    return folder


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a record holds texts: a path to each, which ends in None for a key."""
    if isinstance(value, str):
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(value, dict):
            yield (*path, key, None)
        yield from places(inner, (*path, key))


def changed(value: Any, path: tuple[Any, ...], payload: str) -> Any:
    """A copy of a record with the text at a place replaced."""
    if not path:
        return payload
    key, rest = path[0], path[1:]
    if rest == (None,):
        return {payload if k == key else k: v for k, v in value.items()}
    if isinstance(value, list):
        return [changed(v, rest, payload) if i == key else v for i, v in enumerate(value)]
    return {k: changed(v, rest, payload) if k == key else v for k, v in value.items()}


def attack(run: Path, file: Path, payloads: tuple[str, ...]) -> tuple[int, int]:
    """Put payloads into each place of a file and show the run; how many were tried, and how many were read.

    Each place gets one of them in turn, and every one with FUZZ set, which takes minutes.
    """
    original = file.read_bytes()
    value = json.loads(original)
    tried = read = 0
    try:
        for i, place in enumerate(places(value)):
            for payload in payloads if "FUZZ" in os.environ else (payloads[i % len(payloads)],):
                tried += 1
                file.write_text(json.dumps(changed(value, place, payload)))
                try:
                    reading = read_run(run)
                    text = render(reading)
                    terminal = in_terminal(show_run(reading)) + "".join(
                        in_terminal(show_candidate(told)) for told in reading.candidates
                    )
                    names = [(leg.training, leg.rows) for _, leg in saved_legs(run, set())]
                except AutorewardError:  # the commands print it through the filter of all they print
                    continue
                read += 1
                assert acting(text) == [], (file.name, place, payload)
                assert hidden(terminal, "\n") is None, (file.name, place, payload)
                for training, rows in names:
                    assert all(is_folder(part) for part in training.split("/"))
                    assert not any("PWN" in tag or hidden(tag) for values in rows.values() for tag in values)
    finally:
        file.write_bytes(original)
    return tried, read


def kinds(run: Path) -> dict[str, Path]:
    """A file of each kind of record."""
    found: dict[str, Path] = {}
    for file in sorted(run.rglob("*.json")):
        place = file.relative_to(run)
        found.setdefault(place.parts[-2] if len(place.parts) > 1 and place.stem != "candidates" else place.stem, file)
    return found


KINDS = (
    "000", "candidates", "clips", "confirm", "description", "diagnoses", "exploration", "hunts", "preferences", "result", "run",
    "scores", "trials", "verdicts",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_text_of_a_record_acts_anywhere(run: Path, kind: str) -> None:
    tried, read = attack(run, kinds(run)[kind], PAYLOADS)
    assert tried >= read >= (0 if kind == "preferences" else 1)


def test_what_is_attacked_is_every_kind_of_record(run: Path) -> None:
    assert set(kinds(run)) == set(KINDS)


def test_a_thought_acts_nowhere(run: Path) -> None:
    file = kinds(run)["candidates"]
    original = file.read_bytes()
    try:
        file.write_text(json.dumps(changed(json.loads(original), ("items", 1, "thought"), " ".join(PAYLOADS))))
        reading = read_run(run)
        text = render(reading)
        assert acting(text) == []
        assert "PWN" in text
        assert "49PWN" not in text
        assert hidden(in_terminal(show_run(reading)), "\n") is None
    finally:
        file.write_bytes(original)


def test_the_watcher_sees_what_acts() -> None:
    """The control: each of these payloads, unescaped in a page, is seen."""
    seen = [bool(acting(f"{policy('')}<p>{payload}</p>")) for payload in PAYLOADS[2:5]]
    assert seen == [True, True, True]
    with pytest.raises(AssertionError):
        acting(f"{policy('')}<p>{PAYLOADS[0]}</p>")
    assert acting("<p>\u202e</p>" + policy(""))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_pairs_are_a_page_in_which_nothing_acts(payload: str) -> None:
    fields = {name: np.zeros((3, 1)) for name in ("x", payload)}
    one = episodes((3,)).cut(columns=slice(0, 1))
    changed_one = type(one)(fields, {payload: np.zeros((3, 1))}, fields, one.step, one.terminated)
    question = Question.model_construct(a=payload, b=payload, a_trial=payload, b_trial=payload, episode=0)
    pair = Lineup(question, (changed_one, changed_one), (Footage(reel(()), b"frames"), None))
    task = TASK.model_copy(update={"name": payload, "goal": payload})
    turn = SittingState(pair, 0, 1, False, (payload,), False, 2)
    text = prefer_page(turn, task, Path(payload.replace("\0", "")).name, "/key/", payload, payload)
    assert acting(text) == []
    assert "data:image/webp" in text


def test_a_page_without_a_script_runs_none() -> None:
    assert "script-src 'none'" in policy("<p>")
    with pytest.raises(Exception, match="is undefined"):
        page("prefer")


def test_curves_have_plain_names(run: Path) -> None:
    pytest.importorskip("tensorboard")
    found = [leg for _, leg in saved_legs(run, set())]
    assert any("reward/near" in values for leg in found for values in leg.rows.values())
    assert b"reward/near" in event_file(next(leg for leg in found if leg.training == "r000c0-s0" or leg.rows))


def test_a_run_of_a_strange_name_has_no_curves(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    check_board(tmp_path / "curves", tmp_path / "run")
    with pytest.raises(UsageError, match="rename it first"):
        check_board(tmp_path / "curves", tmp_path / "<b>\u202e")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_acts_in_a_notebook_or_a_picture(payload: str) -> None:
    shown: list[Output] = []
    bad = Trial(id="a-s0", candidate_id="a", outcome=Outcome.RAISED, message=payload, seed=0, steps=1)
    task = TASK.model_copy(update={"name": payload, "goal": payload})
    with CellView(shown.append) as view:
        for event in (
            events.RunStarted(task, RunConfig(), Path("run")),
            events.TrialProgress(payload, 1, 2),
            events.ModelSaid(payload),
            events.TrialDone(bad),
            events.RoundStarted(1),
        ):
            view(event)
        drawn = picture([Series(payload, [(0.0, 0.0), (1.0, 1.0)], "red")], payload)
    for text in (*(output._repr_html_() for output in shown), visible(drawn.split("</style>")[1])):
        assert acting(policy("") + text) == []
