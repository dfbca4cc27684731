"""What an analyzer is shown of a program is of one training: its score, its symptoms, its episodes."""

from pathlib import Path

from batches import batch

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.records import (
    EPISODES,
    Candidate,
    CheckpointScore,
    CurvePoint,
    Description,
    Episode,
    PartStats,
    Round,
    Score,
    Screened,
    Trial,
    Verdict,
)
from autoreward.session.cases import case_of
from autoreward.store.book import Book, RunHeader
from autoreward.store.keys import SCORES
from autoreward.tasks.files import find_task

TASK = find_task("cartpole-hold", (envs_folder(),))
DESCRIPTION = Description(state=(), action=(), max_steps=10, terminates=True, random_length=10)


def episode(success: bool) -> Episode:
    return Episode(
        success=success, length=10, terminated=False, reached=success, held=float(success), progress=0.5 + success / 2,
        metric=1, movement=1,
    )  # fmt: skip


def training(number: int, *late: float) -> tuple[Trial, Score]:
    """With one checkpoint for each success rate, and a part that says whose numbers they are."""
    points = tuple(
        CheckpointScore(step=100 * (i + 1), success=s, progress=s, metric=None, length=10) for i, s in enumerate(late)
    )
    part = PartStats(name=f"of_{number}", mean=1, std=1, share=1, low=0, high=2)
    curve = (CurvePoint(step=100, episode_return=1, episode_length=10, parts=(part,)),)
    name, kept = f"r000c0-s{number}", max(late)
    return (
        Trial(id=name, candidate_id="r000c0", outcome=Outcome.COMPLETED, seed=number, steps=200, curve=curve),
        Score(
            trial_id=name, candidate_id="r000c0", outcome=Outcome.COMPLETED, seed=number, steps=200, checkpoints=points,
            success=kept, episodes=(episode(kept > 0.5), episode(False)),
        ),
    )  # fmt: skip


def test_numbers_symptoms_and_episodes_are_of_the_training_that_is_shown(tmp_path: Path) -> None:
    """The first training succeeds and keeps what it found; the second, which failed and lost it, is the one to explain."""
    trials, scores = zip(training(0, 0.8, 0.9), training(1, 0.4, 0.0), strict=True)
    candidate = Candidate(id="r000c0", source="", thought="", origin="model", how="fresh")
    verdict = Verdict(candidate_id="r000c0", accepted=True, outcome=Outcome.COMPLETED, uses_memory=True)
    played = Round(
        number=0, candidates=(candidate,), verdicts=(verdict,), screened=Screened(order=("r000c0",)), trials=trials,
        scores=scores, diagnoses=(),
    )  # fmt: skip
    asked: list[bool] = []

    def parts(source: str, stepped: bool, one: Transitions) -> dict[str, object]:
        asked.append(stepped)
        return {}

    with Book.create(tmp_path / "run", RunHeader.of(TASK, RunConfig())) as book:
        page = book.page(0)
        for number, score in enumerate(scores):
            recorded = batch(steps=10, envs=2 + number).to_bytes()
            book.write(f"rounds/000/{SCORES.of(score.trial_id).folder}/{EPISODES}", recorded)
        case = case_of(TASK, DESCRIPTION, page, played, "r000c0", parts)  # type: ignore[arg-type]
        assert case.shown is scores[1]
        assert case.choice == "the worse of its two trainings"
        assert "loses_its_solution" in {symptom.name for symptom in case.diagnosis.symptoms}
        assert [part.name for part in case.diagnosis.shares] == ["of_1"]
        assert case.trainings == tuple(scores)
        assert [case.episodes(score).shape[1] for score in scores] == [2, 3]
        case.parts(case.episodes(case.shown))
    assert asked == [True], "a program with memory is asked step by step"
