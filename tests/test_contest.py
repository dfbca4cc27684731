"""When fresh seeds say something else than the search: by how much, how likely by chance alone, and what is handed over."""

import json
from pathlib import Path
from typing import Any

import pytest
from exports import unproven
from fake_steps import FakeSteps
from typer.testing import CliRunner

from autoreward.cli import app
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.evaluation.intervals import interquartile_mean, probability_of_improvement
from autoreward.evaluation.pairs import better_by_chance
from autoreward.export import EXPORTED_FOLDERS
from autoreward.export.best import kept_files
from autoreward.loop import improve
from autoreward.records import Candidate, Confirmed, Run, Score, Trial, TrialId, Verdict
from autoreward.records.base import Estimate
from autoreward.report.phrases import result_sentence
from autoreward.report.reading import read_run
from autoreward.search.confirm import Arm, confirm
from autoreward.search.contest import contested
from autoreward.search.study import Study
from autoreward.session.clips import worth_a_look
from autoreward.session.feedback import hear_out, heed
from autoreward.session.loaded import LoadedRun
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
CONFIG = RunConfig(rounds=1, candidates=2, confirm_seeds=3, finalist_seeds=1)


@pytest.mark.parametrize(
    ("ours", "theirs", "chance"),
    [
        ((1.0,), (0.0,), 1 / 2),
        ((0.9, 0.8, 0.7), (0.1, 0.2, 0.3), 1 / 8),
        ((1.0,) * 5, (0.0,) * 5, 1 / 32),
        ((1.0, 1.0, 0.0), (0.0, 0.3, 0.7), 3 / 8),  # of +-1.0 +-0.7 +-0.7 these reach 1.0: 2.4, and 1.0 twice
        ((0.5, 0.5), (0.5, 0.5), 1.0),
        ((0.0, 0.0, 0.3), (0.0, 0.0, 0.0), 1 / 2),
        ((0.1, 0.1), (0.9, 0.9), 1.0),
    ],
)
def test_the_sign_flips_of_few_seeds_are_counted(
    ours: tuple[float, ...], theirs: tuple[float, ...], chance: float
) -> None:
    assert better_by_chance(ours, theirs) == pytest.approx(chance)


def test_many_seeds_are_sampled_and_agree_with_the_binomial() -> None:
    """Twenty gaps of one size: as likely as 15 heads or more in 20 throws."""
    ours = (1.0,) * 15 + (0.0,) * 5
    theirs = (0.0,) * 15 + (1.0,) * 5
    assert better_by_chance(ours, theirs) == pytest.approx(0.0207, abs=0.002)
    assert better_by_chance((1.0,) * 40, (0.0,) * 40) > 0.0


def searched(who: str, *success: float, steps: int = 9) -> list[Score]:
    return [
        Score(trial_id=f"{who}-s{i}", candidate_id=who, outcome=Outcome.COMPLETED, steps=steps, success=value)
        for i, value in enumerate(success)
    ]


def fresh(who: str, *success: float | None) -> dict[int, Score | None]:
    return {i: None if v is None else searched(who, v)[0] for i, v in enumerate(success)}


def test_the_better_one_over_all_whole_trainings_is_handed_over() -> None:
    search = [*searched("a", 0.6, 0.7), *searched("b", 0.6, 0.5)]
    one = contested({"a": fresh("a", 0.0, 0.3, 0.7), "b": fresh("b", 1.0, 1.0, 0.0)}, "a", search, 9)
    assert one is not None
    assert (one.winner, one.rival, one.best, one.second, one.seeds) == ("a", "b", "b", "a", 3)
    assert one.lead == pytest.approx(1 / 3)
    assert one.chance == pytest.approx(3 / 8)
    assert [p.trainings for p in one.pooled] == [5, 5]
    assert [p.success for p in one.pooled] == pytest.approx([2.3 / 5, 3.1 / 5])
    # better on the fresh seeds by a little, and worse in the search by more
    other = contested(
        {"a": fresh("a", 0.5, 0.5), "b": fresh("b", 0.6, 0.5)}, "a", [*searched("a", 0.8), *searched("b", 0.3)], 9
    )
    assert other is not None
    assert (other.best, other.second) == ("a", "b")


