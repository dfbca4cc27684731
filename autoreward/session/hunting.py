"""Exploration, snapshots and hunts by real processes. What was found is kept for later runs of the task in the same folder."""

from collections.abc import Sequence
from functools import cached_property

from autoreward import events
from autoreward.checks.dataset import EpisodeDataset
from autoreward.checks.hunting import best_success, hunt_of, recorded_exploit
from autoreward.checks.relabel import relabel
from autoreward.config import RunConfig
from autoreward.core import seeds
from autoreward.core.outcomes import Outcome
from autoreward.core.transitions import Transitions
from autoreward.core.wording import in_python
from autoreward.errors import AutorewardError, TaskError
from autoreward.records import (
    DEMONSTRATIONS,
    HUNTED,
    SNAPSHOTS_FILE,
    TRAINING_STATE,
    Candidate,
    Description,
    Exploration,
    Grading,
    Hunt,
    Hunted,
    Round,
    Snapshots,
    TrialJob,
    Verdict,
)
from autoreward.sandbox.client import RewardFailed
from autoreward.search.halving import search_job
from autoreward.search.recorded import recorded
from autoreward.store.book import Book, WithFiles
from autoreward.store.installed import circumstances
from autoreward.store.keys import DESCRIPTION, SNAPSHOTS, RecordT
from autoreward.store.shared import Shelf, digest, same_bytes
from autoreward.tasks.card import Task
from autoreward.training.workers import Workers, job_limits
from autoreward.worker.jobs.hunting_records import HuntJob, SnapshotsJob

EXPLORE_STEPS = 20_000
"""Environment steps in which snapshots are looked for, where nobody chooses how long the environment is explored."""


