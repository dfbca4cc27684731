"""Anthropic's Messages API through its own SDK."""

from typing import TYPE_CHECKING, Any

from autoreward.llm.keys import Access
from autoreward.llm.provider_errors import provider_fault, unreadable_answer
from autoreward.llm.responses import NotAnAnswer, anthropic_reply
from autoreward.llm.types import ANSWER_SECONDS, Prompt, Reply

if TYPE_CHECKING:
    import anthropic


class AnthropicModel:
    """A model of Anthropic. The SDK is loaded when it is first asked: it takes more than a second."""

    def __init__(self, name: str, model: str, access: Access) -> None:
        self.name = name
        self._model = model
        self._address, self._variable = access.address, access.variable
        self._headers = {**access.headers, "x-api-key": access.key} if access.key else dict(access.headers)
        self._client: anthropic.Anthropic | None = None

    def ask(self, prompt: Prompt) -> Reply:
        """Answer once, with structured output. Raises RetryLater or RequestRefused."""
        import anthropic

        from autoreward.llm.transport import HttpClient, as_text

        if self._client is None:
            # our own retries are within the budget; the SDK's would not be
            self._client = anthropic.Anthropic(
                api_key="not given to the SDK",
                base_url=self._address,
                timeout=ANSWER_SECONDS,
                max_retries=0,
                http_client=HttpClient(self.name, self._address, self._headers, ANSWER_SECONDS),
            )
        asked: dict[str, Any] = {"output_config": {"format": {"type": "json_schema", "schema": prompt.schema}}}
        try:
            answer = self._client.messages.with_raw_response.create(
                model=self._model,
                max_tokens=prompt.max_tokens,
                messages=prompt.messages,  # type: ignore[arg-type] # the SDK has a type for each role
                **asked,
            )
        except anthropic.AnthropicError as error:
            raise provider_fault(error, self.name, self._variable) from None
        body = as_text(answer.http_response.content)
        try:
            return anthropic_reply(body, self._model)
        except NotAnAnswer as why:
            raise unreadable_answer(self.name, why, body) from None
