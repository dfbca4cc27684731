"""`autoreward score`: one reward against another on the same seeds, within a budget; nothing is trained twice."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from autoreward import events
from autoreward.checks.review import review
from autoreward.checks.samples import Practice
from autoreward.config import RunConfig, make_config
from autoreward.core import seeds
from autoreward.core.executor import ThreadExecutor
from autoreward.core.transitions import Transitions
from autoreward.core.wording import Setting
from autoreward.errors import AutorewardError, UsageError
from autoreward.evaluation.intervals import Interval, interquartile_mean, probability_of_improvement
from autoreward.evaluation.keep_or_revert import compared_by, keep_or_revert
from autoreward.records import (
    SAMPLES,
    Candidate,
    Description,
    Estimate,
    Paired,
    PairedReward,
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
from autoreward.session.reward_file import demanded_seeds
from autoreward.store.book import WithFiles
from autoreward.store.folder import Folder
from autoreward.store.installed import circumstances
from autoreward.store.keys import RecordT
from autoreward.store.shared import Shelf, digest
from autoreward.store.trust import demand as demand_trust
from autoreward.store.trust import of_card
from autoreward.tasks.card import Task
from autoreward.training.workers import Workers

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


class _Training(NamedTuple):
    """One training of a duel."""

    job: TrialJob
    name: str
    """What it is kept under: a digest of all that it depends on; empty where that can't be told."""
    known: Score | None


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
    demand_trust(of_card(task), f"task {task.name}")
    if not task.ruled:
        raise UsageError(f"task {task.name} has no [success] to score policies by; write a rule into its card.")
    if (_digest(duel.reward) or _label(duel.reward)) == (_digest(duel.against) or _label(duel.against)):
        raise UsageError("Both rewards are the same program: there is nothing to compare. Change one of them.")
    if duel.budget is not None and duel.budget < 1:
        raise UsageError(Setting("budget", duel.budget), ": write a number of environment steps from 1.")
    Folder(runs).make()
    with Jail(config.trust_the_model) as jail, Workers(jail) as workers:
        if isinstance(duel.reward, Candidate) or isinstance(duel.against, Candidate):
            jail.demand()
        return _Ring(duel, config, Shelf.of(runs), workers, tell).fight()


