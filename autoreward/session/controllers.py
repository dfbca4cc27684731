"""Policies written as code, played: the card's script, and one that the designer proposes."""

from collections.abc import Callable
from typing import Literal

from autoreward.checks.controllers import fault_sentence, review_controller, seen_practice
from autoreward.checks.samples import Practice
from autoreward.config import RunConfig
from autoreward.core import seeds
from autoreward.core.outcomes import Outcome
from autoreward.errors import LimitReached, TaskError
from autoreward.evaluation.limits import violation
from autoreward.llm.client import ModelClient
from autoreward.records import (
    ControllerEpisodes,
    Controllers,
    Finding,
    Grading,
    PlayedController,
    ReplyKey,
)
from autoreward.roles.brief import Brief
from autoreward.roles.controller import CONTROLLER_FILE, propose_controller
from autoreward.store.book import WithFiles
from autoreward.tasks.card import Task
from autoreward.training.workers import Workers, job_limits
from autoreward.worker.jobs.script_record import ScriptJob

RECORDED = 10
"""Episodes of the designer's controller that join the recorded ones."""


class ControllerTrials:
    """Plays controllers of one run."""

    def __init__(self, task: Task, config: RunConfig, workers: Workers, practice: Practice, grading: Grading) -> None:
        """`practice`: what rewards are tried on."""
        self._task, self._config, self._workers, self._grading = task, config, workers, grading
        self._practice = seen_practice(practice, task.unseen)

    def all(self, client: ModelClient | None, about: Callable[[], Brief]) -> WithFiles[Controllers]:
        """The card's script, if there is one; and the designer's, where a `client` is asked.

        Raises TaskError if the card's script breaks the contract, or gives no action.
        """
        items: list[PlayedController] = []
        if self._task.script:
            items.append(self._of_card())
        if client is None:
            return WithFiles(Controllers(items=tuple(items)), {})
        try:
            source, findings = propose_controller(client, str(ReplyKey(0, "controller")), about(), self.review)
        except LimitReached as limit:
            source, findings = "", (str(limit),)
        if not source:
            return WithFiles(Controllers(items=tuple(items), findings=findings), {})
        proposed = self._task.model_copy(update={"script": CONTROLLER_FILE, "script_program": source})
        try:
            made, files = self._played(proposed, RECORDED)
        except TaskError as error:
            broken = PlayedController(by="designer", text=source, outcome=Outcome.BROKE_CONTRACT, message=str(error))
            return WithFiles(Controllers(items=(*items, broken), findings=findings), {})
        items.append(self._record("designer", source, made))
        return WithFiles(Controllers(items=tuple(items), episodes=made.recorded, findings=findings), files)

    def review(self, source: str) -> tuple[Outcome, tuple[Finding, ...]]:
        """Whether a controller may play."""
        return review_controller(source, self._workers.jail, self._practice)

    def _of_card(self) -> PlayedController:
        if self._task.script_program:
            outcome, findings = self.review(self._task.script_program)
            if not outcome.ok:
                raise TaskError(
                    f"task {self._task.name}, script {self._task.script}: {fault_sentence(findings, outcome).rstrip('.')}."
                )
        made, _ = self._played(self._task, 0)
        return self._record("card", self._task.script_program or self._task.script, made)

    def _played(self, task: Task, recorded: int) -> tuple[ControllerEpisodes, dict[str, bytes]]:
        """A task's script on the held-out seeds of the confirmation, or of the search where nothing is confirmed."""
        purpose = "confirm" if self._config.confirm_seeds else "search"
        scoring = seeds.held_out(purpose, self._config.episodes)
        first = seeds.derive(self._config.seed, "controller") % 2**31
        recording = range(first, first + recorded)
        job = ScriptJob(task=task, scoring=tuple(scoring), recording=tuple(recording), grading=self._grading,
                        limits=job_limits(self._config))  # fmt: skip
        return self._workers.look(job, {})

    def _record(self, by: Literal["card", "designer"], text: str, made: ControllerEpisodes) -> PlayedController:
        held = violation(made.limits) == 0.0
        return PlayedController(by=by, text=text, success=made.success, progress=made.progress, metric=made.metric,
                                limits=made.limits, enough=held and made.success >= self._config.target)  # fmt: skip
