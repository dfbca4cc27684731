"""After a round: do the records say that no reward can help? Trains the environment's own and the sparse one if need be."""

from typing import Literal

from autoreward import seeds
from autoreward.analyze.hopeless import at_chance, coverage, judged, optimiser
from autoreward.config import RunConfig
from autoreward.crews import Crew
from autoreward.race import full, score_all
from autoreward.records import Description, Doubt, Round, Score, Trial, TrialJob
from autoreward.store.book import Page
from autoreward.tasks import Task
from autoreward.transitions import Transitions

BASELINES: tuple[Literal["native"], Literal["sparse"]] = ("native", "sparse")


def not_the_reward(
    task: Task, config: RunConfig, crew: Crew, page: Page, description: Description, last: Round
) -> Doubt:
    """The doubt after a round, if there is one; trains the baselines once where the candidates alone don't settle it."""
    if broken := optimiser(last.trials):
        return broken
    chance = [p.episode.progress for p in description.pool if p.kind == "random"]
    if not task.ruled or not chance or not at_chance(last.scores, chance):
        return Doubt()
    seed = seeds.derive(config.seed, "search")
    jobs = [
        TrialJob(id=f"{reward}-s0", candidate_id="", reward=reward, seed=seed, steps=full(config, task))
        for reward in BASELINES
    ]
    trials = page.each("trials", Trial, jobs, crew.train, crew.pool)
    if broken := optimiser((*last.trials, *trials)):
        return broken
    baselines = score_all(page, crew, trials, "search")
    steps = sum(t.steps for t in trials)
    if not at_chance(baselines, chance):
        return Doubt(steps=steps)
    scores = [s for s in (*last.scores, *baselines) if s.outcome.ok]
    return judged(scores, chance, _by_chance(task, crew, description), _visited(task, page, scores), steps)


def _by_chance(task: Task, crew: Crew, description: Description) -> float:
    """What random actions visit; constant ones often go further."""
    random = [i for i, p in enumerate(description.pool) if p.kind == "random"]
    return coverage(Transitions.from_bytes(crew.described("pool.npz")).cut(columns=random), task)


def _visited(task: Task, page: Page, scores: list[Score]) -> list[float]:
    files = (page.file("scores", s.trial_id, "episodes.npz") for s in scores)
    return [coverage(Transitions.from_bytes(data), task) for data in files]
