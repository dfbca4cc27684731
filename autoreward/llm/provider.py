"""A model behind HTTP: asked through its provider's SDK, in the form that its server takes."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator

from autoreward.core.visible import visible_line
from autoreward.core.wording import Setting
from autoreward.llm.forms import MENDABLE, SHORTEST_ANSWER, Form, Refusal, TooLong, after_refusal, alternatives
from autoreward.llm.keys import PROVIDER_ADDRESSES, Access
from autoreward.llm.pictures import sent_tokens
from autoreward.llm.types import Prompt, PromptTooLong, Reply, RequestRefused, RetryLater, TimeLimits

QUICK = TimeLimits(10.0, 10.0)
"""For what a server knows without a model."""
_PICTURES = re.compile(r"image|vision|multi-?modal", re.IGNORECASE)
_THINKING = re.compile(r"effort|reasoning|thinking", re.IGNORECASE)
_MOST_FORMS = 25
"""In which a question is asked, at most."""


class ProviderModel(ABC):
    """What both SDKs share; see `anthropic_api.py` and `openai_api.py`."""

    def __init__(self, name: str, model: str, access: Access, limits: TimeLimits, form: Form) -> None:
        self.name = name
        self.form = form
        """The form in which it is asked, as far as it is known by now."""
        self._model = model
        self._access = access
        self._limits = limits
        self._elsewhere = access.address not in PROVIDER_ADDRESSES.values()
        """Whether the server is not the provider's own: compatible ones differ in what they know."""
        self._looked = not self._elsewhere

    def ask(self, prompt: Prompt) -> Reply:
        """Answer once, structured where the server can. Raises RetryLater, RequestRefused or PromptTooLong."""
        self.context()
        form, sent = self.form, sent_tokens(prompt)
        first: RequestRefused | None = None
        others: Iterator[Form] | None = None
        for _ in range(_MOST_FORMS):
            if tight := form.too_long(prompt, sent):
                raise self._too_long(tight, prompt, sent)
            try:
                reply = self.once(prompt, form)
            except (RetryLater, RequestRefused) as fault:
                if fault.status not in MENDABLE:
                    raise
                refusal = Refusal(fault.said, prompt, sent, fault.status)
                after = after_refusal(form, refusal)
                if isinstance(after, TooLong):
                    raise self._too_long(after, prompt, sent, fault.status) from None
                if after is None and prompt.pictures and _PICTURES.search(fault.said):
                    raise self._blind(fault) from None
                if after is None and prompt.effort and _THINKING.search(fault.said):
                    raise self._no_such_effort(prompt, fault) from None
                if after is not None:
                    form = after
                    self.form = self.form if others else after
                    continue
                if isinstance(fault, RetryLater) or not self._elsewhere or fault.status == 413:
                    raise
                first, others = first or fault, others or alternatives(form, bool(prompt.tools))
                if (next_one := next(others, None)) is None:
                    break
                form = next_one
            else:
                self.form = form
                return reply
        raise first or RequestRefused(f"{self.name} refused every form of the question that is known.")

    def context(self) -> int | None:
        """Tokens that question and answer may have together, where the server says so; None: it does not, or is not up."""
        if not self._looked:
            told = self.told()
            if told is not None:
                self._looked = True
                self.form = self.form.with_context(told)
        return self.form.context

    @abstractmethod
    def once(self, prompt: Prompt, form: Form) -> Reply:
        """Ask in this form. Raises RetryLater or RequestRefused."""

    @abstractmethod
    def told(self) -> int | None:
        """The context by the server's list of models; 0: it has none that says so; None: it can't be asked now."""

    def _blind(self, fault: RetryLater | RequestRefused) -> RequestRefused:
        return RequestRefused(
            f"{self.name} refused ({fault.status}) the pictures of a question: it said: {visible_line(fault.said, 200)}. Choose a "
            "model that sees.",
            status=fault.status,
        )

    def _no_such_effort(self, prompt: Prompt, fault: RetryLater | RequestRefused) -> RequestRefused:
        setting = Setting("effort" if prompt.role == "designer" else f"{prompt.role}_effort")
        return RequestRefused(
            f"{self.name} refused ({fault.status}) to think as asked ({prompt.effort}): it said: {visible_line(fault.said, 200)}. "
            "Choose another ",
            setting,
            ", or none.",
            status=fault.status,
        )

    def _too_long(self, found: TooLong, prompt: Prompt, sent: int, status: int = 0) -> PromptTooLong:
        held = found.context or found.sent
        spare = min(prompt.max_tokens, max(held // 3, SHORTEST_ANSWER))
        room = int((held - spare) * sent / max(found.sent, 1))
        holds = f"holds {found.context:,}" if found.context else "holds fewer"
        return PromptTooLong(
            f"{self.name} refused{f' ({status})' if status else ''}: the prompt is too long for it: about {found.sent:,} "
            f"tokens and an answer, and it {holds}. "
            "Start it with a longer context (`autoreward help models`), or choose a model with one.",
            room=max(room, 0),
        )
