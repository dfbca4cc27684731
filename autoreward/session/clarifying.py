"""Ask what a goal means before anything is spent on it: readings, episodes, questions, answers; each is kept as it is made.

A run keeps them in `asking/`, and what came of them in `clarified.json`, which its header is read with from then on. A new card has
the chosen rule and all that was said.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from autoreward import events
from autoreward.config import GRAMMAR, RunConfig
from autoreward.core import seeds
from autoreward.core.transitions import Transitions
from autoreward.core.wording import Command, Setting
from autoreward.design.goal_variations import varied_goal
from autoreward.errors import AnswerNeeded, UsageError
from autoreward.evaluation.clarify import MOST_QUESTIONS, SKIP
from autoreward.evaluation.deliberate import Deliberation, Deliberator, clarification, meaning_lines
from autoreward.evaluation.goal_episodes import GoalEpisode, drawn, recorded_ones
from autoreward.llm.client import ModelClient
from autoreward.records import DEMONSTRATIONS, REFERENCE_EPISODES, Description
from autoreward.roles.brief import brief
from autoreward.roles.goal_reader import read_goal
from autoreward.sandbox.jail import Jail
from autoreward.session.asked_models import model_client
from autoreward.session.new_task import TRIES, Initiated, card_client
from autoreward.session.worker_pool import open_workers
from autoreward.store.book import Book, WithFiles
from autoreward.store.header import read_header
from autoreward.store.keys import ASKED_OF, CLARIFIED, GOAL_ANSWERS, READINGS
from autoreward.tasks.card import Task
from autoreward.tasks.readings import NONE_OF_THEM, GoalAnswer, GoalAnswers, GoalQuestion, Readings
from autoreward.training.workers import Workers

_EPISODES = 20
"""Held-out episodes of a score, as the model that reads the goal of a new card is told."""
GIVEN_ANSWERS = "answers.txt"
"""File of a run: the answers that its person gave it at its start, one a line."""
TO_ANY_QUESTION = {"none": NONE_OF_THEM, "skip": SKIP}
"""Answers to every question, besides those that it offers."""


def demand_askable(task: Task, config: RunConfig) -> None:
    """Raises UsageError if nothing can be asked about the goal of such a run."""
    if config.ask and not task.ruled:
        raise UsageError(
            Setting("ask", config.ask),
            f": task {task.name} has no [success]: there is no rule to be meant otherwise.",
        )
    if config.ask and config.hide_rule:
        raise UsageError(
            Setting("ask", config.ask),
            " shows the rule to the model that reads the goal; leave out ",
            Setting("hide_rule"),
            ".",
        )


def clarify(book: Book, tell: events.Listener) -> None:
    """Ask what a run's goal means, if that is to be asked and has not been; the book's task is what is meant from then on.

    Raises:
        AnswerNeeded: a person has to answer before the run can go on.
        UsageError: an answer that was given is none.
        LimitReached, ProviderError: the model that reads goals may not be asked, or does not answer.
    """
    task, config = book.header.task, book.header.config
    if not config.ask or config.given or book.has(CLARIFIED):
        return

    def describe() -> WithFiles[Description]:
        with (
            Jail(trust_the_model=True) as jail,
            open_workers(config, jail, trust=True) as workers,
        ):  # no program is run here
            return WithFiles(*workers.describe(task, seeds.derive(config.seed, "describe"), book.read(DEMONSTRATIONS)))

    described = book.once(ASKED_OF, describe)
    recorded = book.transitions(ASKED_OF, REFERENCE_EPISODES)

    def read() -> Readings:
        reader = None if config.model == GRAMMAR else model_client(config, book, tell)
        found = readings_of(task, described, recorded, reader, config.full(task), config.episodes)
        for finding in found.findings:
            tell(events.ModelSaid(finding))
        return found

    deliberator = deliberated(task, book.once(READINGS, read), described, recorded)
    answers, lines = book.lone(GOAL_ANSWERS) or GoalAnswers(), answer_lines(book.read(GIVEN_ANSWERS))
    while (stand := deliberator.stand(answers, config.ask)).question is not None:
        if len(answers.items) >= len(lines):
            way = (": ", Command("answer", (book.folder,)), "; then ", Command("resume", (book.folder,)))
            raise AnswerNeeded(stand.question.text, offered_answers(stand.question), *way)
        answers = _kept(book, answers, stand.question, answer_read(lines, len(answers.items), stand.question))
    book.put(CLARIFIED, clarification(task, stand, answers))
    book.header = read_header(book.folder)
    for line in meaning_lines(stand, len(answers.items)):
        tell(events.ModelSaid(line))


def clarified(
    initiated: Initiated,
    asked: str,
    max_cost: float | None,
    say: Callable[[str], None],
    answer: Callable[[Deliberation], int],
) -> Initiated:
    """A drafted card whose rule is the reading of the goal that `answer` has chosen, MOST_QUESTIONS asked at most.

    Args:
        initiated: see `new_task.initiate`.
        asked: name of the model that reads the goal; `grammar` varies the drafted rule.
        max_cost: in dollars, for all that was asked for the card; None: no limit.
        say: told what a person should know.
        answer: the number of the option, SKIP or NONE_OF_THEM; may raise AnswerNeeded.

    Raises:
        TaskError: the card does not fit the environment.
        LimitReached, ProviderError: the model may not be asked, or does not answer.
    """
    path, task = initiated.path, initiated.check(initiated.text)
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:  # no program is run here
        described, files = workers.describe(task, seeds.derive(0, "describe"))
    recorded = Transitions.from_bytes(files[REFERENCE_EPISODES])
    client = None if asked == "grammar" else card_client(path, asked, max_cost, say)
    readings = readings_of(task, described, recorded, client, task.train.steps, _EPISODES)
    for finding in readings.findings:
        say(finding)
    deliberator, answers = deliberated(task, readings, described, recorded), GoalAnswers()
    while (stand := deliberator.stand(answers, MOST_QUESTIONS)).question is not None:
        answers = with_answer(answers, stand.question, answer(stand))
    for line in meaning_lines(stand, len(answers.items)):
        say(line)
    meant = clarification(task, stand, answers).of(initiated.draft.task)
    by = "read so by your answers" if answers.items else "nothing was worth asking about it"
    return initiated._replace(
        draft=initiated.draft._replace(task=meant, guesses={**initiated.draft.guesses, "success": by})
    )


def spoken(ask: Callable[[GoalQuestion], str]) -> Callable[[Deliberation], int]:
    """Who answers by words: asked once more where they are no answer. Raises UsageError if they never are."""

    def answer(stand: Deliberation) -> int:
        question = stand.question
        if question is None:
            return SKIP
        for _ in range(TRIES):
            said = ask(question)
            if (option := option_said(said, question)) is not None:
                return option
        raise UsageError(f"{said!r} is no answer to {question.text!r}; give {offered_answers(question)}.")

    return answer


def readings_of(
    task: Task, described: Description, recorded: Transitions, client: ModelClient | None, steps: int, episodes: int
) -> Readings:
    """How a goal may be meant: as a model reads it, or by the rule's variations where there is none."""
    if client is None:
        return varied_goal(task, described)
    return read_goal(client, brief(task, steps, episodes, described, recorded=recorded), recorded)


