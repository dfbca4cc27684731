"""`autoreward tune`: training settings that suit a task, with the reward as it is.

A reward is often blamed for a learning rate. Settings are tried on the same few seeds, and the best of them beside the card's own
on fresh ones, since the best of many tries flatters itself.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.executor import Executor
from autoreward.core.wording import Setting
from autoreward.errors import AutorewardError, UsageError
from autoreward.evaluation.intervals import probability_of_improvement
from autoreward.evaluation.keep_or_revert import compared_by, keep_or_revert
from autoreward.records import Candidate, Estimate, Score, TriedSettings, Tuned, Verdict
from autoreward.records.base import Hyperparameter
from autoreward.search.confirm import Baseline
from autoreward.search.settings_space import SettingsSpace
from autoreward.session.kept_trainings import KeptTrainings, demand_scorable, label_of, opened_trainings
from autoreward.tasks.card import Task

TRYING, FRESH = "tune", "tune-confirm"
"""What seeds of trainings and held-out episodes are derived for."""


class Tuning(NamedTuple):
    """What is asked for."""

    task: Task
    reward: Candidate | Baseline
    tries: int
    """Settings to try, the card's own among them."""
    seeds: int
    """Training seeds of each."""
    fresh: int
    """Training seeds on which the best are held against the card's own."""


def tune(tuning: Tuning, config: RunConfig, runs: Path, tell: events.Listener) -> Tuned:
    """Try settings, then hold the best against the card's own on fresh seeds.

    Every training is kept by all that it depends on, so that the same command goes on where it was interrupted.

    Args:
        tuning: what is asked for.
        config: how long trainings are, on how many held-out episodes they are scored, and on how many cores.
        runs: folder of runs; what is kept lies within it.
        tell: told of trainings and scores.

    Raises:
        UsageError: the program may not train, the task has no rule, or nothing is known of what to vary.
        AutorewardError: see errors.py; no setting could be trained.
    """
    task = tuning.task
    demand_scorable(task)
    for name, count, least in (("tries", tuning.tries, 2), ("seeds", tuning.seeds, 1), ("fresh", tuning.fresh, 1)):
        if count < least:
            raise UsageError(Setting(name, count), f": write a number from {least}.")
    space = SettingsSpace(task, config.full(task), config.seed)
    with opened_trainings(task, (tuning.reward,), config, runs, tell, TRYING) as (trainings, executor):
        return _Bench(tuning, config, trainings, executor).tuned(space)


class _Bench:
    """Where the settings of one reward are tried."""

    def __init__(self, tuning: Tuning, config: RunConfig, trainings: KeptTrainings, executor: Executor) -> None:
        self._tuning, self._config, self._trainings, self._executor = tuning, config, trainings, executor
        self._verdict: Verdict | None = trainings.sound(tuning.reward)
        self._spent = 0

    def tuned(self, space: SettingsSpace) -> Tuned:
        tried: list[TriedSettings] = []
        for _ in range(self._tuning.tries):
            asked = space.ask()
            scores = self._scores(asked.hyperparameters, TRYING, self._tuning.seeds)
            one = _tried(asked.hyperparameters, scores)
            asked.tell(one.value)
            tried.append(one)
        if all(len(one.failed) and not any(one.progress) for one in tried):
            raise AutorewardError(f"Nothing could be trained with any settings: {tried[0].failed[0]}")
        best = max(range(len(tried)), key=lambda place: (tried[place].value, -place))
        task = self._tuning.task
        mine, own = (self._again(tried, best), self._again(tried, 0)) if best else ([], [])
        found = Tuned(
            task=task.name,
            reward=label_of(self._tuning.reward),
            algorithm=task.train.algorithm,
            steps=self._config.full(task),
            tried=tuple(tried),
            best=best,
            why=f"none of {len(tried) - 1} others did better on the same seeds",
            env_steps=self._spent,
        )
        if best == 0:
            return found
        by, values = compared_by(mine, own, task)
        ruling, better = keep_or_revert(*values), probability_of_improvement(*values)
        told = Estimate(value=better.value, low=better.low, high=better.high)
        return found.model_copy(
            update={"ours": values[0], "theirs": values[1], "by": by, "verdict": ruling.verdict, "why": ruling.why,
                    "improvement": told}
        )  # fmt: skip

    def _again(self, tried: Sequence[TriedSettings], place: int) -> list[Score]:
        return self._scores(tried[place].hyperparameters, FRESH, self._tuning.fresh)

    def _scores(self, hyperparameters: dict[str, Hyperparameter], purpose: str, seeds: int) -> list[Score]:
        task = self._tuning.task
        train = task.train.model_copy(update={"hyperparameters": hyperparameters})
        trainings = self._trainings.like(task.model_copy(update={"train": train}), purpose)
        wanted = [trainings.training(self._tuning.reward, self._verdict, i) for i in range(seeds)]
        self._spent += self._config.full(task) * sum(one.known is None for one in wanted)
        made = {one.job.id: score for one, score in self._executor.map(trainings.scored, wanted)}
        return [made[one.job.id] for one in wanted]


def _tried(hyperparameters: dict[str, Hyperparameter], scores: Sequence[Score]) -> TriedSettings:
    return TriedSettings(
        hyperparameters=hyperparameters,
        success=tuple(s.success for s in scores),
        progress=tuple(s.progress for s in scores),
        value=fmean(s.mean_success + s.mean_progress for s in scores),
        failed=tuple(dict.fromkeys(s.message or s.outcome.advice for s in scores if not s.outcome.ok)),
    )
