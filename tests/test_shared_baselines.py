"""Baselines that another run in the same folder has trained are taken over, and only those that would come out the same."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fake_steps import FakeSteps

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import RunDamaged
from autoreward.loop import improve
from autoreward.records import (
    Description,
    Episode,
    ReferenceEpisode,
    Run,
    Score,
    Trial,
    TrialId,
    TrialJob,
)
from autoreward.report.html import render
from autoreward.report.phrases import describe_event, taken_over_sentence
from autoreward.report.reading import read_run
from autoreward.search.study import Study
from autoreward.session.run import start
from autoreward.session.shared_baselines import SharedBaselines
from autoreward.store import trust
from autoreward.store.book import Book, Page, RunHeader, WithFiles, pages_of
from autoreward.store.installed import circumstances, stamp
from autoreward.store.keys import DESCRIPTION, LONGER, TRIALS
from autoreward.store.shared import FOLDER, Shelf, digest
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
CONFIG = RunConfig(rounds=1, candidates=2, confirm_seeds=2, finalist_seeds=1)
NATIVE = TrialJob(id="native-s0", candidate_id="", reward="native", seed=7, steps=100)


class Sharing(FakeSteps):
    """Fake steps whose baselines are shared as the real ones' are."""

    def __init__(self, book: Book, heard: list[events.Event]) -> None:
        super().__init__(width=2)
        self._shared = SharedBaselines(book.header.task, book.header.config, book, heard.append)

    def train(self, job: TrialJob, begun: bytes = b"") -> WithFiles[Trial]:
        make = super().train
        return self._shared.train(job, {}, lambda: make(job, begun))

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        make, weights = super().score, page.file(TRIALS.of(trial.id), f"policy-{trial.steps}.safetensors")
        return self._shared.score(trial, {"policy": weights}, purpose, lambda: make(page, trial, purpose))


class Hopeless(Sharing):
    """Nobody gets beyond what random actions reach."""

    def describe(self) -> WithFiles[Description]:
        made = super().describe()
        episode = Episode(
            success=False, length=9, terminated=False, reached=False, held=0, progress=0.5, metric=0, movement=1
        )
        known = tuple(ReferenceEpisode(kind="random", episode=episode) for _ in range(4))
        return WithFiles(made.record.model_copy(update={"reference_episodes": known}), made.files)

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        made = super().score(page, trial, purpose)
        lost = {"success": 0.0, "mean_success": 0.0, "progress": 0.5, "mean_progress": 0.5}
        if trial.candidate_id == "":  # the baselines are better: it is no doubt, and they have been asked
            lost = {"success": 0.4, "mean_success": 0.4}
        return WithFiles(made.record.model_copy(update=lost), made.files)


def played(
    folder: Path, kind: type[Sharing] = Sharing, config: RunConfig = CONFIG
) -> tuple[Run, Sharing, list[events.Event]]:
    heard: list[events.Event] = []
    with Book.create(folder, RunHeader.of(TASK, config)) as book:
        steps = kind(book, heard)
        return improve(Study(TASK, config, steps, book, heard.append)), steps, heard


def trained(steps: FakeSteps) -> set[str]:
    return {name.removeprefix("train ") for name in steps.done if name.startswith(("train native", "train sparse"))}


def scored(steps: FakeSteps) -> set[str]:
    return {name for name in steps.done if name.startswith(("score native", "score sparse"))}


def test_a_second_run_trains_no_baseline_again_and_counts_what_it_took(memory_folder: Path) -> None:
    first, steps, _ = played(memory_folder / "first")
    assert len(trained(steps)) == 4
    second, steps, heard = played(memory_folder / "second")
    assert (trained(steps), scored(steps)) == (set(), set())
    assert second.model_copy(update={"trainings": first.trainings, "env_steps": first.env_steps}) == first
    assert second.trainings == first.trainings - 4
    assert second.env_steps == first.env_steps - 4 * TASK.train.steps
    said = (
        "Not trained again, since first has trained it in the same way: native and sparse (4 trainings, 160,000 steps)."
    )
    reading = read_run(memory_folder / "second")
    assert taken_over_sentence(reading.trials) == said
    assert said in render(reading)
    assert taken_over_sentence(read_run(memory_folder / "first").trials) == ""
    assert (reading.trainings, reading.env_steps) == (second.trainings, second.env_steps)
    assert not [e for e in heard if isinstance(e, events.Mended)]
    page = Page(reading.files.at("confirm"))
    assert page.file(TRIALS.of("native-s1"), f"policy-{TASK.train.steps}.safetensors")


