"""What a run's policies were trained in, and where their episodes began."""

from autoreward.report.reading import RunView
from autoreward.store.book import Page
from autoreward.store.keys import DESCRIPTION, SNAPSHOTS


def simulator_sentence(reading: RunView) -> str:
    """That it was EnvPool, or why not; empty where nobody looked at it, and before the environment is described."""
    described = Page(reading.files).lone(DESCRIPTION)
    return described.simulator.sentence if described else ""


def snapshots_sentence(reading: RunView) -> str:
    """That episodes began at snapshots, and what that took of the trainings' steps; empty where none did."""
    episodes = sum(trial.snapshot_episodes for trial in reading.trials)
    found = Page(reading.files).lone(SNAPSHOTS)
    if not episodes or not found:
        return ""
    replayed = sum(trial.replayed_steps for trial in reading.trials)
    won = sum(one.success for one in found.teachers)
    return (
        f"Trainings began {episodes:,} episodes at snapshots on the ways of {len(found.teachers)} recorded ones ({won} a success): "
        f"{replayed:,} of their steps led there, and {found.steps:,} others went into finding them. Every score is of the "
        "environment's own starts."
    )
