"""A person with a chat window as a model: a prompt file to copy, an answer file to wait for."""

import time
from collections.abc import Callable
from pathlib import Path

from autoreward.llm.client import LONGEST_REPLY
from autoreward.llm.types import Prompt, Reply
from autoreward.store.folder import Folder

_POLL_SECONDS = 0.5


class Manual:
    """Writes `KEY.prompt.md`, and waits until `KEY.answer.md` is there and no longer grows."""

    name = "manual"

    def __init__(self, folder: Path, sleep: Callable[[float], None] = time.sleep) -> None:
        self._files = Folder(folder.parent).at(folder.name)
        self._sleep = sleep
        self.announce: Callable[[str], None] = lambda line: None
        """Told where the prompt is and where the answer should go."""

    def ask(self, prompt: Prompt) -> Reply:
        """Wait for the person, as long as it takes; Ctrl-C stops, and resume asks again."""
        question, answer = f"{prompt.key}.prompt.md", f"{prompt.key}.answer.md"
        self._files.write(question, prompt.whole.encode())
        where = self._files.path
        self.announce(f"paste {where / question} into a chat, and save its answer as {where / answer}")
        seen = b""
        while True:
            content = self._files.read(answer, LONGEST_REPLY) if self._files.has(answer) else b""
            if content and content == seen:
                return Reply(text=content.decode("utf-8", errors="replace"), model="manual")
            seen = content
            self._sleep(_POLL_SECONDS)
