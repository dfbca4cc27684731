"""Which model is meant by a name, and which one is taken when none is given."""

import os
from collections.abc import Mapping
from pathlib import Path

from autoreward.errors import UsageError
from autoreward.llm.asking import LLM

DEFAULTS = {"anthropic": "claude-sonnet-5-5", "openai": "gpt-6.1-terra"}
"""The model of each provider that is taken if only its key is set."""
KEYS = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
FORMS = "anthropic:MODEL, openai:MODEL, openai+http://HOST:PORT/v1:MODEL, replay:DIR, manual, or grammar"


def default_model(environment: Mapping[str, str]) -> str:
    """The model to use when none was named: of the first provider whose key is set; `grammar` without any key."""
    for provider, key in KEYS.items():
        if environment.get(key):
            return f"{provider}:{DEFAULTS[provider]}"
    return "grammar"


def open_model(name: str, folder: Path, environment: Mapping[str, str] | None = None) -> LLM:
    """Make an LLM from its name. `folder` is where `manual` leaves its prompts.

    Raises:
        UsageError: the name has no such form, or its key is not set.
    """
    variables = os.environ if environment is None else environment
    provider, _, rest = name.partition(":")
    if name == "manual":
        from autoreward.llm.manual import Manual

        return Manual(folder)
    if provider == "replay" and rest:
        from autoreward.llm.replay import Replay

        return Replay(Path(rest))
    if provider in ("openai+http", "openai+https") and rest.count(":") >= 1:
        from autoreward.llm.gpt import Gpt

        url, _, model = (provider.removeprefix("openai+") + ":" + rest).rpartition(":")
        if not model or "//" in model or "/v1" in model:
            raise UsageError(f"--model {name}: the model's name is missing; write openai+http://HOST:PORT/v1:MODEL.")
        return Gpt(name, model, variables.get(KEYS["openai"]) or "none", url)
    if provider in KEYS:
        key = variables.get(KEYS[provider])
        if not key:
            raise UsageError(f"--model {name}: {KEYS[provider]} is not set; export it, or run without --model.")
        model = rest or DEFAULTS[provider]
        base = variables.get(f"{provider.upper()}_BASE_URL") or None
        if provider == "anthropic":
            from autoreward.llm.claude import Claude

            return Claude(f"anthropic:{model}", model, key, base)
        from autoreward.llm.gpt import Gpt

        return Gpt(f"openai:{model}", model, key, base)
    raise UsageError(f"--model {name}: write {FORMS}.")
