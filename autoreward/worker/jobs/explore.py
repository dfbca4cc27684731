"""Know the space before a reward is designed: episodes that random actions would not give, found without any reward program.

One half of the steps goes back to rare cells of the state and on from there at random; with the other half simple policies are bred
for nothing but the task's own rule: how near they come to it.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from autoreward.records import EXPLORED, Exploration, ReferenceEpisode
from autoreward.worker.envs import make
from autoreward.worker.envs.fields import state_fields
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import RolloutEpisode, VectorEnv
from autoreward.worker.exploring.breeding import Breeding
from autoreward.worker.exploring.cells import CellArchive, Cells, seen_fields
from autoreward.worker.exploring.simple_policies import Seen, pilot, pilot_seeds, play_one
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.hunting_records import ExploreJob
from autoreward.worker.rollout.episodes import as_transitions, evaluated_episodes
from autoreward.worker.success import SuccessRule

WON_ENOUGH = 12
"""Successes after which no more are bred."""
KEPT_EPISODES = 48
"""Episodes that are kept: of the explored ones, of the best and of the successes a third each, at most."""
EXPLORED_KIND, BRED_KIND = "explored", "bred by the rule"
"""What these episodes are called."""


def explore(job: ExploreJob, files: Mapping[str, bytes], context: JobContext) -> tuple[Exploration, dict[str, bytes]]:
    """Explore for about `steps` environment steps; the last episode may end a little beyond.

    Raises:
        TaskError: the card does not fit the environment.
    """
    task = job.task
    venv = make.vectorised(task, 1, job.seed)
    context.closing.callback(venv.close)
    venv.action_space.seed(job.seed)
    rule = SuccessRule(task, venv.time_limit, job.grading)
    same, pilots = pilot(venv, job.seed)
    steps = sum(len(e.actions) for e in pilots)
    archive = CellArchive(venv, task, Cells.of(task, seen_fields(task, venv, pilots)), job.seed, same)
    for seed, episode in zip(pilot_seeds(job.seed), pilots, strict=True):
        archive.note(seed, episode)
    by_chance = len(archive.visits)
    wandered = list(pilots)
    while steps < job.steps / 2:
        wandered.append(archive.explore(len(wandered)))
        steps += len(wandered[-1].actions)
    bred: list[RolloutEpisode] = []
    if task.ruled:
        bred, steps = _bred(job, venv, rule, pilots, steps)
    for episode in bred:
        archive.note(job.seed, episode)
    played = [*wandered, *bred]
    spread = Seen.of_episodes(PolicyView(task, venv.layout), played).spread
    evaluated = evaluated_episodes(task, venv, played, spread, job.grading)
    goodness = [e.progress + e.success for e in evaluated]
    kept = _telling(goodness, len(wandered))
    report = Exploration(
        episodes=tuple(
            ReferenceEpisode(kind=EXPLORED_KIND if i < len(wandered) else BRED_KIND, episode=evaluated[i]) for i in kept
        ),
        steps=steps,
        played=len(played),
        replayable=same,
        cells=len(archive.visits),
        by_chance=by_chance,
        numbers=archive.numbers,
        successes=sum(e.success for e in evaluated),
        mean=float(np.mean([e.progress for e in evaluated])),
        best=max(e.progress for e in evaluated),
    )
    return report, {EXPLORED: as_transitions(task, venv, [played[i] for i in kept]).to_bytes()}


def _bred(
    job: ExploreJob, venv: VectorEnv, rule: SuccessRule, pilots: Sequence[RolloutEpisode], steps: int
) -> tuple[list[RolloutEpisode], int]:
    """Episodes of policies that come nearer and nearer to the rule, and all steps by then."""
    seen = Seen.of_episodes(PolicyView(job.task, venv.layout), pilots)
    breeding = Breeding(venv.action_space, seen, venv.time_limit, job.seed)
    bred: list[RolloutEpisode] = []
    won = 0
    while steps < job.steps and won < WON_ENOUGH:
        generation, worth = breeding.draw(), []
        for choose in generation.policies:
            episode = play_one(venv, choose, job.seed)
            bred.append(episode)
            steps += len(episode.actions)
            states = state_fields(job.task, venv.layout, episode.observations[1:])
            success = rule.succeeded(states, episode.terminated)
            won += success
            worth.append(rule.closeness(states, episode.terminated) + success)
            if steps >= job.steps:
                break
        breeding.learn(generation, worth)
    return bred, steps


def _telling(goodness: Sequence[float], wandered: int) -> list[int]:
    """Which episodes are kept, in their order: a third each of the explored ones, evenly, of the best, and of the latest bred."""
    third = KEPT_EPISODES // 3
    evenly = np.linspace(0, wandered - 1, min(third, wandered)).round().astype(int).tolist()
    best = sorted(range(len(goodness)), key=lambda i: -goodness[i])[:third]
    bred = list(range(wandered, len(goodness)))
    spread = [bred[i] for i in np.linspace(0, len(bred) - 1, min(third, len(bred))).round().astype(int)] if bred else []
    return sorted({*evenly, *best, *spread})
