"""Anthropic's Messages API through its own SDK."""

from typing import TYPE_CHECKING, Any

from autoreward.llm.cost import tokens
from autoreward.llm.forms import Form
from autoreward.llm.keys import Access
from autoreward.llm.provider import ProviderModel
from autoreward.llm.provider_errors import provider_fault, unreadable_answer
from autoreward.llm.responses import NotAnAnswer, anthropic_reply
from autoreward.llm.thinking import thinking_room
from autoreward.llm.types import Prompt, Reply, TimeLimits, time_limits

_LEAST_BUDGET = 1024
"""Tokens of thinking that models which know no `adaptive` take at least."""

if TYPE_CHECKING:
    import anthropic


class AnthropicModel(ProviderModel):
    """A model of Anthropic, or of a server that speaks its protocol. Its SDK is loaded when it is first asked."""

    def __init__(self, name: str, model: str, access: Access, limits: TimeLimits | None = None) -> None:
        super().__init__(name, model, access, limits or time_limits(access.address), Form())
        self._client: anthropic.Anthropic | None = None

    def once(self, prompt: Prompt, form: Form) -> Reply:
        """Ask in this form. Raises RetryLater or RequestRefused."""
        import anthropic

        from autoreward.llm.transport import HttpClient, as_text, timeouts

        if self._client is None:
            key = {"x-api-key": self._access.key} if self._access.key else {}
            headers = {**self._access.headers, **key}
            self._client = anthropic.Anthropic(
                api_key="not given to the SDK",
                base_url=self._access.address,
                timeout=timeouts(self._limits),
                max_retries=0,  # our own are within the budget; the SDK's would not be
                http_client=HttpClient(self.name, self._access.address, headers, self._limits),
            )
        room = form.answer_room(prompt, tokens(prompt.whole))
        output: dict[str, Any] = {}
        asked: dict[str, Any] = {}
        if prompt.effort == "none":
            asked["thinking"] = {"type": "disabled"}
        elif prompt.effort and form.adaptive:
            asked["thinking"], output["effort"] = {"type": "adaptive"}, prompt.effort
        elif prompt.effort:
            budget = min(thinking_room(prompt.effort), room // 2)
            asked["thinking"] = {"type": "enabled", "budget_tokens": max(budget, _LEAST_BUDGET)}
        if form.structured:
            output["format"] = {"type": "json_schema", "schema": prompt.schema}
        if output:
            asked["output_config"] = output
        if form.streamed:
            asked["stream"] = True
        try:
            answer = self._client.messages.with_raw_response.create(
                model=self._model,
                max_tokens=room,
                messages=_messages(prompt, form),
                **asked,
            )
        except anthropic.AnthropicError as error:
            raise provider_fault(error, self.name, self._access.variable) from None
        body = as_text(answer.http_response.content)
        try:
            return anthropic_reply(body, self._model)
        except NotAnAnswer as why:
            raise unreadable_answer(self.name, why, body) from None

    def told(self) -> int | None:
        """See `ProviderModel`; compatible servers have no list that says it."""
        return 0


def _messages(prompt: Prompt, form: Form) -> Any:
    """The conversation; what was asked before is a part of its own at its beginning, which the provider keeps."""
    first, *others = prompt.messages
    if not (prompt.repeated and form.kept):
        return [first, *others]
    before, rest = prompt.beginning[: prompt.repeated], prompt.beginning[prompt.repeated :]
    kept = {"type": "text", "text": before, "cache_control": {"type": "ephemeral"}}
    return [{**first, "content": [kept, {"type": "text", "text": rest}] if rest else [kept]}, *others]
