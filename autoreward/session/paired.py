"""`autoreward score`: one reward against another on the same seeds, within a budget; nothing is trained twice."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from autoreward import events
from autoreward.config import RunConfig, make_config
from autoreward.core.executor import Executor
from autoreward.core.wording import Setting
from autoreward.errors import AutorewardError, UsageError
from autoreward.evaluation.intervals import Interval, interquartile_mean, probability_of_improvement
from autoreward.evaluation.keep_or_revert import compared_by, keep_or_revert
from autoreward.records import (
    Candidate,
    Estimate,
    Paired,
    PairedReward,
    Score,
)
from autoreward.search.confirm import Baseline
from autoreward.session.kept_trainings import (
    KeptTraining,
    KeptTrainings,
    content_of,
    demand_scorable,
    label_of,
    opened_trainings,
)
from autoreward.session.reward_file import demanded_seeds
from autoreward.tasks.card import Task

PURPOSE = "score"
"""What seeds of trainings and of held-out episodes are derived for: others than those of searches and confirmations."""


class Duel(NamedTuple):
    """What is asked for."""

    task: Task
    reward: Candidate | Baseline
    against: Candidate | Baseline
    seeds: int
    budget: int | None
    """Environment steps that may be spent; None: as many as it takes."""


def fight(duel: Duel, config: RunConfig, runs: Path, tell: events.Listener) -> Paired:
    """Train both on the same seeds as far as the budget holds, and decide.

    Pairs are trained in the order of their seeds, both or neither. A training is kept by the digest of its program, seed, length,
    task and of what is installed, so that none is made twice, whatever its file is called.

    Args:
        duel: what is asked for.
        config: how long trainings are, on how many held-out episodes they are scored, and on how many cores.
        runs: folder of runs; what is kept lies within it.
        tell: told of trainings and scores.

    Raises:
        UsageError: a program may not train, both are the same, or the budget does not hold a pair.
        AutorewardError: see errors.py.
    """
    task = duel.task
    demand_scorable(task)
    if (_digest(duel.reward) or label_of(duel.reward)) == (_digest(duel.against) or label_of(duel.against)):
        raise UsageError("Both rewards are the same program: there is nothing to compare. Change one of them.")
    if duel.budget is not None and duel.budget < 1:
        raise UsageError(Setting("budget", duel.budget), ": write a number of environment steps from 1.")
    with opened_trainings(task, (duel.reward, duel.against), config, runs, tell, PURPOSE) as (trainings, executor):
        return _Ring(duel, config, trainings, executor).fight()


class _Ring:
    """Where one duel is fought."""

    def __init__(self, duel: Duel, config: RunConfig, trainings: KeptTrainings, executor: Executor) -> None:
        self._duel, self._config, self._trainings, self._executor = duel, config, trainings, executor

    def fight(self) -> Paired:
        duel, full = self._duel, self._config.full(self._duel.task)
        verdicts = [self._trainings.sound(side) for side in (duel.reward, duel.against)]
        pairs: list[tuple[KeptTraining, KeptTraining]] = []
        spent = 0
        for i in range(duel.seeds):
            sides = zip((duel.reward, duel.against), verdicts, strict=True)
            one, other = (self._trainings.training(side, verdict, i) for side, verdict in sides)
            pair = (one, other)
            spent += full * sum(one.known is None for one in pair)
            if duel.budget is not None and spent > duel.budget:
                break
            pairs.append(pair)
        if not pairs:
            raise UsageError(
                f"One pair of trainings takes {spent:,} environment steps; ", Setting("budget", spent), " holds it."
            )
        wanted = [one for pair in pairs for one in pair]
        made = {one.job.id: score for one, score in self._executor.map(self._trainings.scored, wanted)}
        scores = [[made[one.job.id] for one in side] for side in zip(*pairs, strict=True)]
        return self._judged(scores[0], scores[1], sum(one.known is None for one in wanted))

    def _judged(self, ours: Sequence[Score], theirs: Sequence[Score], trained: int) -> Paired:
        duel, full = self._duel, self._config.full(self._duel.task)
        kept = [
            (a, b)
            for a, b in zip(ours, theirs, strict=True)
            if not (a.outcome.blames_nobody_here or b.outcome.blames_nobody_here)
        ]
        if not kept:
            raise AutorewardError(f"No pair could be trained: {next(s.message for s in (*ours, *theirs) if s.message)}")
        by, values = compared_by([a for a, _ in kept], [b for _, b in kept], duel.task)
        ruling = keep_or_revert(*values)
        improvement = probability_of_improvement(*values)
        return Paired(
            task=duel.task.name,
            reward=_side(duel.reward, [a for a, _ in kept], values[0]),
            against=_side(duel.against, [b for _, b in kept], values[1]),
            by=by,
            improvement=_estimate(improvement),
            by_chance=ruling.by_chance,
            verdict=ruling.verdict,
            more_seeds=ruling.more,
            why=ruling.why,
            seeds=len(kept),
            asked_seeds=duel.seeds,
            steps=full,
            trainings=trained,
            taken=2 * len(ours) - trained,
            env_steps=trained * full,
        )  # fmt: skip


def duel_config(duel: Duel, chosen: Mapping[str, object]) -> RunConfig:
    """How both are trained. Raises ConfigError: a number of seeds or a setting that can't be."""
    return make_config({**chosen, "given": duel.reward, "confirm_seeds": demanded_seeds(duel.seeds)})


def _side(side: Candidate | Baseline, scores: Sequence[Score], values: tuple[float, ...]) -> PairedReward:
    success = tuple(s.success for s in scores)
    failed = tuple(dict.fromkeys(s.message or s.outcome.advice for s in scores if not s.outcome.ok))
    return PairedReward(who=label_of(side), digest=_digest(side), values=values, success=success,
                estimate=_estimate(interquartile_mean(success)), failed=failed)  # fmt: skip


def _digest(side: Candidate | Baseline) -> str:
    return "" if isinstance(side, str) else content_of(side)


def _estimate(interval: Interval) -> Estimate:
    return Estimate(value=interval.value, low=interval.low, high=interval.high)
