"""What models were asked and what they answered, call by call, as it is saved; nothing is asked again."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from autoreward.errors import RunDamaged
from autoreward.llm.client import LONGEST_REPLY, REPLIES, FailedCall, SavedReply, saved_call
from autoreward.llm.cost import Bill
from autoreward.records import ReplyKey
from autoreward.report.reading import RunView
from autoreward.store.folder import Folder

_CANDIDATE = re.compile(r"r[0-9]{3,}(?:c[0-9]+|w)")


class ModelCall(NamedTuple):
    """One call."""

    key: str
    """What it is saved under: `r000-repair-0-r000c1`."""
    prompt: str
    answer: str
    """Empty while there is none."""
    bill: Bill | None
    """None while there is no answer."""
    failed: str
    """Why there was none, where it failed."""
    seconds: float | None
    """From the file of the question to that of the answer; a copy of a run may have lost it."""
    began: float
    """When the question was written, in seconds since 1970."""

    @property
    def cost(self) -> str:
        """Tokens and dollars in words."""
        if self.bill is None:
            return "no answer is saved"
        price = "price not known" if self.bill.dollars is None else f"${self.bill.dollars:.4f}"
        return f"{self.bill.input_tokens:,} tokens in, {self.bill.output_tokens:,} out, {price}"

    @property
    def took(self) -> str:
        """How long, in words; empty where that is not known."""
        return "" if self.seconds is None else f"{self.seconds:.1f} s"

    @property
    def round(self) -> int:
        """The round that it was asked for; 0 for what was asked before any."""
        parsed = ReplyKey.parse(self.key)
        return parsed.round if parsed else 0

    def made(self, candidate_id: str, number: int) -> bool:
        """Whether a candidate of that round may have come of it, or been judged in it: it names the candidate, or names none."""
        parsed = ReplyKey.parse(self.key)
        if parsed is None or parsed.round != number:
            return False
        named = _CANDIDATE.findall(parsed.question)
        return not named or candidate_id in named


def model_calls(reading: RunView) -> tuple[ModelCall, ...]:
    """Every call of a run, in the order in which they were asked. Raises RunDamaged."""
    replies = reading.files.at(REPLIES)
    names = set(replies.names())
    calls: list[ModelCall] = []
    for stem in sorted({name.partition(".")[0] for name in names if name.endswith((".json", ".prompt.md"))}):
        question = f"{stem}.prompt.md"
        prompt = _text(replies, question) if question in names else ""
        began = replies.modified(question) if question in names else 0.0
        for name in sorted(n for n in names if n.startswith(f"{stem}.failed-") and n.endswith(".json")):
            failed = saved_call(replies, name.removesuffix(".json"), FailedCall)
            if failed:
                calls.append(ModelCall(stem, prompt, "", failed.bill, failed.what, None, began))
        saved = saved_call(replies, stem, SavedReply)
        ended = replies.modified(f"{stem}.json") if saved else 0.0
        if saved or question in names:
            calls.append(
                ModelCall(
                    stem,
                    prompt,
                    _answer(saved) if saved else "",
                    saved.bill if saved else None,
                    "",
                    max(ended - began, 0.0) if saved and began else None,
                    began,
                )
            )
    return tuple(sorted(calls, key=lambda call: (call.began, call.key)))


def dollars_by_round(calls: Sequence[ModelCall]) -> dict[int, float]:
    """What the calls of each round cost; without those whose price is not known."""
    spent: dict[int, float] = {}
    for call in calls:
        spent[call.round] = spent.get(call.round, 0.0) + ((call.bill.dollars or 0.0) if call.bill else 0.0)
    return spent


def _answer(saved: SavedReply) -> str:
    """What was said, and which tools were called in it."""
    called = [f"called {call.name} {call.arguments}" for call in saved.reply.calls]
    return "\n".join(filter(None, (saved.reply.text, *called)))


def _text(replies: Folder, name: str) -> str:
    try:
        return replies.read(name, LONGEST_REPLY).decode("utf-8", errors="replace")
    except OSError as error:
        raise RunDamaged(f"{replies.path / name} can't be read: {error.strerror}.") from None
