"""Frames of recorded episodes: what is shown to models that judge, and to an agent that asks for them."""

from collections.abc import Sequence

from autoreward.checks.dataset import EpisodeDataset
from autoreward.core import seeds
from autoreward.errors import CannotDraw
from autoreward.judges.sides import Side
from autoreward.session.agent_tools import CallRefused
from autoreward.store.book import Book
from autoreward.store.keys import CLIPS, SCORES
from autoreward.training.workers import Workers

_FRAMES = 8
"""Of an episode, in one picture."""


def drawn_frames(book: Book, workers: Workers, side: Side) -> bytes:
    """A few frames of a held-out episode in one PNG; empty where the environment can't be drawn here. Kept in the run."""
    name = f"{CLIPS.folder}/judged/{side.name}.png"
    if not book.files.has(name):
        start = seeds.held_out("search", book.header.config.episodes)[side.episode]
        try:
            picture = workers.frames(book.header.task, side.weights, start, _FRAMES)
        except CannotDraw:
            picture = b""
        book.write(name, picture)
    return book.read(name)


def drawn_episode(book: Book, workers: Workers, dataset: EpisodeDataset | None, number: int) -> bytes:
    """Frames of a recorded episode, by its number in the dataset. Raises CallRefused where there are none."""
    known = dataset.episodes if dataset else ()
    if number >= len(known):
        raise CallRefused("wrong arguments", f"There is no such episode; {len(known)} are recorded, numbered from 0.")
    side = recorded_side(book, [episode.kind for episode in known], number)
    if side is None:
        raise CallRefused(
            "nothing to draw", "Only episodes of policies that were trained here are drawn; `episode` has its numbers."
        )
    if not (picture := drawn_frames(book, workers, side)):
        raise CallRefused(
            "nothing to draw", "This environment can't be drawn on this machine; `episode` has its numbers."
        )
    return picture


def recorded_side(book: Book, kinds: Sequence[str], number: int) -> Side | None:
    """Whose policy played a recorded episode, and which of its own that is; None where no training of this run did.

    Args:
        book: of the run.
        kinds: of all recorded episodes (`ReferenceEpisode.kind`); those of one policy are in the order in which it played them.
        number: of the episode among them.
    """
    trial = kinds[number].removeprefix("exploit ")
    for page in book.pages():
        for score in page.saved(SCORES):
            if score.trial_id == trial:
                return Side(page, score, kinds[:number].count(kinds[number]))
    return None
