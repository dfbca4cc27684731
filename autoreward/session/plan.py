"""What a run would do and take, before anything is spent: legs, environment steps, minutes, calls, dollars.

Steps are counted; minutes come from a probe: one short training and one scoring per worker, side by side, as in the run itself.
"""

import math
import time
from collections.abc import Sequence

from autoreward.checks.samples import rollout
from autoreward.config import RunConfig
from autoreward.core import seeds
from autoreward.core.executor import Executor
from autoreward.core.transitions import Transitions
from autoreward.core.wording import Setting
from autoreward.design import recompose, resettle
from autoreward.design.refine import most_reworks
from autoreward.errors import TaskError, UsageError
from autoreward.judges import judge_called
from autoreward.llm.cost import estimate_cost
from autoreward.records import TASKS_OWN, Description, LegPlan, Plan, Speed, TrainingSimulator, TrialId, TrialJob
from autoreward.roles.brief import brief
from autoreward.roles.designer import design_prompt
from autoreward.roles.history import History
from autoreward.search.halving import Budget, checkpoints, further_seeds, goals, most_survivors
from autoreward.search.longer import TIMES
from autoreward.search.truncation import RECOMPOSED
from autoreward.tasks.card import Task
from autoreward.training.workers import Workers

ROLLOUTS = 4
"""Rollouts of the probe's training: the updates between them are what takes the time."""
LEAST_STEPS = 1_000
CONTESTANTS = 5
"""Winner, runner-up, first program, native and sparse, beside the person's own and baselines with the winner's settings: the last
confirmation may have fewer."""


def plan(
    task: Task, config: RunConfig, description: Description, speed: Speed, recorded: Transitions | None = None
) -> Plan:
    """The plan of a run; the longest it can be, since nobody knows when it will be good enough.

    `recorded`: the description's reference episodes, of which the first prompt has an excerpt.
    """
    rounds = _rounds(config, task)
    first = rounds[0]
    round_steps, budget = _steps(first), round(config.budget * config.full(task))
    search_steps = min(budget, sum(map(_steps, rounds)))
    confirm = (
        LegPlan(
            trainings=(CONTESTANTS + len(config.start) + 2 * config.tune_settings) * config.confirm_seeds,
            begin=0,
            end=config.full(task),
            kind="confirm",
        )
        if config.confirm_seeds and task.ruled
        else None
    )
    minutes = [_minutes(leg, task, config, description.max_steps, speed) for leg in first]
    confirm_minutes = _minutes(confirm, task, config, description.max_steps, speed) if confirm else 0.0
    expected = estimate_cost(
        config.models, config.rounds, config.efforts, config.tools, config.ask > 0, config.propose_controller
    )
    return Plan(
        task=task.name,
        rounds=config.rounds,
        round=first,
        round_steps=round_steps,
        round_minutes=sum(minutes),
        search_steps=search_steps,
        search_minutes=sum(minutes) * search_steps / round_steps,
        confirm=confirm,
        confirm_minutes=confirm_minutes,
        target=config.target if judge_called(config.judge).sets_target else None,
        judges=f"{config.preferred_by} judge{'s' if len(config.judges) == 1 else ''}",
        finds_length=config.steps == "auto",
        speed=speed,
        model=config.model,
        calls=expected.calls,
        dollars=expected.dollars,
        prompt=design_prompt(
            brief(
                task,
                config.full(task),
                config.episodes,
                description,
                not config.hide_rule,
                recorded,
                config.composition,
                config.tune_settings,
            ),
            History(starts=config.start),
            config.candidates,
        ),
    )


def demand_steps(config: RunConfig, task: Task) -> None:
    """Raises UsageError if a search has no steps for one candidate's first rung, or is to find their number and can't."""
    if config.steps == "auto" and not task.ruled:
        raise UsageError(
            Setting("steps", "auto"),
            f": task {task.name} has no rule that says when a training gets better; write a number of environment steps.",
        )
    held, needed = round(config.budget * config.full(task)), goals(config, task)[0]
    if held < needed and not config.given:
        raise UsageError(
            Setting("budget", config.budget),
            f" holds {held:,} environment steps, and the shortest training of a candidate takes "
            f"{needed:,}; write {needed / config.full(task):g} or more.",
        )


