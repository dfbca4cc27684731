"""An image-text model as a judge: of two policies the better one is whose pictures look more like what the card says.

Rocamonde, Montesinos, Nava, Perez and Lindner 2023, arXiv 2310.12921, have a policy trained by this similarity; here nothing is.
"""

from collections.abc import Sequence
from statistics import fmean

from autoreward.config import RunConfig, image_text_folder
from autoreward.core import seeds
from autoreward.core.executor import Executor
from autoreward.core.wording import Setting
from autoreward.errors import CannotDraw, UsageError
from autoreward.evaluation.judging import more_similar
from autoreward.judges.sides import Side, Sides
from autoreward.records import Judgement, Question
from autoreward.sandbox.jail import Jail
from autoreward.tasks.card import Task
from autoreward.training.workers import Workers, job_limits
from autoreward.worker.image_text import clip_places, demand_clip
from autoreward.worker.jobs.similarity_record import SimilarityJob


class ImageTextJudge:
    """One image-text model, in one run. The weights are opened in the confined processes that draw, never here."""

    def __init__(self, name: str, task: Task, config: RunConfig, workers: Workers, executor: Executor) -> None:
        """`name`: as `RunConfig.judge` has it."""
        self._name, self._task, self._config = name, with_weights(task, name), config
        self._workers, self._executor = workers, executor
        self._starts = seeds.held_out("search", config.episodes)
        self._seen: dict[str, tuple[float, ...]] = {}

    def judgements(self, sides: Sides, questions: Sequence[Question]) -> tuple[Judgement, ...]:
        """What it says of each question; every episode is looked at once.

        Raises:
            CannotDraw, JobFailed: an episode can't be drawn, or its process failed.
            TaskError: the weights can't be read, or the model sees no difference between the card's texts.
        """
        wanted = {side.name: side for question in questions for side in sides.of(question)}
        missing = [side for name, side in wanted.items() if name not in self._seen]
        for side, frames in self._executor.map(self._look, missing):
            self._seen[side.name] = frames
        return tuple(self._judgement(question, *sides.of(question)) for question in questions)

    def _look(self, side: Side) -> tuple[float, ...]:
        job = similarity_job(self._task, self._config, self._name, self._starts[side.episode])
        return self._workers.similarity(job, side.weights).frames

    def _judgement(self, question: Question, a: Side, b: Side) -> Judgement:
        """The same in either order, as numbers are."""
        of_a, of_b = self._seen[a.name], self._seen[b.name]
        answer, means = more_similar(of_a, of_b), (fmean(of_a), fmean(of_b))
        return Judgement(
            question=question,
            by=self._name,
            answer=answer,
            forwards=answer,
            backwards=answer,
            reason=f"similarity {means[0]:.4f} against {means[1]:.4f}",
            similarities=means,
        )


def similarity_job(task: Task, config: RunConfig, name: str, seed: int, played: bool = True) -> SimilarityJob:
    """What a worker is asked by the judge of this name; `task` as `with_weights` makes it."""
    return SimilarityJob(task=task, folder=image_text_folder(name), seed=seed, played=played, limits=job_limits(config))


def with_weights(task: Task, name: str) -> Task:
    """The task, whose processes may read the judge's weights."""
    places = dict.fromkeys((*task.process.read, *clip_places(image_text_folder(name))))
    return task.model_copy(update={"process": task.process.model_copy(update={"read": tuple(places)})})


def demand_seen(task: Task, config: RunConfig) -> None:
    """Have the image-text models of a run look at the start of an episode, before anything is trained.

    Raises:
        MissingExtra: what reads them is not installed.
        UsageError: there is no such model, it sees no difference between the card's texts, or there is nothing to look at.
        JobFailed: its process failed.
    """
    for name in config.image_text_judges:
        demand_clip(image_text_folder(name))
    if not config.image_text_judges:
        return
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:  # no program is run here
        for name in config.image_text_judges:
            demand_looked(with_weights(task, name), config, name, workers)


def demand_looked(task: Task, config: RunConfig, name: str, workers: Workers) -> None:
    """The same of one judge. Raises UsageError, JobFailed."""
    job = similarity_job(task, config, name, seeds.held_out("search", 1)[0], played=False)
    try:
        workers.similarity(job)
    except CannotDraw as error:
        raise UsageError(
            Setting("judge", name),
            f": it goes by pictures, and {task.name} can't be drawn on this machine ({error}); take another judge.",
        ) from None
