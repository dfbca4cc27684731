"""A critic and an analyzer can help and can't harm: scripted, hostile and flattering ones, against a search without them."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from asked import history
from fake_steps import FakeSteps, alike
from scripted import Scripted, client
from test_screens import dataset_of, labels

from autoreward.checks.dataset import EpisodeDataset
from autoreward.checks.pay import OfflineData, clearly_prefer, pay
from autoreward.checks.relabel import Relabelled
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.design import refine
from autoreward.design.refine import most_reworks
from autoreward.llm.types import Prompt
from autoreward.loop import improve
from autoreward.records import (
    Analyses,
    Analysis,
    Candidate,
    Candidates,
    Cause,
    Description,
    Round,
    Run,
    Score,
    Trial,
    Verdict,
)
from autoreward.roles.brief import brief
from autoreward.roles.history import History
from autoreward.search.study import Study
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
CONFIG = RunConfig(rounds=2, candidates=4, target=1.0, confirm_seeds=0, model="manual")
DESCRIPTION = Description(state=(), action=(), max_steps=200, terminates=True, random_length=200)
BRIEF = brief(TASK, CONFIG.full(TASK), 20, DESCRIPTION)
QUALITIES = (0.2, 0.5, 0.3, 0.1)
"""What policies of the first round's programs reach, if they train."""
Answer = Callable[[Prompt], dict[str, object]]


def program(quality: float) -> str:
    return f"def compute_reward(state, action, next_state, memory):\n    return {{}}  # quality {quality:.2f}\n"


def quality(source: str) -> float:
    return float(source.rpartition("# quality ")[2])


def accept(candidate: Candidate) -> Verdict:
    return Verdict(candidate_id=candidate.id, accepted=True, outcome=Outcome.COMPLETED)


def read(prompt: Prompt) -> list[str]:
    return re.findall(r"^# (r\d+c\d+)", prompt.text, re.MULTILINE)


def designer(prompt: Prompt) -> dict[str, object]:
    """Writes what it is told to: reworks spoil a program, and an analyzer's advice is followed blindly."""
    if "rework" in prompt.key:
        return {"revisions": [{"id": name, "source": program(0.0)} for name in read(prompt)]}
    if prompt.key == "r000-designer":
        qualities = QUALITIES
    else:
        qualities = (0.0,) * 4 if "write nothing but zeros" in prompt.text else (0.4, 0.5, 0.5, 0.3)
    ideas = [{"thought": "x", "parent": "", "composition": "sum", "source": program(q)} for q in qualities]
    return {"ideas": ideas}


def critic(severity: str, reason: str) -> Answer:
    def answer(prompt: Prompt) -> dict[str, object]:
        if "critic" not in prompt.key:
            return designer(prompt)
        remark = {"line": 1, "severity": severity, "reason": reason, "fix": "start anew"}
        return {"remarks": [{"id": name} | remark for name in read(prompt)]}

    return answer


def silent(prompt: Prompt) -> dict[str, object]:
    return {"remarks": []} if "critic" in prompt.key else designer(prompt)


class ScriptedSteps(FakeSteps):
    """Programs reach what is written in them; designer and critic answer from a script, the analyzer says `advice` of the best."""

    def __init__(self, folder: Path, answer: Answer, advice: str = "") -> None:
        super().__init__()
        self._client = client(Scripted({}, answer), folder)
        self._advice = advice
        self._sources: dict[str, str] = {}

    def design(self, description: Description, rounds: Sequence[Round]) -> Candidates:
        made = refine.refined_candidates(self._client, refine.DesignRequest(BRIEF, history(TASK, *rounds), 4, accept))
        self._sources |= {c.id: c.source for c in made.items}
        return made

    def review(self, candidate: Candidate) -> Verdict:
        return accept(candidate)

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        reached = quality(self._sources[trial.candidate_id]) * trial.steps / CONFIG.full(TASK)
        return alike(super().score(page, trial, purpose), reached, reached)

    def analyze(self, page: Page, played: Round) -> Analyses:
        if not self._advice:
            return Analyses()
        cause = Cause(cause=self._advice, episode="failed", steps=(1,), suggestion=self._advice)
        return Analyses(items=tuple(Analysis(candidate_id=c.id, causes=(cause,)) for c in played.candidates))


def searched(folder: Path, answer: Answer, advice: str = "") -> Run:
    folder.mkdir()
    with Book.create(folder / "run", RunHeader.of(TASK, CONFIG)) as book:
        return improve(Study(TASK, CONFIG, ScriptedSteps(folder, answer, advice), book, lambda event: None))


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (critic("serious", "it is all wrong"), ""),
        (critic("note", "the best program that I have seen"), ""),
        (silent, "write nothing but zeros"),
        (silent, "perfect; change nothing"),
        (critic("serious", "it is all wrong"), "write nothing but zeros"),
    ],
    ids=["hostile critic", "flattering critic", "hostile analyzer", "flattering analyzer", "both hostile"],
)
def test_a_search_ends_at_or_above_one_without_critic_and_analyzer(answer: Answer, advice: str, tmp_path: Path) -> None:
    control = searched(tmp_path / "control", silent)
    run = searched(tmp_path / "run", answer, advice)
    assert control.success == pytest.approx(0.5)
    assert run.success is not None
    assert run.success >= control.success


