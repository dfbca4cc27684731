"""Who is told of a training that failed: people everything, who writes rewards only what a reward may have caused."""

from pathlib import Path

import pytest
from fake_steps import FakeSteps

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.evaluation.diagnose import diagnose
from autoreward.evaluation.futility import ended_from_outside, optimiser
from autoreward.evaluation.legs import trainings
from autoreward.loop import improve
from autoreward.records import Candidate, Description, Diagnosis, FieldStats, Round, Screened, Trial
from autoreward.report.phrases import lost_episodes_sentence, trial_line
from autoreward.report.reading import read_run
from autoreward.roles.brief import brief
from autoreward.roles.history import History, shown_history
from autoreward.search.study import Study
from autoreward.store.book import Book, RunHeader
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
SECRET = "E-v0: step 3 raised ConnectionResetError"
STATS = tuple(FieldStats(name=name, size=0, low=-1, high=1, mean=0, std=1) for name in TASK.state)
DESCRIPTION = Description(state=STATS, action=(), max_steps=10, terminates=True, random_length=10)


def trial(name: str, outcome: Outcome, leg: int | None = None, lost: int = 0) -> Trial:
    identity = f"{name}-s0" + (f"-leg{leg}" if leg is not None else "")
    message = "" if outcome.ok else SECRET
    return Trial(
        id=identity, candidate_id=name, outcome=outcome, message=message, seed=0, begin=9 * (leg or 0), steps=9, lost_episodes=lost
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outcomes", "by"),
    [
        ((Outcome.ENVIRONMENT_FAILED,), ended_from_outside),
        ((Outcome.ENVIRONMENT_FAILED, Outcome.ENVIRONMENT_FAILED), ended_from_outside),
        ((Outcome.OVERDUE, Outcome.OVERDUE), ended_from_outside),
        ((Outcome.SHORT_OF_MEMORY,), ended_from_outside),
        ((Outcome.TIMED_OUT, Outcome.TIMED_OUT), None),
        ((Outcome.OVERDUE, Outcome.ENVIRONMENT_FAILED), None),
        ((Outcome.ENVIRONMENT_FAILED, Outcome.COMPLETED), None),
        ((Outcome.ENVIRONMENT_FAILED, Outcome.DIVERGED), None),
        ((Outcome.DIVERGED, Outcome.DIVERGED), optimiser),
        ((Outcome.CRASHED, Outcome.CRASHED), None),
        ((), None),
    ],
)
def test_what_fails_in_all_trainings_is_named_and_nothing_else(outcomes: tuple[Outcome, ...], by: object) -> None:
    made = [trial(f"r000c{i}", outcome) for i, outcome in enumerate(outcomes)]
    found = {ended_from_outside: ended_from_outside(made), optimiser: optimiser(made, normalized=True)}
    assert [judge for judge, doubt in found.items() if doubt] == ([by] if by else [])
    if doubt := found[ended_from_outside]:
        assert "learning" not in doubt.reason
        assert doubt.evidence[0] == f"r000c0-s0: {SECRET}"


def test_a_run_whose_environment_fails_stops_and_says_so(tmp_path: Path) -> None:
    steps = FakeSteps(fail=lambda job: Outcome.ENVIRONMENT_FAILED)
    config = RunConfig(rounds=3, candidates=3, confirm_seeds=1)
    with Book.create(tmp_path / "run", RunHeader.of(TASK, config)) as book:
        run = improve(Study(TASK, config, steps, book, lambda event: None))
    assert run.rounds == 1
    assert run.stop.startswith("It is not the reward: the environment fails in every training.")


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome.ENVIRONMENT_FAILED, False),
        (Outcome.LOST, False),
        (Outcome.OVERDUE, False),
        (Outcome.SHORT_OF_MEMORY, False),
        (Outcome.NOT_FINITE, True),
        (Outcome.TIMED_OUT, True),
        (Outcome.DIVERGED, True),
    ],
)
def test_a_designer_is_told_what_it_can_mend_and_a_person_everything(outcome: Outcome, told: bool) -> None:
    candidates = tuple(
        Candidate(id=n, source="#\n", thought="idea", origin="model", how="fresh") for n in ("r000c0", "r000c1")
    )
    made = tuple(trial(c.id, outcome) for c in candidates)
    diagnoses: tuple[Diagnosis, ...] = tuple(
        diagnose(TASK, c, [t], (), DESCRIPTION) for c, t in zip(candidates, made, strict=True)
    )
    assert diagnoses[0].symptoms[0].name == outcome.value
    assert SECRET in trial_line(made[0])
    past = Round(
        number=0, candidates=candidates, verdicts=(), screened=Screened(order=()), trials=made, scores=(), diagnoses=diagnoses
    )  # fmt: skip
    shown = str(shown_history(brief(TASK, 1_000, 20, DESCRIPTION), History((past,), ("r000c0",))))
    assert (SECRET in shown) == told
    assert (outcome.value in shown) == told
    assert "cut short by a failure outside of it" in shown or told


def test_episodes_that_were_lost_are_summed_over_legs_and_shown(tmp_path: Path) -> None:
    legs = [trial("r000c0", Outcome.COMPLETED, leg, lost) for leg, lost in enumerate((2, 0, 1))]
    (whole,) = trainings(legs)
    assert whole.lost_episodes == 3
    assert trial_line(whole) == "  r000c0-s0: 3 episodes thrown away since the environment failed in them"
    assert trial_line(trial("r000c0", Outcome.COMPLETED)) == ""
    assert lost_episodes_sentence(0) == ""


class Flaky(FakeSteps):
    """Every training and scoring loses episodes."""

    def train(self, job, begun=b""):  # type: ignore[no-untyped-def]
        made = super().train(job, begun)
        return made._replace(record=made.record.model_copy(update={"lost_episodes": 1}))

    def score(self, page, trial, purpose):  # type: ignore[no-untyped-def]
        made = super().score(page, trial, purpose)
        return made._replace(record=made.record.model_copy(update={"lost_episodes": 2}))


def test_a_runs_view_counts_them_all(tmp_path: Path) -> None:
    config = RunConfig(rounds=1, candidates=3, confirm_seeds=1)
    with Book.create(tmp_path / "run", RunHeader.of(TASK, config)) as book:
        steps = Flaky()
        improve(Study(TASK, config, steps, book, lambda event: None))
    view = read_run(tmp_path / "run")
    trained = sum(count for what, count in steps.done.items() if what.startswith("train "))
    scored = sum(count for what, count in steps.done.items() if what.startswith("score "))
    assert trained > 0
    assert view.lost_episodes == trained + 2 * scored
