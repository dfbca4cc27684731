"""A task card for any environment: survey it in a worker, draft the card, let a model name things if one is configured."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from autoreward.core.wording import Setting
from autoreward.errors import NoAnswer, TaskError, UsageError
from autoreward.llm.client import ModelClient
from autoreward.llm.open import open_client
from autoreward.llm.types import storable
from autoreward.records import Allowance, EnvCheck, EnvRow
from autoreward.roles.card_writer import propose
from autoreward.sandbox.jail import Jail
from autoreward.store.files import demand_place, plain_name
from autoreward.store.folder import Folder
from autoreward.store.trust import demand, keep, of_card, of_program
from autoreward.tasks.algorithms import ALGORITHMS, AlgorithmName
from autoreward.tasks.card import STATE_PROGRAM, Task
from autoreward.tasks.draft.guess import Draft, draft_task
from autoreward.tasks.draft.questions import CardQuestion, answered
from autoreward.tasks.draft.write import card_text
from autoreward.tasks.files import parse_task, placeholder_task, read_state_program, read_task
from autoreward.tasks.process import Process, process_of
from autoreward.training.workers import Workers

TRIES = 10
"""Times that one question is asked: a program that answers might say the same for ever."""
_MOST_CALLS = 12
"""Of the model, for one card: the fields and the rule, and how the goal may be meant."""
DRAFT_COST = 0.25
"""Most that a model's help with a card may cost, in dollars, if nobody says otherwise."""


class CardWishes(TypedDict, total=False):
    """What a new card is to be, where it is not as usual."""

    kwargs: Mapping[str, object]
    name: str | None
    to: str | Path
    allow: Sequence[str]
    algorithm: str


class Wanted(NamedTuple):
    """What a person wants a card for."""

    env: str
    """Any id that gymnasium.make accepts; `module:ID` imports a package first."""
    kwargs: dict[str, Any]
    """Arguments for gymnasium.make."""
    goal: str
    path: Path
    """The card to be written, `.../NAME/task.toml`."""
    process: Process = Process()
    """What the card asks for, as seen from its folder: its module may lie there, or in the current folder."""
    algorithm: AlgorithmName = "PPO"
    """What the card trains with."""

    @classmethod
    def of(
        cls,
        env: str,
        kwargs: dict[str, Any],
        goal: str,
        name: str | None,
        to: Path,
        allow: Sequence[str] = (),
        algorithm: str = "PPO",
    ) -> "Wanted":
        """A card in a folder of that name within `to`; None makes a name from the id. Raises UsageError."""
        path = to / plain_name(name or _task_name(env, kwargs)) / "task.toml"
        process = process_of(env, allow, path.parent.absolute())
        return cls(env, kwargs, storable(goal), path, process, _known_algorithm(algorithm))


class Initiated(NamedTuple):
    """A drafted task card, not written yet."""

    path: Path
    draft: Draft
    questions: tuple[CardQuestion, ...]
    """What the model has to ask, most important first; all of them are to be answered, if with nothing."""
    findings: tuple[str, ...]
    """What was wrong with the model's answers."""

    @property
    def text(self) -> str:
        """The card's text."""
        return card_text(self.draft)

    def answered(self, answer: Callable[[CardQuestion], str]) -> "Initiated":
        """With each question answered: an empty answer takes the model's proposal, if there is one, and `no` changes nothing.

        `answer` is asked again, with what is wrong in the question's text, until the card can be what it says.

        Raises:
            UsageError: it gave no usable answer however often it was asked.
        """
        drafted = self.draft
        for question in self.questions:
            asked = question
            for _ in range(TRIES):
                try:
                    drafted = answered(drafted, question, answer(asked))
                    break
                except TaskError as error:
                    asked = question._replace(text=f"{str(error).removeprefix('the answer: ')} {question.text}")
            else:
                raise UsageError(f"There is no usable answer after {TRIES} attempts: {asked.text}")
        return self._replace(draft=drafted, questions=())

    def check(self, text: str) -> Task:
        """The task that such a text would be. Raises TaskError."""
        return parse_task(text, self.path)

    def keep(self, text: str) -> None:
        """Write the card, and let in what it does, since it was made here. Raises TaskError, StoreError, UsageError."""
        task = self.check(text)
        files = Folder(self.path.parent)
        files.make()
        files.write(self.path.name, text.encode())
        keep(of_card(task))


