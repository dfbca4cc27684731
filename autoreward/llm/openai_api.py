"""OpenAI's Chat Completions, and every server that speaks it (vLLM, Ollama, llama.cpp, LM Studio), through OpenAI's SDK."""

from typing import TYPE_CHECKING, Any

from autoreward.llm.keys import PROVIDER_ADDRESSES, Access
from autoreward.llm.provider_errors import provider_fault, unreadable_answer
from autoreward.llm.responses import NotAnAnswer, openai_reply
from autoreward.llm.types import ANSWER_SECONDS, Prompt, Reply, RequestRefused

if TYPE_CHECKING:
    import openai


class OpenAIModel:
    """A model of OpenAI or of a compatible server. The SDK is loaded when it is first asked."""

    def __init__(self, name: str, model: str, access: Access) -> None:
        self.name = name
        self._model = model
        self._address, self._variable = access.address, access.variable
        self._headers = (
            {**access.headers, "authorization": f"Bearer {access.key}"} if access.key else dict(access.headers)
        )
        self._structured = True
        self._client: openai.OpenAI | None = None

    def ask(self, prompt: Prompt) -> Reply:
        """Answer once; structured where the server can, else as text. Raises RetryLater or RequestRefused."""
        import openai

        from autoreward.llm.transport import HttpClient

        if self._client is None:
            # our own retries are within the budget; the SDK's would not be
            self._client = openai.OpenAI(
                api_key="not given to the SDK",
                base_url=self._address,
                timeout=ANSWER_SECONDS,
                max_retries=0,
                http_client=HttpClient(self.name, self._address, self._headers, ANSWER_SECONDS),
            )
        try:
            return self._once(self._client, prompt)
        except openai.OpenAIError as error:
            fault = provider_fault(error, self.name, self._variable)
        other = self._address != PROVIDER_ADDRESSES["openai"]
        if isinstance(fault, RequestRefused) and self._structured and other and fault.status == 400:
            # compatible servers differ in what they know of response_format: ask this one in plain words from now on
            self._structured = False
            return self.ask(prompt)
        raise fault

    def _once(self, client: "openai.OpenAI", prompt: Prompt) -> Reply:
        from autoreward.llm.transport import as_text

        shape: dict[str, Any] = {}
        if self._structured:
            schema = {"name": prompt.role, "strict": True, "schema": prompt.schema}
            shape = {"response_format": {"type": "json_schema", "json_schema": schema}}
        answer = client.chat.completions.with_raw_response.create(
            model=self._model,
            messages=prompt.messages,  # type: ignore[arg-type] # the SDK has a type for each role
            max_completion_tokens=prompt.max_tokens,
            **shape,
        )
        body = as_text(answer.http_response.content)
        try:
            return openai_reply(body, self._model)
        except NotAnAnswer as why:
            raise unreadable_answer(self.name, why, body) from None
