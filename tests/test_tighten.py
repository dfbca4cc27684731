"""A run goes on by a stricter rule: everything is judged again, nothing is trained again, and the old run stays as it is."""

import itertools
import shutil
from pathlib import Path

import pytest
from fake_steps import FakeSteps, alike

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.errors import ConfigError, RunDamaged, UsageError
from autoreward.loop import improve
from autoreward.records import Description, Feedback, Feedbacks, Run, Score, Trial
from autoreward.report.phrases import describe_event
from autoreward.report.reading import read_run
from autoreward.search.study import Study
from autoreward.session.feedback import heed
from autoreward.session.taking_over import take_over
from autoreward.session.tighten import StricterRule, begun, new_name, stricter_rule
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.store.keys import FEEDBACK
from autoreward.store.trust import made_here
from autoreward.tasks.files import find_task
from autoreward.tasks.tightened import tightened_task

TASK = find_task("mountain-car", (envs_folder(),))
CONFIG = RunConfig(rounds=2, candidates=3, target=1.0, confirm_seeds=2)
CONDITION = "abs(velocity) < 0.01"
STRICTER = StricterRule(tightened_task(TASK, CONDITION), CONDITION, (), ())


class Killed(Exception):
    """Stands for kill -9 at a write."""


class StrictSteps(FakeSteps):
    """The tightened rule halves every success."""

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        made = super().score(page, trial, purpose)
        return alike(made, made.record.success / 2, made.record.progress / 2)


def first(folder: Path, config: RunConfig = CONFIG) -> Run:
    with Book.create(folder, RunHeader.of(TASK, config)) as book:
        return improve(Study(TASK, config, FakeSteps(), book, lambda event: None))


def go_on(folder: Path, steps: FakeSteps, tell: events.Listener = lambda event: None, die_at: int = 10**9) -> Run:
    left = itertools.count(1)

    def before_write(path: Path) -> None:
        if next(left) > die_at:
            raise Killed

    with Book.open(folder) as book:
        book.before_write = before_write
        heed(book)
        take_over(book)
        return improve(Study(book.header.task, book.header.config, steps, book, tell))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def trained(steps: FakeSteps, beginning: str) -> list[str]:
    return [name for name in steps.done if name.startswith(f"train {beginning}")]


def test_nothing_is_trained_again_and_everything_is_judged_again(memory_folder: Path) -> None:
    folder = memory_folder / "run"
    before = first(folder)
    kept = contents(folder)
    new = begun(folder, STRICTER)
    heard: list[events.Event] = []
    steps = StrictSteps()
    after = go_on(new, steps, heard.append)
    assert contents(folder) == kept, "the old run stays as it is"
    assert new.name == "run-tightened"
    assert read_run(new).header.task.success.when == "(position >= flag) and (abs(velocity) < 0.01)"
    assert after.rounds == 2 * before.rounds
    assert not [
        name for name in trained(steps, "r00") if name.startswith(("train r000", "train r001")) and "leg" in name
    ]
    assert not [
        name
        for name in steps.done
        if name.startswith(("design 0", "design 1", "review r000", "review r001", "screen 0"))
    ]
    assert trained(steps, "r002"), "and the search goes on"
    old, again = read_run(folder), read_run(new)
    was = {s.score.trial_id: s.score.success for s in old.search_scores}
    now = {s.score.trial_id: s.score.success for s in again.search_scores}
    assert {name: now[name] for name in was} == {name: value / 2 for name, value in was.items()}
    changes = [event for event in heard if isinstance(event, events.JudgedAgain)]
    assert [sorted(c.before) for c in changes] == [
        sorted({n[:6] for n in was if n.startswith(f"r00{i}")}) for i in range(2)
    ]
    assert all(c.now[name] == pytest.approx(value / 2) for c in changes for name, value in c.before.items())
    assert " -> " in describe_event(changes[0])


def test_the_race_is_as_it_was_in_new_numbers(memory_folder: Path) -> None:
    folder = memory_folder / "run"
    first(folder)
    go_on(begun(folder, STRICTER, rounds=0), StrictSteps())
    old, new = read_run(folder), read_run(memory_folder / "run-tightened")
    for before, after in zip(old.rungs[0], new.rungs[0], strict=True):
        rows = {row.candidate_id: row for row in after.rows}
        for row in before.rows:
            assert rows[row.candidate_id].goes_on == row.goes_on
            assert rows[row.candidate_id].success == pytest.approx(row.success / 2)


def test_only_the_rule_itself_trains_again_in_the_confirmation(memory_folder: Path) -> None:
    """With no more rounds and everything halved the same candidates are confirmed: their trainings are there."""
    folder = memory_folder / "run"
    before = first(folder)
    steps = StrictSteps()
    after = go_on(begun(folder, STRICTER, rounds=0), steps)
    assert after.best == before.best
    assert sorted(trained(steps, "")) == ["train sparse-s0", "train sparse-s1"]
    assert after.rounds == before.rounds


