"""Know the space before a reward is designed: episodes that random actions would not give, found without any reward program.

One half of the steps goes back to rare cells of the state and on from there at random; with the other half simple policies are bred
for nothing but the task's own rule: how near they come to it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from autoreward.records import EXPLORED, Exploration, Grading, ReferenceEpisode
from autoreward.tasks.card import Task
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


class LookedAround(NamedTuple):
    """What exploring has played."""

    episodes: tuple[RolloutEpisode, ...]
    """Those that went back to rare cells first, then those of bred policies."""
    seeds: tuple[int, ...]
    """One an episode: of the reset that it begins with."""
    wandered: int
    """How many there are of the first kind."""
    steps: int
    """Environment steps of all."""
    replayable: bool
    """Whether the same seed and actions give the same episode."""
    cells: int
    by_chance: int
    """Cells that the first few random episodes visited."""
    numbers: int
    """Numbers of the state that make a cell."""

    def kind(self, i: int) -> str:
        """What an episode is called."""
        return EXPLORED_KIND if i < self.wandered else BRED_KIND


def explore(job: ExploreJob, files: Mapping[str, bytes], context: JobContext) -> tuple[Exploration, dict[str, bytes]]:
    """Explore for about `steps` environment steps; the last episode may end a little beyond.

    Raises:
        TaskError: the card does not fit the environment.
    """
    task = job.task
    venv = make.vectorised(task, 1, job.seed)
    context.closing.callback(venv.close)
    looked = look_around(task, venv, job.seed, job.steps, job.grading)
    played, wandered = looked.episodes, looked.wandered
    spread = Seen.of_episodes(PolicyView(task, venv.layout), played).spread
    evaluated = evaluated_episodes(task, venv, played, spread, job.grading)
    goodness = [e.progress + e.success for e in evaluated]
    kept = _telling(goodness, wandered)
    report = Exploration(
        episodes=tuple(ReferenceEpisode(kind=looked.kind(i), episode=evaluated[i]) for i in kept),
        steps=looked.steps,
        played=len(played),
        replayable=looked.replayable,
        cells=looked.cells,
        by_chance=looked.by_chance,
        numbers=looked.numbers,
        successes=sum(e.success for e in evaluated),
        mean=float(np.mean([e.progress for e in evaluated])),
        best=max(e.progress for e in evaluated),
    )
    return report, {EXPLORED: as_transitions(task, venv, [played[i] for i in kept]).to_bytes()}


def look_around(task: Task, venv: VectorEnv, seed: int, steps: int, grading: Grading) -> LookedAround:
    """Play for about `steps` environment steps; the last episode may end a little beyond."""
    venv.action_space.seed(seed)
    same, pilots = pilot(venv, seed)
    taken = sum(len(e.actions) for e in pilots)
    archive = CellArchive(venv, task, Cells.of(task, seen_fields(task, venv, pilots)), seed, same)
    seeds, wandered = list(pilot_seeds(seed)), list(pilots)
    for own, episode in zip(seeds, pilots, strict=True):
        archive.note(own, episode)
    by_chance = len(archive.visits)
    while taken < steps / 2:
        own, episode = archive.explore(len(wandered))
        seeds.append(own)
        wandered.append(episode)
        taken += len(episode.actions)
    bred: list[RolloutEpisode] = []
    if task.ruled:
        bred = _bred(task, venv, grading, pilots, seed, steps - taken)
    for episode in bred:
        archive.note(seed, episode)
    taken += sum(len(e.actions) for e in bred)
    seeds += [seed] * len(bred)
    return LookedAround(
        (*wandered, *bred), tuple(seeds), len(wandered), taken, same, len(archive.visits), by_chance, archive.numbers
    )


def _bred(
    task: Task, venv: VectorEnv, grading: Grading, pilots: Sequence[RolloutEpisode], seed: int, most: int
) -> list[RolloutEpisode]:
    """Episodes of policies that come nearer and nearer to the rule, all from one seed, in `most` steps and a little more."""
    rule = SuccessRule(task, venv.time_limit, grading)
    seen = Seen.of_episodes(PolicyView(task, venv.layout), pilots)
    breeding = Breeding(venv.action_space, seen, venv.time_limit, seed)
    bred: list[RolloutEpisode] = []
    won = steps = 0
    while steps < most and won < WON_ENOUGH:
        generation, worth = breeding.draw(), []
        for choose in generation.policies:
            episode = play_one(venv, choose, seed)
            bred.append(episode)
            steps += len(episode.actions)
            states = state_fields(task, venv.layout, episode.observations[1:])
            success = rule.succeeded(states, episode.terminated)
            won += success
            worth.append(rule.closeness(states, episode.terminated) + success)
            if steps >= most:
                break
        breeding.learn(generation, worth)
    return bred


def _telling(goodness: Sequence[float], wandered: int) -> list[int]:
    """Which episodes are kept, in their order: a third each of the explored ones, evenly, of the best, and of the latest bred."""
    third = KEPT_EPISODES // 3
    evenly = np.linspace(0, wandered - 1, min(third, wandered)).round().astype(int).tolist()
    best = sorted(range(len(goodness)), key=lambda i: -goodness[i])[:third]
    bred = list(range(wandered, len(goodness)))
    spread = [bred[i] for i in np.linspace(0, len(bred) - 1, min(third, len(bred))).round().astype(int)] if bred else []
    return sorted({*evenly, *best, *spread})
