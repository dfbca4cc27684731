"""A model that reads from a script, and a client for it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autoreward.llm.client import ModelClient
from autoreward.llm.types import LLM, Prompt, Reply
from autoreward.records import Allowance
from autoreward.settings import JUDGE_ROLES, Role

Line = str | Mapping[str, Any]


class Scripted:
    """Answers by key, a dict as JSON; `asked` holds the prompts. What is not in the script gets `otherwise`."""

    name = "replay:script"

    def __init__(self, script: Mapping[str, Line], otherwise: Callable[[Prompt], Line] | None = None) -> None:
        self._script = script
        self._otherwise = otherwise
        self.asked: dict[str, str] = {}

    def ask(self, prompt: Prompt) -> Reply:
        self.asked[prompt.key] = prompt.text
        line = self._script.get(prompt.key)
        if line is None:
            assert self._otherwise, f"the script has no answer to {prompt.key}"
            line = self._otherwise(prompt)
        return Reply(text=line if isinstance(line, str) else json.dumps(line), model="script")


def client(model: LLM, folder: Path, max_calls: int = 100) -> ModelClient:
    def write(name: str, data: bytes) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    roles: tuple[Role, ...] = ("designer", "critic", "analyzer", *JUDGE_ROLES)
    allowed = Allowance(max_cost=1.0, max_calls=1).model_copy(update={"max_calls": max_calls})
    return ModelClient(dict.fromkeys(roles, model), folder, write, allowed)
