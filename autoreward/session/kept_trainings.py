"""Trainings that are kept by what they depend on, for commands that make no run: none is made twice."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from autoreward import events
from autoreward.checks.review import review
from autoreward.checks.samples import Practice
from autoreward.config import RunConfig
from autoreward.core import seeds
from autoreward.core.executor import Executor, ThreadExecutor
from autoreward.core.transitions import Transitions
from autoreward.errors import UsageError
from autoreward.records import (
    SAMPLES,
    Candidate,
    Description,
    Score,
    Snapshots,
    Trial,
    TrialId,
    TrialJob,
    Verdict,
    policy_file,
)
from autoreward.sandbox.jail import Jail
from autoreward.search.confirm import Baseline, demand_sound
from autoreward.search.hunts import no_snapshots
from autoreward.session.hunting import snapshots_job
from autoreward.store.book import WithFiles
from autoreward.store.folder import Folder
from autoreward.store.installed import circumstances
from autoreward.store.keys import RecordT
from autoreward.store.shared import Shelf, digest
from autoreward.store.trust import demand as demand_trust
from autoreward.store.trust import of_card
from autoreward.tasks.card import Task
from autoreward.training.workers import Workers


def content_of(candidate: Candidate) -> str:
    """What a program is, whatever it is called: a digest of its text and of how its parts become one number."""
    return hashlib.sha256(f"{candidate.composition}\n{candidate.source}".encode()).hexdigest()


def label_of(side: Candidate | Baseline) -> str:
    """What a reward is called where it is compared: a baseline's name, or that of the person's file."""
    return side if isinstance(side, str) else side.thought.removeprefix("given as ")


class KeptTraining(NamedTuple):
    """One training, made or to be made."""

    job: TrialJob
    name: str
    """What it is kept under: a digest of all that it depends on; empty where that can't be told."""
    known: Score | None


class Looked(NamedTuple):
    """What is known of an environment before anything trains, whatever the settings of trainings are."""

    described: WithFiles[Description]
    snapshots: Mapping[str, bytes]


def demand_scorable(task: Task) -> None:
    """Raises NotTrusted, and UsageError where no rule scores policies."""
    demand_trust(of_card(task), f"task {task.name}")
    if not task.ruled:
        raise UsageError(f"task {task.name} has no [success] to score policies by; write a rule into its card.")


@contextmanager
def opened_trainings(
    task: Task,
    rewards: Sequence[Candidate | Baseline],
    config: RunConfig,
    runs: Path,
    tell: events.Listener,
    purpose: str,
) -> Iterator[tuple["KeptTrainings", Executor]]:
    """Trainings of these rewards that are kept within `runs`, and what makes several at once. Raises AutorewardError."""
    Folder(runs).make()
    with Jail(config.trust_the_model) as jail, Workers(jail) as workers:
        if any(isinstance(reward, Candidate) for reward in rewards):
            jail.demand()
        trainings = KeptTrainings(task, config, Shelf.of(runs), workers, tell, purpose)
        yield trainings, ThreadExecutor(config.workers or workers.cores)