class Hunting:
    """Explores the environment of one run, and hunts in its programs."""

    def __init__(self, task: Task, config: RunConfig, book: Book, workers: Workers, tell: events.Listener) -> None:
        self._task = task
        self._config = config
        self._book = book
        self._workers = workers
        self._tell = tell
        self._shelf = Shelf.of(book.folder.parent)
        self._known: tuple[int, EpisodeDataset | None] = (-1, None)

    def explore(self) -> WithFiles[Exploration]:
        """As it was kept by an earlier run, or anew. An environment that fails in it is left unexplored, and that is said."""
        seed = explored_from(self._config)
        name = self._name(seed)
        if name and (taken := self._taken(name, Exploration, "the environment is explored")):
            return taken
        try:
            explored = self._workers.explore(
                self._task, seed, self._config.explore_steps, self._config, self._described.grading
            )
        except TaskError as error:
            self._say(f"not explored: {error.worded(in_python)}")
            return WithFiles(Exploration(replayable=False), {})
        made = WithFiles(*explored)
        self._keep(name, made, "what was explored")
        return made

    def snapshots(self) -> WithFiles[Snapshots]:
        """What episodes may begin at, as it was kept by an earlier run, or anew."""
        demos = self._book.read(DEMONSTRATIONS)
        job = snapshots_job(self._task, self._config, self._described.grading, demos)
        facts = circumstances(self._task) if self._config.pool == "local" else None
        name = f"snapshots-{digest(facts, (job.request(), same_bytes({DEMONSTRATIONS: demos})))}" if facts else ""
        if name and (taken := self._taken(name, Snapshots, "what episodes may begin at is looked for")):
            return taken
        made = WithFiles(*self._workers.look(job, {DEMONSTRATIONS: demos}))
        self._keep(name, made, "what episodes may begin at")
        return made

    def hunt(self, candidate: Candidate, verdict: Verdict, rounds: Sequence[Round], steps: int) -> WithFiles[Hunt]:
        """Hunt in one program, held against the best success that is recorded."""
        dataset = self._dataset(rounds)
        if dataset is None:
            return WithFiles(Hunt(candidate_id=candidate.id, said="not hunted: no episodes are recorded"), {})
        training = search_job(self._config, self._task, candidate, verdict)
        try:
            relabelled = relabel(
                self._workers.jail, training, self._task.trained_with(training.settings).train.gamma, dataset
            )
        except RewardFailed as failure:
            said = f"not hunted: the program fails on the recorded episodes: {failure.message}"
            return WithFiles(Hunt(candidate_id=candidate.id, said=said), {})
        if known := recorded_exploit(dataset, relabelled):
            length = dataset.episodes[known[0]].episode.length
            column = dataset.transitions.cut(slice(0, length), slice(known[0], known[0] + 1))
            hunted, files = known[1].model_copy(update={"candidate_id": candidate.id}), {HUNTED: column.to_bytes()}
        elif steps:
            hunted, files = self._workers.hunt(self._job(training, steps, best_success(dataset, relabelled)))
        else:
            hunted, files = Hunted(candidate_id=candidate.id, outcome=Outcome.COMPLETED), {}
        episode = Transitions.from_bytes(files[HUNTED]) if HUNTED in files else None
        hunt = hunt_of(hunted, episode, dataset.transitions)
        return WithFiles(hunt, files if hunt.found else {})

    def _job(self, training: TrialJob, steps: int, success: float | None) -> HuntJob:
        return HuntJob(
            task=self._task.trained_with(training.settings),
            training=training,
            seed=seeds.derive(self._config.seed, "hunt", training.candidate_id) % 2**31,
            steps=steps,
            success=success,
            grading=self._described.grading,
            limits=job_limits(self._config),
        )

    @cached_property
    def _described(self) -> Description:
        return self._book.need(DESCRIPTION)

    def _dataset(self, rounds: Sequence[Round]) -> EpisodeDataset | None:
        """Read once a round: several programs are hunted in side by side."""
        number, dataset = self._known
        if number != len(rounds):
            dataset = recorded(self._book, rounds)
            self._known = len(rounds), dataset
        return dataset

    def _name(self, seed: int) -> str:
        """What it is kept under; empty where it can't be told what it depends on, as for baselines."""
        facts = circumstances(self._task) if self._config.pool == "local" else None
        rest = (seed, self._config.explore_steps, self._described.grading.model_dump(mode="json"))
        return f"exploration-{digest(facts, rest)}" if facts else ""

    def _taken(self, name: str, record: type[RecordT], what: str) -> WithFiles[RecordT] | None:
        try:
            return self._shelf.take(name, record)
        except AutorewardError as error:
            self._say(f"{what} anew: {error.worded(in_python)}")
            return None

    def _keep(self, name: str, made: WithFiles[RecordT], what: str) -> None:
        if not name:
            return
        try:
            kept = made.record.model_copy(update={"taken_from": self._book.folder.name})
            self._shelf.keep(name, WithFiles(kept, made.files))
        except AutorewardError as error:
            self._say(f"{what} can't be kept for other runs: {error.worded(in_python)}")

    def _say(self, line: str) -> None:
        self._tell(events.Mended(line))


def training_files(book: Book, job: TrialJob, begun: bytes) -> dict[str, bytes]:
    """The files that a training takes: `begun` is the state that the leg before ended in, empty for a first one."""
    state = {TRAINING_STATE: begun} if begun else {}
    return {**state, SNAPSHOTS_FILE: book.file(SNAPSHOTS, SNAPSHOTS_FILE)} if job.snapshots else state


def explored_from(config: RunConfig) -> int:
    """The seed of exploring."""
    return seeds.derive(config.seed, "explore") % 2**31


def snapshots_job(task: Task, config: RunConfig, grading: Grading, demos: bytes = b"") -> SnapshotsJob:
    """Look for what episodes may begin at: by exploring as the run does, or for EXPLORE_STEPS where it does not."""
    return SnapshotsJob(
        task=task,
        seed=explored_from(config),
        steps=config.explore_steps or EXPLORE_STEPS,
        grading=grading,
        demonstrated=bool(demos),
        limits=job_limits(config),
    )
