"""OpenAI's Chat Completions, and every server that speaks it (vLLM, Ollama, llama.cpp, LM Studio), through OpenAI's SDK."""

import hashlib
from typing import TYPE_CHECKING, Any

from autoreward.llm.cost import tokens
from autoreward.llm.forms import NEW_LIMIT, OLD_LIMIT, Form, told_context
from autoreward.llm.keys import PROVIDER_ADDRESSES, Access
from autoreward.llm.provider import QUICK, ProviderModel
from autoreward.llm.provider_errors import provider_fault, unreadable_answer
from autoreward.llm.responses import NotAnAnswer, openai_reply, read_json
from autoreward.llm.types import Prompt, Reply, TimeLimits, time_limits

_SAME_BEGINNING = 1000
"""Characters by which questions are taken to begin alike."""

if TYPE_CHECKING:
    import openai


class OpenAIModel(ProviderModel):
    """A model of OpenAI or of a compatible server. The SDK is loaded when it is first asked."""

    def __init__(self, name: str, model: str, access: Access, limits: TimeLimits | None = None) -> None:
        own = access.address == PROVIDER_ADDRESSES["openai"]
        # Ollama and others know the old name alone, and say nothing where they are given the new one
        form = Form(limit_name=NEW_LIMIT if own else OLD_LIMIT)
        super().__init__(name, model, access, limits or time_limits(access.address), form)
        self._clients: dict[TimeLimits, openai.OpenAI] = {}

    def once(self, prompt: Prompt, form: Form) -> Reply:
        """Ask in this form. Raises RetryLater or RequestRefused."""
        import openai

        from autoreward.llm.transport import as_text

        asked: dict[str, Any] = {form.limit_name: form.answer_room(prompt, tokens(prompt.whole))}
        if prompt.effort:
            asked["reasoning_effort"] = prompt.effort
        if not self._elsewhere:  # it keeps prompts by itself, and finds those again that are sent to the same place
            asked["prompt_cache_key"] = hashlib.sha256(prompt.beginning[:_SAME_BEGINNING].encode()).hexdigest()
        if form.structured:
            schema = {"name": prompt.role, "strict": True, "schema": prompt.schema}
            asked["response_format"] = {"type": "json_schema", "json_schema": schema}
        if form.streamed:
            asked["stream"] = True
            if form.usage:
                asked["stream_options"] = {"include_usage": True}
        try:
            answer = self._opened(self._limits).chat.completions.with_raw_response.create(
                model=self._model,
                messages=prompt.messages,  # type: ignore[arg-type] # the SDK has a type for each role
                **asked,
            )
        except openai.OpenAIError as error:
            raise provider_fault(error, self.name, self._access.variable) from None
        body = as_text(answer.http_response.content)
        try:
            return openai_reply(body, self._model)
        except NotAnAnswer as why:
            raise unreadable_answer(self.name, why, body) from None

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
