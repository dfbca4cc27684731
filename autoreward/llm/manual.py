"""A person with a chat window as a model: a prompt file to copy, an answer file to wait for."""

import time
from collections.abc import Callable
from pathlib import Path

from autoreward.llm.asking import Prompt, Reply

POLL_SECONDS = 0.5


class Manual:
    """Writes `KEY.prompt.md`, and waits until `KEY.answer.md` is there and no longer grows."""

    name = "manual"

    def __init__(self, folder: Path, sleep: Callable[[float], None] = time.sleep) -> None:
        self._folder = folder
        self._sleep = sleep
        self.announce: Callable[[str], None] = lambda line: None
        """Told where the prompt is and where the answer should go."""

    def ask(self, prompt: Prompt) -> Reply:
        """Wait for the person, as long as it takes; Ctrl-C stops, and resume asks again."""
        question = self._folder / f"{prompt.key}.prompt.md"
        answer = self._folder / f"{prompt.key}.answer.md"
        question.parent.mkdir(parents=True, exist_ok=True)
        question.write_text(prompt.text, encoding="utf-8")
        self.announce(f"paste {question} into a chat, and save its answer as {answer}")
        seen = -1
        while True:
            size = answer.stat().st_size if answer.exists() else 0
            if size and size == seen:
                return Reply(text=answer.read_text(encoding="utf-8", errors="replace"), model="manual")
            seen = size
            self._sleep(POLL_SECONDS)
