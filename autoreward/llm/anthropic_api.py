"""Anthropic's Messages API through its own SDK."""

from typing import TYPE_CHECKING, Any

from autoreward.llm.forms import Form
from autoreward.llm.keys import Access
from autoreward.llm.pictures import encoded, sent_tokens
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
        room = form.answer_room(prompt, sent_tokens(prompt))
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
    """The conversation: where it begins as an earlier one, that is a part, which the provider keeps; pictures come last."""
    messages: list[dict[str, Any]] = [*prompt.messages]
    if kept := prompt.repeated if form.kept else 0:
        before, rest = prompt.beginning[:kept], prompt.beginning[kept:]
        part = {"type": "text", "text": before, "cache_control": {"type": "ephemeral"}}
        messages[0]["content"] = [part, *_texts(rest)]
    if prompt.pictures:
        said = messages[-1]["content"]
        shown = [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": encoded(picture)}}
            for picture in prompt.pictures
        ]
        messages[-1]["content"] = [*(_texts(said) if isinstance(said, str) else said), *shown]
    return messages


def _texts(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}] if text else []
