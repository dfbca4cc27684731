"""Which model is meant by a name, and which one is taken when none is given."""

import re
from collections.abc import Mapping
from pathlib import Path

from autoreward.errors import UsageError
from autoreward.llm.keys import KEYS, of_provider, of_server, variables
from autoreward.llm.types import LLM, Role

DEFAULTS = {"anthropic": "claude-sonnet-5-5", "openai": "gpt-6.1-terra"}
"""The model of each provider that is taken if only its key is set."""
FORMS = "anthropic:MODEL, openai:MODEL, openai+http://HOST:PORT/v1:MODEL, replay:DIR, manual, or grammar"
OPTIONS: dict[Role, str] = {"designer": "--model", "critic": "--critic", "analyzer": "--analyzer"}
"""Where each role's model is named."""
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
    found = SERVER.fullmatch(rest)
    return (found[1], found[2]) if found else (rest, "")


def open_model(
    name: str, folder: Path, environment: Mapping[str, str] | None = None, option: str = OPTIONS["designer"]
) -> LLM:
    """Make an LLM from its name. `folder` is where `manual` leaves its prompts, `option` where the name was given.

    Raises:
        UsageError: the name has no such form, or its key is not set.
    """
    given = variables() if environment is None else environment
    provider, _, rest = full_name(name).partition(":")
    if name == "manual":
        from autoreward.llm.manual import Manual

        return Manual(folder)
    if provider == "replay" and rest:
        from autoreward.llm.replay import Replay

        return Replay(Path(rest), option)
    if provider in ("openai+http", "openai+https") and rest:
        from autoreward.llm.openai_api import Gpt

        address, model = on_server(rest)
        if not model:
            raise UsageError(f"{option} {name}: the model's name is missing; write {provider}://HOST:PORT/v1:MODEL.")
        place = f"{provider.removeprefix('openai+')}:{address}"
        return Gpt(name, model, of_server(place, given, f"{option} {name}"))
    if provider in KEYS:
        access = of_provider(provider, given)
        if access is None:
            raise UsageError(
                f"{option} {name}: {KEYS[provider]} is not set; export it. A new run with --model grammar needs no key."
            )
        if provider == "anthropic":
            from autoreward.llm.anthropic_api import Claude

            return Claude(f"anthropic:{rest}", rest, access)
        from autoreward.llm.openai_api import Gpt

        return Gpt(f"openai:{rest}", rest, access)
    raise UsageError(f"{option} {name}: write {FORMS}.")
