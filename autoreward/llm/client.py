"""The one way to ask a model: what was answered before is not asked again, and every reply is on disk before it is read."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from autoreward.errors import NoAnswer, RunChanged, RunDamaged
from autoreward.llm.cost import Bill, CostLimit, price, tokens
from autoreward.llm.types import LLM, Prompt, Reply, RetryLater, Role
from autoreward.records import Record, ReplyKey
from autoreward.store.folder import Folder

REPLIES = "replies"
_ATTEMPTS = 4
_WAIT_SECONDS = (1.0, 4.0, 16.0)
"""Before the second, third and fourth try, unless the provider says how long."""
_LONGEST_WAIT = 120.0
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


class ModelClient:
    """Asks, within the limit."""

    def __init__(
        self,
        models: Mapping[Role, LLM],
        folder: Path,
        write: Callable[[str, bytes], None],
        max_cost: float | None,
        max_calls: int,
        sleep: Callable[[float], None] = time.sleep,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        """`folder` is the run's; `write(name, data)` writes a file in it, whole or not at all."""
        self.models = models
        self._files = Folder(folder).at(REPLIES)
        self._write = write
        self._sleep = sleep
        self._tell = tell
        self._lock = threading.Lock()
        self._limit = CostLimit(max_cost, max_calls, self.bills())

    def ask(self, prompt: Prompt) -> Reply:
        """The reply to this question: the saved one, or a new one.

        Raises:
            LimitReached: it would cost more than may be spent.
            UsageError: nobody knows what it would cost, and there is a limit.
            NoAnswer: nobody answers by now.
            ProviderError: it refuses; the message says what to do.
            RunChanged: what is saved answers another question.
        """
        saved = _saved(self._files, prompt.key)
        digest = hashlib.sha256(prompt.whole.encode()).hexdigest()
        if saved is not None:
            if saved.prompt_sha256 != digest:
                raise RunChanged(
                    f"{self._files.path / prompt.key}.json answers another question than the one that is asked now: its prompt has "
                    "changed. Delete it to ask again, or start anew."
                )
            return saved.reply
        model = self.models[prompt.role]
        with self._lock:
            self._write(f"{REPLIES}/{prompt.key}.prompt.md", prompt.whole.encode())
            for attempt in range(_ATTEMPTS):
                reserved = self._limit.reserve(model.name, prompt)
                try:
                    reply = model.ask(prompt)
                except RetryLater as busy:
                    if busy.came is None:
                        self._limit.settle(reserved, None)
                    else:  # it may have been paid for: the money stays set aside, and what came is kept
                        self._keep(prompt.key, busy.came)
                    self._wait(busy, attempt)
                    continue
                except BaseException:
                    self._limit.settle(reserved, None)
                    raise
                bill = _bill(prompt, model.name, reply)
                self._limit.settle(reserved, bill)
                record = SavedReply(key=prompt.key, prompt_sha256=digest, bill=bill, reply=reply)
                self._write(f"{REPLIES}/{prompt.key}.json", record.model_dump_json(indent=1).encode())
                return reply
        raise AssertionError("unreachable")

    def bills(self) -> tuple[Bill, ...]:
        """What every saved reply cost, by key. Raises RunDamaged."""
        return saved_bills(self._files)

    def _keep(self, key: str, came: str) -> None:
        number = sum(name.startswith(f"{key}.unreadable-") for name in self._files.names())
        self._write(f"{REPLIES}/{key}.unreadable-{number}.txt", came.encode())

    def _wait(self, busy: RetryLater, attempt: int) -> None:
        wait = (
            busy.wait_seconds if busy.wait_seconds is not None else _WAIT_SECONDS[min(attempt, len(_WAIT_SECONDS) - 1)]
        )
        if attempt == _ATTEMPTS - 1 or wait > _LONGEST_WAIT:
            asked = f"asked to wait {wait:g} s" if wait > _LONGEST_WAIT else f"did so {_ATTEMPTS} times"
            raise NoAnswer(f"{busy}; it {asked}.")
        self._tell(f"{busy}; asking again in {wait:g} s")
        self._sleep(wait)


def saved_bills(replies_folder: Folder) -> tuple[Bill, ...]:
    """What every reply in a folder of replies cost, by key. Raises RunDamaged."""
    replies = (_saved(replies_folder, key) for key in replies_folder.stems())
    return tuple(saved.bill for saved in replies if saved is not None)


def _saved(files: Folder, key: str) -> SavedReply | None:
    try:
        return SavedReply.model_validate_json(files.read(f"{key}.json", LONGEST_REPLY))
    except FileNotFoundError:
        return None
    except (ValidationError, OSError) as error:
        raise RunDamaged(
            f"{files.path / key}.json is damaged ({type(error).__name__}); delete it to ask that question again."
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
    sent = reply.input_tokens or tokens(prompt.whole)
    received = reply.output_tokens or tokens(reply.text)
    return Bill(
        role=prompt.role,
        model=name,
        input_tokens=sent,
        output_tokens=received,
        dollars=price(name, sent, received),
    )
