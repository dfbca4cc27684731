"""What a person says of a finished run, and what its models may cost from then on: kept in the run, heeded when it goes on."""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import ValidationError

from autoreward.config import wrong_setting
from autoreward.core.wording import Command, Setting
from autoreward.design.grammar.wishes import demand_grantable
from autoreward.errors import UsageError
from autoreward.export import EXPORTED_FOLDERS
from autoreward.llm.client import REPLIES, unused
from autoreward.llm.types import storable
from autoreward.records import Allowance, Feedback, Feedbacks
from autoreward.report.reading import REPORT
from autoreward.session.asked_models import allowance
from autoreward.store.book import CONFIRM_PAGE, Book
from autoreward.store.keys import ALLOWANCE, CLIPS, DESCRIPTION, FEEDBACK, RESULT, ROBUSTNESS, VARIED

CallLimits = Mapping[str, float | None]
NO_LIMITS: CallLimits = MappingProxyType({})


def hear_out(book: Book, text: str) -> None:
    """Save what a person says of a finished run. Raises UsageError; see `feedback` in run.py."""
    if not text.strip():
        raise UsageError('Say what should change, in a sentence, such as "it shakes at the end".')
    if book.lone(RESULT) is None:
        raise UsageError(f"{book.folder} is not finished; finish it with `", Command("resume", (book.folder,)), "`.")
    if book.header.config.given:
        raise UsageError(
            "Feedback is for who designs the next round, and this run only trained a reward that it was given; "
            "start a search from that reward with ", Setting("start", "FILE"), "."
        )  # fmt: skip
    if book.header.config.by_agent:
        raise UsageError(
            "Feedback is for who designs the next round, and the agent that wrote this run's programs is gone; "
            "tell an agent in a new session: ", Command("mcp", (), (Setting("task", book.header.task.name),)), "."
        )  # fmt: skip
    if book.header.config.model == "grammar":
        demand_grantable(storable(text), book.header.task, book.need(DESCRIPTION))
    earlier = book.lone(FEEDBACK) or Feedbacks()
    more = Feedbacks(items=(*earlier.items, Feedback(after=len(book.pages()), text=storable(text.strip()))))
    book.put(FEEDBACK, more)


def heed(book: Book) -> None:
    """Move aside what was made before the last feedback and has not heard it: the result, and replies that no round used."""
    feedbacks = book.lone(FEEDBACK)
    if feedbacks is None:
        return
    name = f"before-feedback-{len(feedbacks.items) - 1}"
    unheard = [
        (f"{REPLIES}/{file}", f"{REPLIES}/{kept}")
        for file, kept in unused(book.files.at(REPLIES).names(), feedbacks.since, name)
    ]
    result = [
        (thing, f"{name}/{thing}")
        for thing in (
            CONFIRM_PAGE,
            *EXPORTED_FOLDERS,
            *(k.folder for k in (CLIPS, ROBUSTNESS, VARIED)),
            REPORT,
            RESULT.file,
        )
    ]
    book.retire([*unheard, *result])


def allow(book: Book, limits: CallLimits) -> None:
    """Keep what a run's model calls may take from now on. Raises ConfigError."""
    if not limits:
        return
    try:
        allowed = Allowance.model_validate({**allowance(book).model_dump(), **limits})
    except ValidationError as error:
        raise wrong_setting(error) from None
    book.put(ALLOWANCE, allowed)
    book.own()
