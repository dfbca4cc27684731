"""The episodes that a run has recorded so far, as one dataset to judge rewards by; and the exploits that earlier runs left."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from autoreward.checks.dataset import EpisodeDataset, join
from autoreward.core.transitions import Transitions
from autoreward.errors import RunDamaged, StoreError, UsageError
from autoreward.evaluation.hacking import EXPLOIT
from autoreward.evaluation.legs import newest
from autoreward.records import (
    CONTROLLER_EPISODES,
    EPISODES,
    EXPLOITS,
    EXPLORED,
    HUNTED,
    REFERENCE_EPISODES,
    Diagnosis,
    Hunt,
    ReferenceEpisode,
    Remembered,
    Round,
    Score,
)
from autoreward.store.book import Book, Page, WithFiles, pages_of
from autoreward.store.files import run_folders
from autoreward.store.header import read_header
from autoreward.store.keys import CONTROLLERS, DESCRIPTION, DIAGNOSES, EARLIER_EXPLOITS, EXPLORATION, HUNTS, SCORES
from autoreward.tasks.card import Task

RECORDINGS, EACH = 40, 8
"""Scored policies, latest last, that the dataset takes episodes of beside all exploits, and how many of each."""
REMEMBERED = 10
"""Exploiting policies of earlier runs that a run takes over, of the latest runs first."""


class Recording(NamedTuple):
    """Some episodes, one column each."""

    transitions: Transitions
    episodes: tuple[ReferenceEpisode, ...]


def recorded(book: Book, rounds: Sequence[Round]) -> EpisodeDataset | None:
    """The episodes recorded so far: of simple policies, of the latest that were scored, of every exploit ever found.

    None without any. Raises RunDamaged if a recording can't be read.
    """
    described = book.need(DESCRIPTION)
    remembered = book.lone(EARLIER_EXPLOITS) or Remembered()
    pieces: list[Recording] = []
    if described.reference_episodes:
        pieces.append(Recording(book.transitions(DESCRIPTION, REFERENCE_EPISODES), described.reference_episodes))
    explored = book.lone(EXPLORATION)
    if explored and explored.episodes:
        pieces.append(Recording(book.transitions(EXPLORATION, EXPLORED), explored.episodes))
    controllers = book.lone(CONTROLLERS)
    if controllers and controllers.episodes:
        pieces.append(Recording(book.transitions(CONTROLLERS, CONTROLLER_EPISODES), controllers.episodes))
    if remembered.episodes:
        pieces.append(Recording(book.transitions(EARLIER_EXPLOITS, EXPLOITS), remembered.episodes))
    pieces += [_hunted(book.page(r.number), hunt, "") for r in rounds for hunt in r.hunts if hunt.found]
    scored = [(book.page(r.number), s) for r in rounds for s in r.scores if s.outcome.ok and s.episodes]
    hacked = {name for r in rounds for name in _exploited(r.diagnoses)}
    pages = {s.trial_id: page for page, s in scored}
    for score in _last_of_each(s for _, s in scored if s.candidate_id in hacked):
        pieces.append(recording(pages[score.trial_id], score, f"exploit {score.trial_id}"))
    for page, score in [(page, s) for page, s in scored if s.candidate_id not in hacked][-RECORDINGS:]:
        pieces.append(recording(page, score, score.trial_id))
    return join(pieces, book.header.task.metric.better) if pieces else None


def remember(runs: Path, own: str, task: Task) -> WithFiles[Remembered]:
    """The exploits that other runs in the same folder found in the same task: same environment, fields and rule.

    A run that is damaged, of another version, or a link to elsewhere is passed over: this one can do without it.
    """
    names: list[str] = []
    recordings: list[Recording] = []
    for folder in reversed(run_folders(runs)):
        if folder.name == own or folder.is_symlink():
            continue
        try:
            if _what_counts(read_header(folder).task) == _what_counts(task):
                more = list(_exploits(folder))
                recordings += more
                names += [folder.name] if more else []
        except (StoreError, UsageError):
            continue
        if len(recordings) >= REMEMBERED:
            break
    recordings = recordings[:REMEMBERED]
    if not recordings:
        return WithFiles(Remembered(), {})
    dataset = join(recordings, task.metric.better)
    return WithFiles(
        Remembered(runs=tuple(names), episodes=dataset.episodes), {EXPLOITS: dataset.transitions.to_bytes()}
    )


def _exploits(folder: Path) -> Iterator[Recording]:
    for page in pages_of(folder):
        yield from (_hunted(page, hunt, f"{folder.name}/") for hunt in page.saved(HUNTS) if hunt.found)
        hacked = _exploited(page.saved(DIAGNOSES))
        scored = [s for s in page.saved(SCORES) if s.candidate_id in hacked and s.outcome.ok and s.episodes]
        for score in _last_of_each(scored):
            yield recording(page, score, f"exploit {folder.name}/{score.trial_id}")


def _last_of_each(scored: Iterable[Score]) -> Iterable[Score]:
    """The newest leg of each training, those first that trained little."""
    return newest(sorted(scored, key=lambda s: s.steps)).values()


def _exploited(diagnoses: Iterable[Diagnosis]) -> set[str]:
    """The programs whose policies did so."""
    return {d.candidate_id for d in diagnoses if any(symptom.name == EXPLOIT for symptom in d.symptoms)}


def _hunted(page: Page, hunt: Hunt, run: str) -> Recording:
    """The episode that a hunt found."""
    if hunt.episode is None:
        raise RunDamaged(
            f"{page.folder / HUNTS.of(hunt.candidate_id).file} says that it found an episode, and has none."
        )
    kind = f"exploit hunted in {run}{hunt.candidate_id}"
    transitions = page.transitions(HUNTS.of(hunt.candidate_id), HUNTED)
    return Recording(transitions, (ReferenceEpisode(kind=kind, episode=hunt.episode),))


def recording(page: Page, score: Score, kind: str) -> Recording:
    """The first EACH episodes that a policy was scored on. Raises RunDamaged."""
    episodes = tuple(ReferenceEpisode(kind=kind, episode=e) for e in score.episodes[:EACH])
    batch = page.transitions(SCORES.of(score.trial_id), EPISODES)
    return Recording(batch.cut(columns=slice(0, len(episodes))), episodes)


def _what_counts(task: Task) -> object:
    constants = {name: constant.value for name, constant in task.constants.items()}
    return (task.env, task.kwargs, task.max_steps, task.terminates, task.state_program, task.state, task.action,
            constants, task.success)  # fmt: skip
