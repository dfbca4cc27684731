"""Recorded episodes of scored trainings, one by one."""

from autoreward.core.transitions import Transitions
from autoreward.records import EPISODES
from autoreward.store.book import Page
from autoreward.store.keys import SCORES


def played_episodes(page: Page, trial_id: str) -> list[Transitions]:
    """All held-out episodes of a scored training, each of its own length L, of shape (L, 1). Raises RunDamaged."""
    saved = page.transitions(SCORES.of(trial_id), EPISODES)
    return [_one(saved, episode) for episode in range(saved.step.shape[1])]


def played_episode(page: Page, trial_id: str, episode: int) -> Transitions:
    """One of them, shape (L, 1). Raises RunDamaged, and IndexError if there are not so many."""
    saved = page.transitions(SCORES.of(trial_id), EPISODES)
    if not 0 <= episode < saved.step.shape[1]:
        raise IndexError(f"{trial_id} has {saved.step.shape[1]} episodes")
    return _one(saved, episode)


def _one(saved: Transitions, episode: int) -> Transitions:
    one = saved.cut(columns=slice(episode, episode + 1))
    return one.cut(rows=slice(0, int((one.step > 0).sum())))