def _rounds(config: RunConfig, task: Task) -> list[tuple[LegPlan, ...]]:
    """The rounds that the budget has steps for, the last one perhaps not to its end."""
    rounds: list[tuple[LegPlan, ...]] = []
    left = round(config.budget * config.full(task))
    for number in range(config.rounds):
        if rounds and left < config.full(task):
            break
        reworks = most_reworks(config.candidates) if config.model != "grammar" else 0
        budget = Budget(left, left // (config.rounds - number))
        extra = _unwritten(config, number)
        halving = legs(config, task, config.candidates + reworks + extra, budget)
        budget = budget.less(_steps(halving))
        finalists = min(config.finalists, config.candidates) if task.ruled else 0
        more = finalists * further_seeds(config, finalists * config.full(task), budget)
        seeds = (LegPlan(trainings=more, begin=0, end=config.full(task), kind="seeds"),) if more else ()
        rounds.append((*halving, *seeds, *_longer(config, task, left - _steps((*halving, *seeds)))))
        left -= _steps(rounds[-1])
    return rounds


def _unwritten(config: RunConfig, number: int) -> int:
    """Programs of a round, counted from 0, that nobody writes for it, at most."""
    resettled = resettle.MOST_RESETTLED * config.tune_settings
    if number == 0:
        return len(config.start) + (0 if config.model == "grammar" else resettled)
    return config.tune_weights + recompose.VARIANTS * RECOMPOSED * (config.composition == "auto") + resettled


def _longer(config: RunConfig, task: Task, left: int) -> tuple[LegPlan, ...]:
    """The best training's way beyond its full length, as far as there are steps `left`."""
    full = config.full(task)
    reached = [times * full for times in TIMES if (times - 1) * full <= left and task.ruled]
    return (LegPlan(trainings=1, begin=full, end=reached[-1], kind="longer"),) if reached else ()


def legs(config: RunConfig, task: Task, count: int, budget: Budget) -> tuple[LegPlan, ...]:
    """The race of a round in which `count` programs train, where noise can tell none from another: with as many as may go on."""
    planned: list[LegPlan] = []
    going, begin = count, 0
    for number, goal in enumerate(goals(config, task)):
        planned.append(LegPlan(trainings=going, begin=begin, end=goal))
        budget = budget.less(going * (goal - begin))
        going, begin = min(going, most_survivors(going, number, config, task, budget)), goal
    return tuple(planned)


def _steps(legs: Sequence[LegPlan]) -> int:
    return sum(leg.trainings * (leg.end - leg.begin) for leg in legs)


def measure_speed(
    workers: Workers,
    executor: Executor,
    count: int,
    task: Task,
    config: RunConfig,
    simulator: TrainingSimulator = TASKS_OWN,
) -> Speed:
    """Train and score the native reward for a moment, on `count` workers at once; the slowest counts.

    Raises TaskError if it fails.
    """
    probed, steps = _probe(task)
    jobs = [
        TrialJob(id=str(TrialId("probe", i)), candidate_id="", reward="native", seed=seeds.derive(config.seed, "probe", i),
                 steps=steps, checkpoints=1)
        for i in range(count)
    ]  # fmt: skip

    def one(job: TrialJob) -> Speed:
        began = time.perf_counter()
        trial, files = workers.train(probed, job, config, lambda *_: None, simulator=simulator)
        trained = time.perf_counter()
        chosen, scored = (seeds.held_out(what, config.episodes) for what in ("probe/keep", "probe"))
        score, _ = workers.score(probed, trial, config, files, chosen, scored)
        if not (trial.outcome.ok and score.outcome.ok):
            raise TaskError(
                f"task {task.name}: a short training with its own reward fails: {trial.message or score.message}"
            )
        seconds = time.perf_counter() - trained
        start = max(trained - began - trial.seconds, 0.0)
        walked = sum(e.length for e in score.episodes) + sum(c.length for c in score.checkpoints) * config.episodes
        return Speed(
            workers=count,
            start=start,
            training=trial.steps_per_second,
            scoring=walked / max(seconds - start, 0.01),
        )

    return _slowest([speed for _, speed in executor.map(one, jobs)])


def _probe(task: Task) -> tuple[Task, int]:
    """The task as the probe trains it, and for how many steps: past the random ones that SAC and its like begin with."""
    if task.train.spec.on_policy:
        return task, max(ROLLOUTS * math.prod(rollout(task.train)), LEAST_STEPS)
    settings = {**task.train.hyperparameters, "learning_starts": 0}
    train = task.train.model_copy(update={"hyperparameters": settings})
    return task.model_copy(update={"train": train}), LEAST_STEPS


def _slowest(speeds: Sequence[Speed]) -> Speed:
    return Speed(
        workers=speeds[0].workers,
        start=max(s.start for s in speeds),
        training=min(s.training for s in speeds),
        scoring=min(s.scoring for s in speeds),
    )


def _minutes(leg: LegPlan, task: Task, config: RunConfig, max_steps: int, speed: Speed) -> float:
    """One leg of all its trainings, `workers` at a time, and their scoring, with episodes as long as they can be."""
    share = (leg.end - leg.begin) / config.full(task)
    episodes = (checkpoints(share) + 1) * config.episodes
    each = 2 * speed.start + (leg.end - leg.begin) / speed.training + episodes * max_steps / speed.scoring
    return math.ceil(leg.trainings / speed.workers) * each / 60
