"""What a critic's exam asks about: good programs with faults planted in some, and the episodes that they are judged by."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from autoreward.checks.dataset import EpisodeDataset, join
from autoreward.checks.pay import Pay, pay
from autoreward.checks.planted import fault_shown
from autoreward.checks.relabel import Relabelled, relabel
from autoreward.checks.review import review
from autoreward.checks.samples import Practice
from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder, exams_folder
from autoreward.core.seeds import derive
from autoreward.core.transitions import Transitions
from autoreward.records import (
    CONTROLLER_EPISODES,
    REFERENCE_EPISODES,
    SAMPLES,
    Candidate,
    CandidateId,
    ExamPaper,
    ExamProgram,
    PlantedFault,
)
from autoreward.roles.brief import Brief, brief
from autoreward.roles.critic import critic_prompt
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.search.halving import search_job
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.training.workers import Workers, job_limits
from autoreward.worker.jobs.script_record import ScriptJob

SHEETS = 6
"""Questions of a task; each program is good in half of them, and has another fault in each of the others."""
_EPISODES = 4
"""Of each behaviour."""
_CONFIG = RunConfig()


class Shown(NamedTuple):
    """One program on a sheet."""

    candidate: Candidate
    program: ExamProgram
    fault: PlantedFault | None


@dataclass(frozen=True)
class ExamRoom:
    """What programs of one paper are judged by: episodes of its behaviours, and of random and constant actions."""

    task: Task
    dataset: EpisodeDataset
    about: Brief
    practice: Practice
    jail: Jail
    known: dict[str, Relabelled | None] = field(default_factory=dict)
    """What programs made of the episodes so far, by their sources."""

    @classmethod
    def of(cls, task: Task, behaviours: Sequence[str], jail: Jail, workers: Workers) -> "ExamRoom":
        """Plays them. Raises TaskError if the environment fails."""
        described, files = workers.describe(task, derive(0, "exam"))
        recorded = Transitions.from_bytes(files[REFERENCE_EPISODES])
        pieces = [(recorded, described.reference_episodes)]
        for place, script in enumerate(behaviours):
            first = derive(0, "exam", place) % 2**31
            job = ScriptJob(task=task.model_copy(update={"script": script}), scoring=(first,),
                            recording=tuple(range(first, first + _EPISODES)), grading=described.grading,
                            limits=job_limits(_CONFIG))  # fmt: skip
            made, episodes = workers.look(job, {})
            pieces.append((Transitions.from_bytes(episodes[CONTROLLER_EPISODES]), made.recorded))
        about = brief(task, task.train.steps, _CONFIG.episodes, described, recorded=recorded)
        practice = Practice.of(task, described, Transitions.from_bytes(files[SAMPLES]))
        return cls(task, join(pieces, task.metric.better), about, practice, jail)

    @property
    def gamma(self) -> float:
        """The task's discount."""
        return self.task.train.gamma

    def relabelled(self, source: str) -> Relabelled | None:
        """What a program makes of the episodes; None if it may not train, or fails on them."""
        if source not in self.known:
            self.known[source] = self._asked(source)
        return self.known[source]

    def _asked(self, source: str) -> Relabelled | None:
        candidate = Candidate(id="c", source=source, thought="", origin="human", how="given")
        verdict = review(candidate, self.jail, self.practice)
        if not verdict.accepted:
            return None
        try:
            return relabel(self.jail, search_job(_CONFIG, self.task, candidate, verdict), self.gamma, self.dataset)
        except RewardFailed:
            return None

    def shown(self, good: str, other: str) -> str:
        """What episodes hold against a program and not against the good one, in words; empty if nothing, or it may not train."""
        answers = self.relabelled(good), self.relabelled(other)
        return fault_shown(self.dataset, answers[0], answers[1], self.gamma) if answers[0] and answers[1] else ""

    def sound(self, good: str, other: str) -> bool:
        """Whether a program may train and has no fault that the good one has not."""
        return self.relabelled(other) is not None and not self.shown(good, other)

    def pays(self, sheet: Sequence[Shown]) -> dict[str, Pay]:
        """What each program pays in the episodes, as a critic is shown it."""
        answers = {shown.candidate.id: self.relabelled(shown.candidate.source) for shown in sheet}
        return {name: pay(self.dataset, answer) for name, answer in answers.items() if answer}


def exam_papers() -> tuple[ExamPaper, ...]:
    """Those that are shipped."""
    return tuple(
        ExamPaper.model_validate_json(path.read_text()) for path in sorted((exams_folder() / "critic").glob("*.json"))
    )


def exam_sheets(paper: ExamPaper) -> tuple[tuple[Shown, ...], ...]:
    """The questions of a paper: each shows every program once, good or with a fault, in an order of its own."""
    times, used = SHEETS // 2, Counter[str]()
    chosen: dict[str, list[PlantedFault]] = {}
    for program in paper.programs:
        left = list(program.faults)
        chosen[program.name] = []
        while left and len(chosen[program.name]) < times:
            fault = min(left, key=lambda one: (used[one.kind], program.faults.index(one)))
            used[fault.kind] += 1
            chosen[program.name].append(fault)
            left = [one for one in left if one.kind != fault.kind] or [one for one in left if one != fault]
    sheets = []
    for number in range(SHEETS):
        items: list[tuple[ExamProgram, PlantedFault | None]] = []
        for place, program in enumerate(paper.programs):
            faults = chosen[program.name]
            items.append((program, None if (place + number) % 2 == 0 else faults[number // 2 % len(faults)]))
        random.Random(derive(0, "exam", paper.task, number)).shuffle(items)
        sheets.append(tuple(_shown(i, program, fault) for i, (program, fault) in enumerate(items)))
    return tuple(sheets)


def _shown(place: int, program: ExamProgram, fault: PlantedFault | None) -> Shown:
    source = fault.source if fault else program.source
    candidate = Candidate(
        id=str(CandidateId(0, place)), source=source, thought=program.thought, origin="model", how="fresh"
    )
    return Shown(candidate, program, fault)


class Sheet(NamedTuple):
    """A question, as it will be asked."""

    key: str
    room: ExamRoom
    shown: tuple[Shown, ...]
    pays: dict[str, Pay]

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The programs as a critic reads them."""
        return tuple(shown.candidate for shown in self.shown)

    @property
    def prompt(self) -> str:
        """The whole text."""
        return critic_prompt(self.room.about, self.candidates, self.pays)


def sheets_of(paper: ExamPaper, jail: Jail, workers: Workers) -> list[Sheet]:
    """The questions of a paper, with what its programs pay. Raises TaskError if the environment fails."""
    room = ExamRoom.of(find_task(paper.task, (envs_folder(),)), paper.behaviours, jail, workers)
    return [
        Sheet(f"exam-{paper.task}-{number}", room, shown, room.pays(shown))
        for number, shown in enumerate(exam_sheets(paper))
    ]
