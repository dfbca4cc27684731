"""How much an episode looks like what a card says, as a worker is asked for it."""

from pydantic import Field as Bounded

from autoreward.records import Record
from autoreward.worker.jobs.job import Job
from autoreward.worker.jobs.records import WEIGHTS_FILE


class Similarities(Record):
    """The similarity of each frame with the goal, by `worker/image_text.py`."""

    frames: tuple[float, ...] = Bounded(min_length=1)
    """From the first to the last, evenly spread."""


class SimilarityJob(Job[Similarities]):
    """Hold pictures of an episode against the texts in the card's [judge]."""

    kind = "similarity"
    folder: str
    """Of the image-text model's weights; the task's [process] lets it be read."""
    seed: int
    played: bool = True
    """Whether a policy plays; where none does, there is one picture, of the start."""

    @property
    def report_type(self) -> type[Similarities]:
        """The numbers."""
        return Similarities

    @property
    def packages(self) -> tuple[str, ...]:
        """What reads the model."""
        return ("transformers",)

    @property
    def takes(self) -> tuple[str, ...]:
        """The policy's weights, if one plays."""
        return (WEIGHTS_FILE,) if self.played else ()
