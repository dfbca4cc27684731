"""What a run's policies were trained in."""

from autoreward.report.reading import RunView
from autoreward.store.book import Page
from autoreward.store.keys import DESCRIPTION


def simulator_sentence(reading: RunView) -> str:
    """That it was EnvPool, or why not; empty where nobody looked at it, and before the environment is described."""
    described = Page(reading.files).lone(DESCRIPTION)
    return described.simulator.sentence if described else ""
