"""The episodes that a run has recorded so far, as one pool to judge rewards by; and the exploits that earlier runs left."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from autoreward.analyze.symptoms import EXPLOIT
from autoreward.check.relabel import EpisodePool, join
from autoreward.errors import StoreError, UsageError
from autoreward.records import Description, Diagnosis, PoolEpisode, Remembered, Round, Score
from autoreward.store.book import Book, Made, Page, pages_of, read_header
from autoreward.tasks import Task
from autoreward.transitions import Transitions

POOL, EXPLOITS = "pool.npz", "exploits.npz"
RECORDINGS, EACH = 40, 8
"""Scored policies, latest last, that the pool takes episodes of, and how many of each."""
REMEMBERED = 10
"""Exploiting policies of earlier runs that a run takes over, of the latest runs first."""


class Recording(NamedTuple):
    """Some episodes, one column each."""

    transitions: Transitions
    episodes: tuple[PoolEpisode, ...]


def recorded(book: Book, rounds: Sequence[Round]) -> EpisodePool | None:
    """The episodes recorded so far: of simple policies, of every policy that was scored, of exploits that are remembered.

    None without any.
    """
    described = book.need("description", Description)
    remembered = book.lone("remembered", Remembered) or Remembered()
    pieces: list[Recording] = []
    if described.pool:
        pieces.append(Recording(Transitions.from_bytes(book.file("description", "", POOL)), described.pool))
    if remembered.episodes:
        known = Transitions.from_bytes(book.file("remembered", "", EXPLOITS))
        pieces.append(Recording(known, remembered.episodes))
    scores = [(book.page(r.number), s) for r in rounds for s in r.scores if s.outcome.ok and s.episodes]
    exploiting = {d.candidate_id for r in rounds for d in r.diagnoses if _exploited(d)}
    for page, score in scores[-RECORDINGS:]:
        kind = f"exploit {score.trial_id}" if score.candidate_id in exploiting else score.trial_id
        pieces.append(_recording(page, score, kind))
    return join(pieces) if pieces else None


def remember(runs: Path, own: str, task: Task) -> Made[Remembered]:
    """The exploits that other runs in the same folder found in the same task: same environment, fields and rule.

    A run that is damaged or of another version is passed over: this one can do without it.
    """
    names: list[str] = []
    found: list[Recording] = []
    for folder in sorted((p.parent for p in runs.glob("*/run.json") if p.parent.name != own), reverse=True):
        try:
            if _what_counts(read_header(folder).task) == _what_counts(task):
                more = list(_exploits(folder))
                found += more
                names += [folder.name] if more else []
        except (StoreError, UsageError):
            continue
        if len(found) >= REMEMBERED:
            break
    found = found[:REMEMBERED]
    if not found:
        return Made(Remembered(), {})
    pool = join(found)
    return Made(Remembered(runs=tuple(names), episodes=pool.episodes), {EXPLOITS: pool.transitions.to_bytes()})


def _exploits(folder: Path) -> Iterator[Recording]:
    for page in pages_of(folder):
        exploiting = {d.candidate_id for d in page.saved("diagnoses", Diagnosis) if _exploited(d)}
        for score in page.saved("scores", Score):
            if score.candidate_id in exploiting and score.outcome.ok and score.episodes:
                yield _recording(page, score, f"exploit {folder.name}/{score.trial_id}")


def _recording(page: Page, score: Score, kind: str) -> Recording:
    episodes = tuple(PoolEpisode(kind=kind, episode=e) for e in score.episodes[:EACH])
    batch = Transitions.from_bytes(page.file("scores", score.trial_id, "episodes.npz"))
    return Recording(batch.cut(columns=slice(0, len(episodes))), episodes)


def _exploited(diagnosis: Diagnosis) -> bool:
    return any(symptom.name == EXPLOIT for symptom in diagnosis.symptoms)


def _what_counts(task: Task) -> object:
    return task.env, task.kwargs, task.max_steps, task.state_program, task.state, task.action, task.success