def test_what_the_race_has_stopped_counts_by_its_fresh_seeds_alone() -> None:
    search = [*searched("a", 0.5), *searched("first", 0.0, steps=4)]
    one = contested({"a": fresh("a", 0.5), "first": fresh("first", 0.6)}, "a", search, 9)
    assert one is not None
    assert (one.best, one.pooled[1].trainings) == ("first", 1)


def test_nothing_is_contested_where_nobody_is_ahead() -> None:
    search = [*searched("a", 0.5), *searched("b", 0.5)]
    assert contested({"a": fresh("a", 0.5), "b": fresh("b", 0.5)}, "a", search, 9) is None
    # both solve it: the metric has decided
    assert contested({"a": fresh("a", 0.92), "b": fresh("b", 0.99)}, "a", search, 9) is None
    # the first program has not heard what people said since
    assert contested({"a": fresh("a", 0.1), "b": fresh("b", 0.9)}, "a", searched("a", 0.5), 9) is None
    # all its trainings are lost
    assert contested({"a": {}, "b": fresh("b", 0.9)}, "a", search, 9) is None


def test_seeds_that_one_has_lost_are_no_pair_and_failed_trainings_are() -> None:
    lost = {i: s for i, s in fresh("b", 1.0, 1.0, 1.0).items() if i != 1}
    one = contested({"a": fresh("a", 0.5, 0.9, None), "b": lost}, "a", [*searched("a", 0.5), *searched("b", 0.5)], 9)
    assert one is not None
    assert (one.seeds, one.lead) == (2, pytest.approx((0.5 + 1.0) / 2))


class Turning(FakeSteps):
    """The first program is better in the search, the second one on fresh seeds."""

    def review(self, candidate: Candidate) -> Verdict:
        return Verdict(candidate_id=candidate.id, accepted=True, outcome=Outcome.COMPLETED)

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        made = super().score(page, trial, purpose)
        second = trial.candidate_id.endswith("c1")
        value = (0.5 if second else 0.6) if purpose == "search" else (0.8 if second else 0.2) * bool(trial.candidate_id)
        return WithFiles(made.record.model_copy(update={"success": value, "mean_success": value}), made.files)


def finished(folder: Path, config: RunConfig = CONFIG) -> Run:
    with Book.create(folder, RunHeader.of(TASK, config)) as book:
        run = improve(Study(TASK, config, Turning(width=2), book, lambda event: None))
        for within in EXPORTED_FOLDERS:
            files = kept_files(
                book, read_run(folder), lambda task, weights: {"policy.zip": weights}, unproven, within
            ).files
            for name, data in files.items():
                book.write(f"{within}/{name}", data)
    return run


def test_a_run_hands_over_both_and_says_so_first(memory_folder: Path) -> None:
    folder = memory_folder / "run"
    run = finished(folder)
    assert (run.best, run.second) == ("r000c1", "r000c0")
    assert [(c.who, c.role) for c in run.confirmed[:2]] == [("r000c0", "winner"), ("r000c1", "runner-up")]
    said = result_sentence(run)
    assert said.startswith(
        "r000c1 did best: success 0.80 [0.80, 0.80] over 3 fresh training seeds, against r000c0 0.20, sparse 0.00, native 0.00 "
        "(its one round is done). The search had put r000c0 first; r000c1 did better by 0.60 on average on the fresh seeds; chance "
        "alone does as much in 12 % of cases (paired by seed; 3 seeds can't say less). best/ has r000c1 (0.68 over "
        "5 trainings, "
    )
    for within, who in (("best", "r000c1"), ("second", "r000c0")):
        manifest = json.loads((folder / within / "manifest.json").read_text())
        assert (manifest["candidate"], manifest["contest"]["rival"]) == (who, "r000c1")
        assert TrialId.parse(manifest["policy"]["trial"]).candidate == who
        assert (folder / within / "program.py").read_text() == f"# {who}\n"
        assert said in (folder / within / "card.md").read_text().replace("\\", "")
    assert {look.id for look in worth_a_look(read_run(folder))} == {"winner", "second", "native"}
    loaded = LoadedRun(read_run(folder))
    assert loaded.second is not None
    assert loaded.second.id == "r000c0"


