"""A coding agent's session: a run whose programs it hands in, one a round, with tools over what is recorded. A session is a run.

The agent chooses programs and nothing else: task, rule, seeds, budget and length are what the person has started the session
with, and no tool takes them. What it asks is kept, one record a call, with the name of what it was refused for; calls whose answer
is made from held-out episodes are counted as looks (`Run.looks`). Its winner is confirmed on seeds that no tool shows.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from pydantic import ValidationError

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.core.visible import visible_line
from autoreward.errors import AutorewardError, TaskError
from autoreward.records import AgentCall, Candidate, CandidateId
from autoreward.report.audit import audit_lines
from autoreward.roles.brief import brief
from autoreward.roles.designer import design_prompt
from autoreward.roles.history import History
from autoreward.roles.ideas import Idea, candidate_of
from autoreward.roles.tools import NOT_RUN
from autoreward.session.agent_desk import Desk, WantedProgram
from autoreward.session.agent_tables import SessionStanding, shown_results, task_lines
from autoreward.session.agent_tools import (
    AGENT_TOOLS,
    LONGEST_ARGUMENTS,
    LONGEST_WAIT,
    MOST_AT_ONCE,
    MOST_CALLS,
    Answered,
    CallRefused,
)
from autoreward.session.run import demand_startable, go_through
from autoreward.settings import RunSettings
from autoreward.store.book import Book
from autoreward.store.header import RunHeader
from autoreward.store.keys import AGENT_CALLS
from autoreward.store.trust import demand as demand_trust
from autoreward.store.trust import of_card
from autoreward.tasks.card import Task
from autoreward.tasks.files import place_of, read_task, task_names

_KEPT_ANSWER = 4_000


class AgentSession:
    """Answers an agent's calls, from any thread, while `search` runs in another."""

    def __init__(self, book: Book, card: Path, folders: tuple[Path, ...], most_calls: int = MOST_CALLS) -> None:
        """`card`: where the task was read; `folders`: whose tasks may be read; `most_calls`: of the session."""
        self.desk = Desk()
        self._book, self._task, self._config = book, book.header.task, book.header.config
        self._card, self._folders, self._most_calls = card, folders, most_calls
        self._counting, self._one_at_a_time, self._refreshing = threading.Lock(), threading.Lock(), threading.Lock()
        self._calls = self._waiting = self._looks = self._shown = 0
        self._kept = ""
        self._schemas = {tool.name: Draft202012Validator(dict(tool.parameters)) for tool in AGENT_TOOLS}
        self._own: dict[str, Callable[[Mapping[str, Any]], Answered]] = {
            "tasks": self._tasks, "task": self._about, "train": self._train, "results": self._results,
            "frames": self._frames, "keep": self._keep, "revert": self._revert, "audit": self._audit, "finish": self._finish,
        }  # fmt: skip

    @property
    def instructions(self) -> str:
        """What an agent is told when it connects."""
        return (
            f"Reward programs for the task {self._task.name}: {self._task.goal} Read `task` first, try programs with check, parts "
            f"and rank, then train them. Left: {self._standing().budget_sentence} Call `finish` at the end."
        )

    @property
    def waiting(self) -> int:
        """Calls that wait for their answers."""
        return self._waiting

    def search(self, tell: events.Listener) -> None:
        """Run the loop until the agent leaves or the budget ends, and the confirmation. Raises AutorewardError."""

        def hear(event: events.Event) -> None:
            self.desk.hear(event)
            tell(event)

        try:
            go_through(self._book, hear, author=self.desk.author)
        except AutorewardError as error:
            self.desk.close(str(error))
            raise
        except BaseException:
            self.desk.close("it was stopped")
            raise
        self.desk.close()

    def call(self, name: str, arguments: Mapping[str, Any]) -> Answered:
        """Answer one call, and keep a record of it. Raises nothing for what an agent may write; StoreError if it can't be kept."""
        with self._counting:
            self._calls += 1
            self._waiting += 1
            number, waiting = self._calls, self._waiting
        written = json.dumps(arguments)
        try:
            self._demand_few(number, waiting, len(written))
            answered = self._answered(name, arguments)
        except CallRefused as refused:
            answered = Answered(f"Refused ({refused.name}): {refused}", refused.name)
        except AutorewardError as error:  # a process or a file of ours failed, which ends no session
            answered = Answered(f"Refused (failed): {error}", "failed")
        finally:
            with self._counting:
                self._waiting -= 1
        with self._counting:
            self._looks += answered.looked
        if number <= self._most_calls + 1:  # the flood itself is not kept
            self._record(number, visible_line(name, 100), written[:LONGEST_ARGUMENTS], answered)
        return answered

    def _demand_few(self, number: int, waiting: int, length: int) -> None:
        if number > self._most_calls:
            raise CallRefused("too many calls", f"A session has {self._most_calls:,} calls; these were all.")
        if waiting > MOST_AT_ONCE:
            raise CallRefused("flood", f"{MOST_AT_ONCE} calls wait already: wait for their answers.")
        if length > LONGEST_ARGUMENTS:
            raise CallRefused(
                "too long", f"Arguments have {LONGEST_ARGUMENTS:,} characters at most; these have {length:,}."
            )

    def _answered(self, name: str, arguments: Mapping[str, Any]) -> Answered:
        if name not in self._schemas:
            raise CallRefused("unknown tool", f"There is no such tool; there are {', '.join(self._schemas)}.")
        if wrong := next(self._schemas[name].iter_errors(dict(arguments)), None):
            raise CallRefused("wrong arguments", f"{name}: {visible_line(wrong.message, 300)}.")
        if name in self._own:
            return self._own[name](arguments)
        wanted = self._wanted()
        if wanted.tools is None:
            raise CallRefused("nothing recorded", "No episode of this task is recorded.")
        with self._one_at_a_time:
            text = wanted.tools.run(name, arguments)
        looked = name != "check" and any(r.scores for r in wanted.rounds)
        return Answered(text, "wrong arguments" if text.startswith(NOT_RUN) else "", looked)

    def _tasks(self, arguments: Mapping[str, Any]) -> Answered:
        return Answered(task_lines(task_names(self._folders), self._task))

    def _about(self, arguments: Mapping[str, Any]) -> Answered:
        name, known = arguments["name"], task_names(self._folders)
        if name == self._task.name:
            return Answered(design_prompt(self._wanted().about, History(), 0))
        if name not in known:
            raise CallRefused("no such task", "A task is read by its name alone; `tasks` lists them.")
        try:
            task = read_task(known[name])
        except TaskError as error:
            raise CallRefused("no such task", f"Its card can't be read: {error}") from None
        return Answered(design_prompt(brief(task, task.train.steps, RunSettings.episodes), History(), 0))

    def _train(self, arguments: Mapping[str, Any]) -> Answered:
        with self._one_at_a_time:
            wanted, stage = self._wanted(), self.desk.wait(0.0)
            if stage == "training":
                raise CallRefused("busy", "A program is training; `results` waits for it.")
            if stage != "waiting":
                raise CallRefused("session over", f"Nothing is trained any more. {shown_results(self._standing())}")
            self._demand_same_card()
            candidate = self._candidate(wanted, arguments)
            verdict = wanted.review(candidate)
            if not verdict.accepted:
                raise CallRefused(
                    "may not train", " ".join(f.message for f in verdict.findings) + " Nothing was spent."
                )
            self.desk.hand_in(candidate)
        return self._shown_after(LONGEST_WAIT)

    def _candidate(self, wanted: WantedProgram, arguments: Mapping[str, Any]) -> Candidate:
        try:
            idea = Idea(plan="", thought=arguments["thought"], parent=self._kept, composition=arguments["composition"], settings={},
                        source=arguments["program"])  # fmt: skip
        except ValidationError as error:
            raise CallRefused("no program", visible_line(error.errors(include_url=False)[0]["msg"], 300)) from None
        identity = str(CandidateId(len(wanted.rounds), 0))
        return candidate_of(idea, identity, {c.id for r in wanted.rounds for c in r.candidates}, wanted.about.constants)

    def _results(self, arguments: Mapping[str, Any]) -> Answered:
        return self._shown_after(arguments["seconds"])

    def _frames(self, arguments: Mapping[str, Any]) -> Answered:
        wanted, number = self._wanted(), int(arguments["id"])
        with self._one_at_a_time:
            if self.desk.wait(0.0) == "over":
                raise CallRefused("session over", "Nothing is drawn any more; `episode` has its numbers.")
            picture = wanted.draw(number)
        return Answered(f"Frames of episode {number}, in the order of its steps.", looked=True, picture=picture)

    def _keep(self, arguments: Mapping[str, Any]) -> Answered:
        candidate = self._trained(arguments["candidate"])
        self._kept = candidate.id
        return Answered(f"{candidate.id} is kept: what is trained next is its child.\n{candidate.source}")

    def _revert(self, arguments: Mapping[str, Any]) -> Answered:
        if not self._kept:
            raise CallRefused("nothing kept", "No program has been kept yet.")
        return Answered(f"What is trained next is a child of {self._kept}.\n{self._trained(self._kept).source}")

    def _audit(self, arguments: Mapping[str, Any]) -> Answered:
        rounds = self.desk.rounds
        lines = [f"{r.candidates[0].id}: {line}" for r in rounds if r.candidates for line in audit_lines(r.audit)]
        successes = sum(r.audit.successes for r in rounds)
        silent = (
            f"{successes} successes do nothing that untrained episodes don't."
            if successes
            else "There is no success yet."
        )
        return Answered("\n".join(lines) or silent, looked=any(r.scores for r in rounds))

    def _finish(self, arguments: Mapping[str, Any]) -> Answered:
        self.desk.leave("the agent has ended its search")
        self.desk.wait(LONGEST_WAIT, ("over",))
        return self._shown_now()

    def _shown_after(self, seconds: float) -> Answered:
        """When what is under way has ended; a search that ends by itself shows its last scores before they are confirmed."""
        confirming = self.desk.wait(0.0) == "confirming"
        self.desk.wait(seconds, ("over",) if confirming else ("waiting", "confirming", "over"))
        return self._shown_now()

    def _shown_now(self) -> Answered:
        with self._counting:
            done, before = len(self.desk.rounds), self._shown
            self._shown = done
        text = shown_results(self._standing())
        return Answered(text, looked=done > before)  # the same scores shown again tell nothing new

    def _standing(self) -> SessionStanding:
        return SessionStanding(self._task, self._config, self.desk, self._kept, self._looks)

    def _trained(self, name: str) -> Candidate:
        for played in self.desk.rounds:
            for candidate in played.candidates:
                if candidate.id == name:
                    return candidate
        raise CallRefused("no such candidate", "`results` lists them.")

    def _wanted(self) -> WantedProgram:
        self.desk.wait(LONGEST_WAIT, ("waiting", "training", "confirming", "over"))
        if self.desk.wanted is None:
            raise CallRefused("not ready", self.desk.error or "The environment is still being looked at: ask again.")
        with self._refreshing:
            if len(rounds := self.desk.rounds) > len(
                self.desk.wanted.rounds
            ):  # the last program's episodes are there, too
                self.desk.wanted = self.desk.wanted.again(rounds)
            return self.desk.wanted

    def _demand_same_card(self) -> None:
        try:
            same = read_task(self._card) == self._task
        except TaskError:
            same = False
        if not same:
            raise CallRefused("card changed", f"The card of {self._task.name} is not what it was when the session began: put it "
                              "back. A session is for the task that it was started with.")  # fmt: skip

    def _record(self, number: int, name: str, written: str, answered: Answered) -> None:
        identity = f"{number:05d}"
        call = AgentCall(id=identity, tool=name, arguments=written, refused=answered.refused,
                         answer=answered.text[:_KEPT_ANSWER], looked=answered.looked)  # fmt: skip
        self._book.put(AGENT_CALLS.of(identity), call)
        if answered.refused:
            self._book.log(f"agent: {name} refused: {answered.refused}")


@contextmanager
def open_session(
    task: Task, config: RunConfig, folder: Path, card: Path, folders: tuple[Path, ...]
) -> Iterator[AgentSession]:
    """A session in a new run folder, which is locked until it ends.

    Args:
        task: what programs are for.
        config: how they are trained; its model is `config.AGENT`.
        folder: the run's; see `session.run.new_folder`.
        card: the task's file.
        folders: whose tasks may be read.

    Raises:
        AutorewardError: as `session.run.start`, before anything is trained.
    """
    demand_trust(of_card(task), f"task {task.name}")
    demand_startable(task, config, folder)
    told = place_of(str(card.parent), folders, envs_folder())
    with Book.create(folder, RunHeader.of(task, config, told)) as book:
        yield AgentSession(book, card, folders)