def initiate(wanted: Wanted, model: str, max_cost: float | None, say: Callable[[str], None]) -> Initiated:
    """Survey an environment and draft its card, with a model's help unless it is `grammar`.

    Raises:
        UsageError: there is such a task already, or no place for it.
        TaskError: the environment can't be made or trained in; the message says the way out.
        ProviderError: the model does not answer, or refuses.
    """
    path = wanted.path
    demand_place(path.parent)
    if path.exists():
        raise UsageError(f"{path} is there already; choose another name, or delete it.")
    name = path.parent.name
    program = read_state_program(path)
    demand(of_program(STATE_PROGRAM, program), f"{path.parent}")
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:  # nothing of a model's is run here
        blank = placeholder_task(wanted.env, wanted.kwargs, name, program)
        blank = blank.model_copy(update={"process": wanted.process.seen_from(path.parent)})
        for row in demand_usable(workers.check_env(blank)):
            say(f"{row.name}: {row.sentence}")
        survey = workers.survey(blank)
    for key in survey.left_out:
        say(f"obs.{key} is left out: it is not a number.")
    drafted = draft_task(survey, name, wanted.goal, wanted.kwargs, wanted.algorithm)
    drafted = drafted._replace(task=drafted.task.model_copy(update={"process": wanted.process}))
    questions: tuple[CardQuestion, ...] = ()
    findings: tuple[str, ...] = ()
    if model != "grammar":
        limit = "no limit in dollars" if max_cost is None else f"at most ${max_cost:.2f}"
        say(f"{model} names the fields and proposes a success rule; {limit}.")
        client = card_client(path, model, max_cost, say)
        try:
            drafted, questions, findings = propose(client, survey, drafted)
        except NoAnswer as error:
            raise NoAnswer(
                *error.args, " No card is written: try again later, or with ", Setting("model", "grammar"), "."
            ) from None
    return Initiated(path, drafted, questions, findings)


def card_client(path: Path, model: str, max_cost: float | None, say: Callable[[str], None]) -> ModelClient:
    """Where a model is asked about a card to be written; replies are kept beside it. Raises UsageError."""
    files = Folder(path.parent)

    def write(file: str, data: bytes) -> None:
        files.make()
        files.write(file, data)

    return open_client(
        {"designer": model}, path.parent, write, Allowance(max_cost=max_cost, max_calls=_MOST_CALLS), say
    )


def demand_usable(check: EnvCheck) -> tuple[EnvRow, ...]:
    """The rows of a check that warn. Raises TaskError, with the first row that says so, if nothing can be trained."""
    for row in check.failed:
        if not row.asks:
            raise TaskError(f"{check.env}: {row.sentence}")
        settings = [part for kind in row.asks for part in (" ", Setting("allow", kind))]
        raise TaskError(f"{check.env}: {row.sentence} To allow it from the start:", *settings)
    return tuple(row for row in check.rows if row.gravity == "warn")


def _known_algorithm(name: str) -> AlgorithmName:
    if algorithm := {known.lower(): known for known in ALGORITHMS}.get(name.lower()):
        return algorithm
    raise UsageError(f"{name!r} is no algorithm that a card is drafted for; write {', '.join(ALGORITHMS)}.")


def take_proposal(question: CardQuestion) -> str:
    """The answer of those who do not want to be asked: the model's own, if it has one."""
    return ""


def task_for(
    wanted: Wanted,
    model: str,
    say: Callable[[str], None],
    answer: Callable[[CardQuestion], str] = take_proposal,
    meant: Callable[[Initiated], Initiated] = lambda drafted: drafted,
) -> Task:
    """The task of the card that is there, or of one that is drafted and written now.

    `answer` is called with each question that the model has; see `Initiated.answered`. `meant` may change what it gave before it is
    written.

    Raises:
        UsageError: the card that is there is for something else.
        TaskError, ProviderError: see `initiate`.
    """
    if not wanted.path.exists():
        drafted = initiate(wanted, model, DRAFT_COST, say)
        for finding in drafted.findings:
            say(f"the model's answer: {finding}")
        drafted = meant(drafted.answered(answer))
        drafted.keep(drafted.text)
    task = read_task(wanted.path)
    if (task.env, task.goal) != (wanted.env, wanted.goal):
        raise UsageError(
            f"{wanted.path} is a card for {task.env} with the goal {task.goal!r}; give that path as the task, or delete it."
        )
    if wanted.kwargs and task.kwargs != wanted.kwargs:
        raise UsageError(
            f"{wanted.path} is a card for {task.env} with other arguments; choose another name, or delete it."
        )
    return task


def _task_name(env: str, kwargs: dict[str, Any]) -> str:
    """A folder's name for an id: `metaworld:Meta-World/MT1` with reach-v3 becomes `mt1-reach`."""
    words = [env.rpartition(":")[2].rpartition("/")[2], str(kwargs.get("env_name", ""))]
    plain = "-".join(re.sub(r"-v\d+$", "", word) for word in words if word)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "-", plain).strip("-").lower()
