"""Baselines are the same in every run of a task: those that an earlier run in the same folder has trained are taken over."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.wording import in_python
from autoreward.errors import AutorewardError
from autoreward.records import Score, Trial, TrialId, TrialJob
from autoreward.search.baselines import BASELINES
from autoreward.store.book import Book, WithFiles
from autoreward.store.installed import circumstances
from autoreward.store.keys import DESCRIPTION, RecordT
from autoreward.store.shared import Shelf, digest, same_bytes
from autoreward.tasks.card import Task


class SharedBaselines:
    """The baselines' trainings and scores, taken over where another run has made them, kept for others where not.

    On a cluster nothing is shared: what its machines have installed is not known here; nor where the code of the environment is not
    found. A reward that somebody asked to train is trained.
    """

    def __init__(self, task: Task, config: RunConfig, book: Book, tell: events.Listener) -> None:
        self._task = task
        self._config = config
        self._book = book
        self._tell = tell
        self._shelf = Shelf.of(book.folder.parent)

    def train(
        self, job: TrialJob, files: Mapping[str, bytes], make: Callable[[], WithFiles[Trial]]
    ) -> WithFiles[Trial]:
        """A training: a baseline's as it was kept, with the run that it is from in its record; or what `make` makes of `files`."""
        if job.reward not in BASELINES or not self._circumstances:
            return make()
        stepped = self._book.need(DESCRIPTION).simulator.model_dump(mode="json")
        name = f"{job.reward}-{digest(self._circumstances, (job.model_dump(mode='json'), stepped, same_bytes(files)))}"
        if self._config.given is None and (taken := self._taken(name, Trial, job.id)):
            return taken
        made = make()
        if made.record.outcome.ok:
            kept = made.record.model_copy(update={"taken_from": self._book.folder.name})
            self._keep(name, WithFiles(kept, made.files), job.id)
        return made

    def score(
        self, trial: Trial, weights: Mapping[str, bytes], purpose: str, make: Callable[[], WithFiles[Score]]
    ) -> WithFiles[Score]:
        """A score of these weights, in the same way. It depends on how the environment was sampled, too: progress is."""
        reward = TrialId.parse(trial.id).candidate
        if reward not in BASELINES or not self._circumstances:
            return make()
        described = self._book.need(DESCRIPTION).model_dump(mode="json")
        facts = (trial.id, same_bytes(weights), purpose, self._config.episodes, described)
        name = f"{reward}-score-{digest(self._circumstances, facts)}"
        if self._config.given is None and (taken := self._taken(name, Score, f"the score of {trial.id}")):
            return taken
        made = make()
        if made.record.outcome.ok:
            self._keep(name, made, f"the score of {trial.id}")
        return made

    @cached_property
    def _circumstances(self) -> dict[str, Any] | None:
        return circumstances(self._task) if self._config.pool == "local" else None

    def _taken(self, name: str, record: type[RecordT], what: str) -> WithFiles[RecordT] | None:
        try:
            return self._shelf.take(name, record)
        except AutorewardError as error:
            self._say(f"{what} is made anew: {error.worded(in_python)}")
            return None

    def _keep(self, name: str, made: WithFiles[Any], what: str) -> None:
        try:
            self._shelf.keep(name, made)
        except AutorewardError as error:
            self._say(f"{what} can't be kept for other runs: {error.worded(in_python)}")

    def _say(self, line: str) -> None:
        self._tell(events.Mended(line))
