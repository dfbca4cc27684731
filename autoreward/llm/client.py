"""The one way to ask a model: what was answered before is not asked again, and every reply is on disk before it is read."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from autoreward.core.visible import visible_line
from autoreward.errors import RunChanged, RunDamaged
from autoreward.llm.context import context_window, prompt_room
from autoreward.llm.cost import NO_EFFORTS, Bill, CostLimit, price, tokens
from autoreward.llm.patience import Patience
from autoreward.llm.pictures import PICTURES, demand_pictures, picture_name, question_digest, question_text, sent_tokens
from autoreward.llm.provider import ProviderModel
from autoreward.llm.repeats import Repeats
from autoreward.llm.thinking import thinking_room
from autoreward.llm.types import LLM, Prompt, PromptTooLong, Reply, RetryLater, ToolCall
from autoreward.records import Allowance, Record, ReplyKey
from autoreward.settings import Effort, Role
from autoreward.store.folder import Folder

REPLIES = "replies"
_FAILED = "failed-"
_ROOM = "room.txt"
_LONGEST_ROOM = 20
_RESULTS = "results.txt"
"""JSON, and yet no `.json`: those are replies."""
_LEAST_READ = 0.4
"""Share of the tokens that we expect below which a prompt was cut: no tokenizer needs so few (7.5 characters a token)."""
_LONG_TEXT = 6_000
LONGEST_REPLY = 16 << 20
"""Most bytes of a saved reply."""


class SavedReply(Record):
    """`replies/KEY.json`: a reply as it came, before anything was made of it."""

    key: str
    prompt_sha256: str
    bill: Bill
    reply: Reply
    author: str = ""
    """Who wrote it, if it is a recording that was not made by a model."""


class FailedCall(Record):
    """`replies/KEY.failed-N.json`: a call without an answer, that counts, and costs what it may have cost."""

    key: str
    what: str
    bill: Bill


class ToolResults(Record):
    """`replies/KEY.results.txt`: what came of the calls in a reply, JSON."""

    calls: tuple[ToolCall, ...]
    results: tuple[str, ...]

    def of(self, calls: tuple[ToolCall, ...]) -> tuple[str, ...]:
        """The results. Raises ValueError if they are those of other calls."""
        if calls != self.calls or len(calls) != len(self.results):
            raise ValueError("other calls")
        return self.results


Saved = TypeVar("Saved", SavedReply, FailedCall)


class ModelClient:
    """Asks, within the limit."""

    def __init__(
        self,
        models: Mapping[Role, LLM],
        folder: Path,
        write: Callable[[str, bytes], None],
        allowed: Allowance,
        sleep: Callable[[float], None] = time.sleep,
        tell: Callable[[str], None] = lambda line: None,
        efforts: Mapping[Role, Effort | None] = NO_EFFORTS,
    ) -> None:
        """`folder` is the run's; `write(name, data)` writes a file in it, whole or not at all; `efforts`: how much each thinks.

        `allowed`: dollars and calls in all.
        """
        self.models = models
        self._efforts = efforts
        self._repeats = Repeats()
        self._files = Folder(folder).at(REPLIES)
        self._write = write
        self._sleep = sleep
        self._tell = tell
        self._lock = threading.Lock()
        self._limit = CostLimit(allowed.max_cost, allowed.max_calls, self.bills())
        self._without_tools: set[str] = set()
        """Models of which it was said that they can't call any."""

    def ask(self, prompt: Prompt) -> Reply:
        """The reply to this question: the saved one, or a new one.

        Raises:
            LimitReached: it would cost more than may be spent.
            UsageError: nobody knows what it would cost, and there is a limit.
            NoAnswer: nobody answers by now.
            ProviderError: it refuses; the message says what to do.
            RunChanged: what is saved answers another question.
            ValueError: a picture is no PNG, or they are too many or too large.
        """
        saved = saved_call(self._files, prompt.key, SavedReply)
        demand_pictures(prompt)
        digest = question_digest(prompt)
        if saved is not None:
            if saved.prompt_sha256 != digest:
                raise RunChanged(
                    f"{self._files.path / prompt.key}.json answers another question than the one that is asked now: its prompt has "
                    "changed. Delete it to ask again, or start anew."
                )
            return saved.reply
        model = self.models[prompt.role]
        with self._lock:
            for picture in prompt.pictures:
                self._write(f"{REPLIES}/{PICTURES}/{picture_name(picture)}", picture)
            self._write(f"{REPLIES}/{prompt.key}.prompt.md", question_text(prompt).encode())
            effort = self._efforts.get(prompt.role)
            room = prompt.max_tokens + thinking_room(effort)
            repeated = self._repeats.begin(model.name, prompt.beginning)
            reply, bill = self._answer(model, prompt._replace(effort=effort, max_tokens=room, repeated=repeated))
            self._repeats.add(model.name, prompt.beginning)
            record = SavedReply(key=prompt.key, prompt_sha256=digest, bill=bill, reply=reply)
            self._write(f"{REPLIES}/{prompt.key}.json", record.model_dump_json(indent=1).encode())
            return reply

    def results(
        self, key: str, calls: tuple[ToolCall, ...], run: Callable[[tuple[ToolCall, ...]], tuple[str, ...]]
    ) -> tuple[str, ...]:
        """What came of the calls in the reply to `key`: as it is saved, or as `run` says now. Raises RunDamaged."""
        name = f"{key}.{_RESULTS}"
        if not self._files.has(name):
            found = ToolResults(calls=calls, results=run(calls))
            self._write(f"{REPLIES}/{name}", found.model_dump_json(indent=1).encode())
        try:
            return ToolResults.model_validate_json(self._files.read(name, LONGEST_REPLY)).of(calls)
        except (ValueError, OSError):
            raise RunDamaged(
                f"{self._files.path / name} is damaged or of other calls; delete it to run them again."
            ) from None

    def room(self, key: str, role: Role, answer: int) -> int:
        """Tokens that a prompt may have if its answer may have `answer`: what its model holds, as far as that is known by now.

        The same in every session of a run, whatever the server says by then: a prompt is what its reply is kept by.
        """
        model = self.models[role]
        answer += thinking_room(self._efforts.get(role))
        usual = prompt_room(context_window(model.name), answer)
        kept = self.kept_room(key)
        told = model.context() if isinstance(model, ProviderModel) else None
        if kept is not None or told is None:
            return kept or usual
        self._keep_room(key, room := prompt_room(told, answer))
        return room

    def kept_room(self, key: str) -> int | None:
        """Tokens that the prompt of this key may have, where its server has said so; None where it has not."""
        name = f"{key}.{_ROOM}"
        return int(self._files.read(name, _LONGEST_ROOM)) if self._files.has(name) else None

    def _keep_room(self, key: str, room: int) -> None:
        self._write(f"{REPLIES}/{key}.{_ROOM}", str(room).encode())

    def _answer(self, model: LLM, prompt: Prompt) -> tuple[Reply, Bill]:
        patience = Patience()
        while True:
            reserved = self._limit.reserve(model.name, prompt, sent_tokens(prompt))
            try:
                reply = model.ask(prompt)
            except RetryLater as busy:
                self._failed(model, prompt, reserved, busy)
                wait, line = patience.wait(busy)
                if line:
                    self._tell(line)
                self._sleep(wait)
            except PromptTooLong as long:
                self._limit.give_back(reserved)
                self._keep_room(prompt.key, long.room)
                raise
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt) and reserved:  # it may have been answered, and paid for
                    self._failed(model, prompt, reserved, RetryLater(f"{model.name} was interrupted", trouble="slow"))
                else:
                    self._limit.settle(reserved, None)
                raise
            else:
                bill = _bill(prompt, model.name, reply)
                self._tell_if_cut(model, prompt, reply)
                self._tell_of_tools(model, prompt)
                self._limit.settle(reserved, bill)
                return reply, bill

    def _tell_if_cut(self, model: LLM, prompt: Prompt, reply: Reply) -> None:
        expected = sent_tokens(prompt)
        if 0 < reply.input_tokens < _LEAST_READ * expected and len(prompt.whole) > _LONG_TEXT:
            self._tell(
                f"{model.name} read {reply.input_tokens:,} tokens of a prompt of about {expected:,}: its server cuts prompts; "
                "start it with a longer context (`autoreward help models`)"
            )

    def _tell_of_tools(self, model: LLM, prompt: Prompt) -> None:
        asked = prompt.tools and isinstance(model, ProviderModel) and not model.form.tools
        if asked and model.name not in self._without_tools:
            self._without_tools.add(model.name)
            self._tell(f"{model.name} can't call tools, or its server was not told to offer them: it is asked without")

    def _failed(self, model: LLM, prompt: Prompt, reserved: float, busy: RetryLater) -> None:
        """Count a call that got no answer, and keep what came of it. What may have been paid for stays set aside."""
        if busy.trouble in ("away", "loading"):  # nobody was asked
            self._limit.give_back(reserved)
            return
        if busy.came is not None:
            self._keep(prompt.key, "unreadable-", "txt", busy.came)
        sent, came, dollars = (sent_tokens(prompt), tokens(busy.came or ""), reserved) if busy.may_cost else (0, 0, 0.0)
        bill = Bill(
            role=prompt.role,
            model=model.name,
            input_tokens=sent,
            output_tokens=came,
            dollars=None if price(model.name, 0, 0) is None else dollars,
        )
        self._limit.settle(reserved, bill)
        failed = FailedCall(key=prompt.key, what=str(busy), bill=bill)
        self._keep(prompt.key, _FAILED, "json", failed.model_dump_json(indent=1))

    def bills(self) -> tuple[Bill, ...]:
        """What every call cost, by key, those that failed included. Raises RunDamaged."""
        return saved_bills(self._files)

    def _keep(self, key: str, kind: str, ending: str, text: str) -> None:
        number = sum(name.startswith(f"{key}.{kind}") for name in self._files.names())
        self._write(f"{REPLIES}/{key}.{kind}{number}.{ending}", text.encode())