def deliberated(task: Task, readings: Readings, described: Description, recorded: Transitions) -> Deliberator:
    """The readings held against recorded episodes and corner traces."""
    return Deliberator(task, readings, goal_pool(task, readings, described, recorded), described.max_steps)


def goal_pool(task: Task, readings: Readings, described: Description, recorded: Transitions) -> list[GoalEpisode]:
    """The corner traces, and the recorded episodes."""
    traces = [
        GoalEpisode(f"trace {number}", trace.words, drawn(task, trace, recorded), 0)
        for number, trace in enumerate(readings.traces)
    ]
    return [*traces, *recorded_ones(task, recorded, described.reference_episodes)]


def answer_waiting(folder: Path, answer: Callable[[Deliberation], int | None]) -> bool:
    """Answer what a run asks about its goal, each answer saved at once; False if `answer` gave None and something still waits.

    Args:
        folder: the run's.
        answer: the number of the option, SKIP, NONE_OF_THEM, or None for later.

    Raises:
        UsageError: the run asks nothing.
    """
    with Book.open(folder) as book:
        task, config = book.header.task, book.header.config
        readings = None if book.has(CLARIFIED) else book.lone(READINGS)
        if readings is None:
            raise UsageError(f"{folder} asks nothing about its goal.")
        recorded = book.transitions(ASKED_OF, REFERENCE_EPISODES)
        deliberator = deliberated(task, readings, book.need(ASKED_OF), recorded)
        answers = book.lone(GOAL_ANSWERS) or GoalAnswers()
        while (stand := deliberator.stand(answers, config.ask)).question is not None:
            option = answer(stand)
            if option is None:
                return False
            answers = _kept(book, answers, stand.question, option)
        return True


def _kept(book: Book, answers: GoalAnswers, question: GoalQuestion, option: int) -> GoalAnswers:
    more = with_answer(answers, question, option)
    book.put(GOAL_ANSWERS, more)
    return more


def with_answer(answers: GoalAnswers, question: GoalQuestion, option: int) -> GoalAnswers:
    """The answers and one more."""
    return GoalAnswers(items=(*answers.items, GoalAnswer(question=question, option=option)))


def answer_lines(data: bytes) -> list[str]:
    """The answers in a file, without what follows `#`. Raises UsageError if it is no text."""
    try:
        lines = [line.partition("#")[0].strip() for line in data.decode().splitlines()]
    except UnicodeDecodeError:
        raise UsageError("The answers can't be read: they are no UTF-8 text.") from None
    return [line for line in lines if line]


def answer_read(lines: Sequence[str], number: int, question: GoalQuestion) -> int:
    """What the line of that number says to a question. Raises UsageError."""
    option = option_said(lines[number], question)
    if option is None:
        raise UsageError(
            f"Answers, line {number + 1}: {lines[number]!r} is no answer to {question.text!r}; write {offered_answers(question)}."
        )
    return option


def option_said(text: str, question: GoalQuestion) -> int | None:
    """The option that a person means by a number, by its words, or by one of TO_ANY_QUESTION; None if none."""
    said = text.strip().lower()
    named = {option.text.lower(): number for number, option in enumerate(question.options)}
    if said in TO_ANY_QUESTION or said in named:
        return {**TO_ANY_QUESTION, **named}[said]
    place = int(said) - 1 if said.isascii() and said.isdigit() and len(said) < 4 else -1
    return place if 0 <= place < len(question.options) else None


def offered_answers(question: GoalQuestion) -> str:
    """`1 (yes), 2 (no), none (none of these is meant) or skip (you don't know)`."""
    numbered = ", ".join(f"{n} ({option.text})" for n, option in enumerate(question.options, start=1))
    return f"{numbered}, none (none of these is meant) or skip (you don't know)"
