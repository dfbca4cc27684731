"""Which model is meant by a name, and which one is taken when none is given."""

import re
from collections.abc import Mapping

from autoreward.llm.keys import KEYS
from autoreward.settings import JUDGE_ROLES, Role

DEFAULTS = {"anthropic": "claude-sonnet-5-5", "openai": "gpt-6.1-terra"}
"""The model of each provider that is taken if only its key is set."""
_ANY = "anthropic:MODEL, openai:MODEL, openai+http://HOST:PORT/v1:MODEL, replay:DIR, manual"
FORMS, JUDGE_FORMS = f"{_ANY}, or grammar", f"rule, human, {_ANY}, or image-text:FOLDER"
"""What may be written for a model that designs, and for a judge."""
SETTINGS: dict[Role, str] = {
    "designer": "model",
    "critic": "critic",
    "analyzer": "analyzer",
    **dict.fromkeys(JUDGE_ROLES, "judge"),
}
"""The setting that names each role's model."""
SERVER = re.compile(r"(//(?:\[[^\]]*\]|[^/:]+)(?::\d+(?![^/:]))?+(?:/[^:]*)?):(.+)")
"""Address and model; a model's name may have slashes and colons, and digits right behind the host are its port."""


def default_model(environment: Mapping[str, str]) -> str:
    """The model to use when none was named: of the first provider whose key is set; `grammar` without any key."""
    for provider, key in KEYS.items():
        if environment.get(key):
            return f"{provider}:{DEFAULTS[provider]}"
    return "grammar"


def full_name(name: str) -> str:
    """The name with the provider's default model, if it is a provider's name alone."""
    return f"{name}:{DEFAULTS[name]}" if name in DEFAULTS else name


def on_server(rest: str) -> tuple[str, str]:
    """Address and model of `//HOST:PORT/v1:MODEL`; the model is empty if there is none."""
    match = SERVER.fullmatch(rest)
    return (match[1], match[2]) if match else (rest, "")
