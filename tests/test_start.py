"""What can't be done as it was asked for: found before anything is spent, said in one sentence, and no folder is left."""

import io
import signal
from pathlib import Path
from typing import Any

import pytest
import typer
from fake_provider import Answer, provider
from fake_steps import FakeSteps

from autoreward.cli.watch import watch
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import NoAnswer, TaskError, UsageError
from autoreward.loop import improve, measure
from autoreward.records import DEMONSTRATIONS, Candidate, Finding, Plan, Run, Score, Speed, Trial, TrialJob, Verdict
from autoreward.report.phrases import result_sentence
from autoreward.report.plan_table import show_plan
from autoreward.report.reading import RunView
from autoreward.report.terminal import Terminal
from autoreward.search.confirm import demand_sound, why_nothing
from autoreward.search.study import Study
from autoreward.session import run as session
from autoreward.session.new_task import Wanted, initiate
from autoreward.session.plan import demand_steps
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.store.keys import SCORES
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
MINE = Candidate(id="mine", source="def compute_reward(", thought="", origin="human", how="given")


def with_settings(**settings: Any) -> Task:
    train = TASK.train.model_copy(update={"hyperparameters": {**TASK.train.hyperparameters, **settings}})
    return TASK.model_copy(update={"train": train})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "config", "given", "said"),
    [
        (with_settings(n_step=64), RunConfig(), {}, "has no setting 'n_step'"),
        (TASK, RunConfig(), {DEMONSTRATIONS: b"junk"}, "it is no .npz file"),
        (TASK, RunConfig(given=MINE, confirm_seeds=1), {}, "mine may not train (line 1 of the program)"),
    ],
)
def test_what_can_not_be_started_leaves_no_folder(
    task: Task, config: RunConfig, given: dict[str, bytes], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        session.start(task, config, tmp_path / "run", lambda event: None, given=given)
    assert said in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_model_that_stays_away_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a run to resume, or there is none."""
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    with provider(Answer(status=429, headers={"retry-after": "9999"})) as server:
        model = f"openai+{server.url}/v1:m"
        with pytest.raises(NoAnswer, match=f"`improve.*{tmp_path}', name='run'.` goes on when it answers again"):
            session.start(TASK, RunConfig(model=model), tmp_path / "run", lambda event: None)
        wanted = Wanted.of("CartPole-v1", {}, "Balance.", "mine", tmp_path / "envs")
        with pytest.raises(NoAnswer, match=r"No card is written: try again later, or with model='grammar'\.$"):
            initiate(wanted, model, None, lambda line: None)
    assert (tmp_path / "run" / "description.json").exists()


@pytest.mark.slow
def test_a_folder_that_was_there_keeps_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(TaskError):
        session.start(with_settings(n_step=64), RunConfig(), tmp_path / "run", lambda event: None)
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("config", "name", "said"),
    [
        (RunConfig(model="foo"), None, "model='foo': write anthropic:MODEL"),
        (RunConfig(budget=0.0001), None, r"budget=0.0001 holds 4 environment steps, .* takes 2,500; write 0.0625 or more"),
        (RunConfig(), "there", "there already holds a run"),
    ],
)  # fmt: skip
def test_a_dry_run_refuses_what_a_run_refuses(config: RunConfig, name: str | None, said: str, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "run.json").write_text("{}")
    with pytest.raises(UsageError, match=said):
        session.plan_run(TASK, config, session.new_folder(TASK, tmp_path, name))
    with pytest.raises(UsageError, match=said):
        session.start(TASK, config, session.new_folder(TASK, tmp_path, name), lambda event: None)


def test_a_dry_run_refuses_a_board_that_can_not_be_and_makes_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        session.plan_run(TASK, RunConfig(), tmp_path / "run", tensorboard=tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_budget_for_one_short_training_is_enough() -> None:
    demand_steps(RunConfig(budget=0.0625), TASK)
    demand_steps(RunConfig(budget=0.0001, given="native"), TASK)  # a given reward has no search


def test_a_given_reward_needs_a_seed() -> None:
    with pytest.raises(ValueError, match="one seed at least"):
        RunConfig(given="native", confirm_seeds=0)
    assert RunConfig(confirm_seeds=0).confirm_seeds == 0


def refused(*findings: Finding) -> Verdict:
    return Verdict(candidate_id="mine", accepted=False, outcome=Outcome.BROKE_CONTRACT, findings=findings)


def test_a_refused_reward_is_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"mine may not train \(line 3 of the program\): no imports\. `check"):
        demand_sound(MINE, TASK, refused(Finding(rule="import", message="no imports.", line=3)))
    with pytest.raises(UsageError, match="mine may not train: The answer did not keep the contract"):
        demand_sound(MINE, TASK, refused())


class Strict(FakeSteps):
    """Refuses what is given."""

    def review(self, candidate: Candidate) -> Verdict:
        return refused(Finding(rule="import", message="no imports"))


class Unscored(FakeSteps):
    """Trains, and can score nothing."""

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        broken = {"outcome": Outcome.TIMED_OUT, "message": "it took 9 s"}
        return WithFiles(super().score(page, trial, purpose).record.model_copy(update=broken), {})


def measured(folder: Path, steps: FakeSteps, **config: Any) -> Run:
    with Book.create(folder, RunHeader.of(TASK, RunConfig(confirm_seeds=2, rounds=1, **config))) as book:
        chosen = book.header.config
        return (measure if chosen.given else improve)(Study(TASK, chosen, steps, book, lambda event: None))


def crash(job: TrialJob) -> Outcome:
    return Outcome.CRASHED


@pytest.mark.parametrize(("best", "code"), [("", 1), ("native", None)])
def test_nothing_trained_is_exit_code_1(best: str, code: int | None, tmp_path: Path) -> None:
    run = Run(
        task="t",
        goal="g",
        stop="s",
        rounds=0,
        best=best,
        failed="x",
        trainings=1,
        env_steps=1,
        training_steps=1,
        tier="full",
    )
    nothing: tuple[()] = ()
    reading = RunView(
        tmp_path,
        RunHeader.of(TASK, RunConfig()),
        nothing,
        nothing,
        nothing,
        run,
        nothing,
        nothing,
        nothing,
        nothing,
        nothing,
        nothing,
        nothing,
    )
    before = signal.getsignal(signal.SIGTERM)
    try:
        watch(lambda tell: reading, tmp_path, True)
        stopped = None
    except typer.Exit as stop:
        stopped = stop.exit_code
    finally:
        signal.signal(signal.SIGTERM, before)
    assert stopped == code


def test_a_refused_reward_is_not_trained(tmp_path: Path) -> None:
    steps = Strict()
    with pytest.raises(UsageError, match="no imports"):
        measured(tmp_path / "run", steps, given=MINE)
    assert not [name for name in steps.done if name.startswith("train")]


def test_trainings_that_all_failed_are_no_success_rate(memory_folder: Path) -> None:
    run = measured(memory_folder / "a", FakeSteps(fail=crash), given="native")
    assert (run.best, run.confirmed, run.trainings) == ("", (), 2)
    assert result_sentence(run).startswith("It could not be trained: native-s0 crashed: The process died")
    run = measured(memory_folder / "b", Unscored(), given="native")
    assert result_sentence(run) == "It could not be trained: the scoring of native-s0 timed out: it took 9 s."
    one = measured(
        memory_folder / "c",
        FakeSteps(fail=lambda job: crash(job) if "s0" in job.id else Outcome.COMPLETED),
        given="native",
    )
    assert (one.best, len(one.confirmed[0].success), one.failed) == ("native", 2, "")


def test_a_search_in_which_nothing_trains_says_why(memory_folder: Path) -> None:
    run = measured(memory_folder / "a", FakeSteps(fail=crash), candidates=3)
    assert run.success is None
    assert result_sentence(run).startswith(
        "No candidate could be trained and scored (its one round is done): r000c0-s0-leg0 crashed: "
    )
    assert why_nothing((), (), (refused(Finding(rule="r", message="no imports")),)) == "mine was refused: no imports"
    assert why_nothing((), (), ()) == "none was left to train"


def test_a_winner_that_never_reached_the_goal_has_not_won() -> None:
    run = Run(task="t", goal="g", stop="its one round is done", rounds=1, best="r000c0", success=0.0, trainings=1, env_steps=1,
              training_steps=1,
              tier="full")  # fmt: skip
    assert result_sentence(run) == (
        "r000c0 came closest, but the goal was reached in no held-out episode (its one round is done); it was not confirmed on "
        "fresh seeds."
    )
    assert result_sentence(run.model_copy(update={"success": 0.4})).startswith("r000c0 won (its one")
    assert result_sentence(run.model_copy(update={"success": None})).startswith("r000c0 won (its one")


def test_a_run_tells_the_success_of_its_winner(memory_folder: Path) -> None:
    run = measured(memory_folder / "run", FakeSteps(), candidates=3)
    with Book.open(memory_folder / "run") as book:
        own = {s.seed: s.success for s in book.page(0).saved(SCORES) if s.candidate_id == run.best}
    assert run.success == pytest.approx(sum(own.values()) / len(own))


@pytest.mark.parametrize(
    ("target", "said"), [(0.9, "the round that reaches 0.9"), (None, "people judge, so that no target ends the search")]
)
def test_a_plan_says_what_ends_the_search(target: float | None, said: str) -> None:
    speed = Speed(workers=1, start=1.0, training=1.0, scoring=1.0)
    made = Plan(task="t", rounds=1, round=(), round_steps=1, round_minutes=1, search_steps=1, search_minutes=1, confirm=None,
                confirm_minutes=0, target=target, finds_length=target is None, speed=speed, model="grammar", calls=0, dollars=0.0,
                prompt="")  # fmt: skip
    out = io.StringIO()
    Terminal(out, width=200).print(show_plan(made))
    assert said in out.getvalue()
    assert "the search, 1 round " in out.getvalue()
    assert ("Trainings get longer where that helps" in " ".join(out.getvalue().split())) == made.finds_length