def saved_bills(replies_folder: Folder) -> tuple[Bill, ...]:
    """What every call in a folder of replies cost, by key, those that failed included. Raises RunDamaged."""
    bills: list[Bill] = []
    for stem in replies_folder.stems():
        failed = any(part.startswith(_FAILED) for part in stem.split(".")[1:])
        call = saved_call(replies_folder, stem, FailedCall) if failed else saved_call(replies_folder, stem, SavedReply)
        bills += [call.bill] if call else []
    return tuple(bills)


def saved_call(files: Folder, stem: str, kind: type[Saved]) -> Saved | None:
    """The reply or the failed call that is saved there; None without one. Raises RunDamaged."""
    try:
        return kind.model_validate_json(files.read(f"{stem}.json", LONGEST_REPLY))
    except FileNotFoundError:
        return None
    except (ValidationError, OSError) as error:
        raise RunDamaged(
            f"{files.path / stem}.json is damaged ({type(error).__name__}); delete it to ask that question again."
        ) from None


def unused(names: Iterable[str], rounds: int, mark: str) -> list[tuple[str, str]]:
    """Files of a folder of replies for rounds that were not played, and names with a mark, under which nobody asks for them."""
    parts = [(ReplyKey.parse(stem), stem, rest) for stem, _, rest in (name.partition(".") for name in names)]
    return [
        (f"{stem}.{rest}", f"{stem}.{mark}.{rest}")
        for key, stem, rest in parts
        if key and key.round >= rounds and not rest.startswith("before-")
    ]


def _bill(prompt: Prompt, name: str, reply: Reply) -> Bill:
    """Servers that count no tokens are taken to have used what the texts' lengths suggest."""
    sent = reply.input_tokens or sent_tokens(prompt)
    received = reply.output_tokens or tokens(reply.text)
    # a server that counts more of a part than of the whole has miscounted the part
    read = min(reply.cache_read_tokens, sent)
    written = min(reply.cache_write_tokens, sent - read)
    return Bill(
        role=prompt.role,
        model=name,
        input_tokens=sent,
        output_tokens=received,
        cache_read_tokens=read,
        cache_write_tokens=written,
        tools=tuple(visible_line(call.name, 40) for call in reply.calls),
        dollars=price(name, sent, received, read, written),
    )
