"""Anthropic's Messages API through its own SDK."""

import json
from typing import TYPE_CHECKING, Any

from autoreward.llm.conversation import arguments_of
from autoreward.llm.forms import Form
from autoreward.llm.keys import Access
from autoreward.llm.pictures import encoded, sent_tokens
from autoreward.llm.provider import ProviderModel
from autoreward.llm.provider_errors import provider_fault, unreadable_answer
from autoreward.llm.responses import NotAnAnswer, anthropic_reply
from autoreward.llm.thinking import thinking_room
from autoreward.llm.types import Exchange, Prompt, Reply, TimeLimits, time_limits

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
        if form.structured and prompt.schema:
            output["format"] = {"type": "json_schema", "schema": prompt.schema}
        offered = prompt.tools if form.tools else ()
        if offered:
            asked["tools"] = [
                {"name": tool.name, "description": tool.about, "input_schema": dict(tool.parameters)}
                for tool in offered
            ]
            asked["tool_choice"] = {"type": "none" if prompt.close else "auto"}
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
            return anthropic_reply(body, self._model, frozenset(tool.name for tool in offered))
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
    for number, exchange in enumerate(prompt.exchanges, start=1):
        results: list[dict[str, Any]] = [
            {"type": "tool_result", "tool_use_id": call.id, "content": result}
            for call, result in zip(exchange.calls, exchange.results, strict=True)
        ]
        if number == len(prompt.exchanges):  # all that came before is sent again in the next turn
            results[-1] |= {"cache_control": {"type": "ephemeral"}} if form.kept else {}
            results += _texts(prompt.close)
        messages += [{"role": "assistant", "content": _given_back(exchange)}, {"role": "user", "content": results}]
    return messages


def _given_back(exchange: Exchange) -> list[Any]:
    """The model's own blocks, thinking with its signature; of a conversation that another provider had, its calls alone."""
    own = json.loads(exchange.own) if exchange.own else None
    if isinstance(own, list):
        return own
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments_of(call)} for call in exchange.calls
    ]
    return [*_texts(exchange.said), *calls]


def _texts(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}] if text else []