class KeptTrainings:
    """Trains rewards for one task, and scores what they come to on held-out episodes."""

    def __init__(
        self,
        task: Task,
        config: RunConfig,
        shelf: Shelf,
        workers: Workers,
        tell: events.Listener,
        purpose: str,
        looked: Looked | None = None,
    ) -> None:
        """`purpose`: what seeds of trainings and of held-out episodes are derived for: others than those of runs."""
        self._task, self._config, self._shelf, self._workers, self._tell = task, config, shelf, workers, tell
        self._purpose = purpose
        self._facts = circumstances(task)
        self._looked = looked or self._look()

    def like(self, task: Task, purpose: str) -> "KeptTrainings":
        """The same for a card of that environment that trains in another way, or for other seeds: it is not looked at again."""
        return KeptTrainings(task, self._config, self._shelf, self._workers, self._tell, purpose, self._looked)

    def sound(self, side: Candidate | Baseline) -> Verdict | None:
        """How a program was reviewed; None of a baseline. Raises UsageError where it may not train."""
        if isinstance(side, str):
            return None
        samples = Transitions.from_bytes(self._looked.described.files[SAMPLES])
        verdict = review(side, self._workers.jail, Practice.of(self._task, self._looked.described.record, samples))
        demand_sound(side, self._task, verdict)
        return verdict

    def training(self, side: Candidate | Baseline, verdict: Verdict | None, i: int) -> KeptTraining:
        """The training of a reward on the seed of that number, with its score if it was made before."""
        who = side if isinstance(side, str) else f"p{content_of(side)[:16]}"
        program = {} if isinstance(side, str) or verdict is None else {
            "candidate_id": who, "reward": "candidate", "source": side.source, "composition": side.composition,
            "setup": verdict.setup, "uses_memory": verdict.uses_memory}  # fmt: skip
        plain = {"id": str(TrialId(who, i)), "candidate_id": "", "reward": who, "snapshots": self._task.train.snapshots,
                 "seed": seeds.derive(self._config.seed, self._purpose, i), "steps": self._config.full(self._task)}  # fmt: skip
        job = TrialJob.model_validate({**plain, **program})
        described = self._looked.described.record.model_dump(mode="json")
        name = self._named(self._purpose, job.model_dump(mode="json"), self._config.episodes, described)
        known = self._shelf.take(name, Score) if name else None
        return KeptTraining(job, name, known.record if known else None)

    def scored(self, one: KeptTraining) -> Score:
        """Its score; where it is not known yet it is trained, and kept if it came to an end."""
        if one.known:
            return one.known
        task, description = self._task, self._looked.described.record

        def progress(step: int) -> None:
            self._tell(events.TrialProgress(one.job.id, step, one.job.steps))

        trial, files = self._workers.train(
            task, one.job, self._config, progress, self._looked.snapshots, description.grading, description.simulator
        )
        self._tell(events.TrialDone(trial))
        if not trial.outcome.ok:
            return _unscored(trial)
        choosing, scoring = (
            seeds.held_out(what, self._config.episodes) for what in (f"{self._purpose}/keep", self._purpose)
        )
        weights = {name: files[name] for name in map(policy_file, trial.checkpoints)}
        score, recorded = self._workers.score(
            task, trial, self._config, weights, choosing, scoring, description.grading
        )
        self._tell(events.ScoreDone(score))
        if score.outcome.ok and one.name:
            self._shelf.keep(one.name, WithFiles(score, recorded))
        return score

    def _look(self) -> Looked:
        def describe() -> WithFiles[Description]:
            seed = seeds.derive(self._config.seed, "describe")
            return WithFiles(*self._workers.describe(self._task, seed, simulator=self._config.trained_in))

        def find() -> WithFiles[Snapshots]:
            return WithFiles(*self._workers.look(snapshots_job(self._task, self._config, described.record.grading), {}))

        described = self._once("description", Description, describe)
        if not self._task.train.snapshots:
            return Looked(described, {})
        found = self._once("snapshots", Snapshots, find)
        if found.record.why_not:
            raise no_snapshots(self._task, found.record)
        return Looked(described, found.files)

    def _once(self, what: str, record: type[RecordT], make: Callable[[], WithFiles[RecordT]]) -> WithFiles[RecordT]:
        name = self._named(what, self._config.seed, self._config.trained_in)
        taken = self._shelf.take(name, record) if name else None
        made = taken or make()
        if name and not taken:
            self._shelf.keep(name, made)
        return made

    def _named(self, what: str, *facts: object) -> str:
        return f"{what}-{digest(self._facts, *facts)}" if self._facts else ""


def _unscored(trial: Trial) -> Score:
    return Score(trial_id=trial.id, candidate_id=trial.candidate_id, outcome=trial.outcome, message=trial.message)
