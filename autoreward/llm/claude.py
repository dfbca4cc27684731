"""Anthropic's Messages API through its own SDK."""

from typing import TYPE_CHECKING, Any, Literal

from autoreward.llm.asking import Busy, Prompt, Reply
from autoreward.llm.faults import sorted_out

if TYPE_CHECKING:
    import anthropic

SECONDS = 300.0
"""Longest that one answer may take."""


class Claude:
    """A model of Anthropic. The SDK is loaded when it is first asked: it takes more than a second."""

    def __init__(self, name: str, model: str, key: str, base_url: str | None = None) -> None:
        self.name = name
        self._model = model
        self._key = key
        self._base_url = base_url
        self._client: anthropic.Anthropic | None = None

    def ask(self, prompt: Prompt) -> Reply:
        """Answer once, with structured output. Raises Busy or Refused."""
        import anthropic

        if self._client is None:
            # our own retries are within the budget; the SDK's would not be
            self._client = anthropic.Anthropic(
                api_key=self._key, base_url=self._base_url, timeout=SECONDS, max_retries=0
            )
        try:
            answer: Any = self._client.messages.create(
                model=self._model,
                max_tokens=prompt.max_tokens,
                messages=[{"role": "user", "content": prompt.text}],
                output_config={"format": {"type": "json_schema", "schema": prompt.schema}},
            )
        except anthropic.AnthropicError as error:
            raise sorted_out(error, self.name, "ANTHROPIC_API_KEY") from None
        except (ValueError, TypeError, OSError) as error:
            raise Busy(f"{self.name} answered something that is not its protocol ({type(error).__name__})") from None
        try:
            text = "".join(block.text for block in answer.content if block.type == "text")
            finish: Literal["stop", "length", "refusal"] = "stop"
            if answer.stop_reason in ("max_tokens", "model_context_window_exceeded"):
                finish = "length"
            elif answer.stop_reason == "refusal":
                finish = "refusal"
            return Reply(
                text=text,
                model=str(answer.model),
                input_tokens=int(answer.usage.input_tokens),
                output_tokens=int(answer.usage.output_tokens),
                finish=finish,
            )
        except (AttributeError, TypeError, ValueError) as error:
            raise Busy(f"{self.name} answered something that is not its protocol ({type(error).__name__})") from None
