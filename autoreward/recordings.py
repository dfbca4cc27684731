"""The episodes that a run has recorded so far, as one pool to judge rewards by."""

from collections.abc import Sequence

from autoreward.analyze.symptoms import EXPLOIT
from autoreward.check.relabel import EpisodePool, join
from autoreward.records import Description, PoolEpisode, Round
from autoreward.store.book import Book
from autoreward.transitions import Transitions

POOL = "pool.npz"
RECORDINGS, EACH = 40, 8
"""Scored policies, latest last, that the pool takes episodes of, and how many of each."""


def recorded(book: Book, rounds: Sequence[Round]) -> EpisodePool | None:
    """The episodes recorded so far: of simple policies, and of every policy that was scored; None without any."""
    described = book.need("description", Description)
    pieces: list[tuple[Transitions, Sequence[PoolEpisode]]] = []
    if described.pool:
        pieces.append((Transitions.from_bytes(book.file("description", "", POOL)), described.pool))
    scores = [(book.page(r.number), s) for r in rounds for s in r.scores if s.outcome.ok and s.episodes]
    exploiting = {d.candidate_id for r in rounds for d in r.diagnoses if any(s.name == EXPLOIT for s in d.symptoms)}
    for page, score in scores[-RECORDINGS:]:
        kind = f"exploit {score.trial_id}" if score.candidate_id in exploiting else score.trial_id
        episodes = tuple(PoolEpisode(kind=kind, episode=e) for e in score.episodes[:EACH])
        batch = Transitions.from_bytes(page.file("scores", score.trial_id, "episodes.npz"))
        pieces.append((batch.cut(columns=slice(0, len(episodes))), episodes))
    return join(pieces) if pieces else None