def test_the_searches_doubt_takes_them_over_and_the_budget_does_not_notice(memory_folder: Path) -> None:
    config = CONFIG.model_copy(update={"rounds": 3, "confirm_seeds": 0, "budget": 7.0})
    first, steps, _ = played(memory_folder / "first", Hopeless, config)
    assert trained(steps) == {"native-s0", "sparse-s0"}
    second, other, _ = played(memory_folder / "second", Hopeless, config)
    assert trained(other) == set()
    assert (second.best, second.rounds, second.stop) == (first.best, first.rounds, first.stop)
    assert first.trainings - second.trainings == 2
    assert first.env_steps - second.env_steps == 2 * TASK.train.steps


def test_a_resumed_run_says_the_same_of_what_it_took_over(memory_folder: Path) -> None:
    played(memory_folder / "first")
    second, _, _ = played(memory_folder / "second")
    (memory_folder / "second" / "result.json").unlink()
    with Book.open(memory_folder / "second") as book:
        again = improve(Study(TASK, CONFIG, Sharing(book, []), book, lambda event: None))
    assert again == second


CHANGES: Sequence[tuple[str, Callable[[Task], Task]]] = [
    (
        "constant",
        lambda t: t.model_copy(update={"constants": {"flag": t.constants["flag"].model_copy(update={"value": 0.4})}}),
    ),
    ("rule", lambda t: t.model_copy(update={"success": t.success.model_copy(update={"share": 0.5})})),
    ("kwargs", lambda t: t.model_copy(update={"kwargs": {"goal_velocity": 0.1}})),
    ("max_steps", lambda t: t.model_copy(update={"max_steps": 77})),
    ("settings", lambda t: t.model_copy(update={"train": t.train.model_copy(update={"net": (32,)})})),
    ("observation", lambda t: t.model_copy(update={"state_program": "def observe(x):\n    return x\n"})),
    ("environment", lambda t: t.model_copy(update={"env": "MountainCarContinuous-v0"})),
]


@pytest.mark.parametrize("change", [c for _, c in CHANGES], ids=[name for name, _ in CHANGES])
def test_what_a_training_depends_on_names_it(change: Callable[[Task], Task]) -> None:
    assert digest(circumstances(change(TASK))) != digest(circumstances(TASK))


def test_what_a_card_says_for_people_changes_nothing() -> None:
    field = TASK.state["position"].model_copy(update={"about": "where it is", "unit": "km"})
    state = {**TASK.state, "position": field}
    other = TASK.model_copy(update={"name": "other", "goal": "Go up.", "tier": "smoke", "script": "", "state": state})
    assert digest(circumstances(other)) == digest(circumstances(TASK))


def test_code_without_a_version_is_known_by_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_worlds_here").mkdir()
    code = tmp_path / "my_worlds_here" / "__init__.py"
    code.write_text("raise SystemExit('it must not be imported here')\n")
    task = TASK.model_copy(update={"env": "my_worlds_here:World-v0"})
    assert circumstances(task) is None, "its code is not found: nothing can be told"
    monkeypatch.syspath_prepend(tmp_path)
    before = circumstances(task)
    assert before is not None
    code.write_text("raise SystemExit('changed')\n")
    assert circumstances(task) != before


def test_a_file_that_arguments_name_counts(tmp_path: Path) -> None:
    model = tmp_path / "robot.xml"
    model.write_text("<a/>")
    task = TASK.model_copy(update={"kwargs": {"deep": [{"xml_file": str(model)}]}})
    before = circumstances(task)
    model.write_text("<other/>")
    assert circumstances(task) != before
    assert stamp(tmp_path / "nothing") == ""


