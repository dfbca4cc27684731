"""The loop with a fake steps: what it returns, that a crash at any write loses nothing, that failures stay local."""

import itertools
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fake_steps import FakeSteps

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import ConfigError, LimitReached, RunDamaged, StoreError, UsageError
from autoreward.loop import arms, improve
from autoreward.records import (
    Allowance,
    Candidate,
    Candidates,
    Description,
    Feedback,
    Feedbacks,
    Round,
    Run,
    Score,
    Screened,
    Trial,
    TrialJob,
)
from autoreward.report.scalars import Follower
from autoreward.search.study import Study
from autoreward.session.asked_models import allowance
from autoreward.session.feedback import allow, hear_out, heed
from autoreward.session.run import leave, resume
from autoreward.store.book import Book, RunHeader
from autoreward.store.keys import FEEDBACK
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
CONFIG = RunConfig(rounds=2, candidates=3, target=1.0, confirm_seeds=2)
TOLD = CONFIG.model_copy(update={"model": "manual"})
"""A model's designs, so that feedback finds somebody to read it."""


class Killed(Exception):
    """Stands for kill -9 at a write."""


def dying(die_at: int) -> Callable[[Path], None]:
    """Lets that many writes pass."""
    left = itertools.count(1)

    def before_write(path: Path) -> None:
        if next(left) > die_at:
            raise Killed

    return before_write


def go(folder: Path, steps: FakeSteps, config: RunConfig = CONFIG, die_at: int = 10**9) -> Run:
    begun = (folder / "run.json").exists()
    book = Book.open(folder) if begun else Book.create(folder, RunHeader.of(TASK, config))
    with book:
        book.before_write = dying(die_at)
        return improve(Study(TASK, book.header.config, steps, book, lambda event: None))


def test_a_round_is_explained_when_another_is_designed_and_not_before(tmp_path: Path) -> None:
    """Nobody reads what is said of the last one, unless a person asks for more."""
    steps = FakeSteps()
    go(tmp_path / "run", steps, TOLD)
    asked = {name: count for name, count in steps.done.items() if name.startswith("analyze")}
    assert asked == {"analyze 000": 1}
    with Book.open(tmp_path / "run") as book:
        hear_out(book, "slower, please")
    go(tmp_path / "run", steps)
    assert (steps.done["analyze 000"], steps.done["analyze 001"]) == (1, 1)
    assert steps.done["analyze 002"] == 0


def test_feedback_of_another_encoding_can_be_kept(tmp_path: Path) -> None:
    """Arguments that are no UTF-8 reach Python with halves of characters."""
    go(tmp_path / "run", FakeSteps(), TOLD.model_copy(update={"rounds": 1, "confirm_seeds": 0}))
    with Book.open(tmp_path / "run") as book:
        hear_out(book, b"it sh\xe4kes".decode("utf-8", "surrogateescape"))
        said = book.lone(FEEDBACK)
    assert said is not None
    assert said.items[0].text == "it sh\ufffdkes"


def test_a_budget_for_no_round_is_one_sentence(tmp_path: Path) -> None:
    """Commands find it out before there is a folder; a folder that says so, or a caller of the loop, gets here."""
    with pytest.raises(
        UsageError, match=r"nothing to search with: the budget of 1 environment steps is used\. A larger budget"
    ):
        go(tmp_path / "run", FakeSteps(), CONFIG.model_copy(update={"budget": 1 / CONFIG.full(TASK)}))


def test_a_run_has_every_round_and_a_winner(tmp_path: Path) -> None:
    steps = FakeSteps()
    run = go(tmp_path / "run", steps)
    assert run.rounds == 2
    assert run.best.startswith("r00")
    roles = [c.role for c in run.confirmed]
    assert roles[0] == "winner"
    assert roles[-2:] == ["baseline", "baseline"]
    assert run.confirmed[0].who == run.best
    assert all(c.estimate.low <= c.estimate.value <= c.estimate.high for c in run.confirmed)
    assert run.confirmed[0].over_native
    assert run.confirmed[-1].over_native is None
    assert max(steps.done.values()) == 1 + (steps.done[f"review {run.best}"] - 1)


def test_a_finished_run_resumes_to_the_same_without_doing_anything(tmp_path: Path) -> None:
    run = go(tmp_path / "run", FakeSteps())
    idle = FakeSteps()
    assert go(tmp_path / "run", idle) == run
    assert not idle.done


