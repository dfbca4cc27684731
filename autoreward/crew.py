"""The crew that does the real work of each step: the grammar designer, the checks, the workers, the analyzer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from autoreward import events, seeds
from autoreward.analyze.diagnose import diagnose
from autoreward.check.review import review
from autoreward.config import RunConfig
from autoreward.design.grammar import design
from autoreward.jail.client import Jail
from autoreward.pools import Pool
from autoreward.records import (
    Candidate,
    Candidates,
    Description,
    Diagnosis,
    Round,
    Score,
    Trial,
    TrialJob,
    Verdict,
)
from autoreward.store.book import Book, Made, Page
from autoreward.tasks import Task
from autoreward.tiers import Tier
from autoreward.train.pool import LocalPool
from autoreward.train.workers import Workers
from autoreward.transitions import Transitions

SAMPLES = "samples.npz"


class RealCrew:
    """Implements `loop.Crew` with real processes."""

    def __init__(
        self, task: Task, config: RunConfig, book: Book, workers: Workers, tell: Callable[[events.Event], None]
    ):
        self.pool: Pool = LocalPool(config.workers)
        self.tier: Tier = workers.jail.tier
        self._task = task
        self._config = config
        self._book = book
        self._workers = workers
        self._tell = tell

    def describe(self) -> Made[Description]:
        """Sample the task's environment under a random policy."""
        description, samples = self._workers.describe(self._task, seeds.derive(self._config.seed, "describe"))
        return Made(description, {SAMPLES: samples.to_bytes()})

    def design(self, description: Description, rounds: Sequence[Round]) -> Candidates:
        """Write the next round's programs with the embedded grammar designer."""
        seed = seeds.derive(self._config.seed, "design", len(rounds))
        return Candidates(items=design(self._task, description, rounds, self._config.candidates, seed))

    def review(self, candidate: Candidate) -> Verdict:
        """Gate and dry run on the sampled transitions."""
        samples = Transitions.from_bytes(self._book.file("description", "", SAMPLES))
        return review(candidate, self._workers.jail, samples)

    def train(self, job: TrialJob) -> Made[Trial]:
        """Train one policy in a worker, its reward in the jail."""

        def progress(trial_id: str, step: int) -> None:
            self._tell(events.TrialProgress(trial_id, step, job.steps))

        trial, files = self._workers.train(self._task, job, self._config, progress)
        self._tell(events.TrialDone(trial))
        return Made(trial, files)

    def score(self, page: Page, trial: Trial, purpose: str) -> Made[Score]:
        """Score a trial's checkpoints on held-out seeds."""
        files = {name: page.file("trials", trial.id, name) for name in policy_files(trial)}
        choosing, scoring = (seeds.held_out(what, self._config.episodes) for what in (f"{purpose}/keep", purpose))
        score, made = self._workers.score(self._task, trial, files, choosing, scoring)
        self._tell(events.ScoreDone(score))
        return Made(score, made)

    def diagnose(self, candidate: Candidate, trials: Sequence[Trial], scores: Sequence[Score]) -> Diagnosis:
        """Name the symptoms of one candidate's trial."""
        described = self._book.need("description", Description)
        diagnosis = diagnose(self._task, candidate, trials, scores, described.max_steps)
        self._tell(events.Diagnosed(diagnosis))
        return diagnosis


def policy_files(trial: Trial) -> tuple[str, ...]:
    """Names of a trial's saved weights."""
    return tuple(f"policy-{step}.safetensors" for step in trial.checkpoints)


@contextmanager
def open_crew(
    task: Task, config: RunConfig, book: Book, tell: Callable[[events.Event], None]
) -> Iterator[tuple[RealCrew, Workers]]:
    """Start the jail and the worker processes; end every one of them on the way out."""
    # the grammar designer's programs are our own: they need no lock, and get the best one there is
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:
        yield RealCrew(task, config, book, workers, tell), workers