def shelf(folder: Path) -> tuple[Shelf, Path]:
    return Shelf.of(folder), folder / FOLDER / "native-x.zip"


def trial(value: int = 7) -> WithFiles[Trial]:
    made = Trial(id="native-s0", candidate_id="", outcome=Outcome.COMPLETED, seed=value, steps=100, taken_from="first")
    return WithFiles(made, {"policy-100.safetensors": bytes(range(256)), "state.safetensors": b""})


def test_what_is_kept_comes_back_and_nothing_else_does(tmp_path: Path) -> None:
    kept, path = shelf(tmp_path)
    assert kept.take("native-x", Trial) is None
    kept.keep("native-x", trial())
    assert kept.take("native-x", Trial) == trial()
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:50] + b"x" + whole[51:], b"", b"PK"):
        path.write_bytes(damaged)
        with pytest.raises(RunDamaged, match=r"native-x\.zip is not as it was written on this machine"):
            kept.take("native-x", Trial)
    path.write_bytes(whole)
    path.rename(path.with_name("sparse-x.zip"))
    with pytest.raises(RunDamaged, match=r"sparse-x\.zip is not as it was written"):
        kept.take("sparse-x", Trial)
    trust.keep_made(b"", "another file that was made here")
    path.write_bytes(b"")
    with pytest.raises(RunDamaged, match="is not as it was written"):
        kept.take("native-x", Trial)
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere.zip")
    (tmp_path / "elsewhere.zip").write_bytes(whole)
    with pytest.raises(RunDamaged, match="is a link"):
        kept.take("native-x", Trial)


def test_two_that_keep_the_same_at_once_do_not_tear_it(tmp_path: Path) -> None:
    kept, _ = shelf(tmp_path)
    threads = [threading.Thread(target=kept.keep, args=("native-x", trial(i))) for i in range(6)]
    for thread in threads:
        thread.start()
    seen = [taken.record.seed for _ in range(40) if (taken := kept.take("native-x", Trial))]
    for thread in threads:
        thread.join()
    last = kept.take("native-x", Trial)
    assert last is not None
    assert {*seen, last.record.seed} <= set(range(6))


def shared(folder: Path, heard: list[events.Event], config: RunConfig = CONFIG) -> tuple[Book, SharedBaselines]:
    book = Book.create(folder, RunHeader.of(TASK, config))
    book.once(DESCRIPTION, FakeSteps().describe)
    return book, SharedBaselines(TASK, config, book, heard.append)


def said_of(heard: Sequence[events.Event]) -> list[str]:
    return [e.line for e in heard if isinstance(e, events.Mended)]


def test_damage_is_said_and_made_good(tmp_path: Path) -> None:
    heard: list[events.Event] = []
    with shared(tmp_path / "a", heard)[0] as book:
        SharedBaselines(TASK, CONFIG, book, heard.append).train(NATIVE, {}, trial)
    (path,) = (tmp_path / FOLDER).iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    calls: list[int] = []

    def again() -> WithFiles[Trial]:
        calls.append(1)
        return WithFiles(trial().record.model_copy(update={"taken_from": ""}), trial().files)

    book, mended = shared(tmp_path / "b", heard)
    with book:
        assert mended.train(NATIVE, {}, again).record.taken_from == ""
    assert calls == [1]
    (line,) = said_of(heard)
    assert line.startswith("native-s0 is made anew: ")
    assert line.endswith(f"{path.name} is not as it was written on this machine.")
    book, whole = shared(tmp_path / "c", heard)
    with book:
        assert whole.train(NATIVE, {}, again).record.taken_from == "b"
    assert calls == [1]