def test_a_crash_at_every_write_ends_in_the_same_run(memory_folder: Path) -> None:
    config = CONFIG.model_copy(update={"candidates": 2, "confirm_seeds": 1})
    expected = go(memory_folder / "whole", FakeSteps(width=2), config)
    reference = FakeSteps(width=2)
    go(memory_folder / "count", reference, config)
    die_at = 0
    while True:
        steps = FakeSteps(width=2)
        folder = memory_folder / f"die{die_at}"
        try:
            go(folder, steps, config, die_at)
            break
        except Killed:
            assert go(folder, steps, config) == expected
        repeated = sum((steps.done - reference.done).values())
        assert repeated <= 1, (die_at, steps.done - reference.done)
        shutil.rmtree(folder)
        die_at += 1
    assert die_at > 60


def played(number: int, *success: tuple[str, float]) -> Round:
    """A round whose candidates are these, in this order; those that scored nothing did not train."""
    trials = [Trial(id=f"{n}-s0", candidate_id=n, outcome=Outcome.COMPLETED, seed=0, steps=9) for n, v in success if v]
    scores = [
        Score(trial_id=f"{n}-s0", candidate_id=n, outcome=Outcome.COMPLETED, steps=9, success=v, mean_success=v)
        for n, v in success if v
    ]  # fmt: skip
    made = tuple(Candidate(id=n, source="", thought="", origin="grammar", how="fresh") for n, _ in success)
    return Round(number=number, candidates=made, verdicts=(), screened=Screened(order=()), trials=tuple(trials),
                 scores=tuple(scores), diagnoses=())  # fmt: skip


def test_the_zero_shot_is_the_first_of_the_first_round_in_the_order_of_design() -> None:
    rounds = (
        played(0, ("r000c0", 0.0), ("r000c2", 0.1), ("r000c10", 0.2), ("r000c11", 0.3)),
        played(1, ("r001c0", 0.8), ("r001c1", 0.9)),
    )
    nothing_said, calm = Feedbacks(), Feedbacks(items=(Feedback(after=1, text="calm it down"),))
    for said in (nothing_said, calm):
        found = {c.role: c.who for c in arms(rounds, said, TASK)}
        assert (found["winner"], found["runner-up"], found["zero-shot"]) == ("r001c1", "r001c0", "r000c2")


def test_a_feedback_that_no_round_could_heed_leaves_the_winner_in_place(tmp_path: Path) -> None:
    class Dear(FakeSteps):
        def design(self, description: Description, rounds: Sequence[Round]) -> Candidates:
            raise LimitReached("too dear")

    folder = tmp_path / "run"
    before = go(folder, FakeSteps(), TOLD)
    with Book.open(folder) as book:
        hear_out(book, "calm it down")
        heed(book)
    after = go(folder, Dear())
    assert (after.best, after.stop) == (before.best, "too dear")


def test_a_failed_training_is_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    def fail(job: TrialJob) -> Outcome:
        return Outcome.NOT_FINITE if job.id == "r000c1-s0" else Outcome.COMPLETED

    run = go(tmp_path / "run", FakeSteps(fail=fail))
    assert run.best
    assert run.best != "r000c1"


def test_when_every_training_fails_the_run_ends_without_a_winner(tmp_path: Path) -> None:
    run = go(tmp_path / "run", FakeSteps(fail=lambda job: Outcome.CRASHED))
    assert run.best == ""
    assert run.confirmed == ()


def test_the_target_ends_the_search(tmp_path: Path) -> None:
    run = go(tmp_path / "run", FakeSteps(), config=CONFIG.model_copy(update={"target": 0.01}))
    assert run.rounds == 1
    assert "reached the target" in run.stop


def test_no_confirmation_when_asked(tmp_path: Path) -> None:
    run = go(tmp_path / "run", FakeSteps(), config=CONFIG.model_copy(update={"confirm_seeds": 0}))
    assert run.confirmed == ()


