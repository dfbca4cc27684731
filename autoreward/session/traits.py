"""What people say of steps of recorded episodes: kept, and made into numbers that are measured from then on."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from autoreward import events
from autoreward.core.transitions import Transitions
from autoreward.core.wording import Setting
from autoreward.errors import LimitReached, UsageError
from autoreward.evaluation.ranking import latest
from autoreward.evaluation.symptoms import in_order_of_gravity
from autoreward.evaluation.traits import ProposedTrait, SaidOf, made_traits, named_traits, trait_symptoms
from autoreward.judges.sides import Sides
from autoreward.llm.client import ModelClient
from autoreward.llm.types import storable
from autoreward.records import EPISODES, Aspect, Diagnosis, Feedbacks, Traits
from autoreward.report.reading import RunView, read_run
from autoreward.roles.brief import brief
from autoreward.roles.trait_writer import proposed_traits
from autoreward.session.asked_models import model_client
from autoreward.settings import Role
from autoreward.store.book import Book, WithFiles
from autoreward.store.keys import ASPECTS, DESCRIPTION, FEEDBACK, PREFERENCES, SCORES, TRAITS
from autoreward.store.played import played_episode, played_episodes
from autoreward.store.shared import digest
from autoreward.tasks.card import Task

ENOUGH_WORDS = 3
"""Sayings from which on a model is asked what they come down to."""
_AT = re.compile(r"(?:([A-Za-z0-9_-]+)~)?([0-9]{1,6})(?::([0-9]{1,9})-([0-9]{1,9}))?")
_HOW = "write EPISODE, EPISODE:FIRST-LAST or WHO~EPISODE:FIRST-LAST, such as 7:120-180 or r000c1~7:120-180"


class Meant(NamedTuple):
    """Some steps of a recorded episode."""

    page: str
    trial_id: str
    episode: int
    begin: int
    end: int
    transitions: Transitions
    """The whole episode, shape (L, 1)."""


def meant(reading: RunView, at: str) -> Meant:
    """What `at` says: an episode of a clip (`winner`, where nobody is named), a candidate or a training, and its steps.

    Raises:
        UsageError: there is no such episode, or it has no such steps.
    """
    match = _AT.fullmatch(at.strip())
    if match is None:
        raise UsageError(Setting("at", at), f": {_HOW}.")
    who, episode = match[1] or "winner", int(match[2])
    page, trial_id = _policy(reading, who, at)
    try:
        whole = played_episode(reading.page(page), trial_id, episode)
    except IndexError as error:
        raise UsageError(Setting("at", at), f": {error}, counted from 0.") from None
    length = len(whole.step)
    begin, end = (int(match[3]), int(match[4])) if match[3] else (1, length)
    if not 1 <= begin <= end <= length:
        raise UsageError(Setting("at", at), f": episode {episode} of {trial_id} has the steps 1 to {length}.")
    return Meant(page, trial_id, episode, begin, end, whole)


def _policy(reading: RunView, who: str, at: str) -> tuple[str, str]:
    """The page and the training."""
    for clip in reading.clips:
        if clip.id == who:
            return clip.page, clip.trial_id
    usable = [saved for saved in reading.search_scores if saved.score.outcome.ok]
    wanted = (reading.run.best if reading.run else "") if who == "winner" else who
    newest = [score.trial_id for score in latest([saved.score for saved in usable]).get(wanted, [])]
    for saved in usable:
        if saved.score.trial_id in (who, *newest[:1]):
            return saved.page, saved.score.trial_id
    known = ", ".join([*(clip.id for clip in reading.clips), *(v.candidate.id for v in reading.candidates if v.scores)])
    raise UsageError(Setting("at", at), f": no policy of {who!r} was scored; there are {known or 'none yet'}.")


def hear_aspect(book: Book, reading: RunView, text: str, at: str, praised: bool, field: str) -> Aspect:
    """Keep what a person says of some steps. Raises UsageError."""
    task = book.header.task
    if not text.strip():
        raise UsageError('Say what you saw there, such as "it drags its left leg".')
    if field and field not in _fields(task):
        raise UsageError(Setting("field", field), f": the task has {', '.join(_fields(task))}.")
    found = meant(reading, at)
    aspect = Aspect(
        id=f"{len(book.saved(ASPECTS)):04d}",
        text=storable(text.strip()),
        page=found.page,
        trial_id=found.trial_id,
        episode=found.episode,
        begin=found.begin,
        end=found.end,
        praised=praised,
        field=field or named_field(task, text),
    )
    # with its episode: a confirmation's are moved aside when the run goes on
    return book.once(ASPECTS.of(aspect.id), lambda: WithFiles(aspect, {EPISODES: found.transitions.to_bytes()}))


def _fields(task: Task) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*task.state, *task.action)))


def named_field(task: Task, text: str) -> str:
    """The field that a sentence has as a word; empty if it has none, or several."""
    found = [name for name in _fields(task) if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
    return found[0] if len(found) == 1 else ""


def everything_said(book: Book) -> list[SaidOf]:
    """What people said of steps of episodes, and the reasons of what they prefer: of all that was shown, whole."""
    said = [SaidOf(one, book.transitions(ASPECTS.of(one.id), EPISODES)) for one in book.saved(ASPECTS)]
    return [*said, *_reasons(book)]


def _reasons(book: Book) -> Iterator[SaidOf]:
    sides = Sides(book.pages())
    for preference in book.saved(PREFERENCES):
        if not preference.reason or preference.answer == "tie":
            continue
        for name, side in zip(preference.question.sides, sides.of(preference.question), strict=True):
            episode = side.transitions
            yield SaidOf(
                Aspect(
                    id=preference.aspect(name),
                    text=preference.reason,
                    page=side.page.files.within,
                    trial_id=side.score.trial_id,
                    episode=side.episode,
                    begin=1,
                    end=len(episode.step),
                    praised=preference.answer == name,
                    field=named_field(book.header.task, preference.reason),
                ),
                episode,
            )


def make_traits(book: Book, client: ModelClient | None, role: Role | None) -> Traits:
    """What all that was said comes down to, kept as what is measured from now on.

    By the fields that were named; and by what a model proposes, where one is asked as `role` and enough was said.

    Raises:
        ProviderError: nobody answers; what was said is kept.
    """
    said = everything_said(book)
    proposed = named_traits(book.header.task, said)
    findings: tuple[str, ...] = ()
    if client is not None and role is not None and len(said) >= ENOUGH_WORDS:
        more, findings = _by_model(book, client, role, said)
        proposed = [*proposed, *more]
    made = made_traits(book.header.task, said, proposed)
    made = made.model_copy(update={"findings": (*findings, *made.findings)})
    book.put(TRAITS, made)
    return made


class Heard(NamedTuple):
    """What came of a saying."""

    aspect: Aspect
    traits: Traits
    by_model: bool
    """Whether the run has a model that is asked."""


def say_of_steps(folder: Path, text: str, at: str, praised: bool, field: str, tell: Callable[[str], None]) -> Heard:
    """Keep what a person says of some steps of a run, and make it a number where that can be; nothing is trained.

    Args:
        folder: the run's.
        text: what is said.
        at: of which steps, as `meant` reads it.
        praised: whether it is good.
        field: what it is about; empty: the one that the text names, if there is one.
        tell: told what happens to the model.

    Raises:
        UsageError: there is no such run, episode or field, or nothing is said.
        ProviderError: the model does not answer; what was said is kept.
    """
    with Book.open(folder) as book:
        aspect = hear_aspect(book, read_run(folder), text, at, praised, field)
        client, role = _asked(book, tell)
        return Heard(aspect, make_traits(book, client, role), role is not None)


def traits_of_reasons(folder: Path, tell: Callable[[str], None]) -> Traits | None:
    """What everything that was said by now comes down to; None where nothing is new, or no preference has a reason.

    Raises as `say_of_steps`.
    """
    with Book.open(folder) as book:
        if not any(preference.reason for preference in book.saved(PREFERENCES)):
            return None
        before = book.lone(TRAITS)
        client, role = _asked(book, tell)
        made = make_traits(book, client, role)
    return made if made != before else None


def _asked(book: Book, tell: Callable[[str], None]) -> tuple[ModelClient | None, Role | None]:
    """The run's models, and as what one is asked."""

    def hear(event: events.Event) -> None:
        if isinstance(event, events.ModelSaid):
            tell(event.line)

    return model_client(book.header.config, book, hear), trait_asker(tuple(book.header.config.models))