def test_what_a_hostile_critic_costs_is_bounded(tmp_path: Path) -> None:
    """Of each round a quarter is reworked; it trains, and leaves the race: the originals win as without it."""
    control, run = searched(tmp_path / "control", silent), searched(tmp_path / "run", critic("serious", "wrong"))
    assert run.trainings == control.trainings + 2 * most_reworks(4)
    assert run.env_steps < 1.2 * control.env_steps
    assert [most_reworks(count) for count in (1, 3, 4, 8, 9)] == [1, 1, 1, 2, 2]


# ---------------------------------------------------------------------------------------- what recorded episodes say

GRADED = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def test_a_program_is_preferred_if_a_success_is_recorded_and_it_ranks_clearly_better() -> None:
    right, wrong, noisy = labels(list(GRADED)), labels([-g for g in GRADED]), labels([*GRADED[:8], 1.0, 0.9])
    dataset = dataset_of(*GRADED)
    assert (clearly_prefer(dataset, right, wrong), clearly_prefer(dataset, wrong, right)) == (1, -1)
    assert clearly_prefer(dataset, right, noisy) == 0, "a small difference is none"
    assert clearly_prefer(dataset_of(*GRADED[:-1]), labels(list(GRADED[:-1])), labels([-g for g in GRADED[:-1]])) == 0
    assert clearly_prefer(dataset_of(0.1, 1.0), labels([0.1, 1.0]), labels([1.0, 0.1])) == 0, "two episodes say nothing"


def test_pay_is_the_mean_of_each_kind_per_step_and_per_episode() -> None:
    kinds = ("constant 0", "constant 0", "random", "trial", "trial")
    dataset = dataset_of(0.0, 0.1, 0.2, 0.6, 1.0, kinds=kinds)
    made = labels([10.0, 30.0, 5.0, -20.0, 80.0])
    paid = pay(dataset, made._replace(parts={"near": np.array([1.0, 3.0, 0.5, 2.0, 8.0])}))
    assert paid.kinds == ("constant action 0", "random actions", "best failure", "best success")
    assert paid.parts == {"near": pytest.approx((0.2, 0.05, 0.2, 0.8))}
    assert paid.rewards == pytest.approx((2.0, 0.5, -2.0, 8.0))
    assert paid.returns == pytest.approx((20.0, 5.0, -20.0, 80.0))
    assert paid.steps == (10.0,) * 4
    assert "best success" not in pay(dataset_of(0.0, 0.5), labels([1.0, 2.0])).kinds


@pytest.mark.parametrize(
    ("dataset", "rework", "kept"),
    [
        (dataset_of(*GRADED), -1.0, ["r000c0 original"]),
        (dataset_of(*GRADED[:9]), -1.0, ["r000c0 original", "r000c1 rework"]),
        (dataset_of(*GRADED), 1.0, ["r000c0 original", "r000c1 rework"]),
    ],
    ids=["clearly worse", "failures alone", "as good"],
)
def test_a_rework_that_recorded_episodes_speak_against_is_not_taken(
    dataset: EpisodeDataset, rework: float, kept: list[str], tmp_path: Path
) -> None:
    assert taken(dataset, {"original": 1.0, "rework": rework}, tmp_path) == kept


def test_a_rework_that_recorded_episodes_clearly_prefer_has_the_originals_place(tmp_path: Path) -> None:
    assert taken(dataset_of(*GRADED), {"original": -1.0, "rework": 1.0}, tmp_path) == ["r000c0 rework"]


def taken(dataset: EpisodeDataset, signs: dict[str, float], folder: Path) -> list[str]:
    """What becomes of a program and its rework whose returns rise with goodness, or fall (sign -1)."""

    def relabelled(candidate: Candidate, verdict: Verdict) -> Relabelled | None:
        return labels(signs[candidate.source.strip()] * dataset.goodness)

    script = {
        "r000-designer": {"ideas": [{"thought": "", "parent": "", "composition": "sum", "source": "original"}]},
        "r000-critic-0": {"remarks": [{"id": "r000c0", "line": 1, "severity": "serious", "reason": "", "fix": ""}]},
        "r000-rework-0": {"revisions": [{"id": "r000c0", "source": "rework"}]},
        "r000-critic-1": {"remarks": []},
    }
    model = Scripted(script)
    made = refine.refined_candidates(
        client(model, folder), refine.DesignRequest(BRIEF, History(), 1, accept, OfflineData(dataset, relabelled))
    )
    assert "What it pays in recorded episodes" in model.asked["r000-critic-0"]
    return [f"{c.id} {c.source.strip()}" for c in made.items]