def test_feedback_buys_a_round_whose_programs_alone_can_win(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    before = go(folder, FakeSteps(), TOLD)
    with Book.open(folder) as book:
        hear_out(book, "calm it down")
        heed(book)
    steps = FakeSteps()
    after = go(folder, steps)
    assert after.rounds == before.rounds + 1
    assert after.best.startswith(f"r{before.rounds:03d}")
    assert not [name for name in steps.done if name.startswith("train r000") and "leg" in name], (
        "nothing is trained twice"
    )
    assert (folder / "before-feedback-0" / "result.json").exists()


def test_feedback_survives_a_crash_at_every_write(memory_folder: Path) -> None:
    """Whatever was moved aside by then: the same end, nothing trained twice, no reply that did not hear it."""
    config = TOLD.model_copy(update={"rounds": 1, "candidates": 2, "confirm_seeds": 1})
    go(memory_folder / "done", FakeSteps(width=2), config)
    for name in ("r000-designer.json", "r001-designer.json", "r001-designer.prompt.md"):
        (memory_folder / "done" / "replies").mkdir(exist_ok=True)
        (memory_folder / "done" / "replies" / name).write_text("")

    def tell(folder: Path, steps: FakeSteps, die_at: int = 10**9) -> Run:
        with Book.open(folder) as book:
            book.before_write = dying(die_at)
            if book.lone(FEEDBACK) is None:
                hear_out(book, "calm it down")
            heed(book)
            return improve(Study(TASK, book.header.config, steps, book, lambda event: None))

    reference = FakeSteps(width=2)
    shutil.copytree(memory_folder / "done", memory_folder / "whole")
    expected = tell(memory_folder / "whole", reference)
    for die_at in range(8):  # the words, two replies, confirm, the result, and a little further
        steps, folder = FakeSteps(width=2), memory_folder / f"die{die_at}"
        shutil.copytree(memory_folder / "done", folder)
        with pytest.raises(Killed):
            tell(folder, steps, die_at)
        assert tell(folder, steps) == expected
        assert (steps.done - reference.done).total() <= 1, (die_at, steps.done - reference.done)
        assert {p.name for p in (folder / "before-feedback-0").iterdir()} == {"confirm", "result.json"}
        assert {p.name for p in (folder / "replies").iterdir()} == {
            "r000-designer.json", "r001-designer.before-feedback-0.json", "r001-designer.before-feedback-0.prompt.md"
        }  # fmt: skip


def test_what_can_not_be_moved_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    go(folder, FakeSteps(), TOLD)
    (folder / "before-feedback-0" / "confirm" / "scores").mkdir(parents=True)
    with Book.open(folder) as book:
        hear_out(book, "calm it down")
        with pytest.raises(StoreError, match=r"confirm can't be moved to .*: Directory not empty"):
            heed(book)
    assert (folder / "result.json").exists(), "the next resume tries again"


def test_limits_can_be_changed_for_good(tmp_path: Path) -> None:
    with Book.create(tmp_path / "run", RunHeader.of(TASK, TOLD)) as book:
        assert allowance(book) == Allowance(max_cost=1.0, max_calls=30)
        allow(book, {})
        allow(book, {"max_cost": 5.0})
        allow(book, {"max_calls": 99})
        with pytest.raises(ConfigError, match=r"max_cost=-1\.0: input should be greater than or equal to 0"):
            allow(book, {"max_cost": -1.0})
    with Book.open(tmp_path / "run") as book:
        assert allowance(book) == Allowance(max_cost=5.0, max_calls=99)
        allow(book, {"max_cost": None})
        assert allowance(book) == Allowance(max_cost=None, max_calls=99)


def test_a_damaged_record_does_not_hide_why_a_run_ends(tmp_path: Path) -> None:
    """No key is set, so that nothing is started."""
    config = CONFIG.model_copy(update={"model": "anthropic:some-model", "max_cost": None})
    with Book.create(tmp_path / "run", RunHeader.of(TASK, config)) as book:
        book.page(0)
        book.write("rounds/000/candidates.json", b"{")
    with pytest.raises(UsageError, match="ANTHROPIC_API_KEY is not set") as caught:
        resume(tmp_path / "run", lambda event: None)
    assert "candidates.json is damaged" in str(caught.value.__notes__)


def test_what_was_saved_is_told_even_where_there_can_be_no_report(tmp_path: Path) -> None:
    go(tmp_path / "run", FakeSteps())
    (tmp_path / "run" / "rounds" / "000" / "candidates.json").write_text("{")
    told: list[str] = []
    follower = Follower(tmp_path / "run", lambda leg: told.append(leg.training), earlier=True)
    with Book.open(tmp_path / "run") as book, pytest.raises(RunDamaged, match=r"candidates\.json"):
        leave(book, [follower])
    assert told


def test_a_state_that_is_cut_off_is_said_and_drops_nobody(tmp_path: Path) -> None:
    """A training that could not go on from it would count as lost, and its candidate with it."""

    def killed_in_the_second_leg(path: Path) -> None:
        if "-leg1" in path.name:
            raise Killed

    with Book.create(tmp_path / "run", RunHeader.of(TASK, CONFIG)) as book:
        book.before_write = killed_in_the_second_leg
        with pytest.raises(Killed):
            improve(Study(TASK, CONFIG, FakeSteps(), book, lambda event: None))
    for state in (tmp_path / "run").rglob("*-leg0/state.safetensors"):
        state.write_bytes(state.read_bytes()[:-1])
    with pytest.raises(RunDamaged, match=r"state\.safetensors is damaged .* delete the record .*-leg0\.json"):
        go(tmp_path / "run", FakeSteps())
