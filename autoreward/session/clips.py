"""Which policies of a finished run are worth a look, and a clip of each, with what its reward pays as it goes."""

from typing import NamedTuple

import numpy as np

from autoreward.core.executor import Executor
from autoreward.core.seeds import held_out
from autoreward.core.transitions import Transitions
from autoreward.errors import CannotDraw
from autoreward.evaluation.panels import steps_held
from autoreward.evaluation.ranking import ranked
from autoreward.evaluation.wrong_turns import first_error
from autoreward.export.best import best_policy, handed_over
from autoreward.records import REEL_EPISODE, Clip, Reel, Score, TrialId
from autoreward.report.reading import RunView
from autoreward.rewards.agreement import Parts
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.search.confirm import NATIVE
from autoreward.store.book import Book, WithFiles
from autoreward.store.keys import CLIPS
from autoreward.training.workers import Workers

CLIPS_AT_MOST = 32
"""Candidates of which each has a clip, the best ones; what more there are can be seen by `autoreward play`."""
LARGE, SMALL = (240, 90), (160, 40)
"""Pixels across and most frames, of a policy worth a look and of a candidate's."""


class Look(NamedTuple):
    """A policy worth a look: a score, and the page that it is on."""

    id: str
    """As a clip's."""
    page: str
    """Its folder within the run's."""
    score: Score
    small: bool = False
    """One of many."""


def worth_a_look(reading: RunView) -> list[Look]:
    """The policies of best/ and second/, the worst failure of the search, and the native reward's policy."""
    looks: list[Look] = []
    for name, folder in (("winner", "best"), ("second", "second")):
        if policy := best_policy(reading, handed_over(reading.run, folder)):
            looks.append(Look(name, *policy))
    failed = [s for s in reading.search_scores if s.score.ruled and s.score.outcome.ok and s.score.success == 0.0]
    if failed:
        looks.append(Look("failure", *min(failed, key=lambda s: (s.score.progress, s.score.trial_id))))
    native = [
        s for s in reading.confirm_scores if s.score.outcome.ok and TrialId.parse(s.score.trial_id).candidate == NATIVE
    ]
    if native and not (reading.run and reading.run.best == NATIVE):
        looks.append(Look(NATIVE, *max(native, key=lambda s: (s.score.success, s.score.progress, s.score.trial_id))))
    return looks


def candidates_looks(reading: RunView, besides: list[Look]) -> list[Look]:
    """The best policy of each of the CLIPS_AT_MOST best candidates that `besides` shows none of."""
    shown = {TrialId.parse(look.score.trial_id).candidate for look in besides}
    usable = [s for s in reading.search_scores if s.score.outcome.ok and s.score.kept >= 0 and s.score.candidate_id]
    looks = []
    for name in ranked([s.score for s in usable], reading.header.task)[:CLIPS_AT_MOST]:
        if name not in shown:
            own = [s for s in usable if s.score.candidate_id == name]
            best = max(own, key=lambda s: (s.score.success, s.score.progress, s.score.trial_id))
            looks.append(Look(f"of-{name}", *best, small=True))
    return looks


def film_policies(book: Book, reading: RunView, workers: Workers, executor: Executor) -> tuple[Clip, ...]:
    """A clip of each policy worth a look and of each candidate's, all from the same held-out start, or why there is none."""
    task, seed = book.header.task, held_out("confirm", 1)[0]

    def filmed(look: Look) -> WithFiles[Clip]:
        clip = Clip(id=look.id, trial_id=look.score.trial_id, page=look.page)
        weights = reading.weights(look.page, look.score)
        width, most = SMALL if look.small else LARGE
        try:
            report, files = workers.reel(task, weights, seed, width, most)
        except CannotDraw as error:
            return WithFiles(clip.model_copy(update={"why_not": str(error)}), {})
        episode = Transitions.from_bytes(files[REEL_EPISODE])
        after = np.asarray(report.at[1:], dtype=np.intp) - 1
        reel = Reel(
            at=report.at,
            width=report.width,
            height=report.height,
            first_error=first_error(task, episode),
            holds=tuple(steps_held(task, episode)[after].tolist()) if task.ruled else (),
            parts={
                name: tuple(v[after, 0].tolist()) for name, v in _parts(reading, look, episode, workers.jail).items()
            },
        )
        return WithFiles(clip.model_copy(update={"reel": reel}), files)

    looks = worth_a_look(reading)
    return book.each(CLIPS, [*looks, *candidates_looks(reading, looks)], filmed, executor)


def _parts(reading: RunView, look: Look, episode: Transitions, jail: Jail) -> Parts:
    """What the policy's own program pays along the episode, (L, 1) by part; empty for a baseline, or where the program fails."""
    view = reading.candidate(TrialId.parse(look.score.trial_id).candidate)
    if view is None:
        return {}
    try:
        with jail.open(view.candidate.source) as room:
            return room.client.evaluate(episode, view.verdict is not None and view.verdict.uses_memory)
    except RewardFailed:
        return {}