def _by_model(
    book: Book, client: ModelClient, role: Role, said: Sequence[SaidOf]
) -> tuple[list[ProposedTrait], tuple[str, ...]]:
    task, config = book.header.task, book.header.config
    about = brief(task, config.full(task), config.episodes, book.need(DESCRIPTION), not config.hide_rule)
    key = f"traits-{digest([one.aspect.model_dump() for one in said])[:12]}"
    try:
        return proposed_traits(client, key, role, about, said)
    except LimitReached as limit:
        return [], (f"no model was asked: {limit}",)


def trait_asker(models: Sequence[Role]) -> Role | None:
    """As what a run's model is asked for traits; None where it asks none."""
    return next((role for role in ("analyzer", "judge") if role in models), None)


def told_by_people(book: Book) -> tuple[str, ...]:
    """What people said of earlier results, and what is measured of their words."""
    said = tuple(feedback.text for feedback in (book.lone(FEEDBACK) or Feedbacks()).items)
    measured = tuple(
        f"{trait.about or trait.name}: measured as {trait.measured_as}, {trait.better} is better; "
        f"{trait.praised:.3g} where it was good, {trait.blamed:.3g} where it was blamed"
        for trait in (book.lone(TRAITS) or Traits()).items
    )
    return (*said, *measured)


def with_traits(book: Book, diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis with what people blamed and its typical training's episodes have, gravest first."""
    traits = book.lone(TRAITS)
    page = next((page for page in book.pages() if page.has(SCORES.of(diagnosis.typical))), None)
    if traits is None or not traits.items or page is None:
        return diagnosis
    found = trait_symptoms(book.header.task, traits.items, played_episodes(page, diagnosis.typical))
    return diagnosis.model_copy(update={"symptoms": in_order_of_gravity((*diagnosis.symptoms, *found))})
