"""OpenAI's Chat Completions, and every server that speaks it (vLLM, Ollama, llama.cpp, LM Studio), through OpenAI's SDK.

With tools OpenAI itself is asked in Responses: see `responses_api.py`.
"""

import hashlib
import json
from typing import TYPE_CHECKING, Any

from autoreward.llm.conversation import arguments_of
from autoreward.llm.forms import NEW_LIMIT, OLD_LIMIT, Form, told_context
from autoreward.llm.keys import PROVIDER_ADDRESSES, Access
from autoreward.llm.pictures import encoded, sent_tokens
from autoreward.llm.provider import QUICK, ProviderModel
from autoreward.llm.provider_errors import provider_fault, unreadable_answer
from autoreward.llm.responses import THOUGHTS, NotAnAnswer, openai_reply, read_json
from autoreward.llm.responses_api import responses_reply, responses_request
from autoreward.llm.types import Exchange, Prompt, Reply, TimeLimits, time_limits

_SAME_BEGINNING = 1000
"""Characters by which questions are taken to begin alike."""

if TYPE_CHECKING:
    import openai


class OpenAIModel(ProviderModel):
    """A model of OpenAI or of a compatible server. The SDK is loaded when it is first asked."""

    def __init__(self, name: str, model: str, access: Access, limits: TimeLimits | None = None) -> None:
        own = access.address == PROVIDER_ADDRESSES["openai"]
        # Ollama and others know the old name alone, and say nothing where they are given the new one
        form = Form(limit_name=NEW_LIMIT if own else OLD_LIMIT, responses=own)
        super().__init__(name, model, access, limits or time_limits(access.address), form)
        self._clients: dict[TimeLimits, openai.OpenAI] = {}

    def once(self, prompt: Prompt, form: Form) -> Reply:
        """Ask in this form. Raises RetryLater or RequestRefused."""
        import openai

        from autoreward.llm.transport import as_text

        offered = prompt.tools if form.tools else ()
        names = frozenset(tool.name for tool in offered)
        responses = bool(offered) and form.responses
        asked = responses_request(prompt, form) if responses else self._chat_request(prompt, form)
        if not self._elsewhere:  # it keeps prompts by itself, and finds those again that are sent to the same place
            asked["prompt_cache_key"] = hashlib.sha256(prompt.beginning[:_SAME_BEGINNING].encode()).hexdigest()
        opened = self._opened(self._limits)
        try:
            if responses:
                answer = opened.responses.with_raw_response.create(model=self._model, **asked)
            else:
                answer = opened.chat.completions.with_raw_response.create(model=self._model, **asked)
        except openai.OpenAIError as error:
            raise provider_fault(error, self.name, self._access.variable) from None
        body = as_text(answer.http_response.content)
        try:
            return (responses_reply if responses else openai_reply)(body, self._model, names)
        except NotAnAnswer as why:
            raise unreadable_answer(self.name, why, body) from None

    def _chat_request(self, prompt: Prompt, form: Form) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "messages": _messages(prompt),
            form.limit_name: form.answer_room(prompt, sent_tokens(prompt)),
        }
        if prompt.effort:
            asked["reasoning_effort"] = prompt.effort
        offered = prompt.tools if form.tools else ()
        if offered:
            asked["tools"] = [
                {
                    "type": "function",
                    "function": {"name": t.name, "description": t.about, "parameters": dict(t.parameters)},
                }
                for t in offered
            ]
            asked["tool_choice"] = "none" if prompt.close else "auto"
        # servers that hold an answer to a schema hold calls to it, too, or refuse the two together
        if form.structured and prompt.schema and not (offered and self._elsewhere and not prompt.close):
            schema = {"name": prompt.role, "strict": True, "schema": prompt.schema}
            asked["response_format"] = {"type": "json_schema", "json_schema": schema}
        if form.streamed:
            asked["stream"] = True
            if form.usage:
                asked["stream_options"] = {"include_usage": True}
        return asked

    def told(self) -> int | None:
        """See `ProviderModel`."""
        import openai

        from autoreward.llm.transport import as_text

        try:
            answer = self._opened(QUICK).models.with_raw_response.list()
        except openai.APIStatusError:
            return 0
        except openai.OpenAIError:
            return None
        try:
            return told_context(read_json(as_text(answer.http_response.content)), self._model) or 0
        except NotAnAnswer:
            return 0

    def _opened(self, limits: TimeLimits) -> "openai.OpenAI":
        import openai

        from autoreward.llm.transport import HttpClient, timeouts

        if limits in self._clients:
            return self._clients[limits]
        key = {"authorization": f"Bearer {self._access.key}"} if self._access.key else {}
        headers = {**self._access.headers, **key}
        client = self._clients[limits] = openai.OpenAI(
            api_key="not given to the SDK",
            base_url=self._access.address,
            timeout=timeouts(limits),
            max_retries=0,  # our own are within the budget; the SDK's would not be
            http_client=HttpClient(self.name, self._access.address, headers, limits),
        )
        return client


def _messages(prompt: Prompt) -> Any:
    """The conversation; the last question is its text alone, which every server takes, or parts where it has pictures."""
    after = [message for exchange in prompt.exchanges for message in _exchanged(exchange)]
    if prompt.exchanges and prompt.close:
        after.append({"role": "user", "content": prompt.close})
    if not prompt.pictures:
        return [*prompt.messages, *after]
    shown = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded(picture)}"}}
        for picture in prompt.pictures
    ]
    *before, last = prompt.messages
    return [*before, {**last, "content": [{"type": "text", "text": prompt.text}, *shown]}, *after]


def _exchanged(exchange: Exchange) -> list[dict[str, Any]]:
    """What was called, as the model said it, and a message for each result."""
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(arguments_of(call))},
        }
        for call in exchange.calls
    ]
    own = json.loads(exchange.own) if exchange.own else {}
    thought = {name: own[name] for name in THOUGHTS if name in own} if isinstance(own, dict) else {}
    said = {"role": "assistant", "content": exchange.said or None, "tool_calls": calls, **thought}
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": result}
        for call, result in zip(exchange.calls, exchange.results, strict=True)
    ]
    return [said, *results]
