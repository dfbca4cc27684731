"""A search that finds how long its trainings must be: `steps = "auto"`."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from test_prospects import TASK, Slow

from autoreward import events
from autoreward.config import RunConfig
from autoreward.errors import UsageError
from autoreward.loop import improve
from autoreward.records import Longer, Round, Run, Screened
from autoreward.report.phrases import budget_sentence, describe_event
from autoreward.search.length import length_after
from autoreward.search.study import Study
from autoreward.session.plan import demand_steps
from autoreward.store.book import Book, RunHeader
from autoreward.store.keys import CANDIDATES, LENGTH, TRIALS
from autoreward.tasks.card import Task
from autoreward.tasks.success_table import NO_RULE

CARD = TASK.model_copy(update={"train": TASK.train.model_copy(update={"steps": 8000})})
AUTO = RunConfig(steps="auto")


def after(*success: float, steps: int = 8000) -> Round:
    """A round of 8,000 steps whose best training had that success after 8,000, 16,000, ..."""
    longer = Longer(trial_id="a-s0", steps=tuple(8000 * 2**i for i in range(len(success))), success=success,
                    progress=(0.5,) * len(success)) if success else Longer()  # fmt: skip
    return Round(number=0, candidates=(), verdicts=(), screened=Screened(order=()), trials=(), scores=(), diagnoses=(),
                 longer=longer, training_steps=steps)  # fmt: skip


@pytest.mark.parametrize(
    ("played", "left", "expected"),
    [
        ((), None, 8000),
        ((after(),), None, 8000),
        ((after(0.2, 0.3),), None, 8000),  # within the noise of 20 episodes
        ((after(0.2, 0.8, 0.85),), None, 16_000),  # more than that gave nothing clear
        ((after(0.2, 0.5, 0.9),), None, 32_000),
        ((after(0.2, 0.5, 0.9),), 3 * 32_000, 32_000),
        ((after(0.2, 0.5, 0.9),), 3 * 32_000 - 1, 16_000),  # a race must have room
        ((after(0.2, 0.5, 0.9),), 3 * 16_000 - 1, 8000),
        ((after(0.2, 0.8), after(steps=16_000)), None, 16_000),
    ],
)
def test_trainings_are_as_long_as_the_best_one_went_on_getting_better(
    played: tuple[Round, ...], left: int | None, expected: int
) -> None:
    assert length_after(AUTO, CARD, played, left) == expected
    assert length_after(RunConfig(steps=8000), CARD, played, left) == 8000, "who writes a number gets it"


def search(folder: Path, steps: Slow, heard: list[events.Event], **change: object) -> Run:
    """A search, and once more as it is resumed: then nothing may train."""
    plain = {
        "rounds": 2,
        "candidates": 2,
        "confirm_seeds": 1,
        "finalist_seeds": 0,
        "steps": "auto",
        "budget": 30.0,
        "target": 0.95,
    }
    config = RunConfig.model_validate(plain | change)
    with Book.create(folder, RunHeader.of(CARD, config)) as book:
        result = improve(Study(CARD, config, steps, book, heard.append))
    with Book.open(folder) as book:
        again = Slow(0)
        assert improve(Study(CARD, config, again, book, lambda event: None)) == result
        assert not [name for name in again.done if name.startswith("train")]
    return result


def test_the_next_round_and_the_confirmation_train_longer_and_the_best_so_far_trains_again(tmp_path: Path) -> None:
    heard: list[events.Event] = []
    result = search(tmp_path / "r", Slow(needed=30_000, grows=6.0), heard)
    with Book.open(tmp_path / "r") as book:
        lengths = [page.need(LENGTH).steps for page in book.pages()]
        made = book.page(1).need(CANDIDATES).items
        ends = {t.id: t.steps for t in book.page(1).saved(TRIALS)}
        confirmed = {t.steps for t in book.confirm_page().saved(TRIALS)}
    assert lengths == [8000, 32_000]
    assert [(c.id, c.how, c.parents) for c in made if c.how == "again"] == [
        ("r001c2", "again", (result.longer.trial_id[:6],))
    ]
    assert ends["r001c2-s0-leg4"] == 32_000
    assert confirmed == {32_000}
    assert result.training_steps == 32_000
    assert result.env_steps <= 30 * 8000 + 5 * 32_000
    lines = [describe_event(event) for event in heard if isinstance(event, events.Lengthened)]
    assert lines == ["  trainings have 32,000 steps from now on instead of 8,000: more of them helped"]
    assert budget_sentence(result).endswith(
        "0.80 after 32,000 environment steps, and still improved. Those that confirm the result have 32,000."
    )


def test_where_more_steps_help_nobody_trainings_stay_as_they_are(tmp_path: Path) -> None:
    heard: list[events.Event] = []
    result = search(tmp_path / "r", Slow(needed=0, grows=0.0), heard)
    assert (result.training_steps, budget_sentence(result)) == (8000, "")
    assert not [event for event in heard if isinstance(event, events.Lengthened)]
    with Book.open(tmp_path / "r") as book:
        assert len(book.page(1).need(CANDIDATES).items) == 2


def test_a_search_of_one_round_confirms_at_the_length_that_it_found(tmp_path: Path) -> None:
    assert search(tmp_path / "r", Slow(needed=30_000, grows=6.0), [], rounds=1).training_steps == 32_000


def test_only_a_search_with_a_rule_finds_it() -> None:
    with pytest.raises(ValidationError, match="Only a search finds how long a training must be"):
        RunConfig(given="native", steps="auto")
    unruled: Task = CARD.model_copy(update={"success": NO_RULE})
    with pytest.raises(
        UsageError, match=r"^steps='auto': task mountain-car has no rule that says when a training gets better"
    ):
        demand_steps(AUTO, unruled)
