"""OpenAI's Chat Completions, and every server that speaks it (vLLM, Ollama, llama.cpp, LM Studio), through OpenAI's SDK."""

from typing import TYPE_CHECKING, Any, Literal

from autoreward.llm.asking import Busy, Prompt, Refused, Reply
from autoreward.llm.faults import sorted_out

if TYPE_CHECKING:
    import openai

SECONDS = 300.0
"""Longest that one answer may take."""


class Gpt:
    """A model of OpenAI or of a compatible server. The SDK is loaded when it is first asked."""

    def __init__(self, name: str, model: str, key: str, base_url: str | None = None) -> None:
        self.name = name
        self._model = model
        self._key = key
        self._base_url = base_url
        self._structured = True
        self._client: openai.OpenAI | None = None

    def ask(self, prompt: Prompt) -> Reply:
        """Answer once; structured where the server can, else as text. Raises Busy or Refused."""
        import openai

        if self._client is None:
            # our own retries are within the budget; the SDK's would not be
            self._client = openai.OpenAI(api_key=self._key, base_url=self._base_url, timeout=SECONDS, max_retries=0)
        try:
            return self._once(self._client, prompt)
        except openai.OpenAIError as error:
            fault = sorted_out(error, self.name, "OPENAI_API_KEY")
        except (ValueError, TypeError, OSError) as error:
            fault = Busy(f"{self.name} answered something that is not its protocol ({type(error).__name__})")
        if isinstance(fault, Refused) and self._structured and self._base_url and fault.status == 400:
            # compatible servers differ in what they know of response_format: ask this one in plain words from now on
            self._structured = False
            return self.ask(prompt)
        raise fault

    def _once(self, client: "openai.OpenAI", prompt: Prompt) -> Reply:
        shape: dict[str, Any] = {}
        if self._structured:
            schema = {"name": prompt.role, "strict": True, "schema": prompt.schema}
            shape = {"response_format": {"type": "json_schema", "json_schema": schema}}
        answer: Any = client.chat.completions.create(
            model=self._model,
            messages=[{"role": "user", "content": prompt.text}],
            max_completion_tokens=prompt.max_tokens,
            **shape,
        )
        try:
            choice = answer.choices[0]
            finish: Literal["stop", "length", "refusal"] = "stop"
            if choice.finish_reason == "length":
                finish = "length"
            elif choice.finish_reason == "content_filter" or getattr(choice.message, "refusal", None):
                finish = "refusal"
            return Reply(
                text=choice.message.content or "",
                model=str(answer.model),
                input_tokens=int(answer.usage.prompt_tokens) if answer.usage else 0,
                output_tokens=int(answer.usage.completion_tokens) if answer.usage else 0,
                finish=finish,
            )
        except (AttributeError, TypeError, ValueError, IndexError) as error:
            raise Busy(f"{self.name} answered something that is not its protocol ({type(error).__name__})") from None