def test_a_crash_at_any_write_loses_nothing(memory_folder: Path) -> None:
    folder = memory_folder / "run"
    first(folder, CONFIG.model_copy(update={"rounds": 1, "confirm_seeds": 1}))
    new = begun(folder, STRICTER, "whole", rounds=1)
    at_first = len(contents(new))
    expected = go_on(new, StrictSteps())
    for die_at in range(1, len(contents(new)) - at_first, 3):
        new, steps = begun(folder, STRICTER, f"die{die_at}", rounds=1), StrictSteps()
        with pytest.raises(Killed):
            go_on(new, steps, die_at=die_at)
        assert go_on(new, steps) == expected, die_at
        assert not [name for name in trained(steps, "r000") if "leg" in name]
        shutil.rmtree(new)


def test_what_people_said_is_taken_over_and_not_heeded_twice(memory_folder: Path) -> None:
    folder = memory_folder / "run"
    first(folder)
    with Book.open(folder) as book:
        book.put(FEEDBACK, Feedbacks(items=(Feedback(after=2, text="calm it down"),)))
        heed(book)
        improve(Study(TASK, CONFIG, FakeSteps(), book, lambda event: None))
    new, steps = begun(folder, STRICTER, rounds=0), StrictSteps()
    go_on(new, steps)
    result = (new / "result.json").read_bytes()
    assert (new / "feedback.json").read_bytes() == (folder / "feedback.json").read_bytes()
    go_on(new, steps)
    assert (new / "result.json").read_bytes() == result


def test_programs_from_elsewhere_do_not_become_ones_made_here(memory_folder: Path) -> None:
    folder = memory_folder / "run"
    first(folder)
    place = "rounds/000/candidates.json"
    (folder / place).write_bytes(
        (folder / place).read_bytes() + b"\n"
    )  # as somebody else's run would be: not what was made here
    new = begun(folder, STRICTER, rounds=0)
    go_on(new, StrictSteps())
    assert not made_here((new / place).read_bytes())
    assert made_here((new / "rounds/001/candidates.json").read_bytes())


def test_only_finished_rounds_are_taken_over(memory_folder: Path) -> None:
    folder = memory_folder / "run"
    first(folder)
    (folder / "rounds/001/audit.json").unlink()
    assert read_run(begun(folder, STRICTER)).header.config.rounds == 1 + CONFIG.rounds
    (folder / "rounds/000/audit.json").unlink()
    with pytest.raises(UsageError, match="has no finished round yet"):
        stricter_rule(folder, CONDITION)


def test_a_run_goes_on_in_the_simulator_that_it_began_in(memory_folder: Path) -> None:
    class Batched(FakeSteps):
        def describe(self) -> WithFiles[Description]:
            made = super().describe()
            stepped = made.record.simulator.model_copy(update={"name": "envpool"})
            return WithFiles(made.record.model_copy(update={"simulator": stepped}), made.files)

    folder = memory_folder / "run"
    with Book.create(folder, RunHeader.of(TASK, CONFIG)) as book:
        improve(Study(TASK, CONFIG, Batched(), book, lambda event: None))
    assert CONFIG.simulator == "auto"
    assert read_run(begun(folder, STRICTER)).header.config.simulator == "envpool"


def test_names_that_are_free(tmp_path: Path) -> None:
    for name in ("run", "run-tightened", "run-tightened-2"):
        (tmp_path / name).mkdir()
    assert new_name(tmp_path / "run") == "run-tightened-3"
    assert new_name(tmp_path / "run-tightened") == "run-tightened-3"


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("abs(pitch) < 0.5", "pitch"),
        ("abs(velocity) <", "is not a formula"),
        ("0) or (position > 0", "is not a formula"),
        ("__import__('os')", "not part of the formula language"),
    ],
)
def test_a_condition_that_says_nothing_of_the_task_is_refused(condition: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        tightened_task(TASK, condition)


def test_nothing_to_ask_for_is_said(memory_folder: Path) -> None:
    folder = memory_folder / "run"
    first(folder)
    with pytest.raises(UsageError, match="Nothing to ask for was found"):
        stricter_rule(folder)


def test_rounds_that_can_not_be(memory_folder: Path) -> None:
    folder = memory_folder / "run"
    first(folder)
    for rounds, error in ((-1, UsageError), (1000, ConfigError)):
        with pytest.raises(error):
            begun(folder, STRICTER, rounds=rounds)
    assert not (memory_folder / "run-tightened").exists()


def test_an_earlier_run_that_is_gone_is_missed(memory_folder: Path) -> None:
    folder = memory_folder / "run"
    first(folder)
    new = begun(folder, STRICTER)
    shutil.rmtree(folder)
    with pytest.raises(RunDamaged, match="which is gone"):
        go_on(new, StrictSteps())