def test_a_shelf_that_can_not_be_written_costs_a_line_and_no_run(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("not a folder")
    heard: list[events.Event] = []
    book, blocked = shared(tmp_path / "a", heard)
    with book:
        assert blocked.train(NATIVE, {}, trial) == trial()
    assert any(line.startswith("native-s0 can't be kept for other runs: ") for line in said_of(heard))


def test_what_is_never_taken_over(tmp_path: Path) -> None:
    """A failed training, a candidate's, one that somebody asked to train, and one of a cluster."""
    heard: list[events.Event] = []
    crashed = WithFiles(trial().record.model_copy(update={"outcome": Outcome.CRASHED}), {})
    book, one = shared(tmp_path / "a", heard)
    with book:
        one.train(NATIVE, {}, lambda: crashed)
        one.train(NATIVE.model_copy(update={"reward": "candidate"}), {}, trial)
    assert not (tmp_path / FOLDER).exists()
    book, cluster = shared(tmp_path / "b", heard, CONFIG.model_copy(update={"pool": "ray"}))
    with book:
        cluster.train(NATIVE, {}, trial)
    assert not (tmp_path / FOLDER).exists()
    book, asked = shared(tmp_path / "c", heard, RunConfig(given="native", confirm_seeds=1))
    fresh = WithFiles(trial().record.model_copy(update={"taken_from": ""}), trial().files)
    with book:
        for _ in range(2):
            assert asked.train(NATIVE, {}, lambda: fresh).record.taken_from == ""
    book, search = shared(tmp_path / "d", heard)
    with book:
        assert search.train(NATIVE, {}, lambda: fresh).record.taken_from == "c", (
            "what was asked for is kept for searches"
        )


def test_a_score_of_other_weights_purpose_or_episodes_is_made(tmp_path: Path) -> None:
    heard: list[events.Event] = []
    calls: list[str] = []
    record = trial().record

    def score(shelved: SharedBaselines, weights: bytes, purpose: str) -> None:
        def make() -> WithFiles[Score]:
            calls.append(purpose)
            return WithFiles(
                Score(trial_id=record.id, candidate_id="", outcome=Outcome.COMPLETED), {"episodes.npz": b"e"}
            )

        assert shelved.score(record, {"policy": weights}, purpose, make).files == {"episodes.npz": b"e"}

    for name, config, weights, purpose in (
        ("a", CONFIG, b"w", "confirm"),
        ("b", CONFIG, b"w", "confirm"),  # the same: taken over
        ("c", CONFIG, b"v", "confirm"),
        ("d", CONFIG, b"w", "search"),
        ("e", CONFIG.model_copy(update={"episodes": 7}), b"w", "confirm"),
    ):
        book, shelved = shared(tmp_path / name, heard, config)
        with book:
            score(shelved, weights, purpose)
    assert calls == ["confirm", "confirm", "search", "confirm"]


def test_a_line_tells_of_each() -> None:
    assert describe_event(events.TrialDone(trial().record)) == (
        "  native-s0: not trained again, first has trained it in the same way"
    )


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_two_real_runs_train_the_baselines_once(tmp_path: Path) -> None:
    config = RunConfig(
        rounds=1, candidates=1, steps=2048, confirm_seeds=1, finalist_seeds=0, episodes=3, workers=1, budget=2.0
    )
    lines: list[str] = []
    for name in ("first", "second"):
        start(TASK, config, tmp_path / name, lambda event: lines.append(describe_event(event)))
    first, second = (read_run(tmp_path / name) for name in ("first", "second"))
    taken = {t.id for t in second.trials if t.taken_from}
    assert {TrialId.parse(name).candidate for name in taken} == {"native", "sparse"}
    assert not [t for t in first.trials if t.taken_from]
    assert second.finished.confirmed == first.finished.confirmed
    assert first.finished.trainings - second.finished.trainings == len(taken)
    longer = pages_of(tmp_path / "second")[0].need(LONGER).env_steps
    assert second.finished.env_steps == sum(t.steps - t.begin for t in second.trials if not t.taken_from) + longer
    assert "  native-s0: not trained again, first has trained it in the same way" in lines
    assert (tmp_path / "second" / "clips" / "native.json").exists()
