"""Environments so slow that there is no time for all steps: what is looked at fits into the time, and how much it was is said."""

from pathlib import Path

import zoo.observations  # noqa: F401 - registers its environments
from in_process import HERE

from autoreward.tasks.card import Task
from autoreward.tasks.draft.guess import draft_task
from autoreward.tasks.draft.write import card_text
from autoreward.tasks.files import parse_task, placeholder_task
from autoreward.worker.jobs.audit import audit
from autoreward.worker.jobs.describe import describe
from autoreward.worker.jobs.records import AuditJob, DescribeJob, SurveyJob
from autoreward.worker.jobs.survey import survey

ENV = "zoo.observations:Fresh-v0"
NO_TIME = 1e-9


def drafted(seconds: float) -> str:
    found, _ = survey(SurveyJob(task=placeholder_task(ENV, {}, "slow"), seconds=seconds), {}, HERE)
    return card_text(draft_task(found, "slow", "Do it.", {}))


def task() -> Task:
    return parse_task(drafted(60.0), Path("slow/task.toml"))


def test_a_card_says_that_it_was_drafted_from_few_steps() -> None:
    assert "it was looked at in 1 random steps, not in 2,000; ranges that are a GUESS may be too narrow" in drafted(
        NO_TIME
    )
    assert "it was looked at" not in drafted(60.0)


def test_one_episode_is_played_and_few_samples_are_taken_at_least() -> None:
    described, _ = describe(DescribeJob(task=task(), seed=0, demonstrated=False, seconds=NO_TIME), {}, HERE)
    assert described.hurried is not None
    assert (described.hurried.steps, [known.kind for known in described.reference_episodes]) == (80, ["random"])


def test_a_check_says_how_far_it_looked() -> None:
    report, _ = audit(AuditJob(task=task(), seconds=NO_TIME), {}, HERE)
    said = {item.name: item.message for item in report.items}
    assert "it was looked at in 80 random steps and 1 episodes, which are fewer than usual" in said["speed"]
    assert said["determinism"] == "the same seeds give the same episodes"
    report, _ = audit(AuditJob(task=task()), {}, HERE)
    assert "speed" not in {item.name for item in report.items}