def test_the_second_one_is_exported_when_it_is_asked_for(memory_folder: Path) -> None:
    run = memory_folder / "run"
    finished(run)
    done = CliRunner().invoke(app, ["export", str(run), "--second", "--to", str(memory_folder / "out")])
    assert done.exit_code == 0, done.output
    assert (memory_folder / "out" / "program.py").read_text() == "# r000c0\n"
    calm = memory_folder / "calm"
    finished(calm, CONFIG.model_copy(update={"confirm_seeds": 0}))
    assert not (calm / "second").exists()
    done = CliRunner().invoke(app, ["export", str(calm), "--second", "--to", str(memory_folder / "none")])
    assert "has no second program to keep: on fresh seeds none did better than r000c0" in str(done.exception)


def test_what_was_contested_before_feedback_is_moved_aside(memory_folder: Path) -> None:
    folder = memory_folder / "run"
    finished(folder, CONFIG.model_copy(update={"model": "manual"}))
    with Book.open(folder) as book:
        hear_out(book, "calm it down")
        heed(book)
    assert not (folder / "second").exists()
    assert (folder / "before-feedback-0" / "second" / "program.py").exists()


def test_without_scores_of_the_search_nothing_is_contested(memory_folder: Path) -> None:
    """As where people judge: they have the last word."""
    with Book.create(memory_folder / "run", RunHeader.of(TASK, CONFIG)) as book:
        study = Study(TASK, CONFIG, Turning(width=2), book, lambda event: None)
        both = study.steps.design(study.steps.describe().record, ()).items
        arms = [Arm("winner", both[0]), Arm("runner-up", both[1])]
        assert confirm(study, book.confirm_page(), arms).contest is None
        known = [*searched(both[0].id, 0.5), *searched(both[1].id, 0.5)]
        assert confirm(study, book.confirm_page(), arms, known).contest is not None


@pytest.mark.parametrize(
    ("ours", "native", "says"),
    [
        ((1.0, 1.0, 1.0), (0.1, 0.2, 0.3), "won"),
        ((1.0, 1.0, 1.0), (1.0, 1.0, 0.95), "is as good as native"),
        ((0.9, 0.2, 1.0), (0.1, 0.9, 1.0), "came first, and 3 fresh seeds don't tell it from native"),
        ((1.0,), (1.0,), "came first, and one fresh seed doesn't tell it from native"),
        ((0.1, 0.2, 0.0), (0.9, 1.0, 0.8), "came first in the search, and native did better"),
    ],
)
def test_it_has_won_only_where_the_interval_says_so(
    ours: tuple[float, ...], native: tuple[float, ...], says: str
) -> None:
    def row(who: str, role: Any, values: tuple[float, ...], over: Any = None) -> Confirmed:
        estimate = Estimate(**interquartile_mean(values)._asdict())
        none = (None,) * len(values)
        return Confirmed(
            who=who,
            role=role,
            success=values,
            progress=values,
            metric=none,
            estimate=estimate,
            over_native=over,
            beside="native" if over else "",
        )

    over = Estimate(**probability_of_improvement(ours, native)._asdict())
    rows = (row("r000c0", "winner", ours, over), row("native", "baseline", native))
    run = Run(task="t", goal="g", stop="done", rounds=1, best="r000c0", confirmed=rows, trainings=1, env_steps=1,
              training_steps=1, tier="full")  # fmt: skip
    assert result_sentence(run).startswith(f"r000c0 {says}: success ")