class _Ring:
    """Where one duel is fought."""

    def __init__(self, duel: Duel, config: RunConfig, shelf: Shelf, workers: Workers, tell: events.Listener) -> None:
        self._duel, self._config, self._shelf, self._workers, self._tell = duel, config, shelf, workers, tell
        self._facts = circumstances(duel.task)
        described = self._kept("description", Description, self._describe)
        self._description = described.record
        self._samples = described.files[SAMPLES]
        self._snapshots: Mapping[str, bytes] = {}
        if duel.task.train.snapshots:
            found = self._kept("snapshots", Snapshots, self._found)
            if found.record.why_not:
                raise no_snapshots(duel.task, found.record)
            self._snapshots = found.files

    def fight(self) -> Paired:
        duel, full = self._duel, self._config.full(self._duel.task)
        verdicts = [self._sound(side) for side in (duel.reward, duel.against)]
        pairs: list[tuple[_Training, _Training]] = []
        spent = 0
        for i in range(duel.seeds):
            pair = (self._training(duel.reward, verdicts[0], i), self._training(duel.against, verdicts[1], i))
            spent += full * sum(one.known is None for one in pair)
            if duel.budget is not None and spent > duel.budget:
                break
            pairs.append(pair)
        if not pairs:
            raise UsageError(
                f"One pair of trainings takes {spent:,} environment steps; ", Setting("budget", spent), " holds it."
            )
        missing = [one for pair in pairs for one in pair if one.known is None]
        executor = ThreadExecutor(self._config.workers or self._workers.cores)
        made = {one.job.id: score for one, score in executor.map(self._trained, missing)}
        scores = [[one.known or made[one.job.id] for one in side] for side in zip(*pairs, strict=True)]
        return self._judged(scores[0], scores[1], len(missing))

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

    def _sound(self, side: Candidate | Baseline) -> Verdict | None:
        if isinstance(side, str):
            return None
        task, samples = self._duel.task, Transitions.from_bytes(self._samples)
        verdict = review(side, self._workers.jail, Practice.of(task, self._description, samples))
        demand_sound(side, task, verdict)
        return verdict

    def _training(self, side: Candidate | Baseline, verdict: Verdict | None, i: int) -> _Training:
        who = side if isinstance(side, str) else f"p{content_of(side)[:16]}"
        program = {} if isinstance(side, str) or verdict is None else {
            "candidate_id": who, "reward": "candidate", "source": side.source, "composition": side.composition,
            "setup": verdict.setup, "uses_memory": verdict.uses_memory}  # fmt: skip
        plain = {"id": str(TrialId(who, i)), "candidate_id": "", "reward": who, "snapshots": self._duel.task.train.snapshots,
                 "seed": seeds.derive(self._config.seed, PURPOSE, i), "steps": self._config.full(self._duel.task)}  # fmt: skip
        job = TrialJob.model_validate({**plain, **program})
        described = self._description.model_dump(mode="json")
        name = self._named("score", job.model_dump(mode="json"), self._config.episodes, described)
        known = self._shelf.take(name, Score) if name else None
        return _Training(job, name, known.record if known else None)

    def _trained(self, one: _Training) -> Score:
        task, grading, simulator = self._duel.task, self._description.grading, self._description.simulator

        def progress(step: int) -> None:
            self._tell(events.TrialProgress(one.job.id, step, one.job.steps))

        trial, files = self._workers.train(task, one.job, self._config, progress, self._snapshots, grading, simulator)
        self._tell(events.TrialDone(trial))
        if not trial.outcome.ok:
            return _unscored(trial)
        choosing, scoring = (seeds.held_out(what, self._config.episodes) for what in (f"{PURPOSE}/keep", PURPOSE))
        weights = {name: files[name] for name in map(policy_file, trial.checkpoints)}
        score, recorded = self._workers.score(task, trial, self._config, weights, choosing, scoring, grading)
        self._tell(events.ScoreDone(score))
        if score.outcome.ok and one.name:
            self._shelf.keep(one.name, WithFiles(score, recorded))
        return score

    def _describe(self) -> WithFiles[Description]:
        seed = seeds.derive(self._config.seed, "describe")
        return WithFiles(*self._workers.describe(self._duel.task, seed, simulator=self._config.trained_in))

    def _found(self) -> WithFiles[Snapshots]:
        job = snapshots_job(self._duel.task, self._config, self._description.grading)
        return WithFiles(*self._workers.look(job, {}))

    def _kept(self, what: str, record: type[RecordT], make: Callable[[], WithFiles[RecordT]]) -> WithFiles[RecordT]:
        name = self._named(what, self._config.seed, self._config.trained_in)
        taken = self._shelf.take(name, record) if name else None
        made = taken or make()
        if name and not taken:
            self._shelf.keep(name, made)
        return made

    def _named(self, what: str, *facts: object) -> str:
        return f"{what}-{digest(self._facts, *facts)}" if self._facts else ""


def duel_config(duel: Duel, chosen: Mapping[str, object]) -> RunConfig:
    """How both are trained. Raises ConfigError: a number of seeds or a setting that can't be."""
    return make_config({**chosen, "given": duel.reward, "confirm_seeds": demanded_seeds(duel.seeds)})


def _unscored(trial: Trial) -> Score:
    return Score(trial_id=trial.id, candidate_id=trial.candidate_id, outcome=trial.outcome, message=trial.message)


def _side(side: Candidate | Baseline, scores: Sequence[Score], values: tuple[float, ...]) -> PairedReward:
    success = tuple(s.success for s in scores)
    failed = tuple(dict.fromkeys(s.message or s.outcome.advice for s in scores if not s.outcome.ok))
    return PairedReward(who=_label(side), digest=_digest(side), values=values, success=success,
                estimate=_estimate(interquartile_mean(success)), failed=failed)  # fmt: skip


def _label(side: Candidate | Baseline) -> str:
    return side if isinstance(side, str) else side.thought.removeprefix("given as ")


def _digest(side: Candidate | Baseline) -> str:
    return "" if isinstance(side, str) else content_of(side)


def _estimate(interval: Interval) -> Estimate:
    return Estimate(value=interval.value, low=interval.low, high=interval.high)


def content_of(candidate: Candidate) -> str:
    """What a program is, whatever it is called: a digest of its text and of how its parts become one number."""
    return hashlib.sha256(f"{candidate.composition}\n{candidate.source}".encode()).hexdigest()
