"""Opens models by their names, and the client where they are asked."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from autoreward.core.wording import Setting
from autoreward.errors import UsageError
from autoreward.llm.anthropic_api import AnthropicModel
from autoreward.llm.client import REPLIES, ModelClient
from autoreward.llm.cost import NO_EFFORTS, demand_price
from autoreward.llm.keys import KEYS, SERVER_KEY, provider_access, server_access, variables
from autoreward.llm.manual import Manual
from autoreward.llm.names import FORMS, JUDGE_FORMS, SETTINGS, full_name, on_server
from autoreward.llm.openai_api import OpenAIModel
from autoreward.llm.replay import ReplayModel
from autoreward.llm.types import LLM, USUAL, ChosenLimits, time_limits
from autoreward.records import Allowance
from autoreward.settings import Effort, Role


def open_model(
    name: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    setting: str = SETTINGS["designer"],
    chosen: ChosenLimits = USUAL,
) -> LLM:
    """Make an LLM from its name. `folder` is where `manual` leaves its prompts, `setting` where the name was given.

    `chosen` says how long one answer may take.

    Raises:
        UsageError: the name has no such form, or its key is not set.
    """
    where = Setting(setting, name)
    settings = variables() if environment is None else environment
    provider, _, rest = full_name(name).partition(":")
    if name == "manual":
        return Manual(folder)
    if provider == "replay" and rest:
        return ReplayModel(Path(rest), setting)
    if provider in ("openai+http", "openai+https") and rest:
        address, model = on_server(rest)
        if not model:
            raise UsageError(where, f": the model's name is missing; write {provider}://HOST:PORT/v1:MODEL.")
        place = f"{provider.removeprefix('openai+')}:{address}"
        server = server_access(place, settings, where)
        return OpenAIModel(name, model, server, time_limits(server.address, chosen))
    if provider in KEYS:
        access = provider_access(provider, settings)
        if access is None:
            raise UsageError(
                where,
                f": {KEYS[provider]} is not set; export it. A new run with ",
                Setting("model", "grammar"),
                " needs no key.",
            )
        if provider == "anthropic":
            return AnthropicModel(f"anthropic:{rest}", rest, access, time_limits(access.address, chosen))
        return OpenAIModel(f"openai:{rest}", rest, access, time_limits(access.address, chosen))
    raise UsageError(where, f": write {JUDGE_FORMS if setting == SETTINGS['judge'] else FORMS}.")


def open_models(
    names: Mapping[Role, str], folder: Path, max_cost: float | None, chosen: ChosenLimits = USUAL
) -> dict[str, LLM]:
    """The models of such names, by name; what they leave goes to `folder`. Raises UsageError: a wrong name, no key, no price."""
    opened: dict[str, LLM] = {}
    for role, name in names.items():
        if name not in opened:
            opened[name] = open_model(name, folder / REPLIES, setting=SETTINGS[role], chosen=chosen)
            demand_price(role, name, max_cost)
    _demand_one_server(opened)
    return opened


def _demand_one_server(names: Iterable[str]) -> None:
    """Raises UsageError if one key would be sent to several servers: it belongs to one of them, and nobody said which."""
    parts = (name.removeprefix("openai+").partition(":") for name in names if name.startswith("openai+"))
    servers = {f"{scheme}://{urlsplit(on_server(rest)[0]).netloc}" for scheme, _, rest in parts}
    if len(servers) > 1 and variables().get(SERVER_KEY):
        raise UsageError(
            f"The key in {SERVER_KEY} would be sent to {' and to '.join(sorted(servers))}: ask one server, or unset {SERVER_KEY}."
        )


def open_client(
    names: Mapping[Role, str],
    folder: Path,
    write: Callable[[str, bytes], None],
    allowed: Allowance,
    say: Callable[[str], None],
    efforts: Mapping[Role, Effort | None] = NO_EFFORTS,
) -> ModelClient:
    """Where the models of such names are asked; replies go to `folder`, and `efforts` says how much each role thinks.

    Raises:
        UsageError: a wrong name, no key, no price.
    """
    chosen = ChosenLimits(allowed.model_silence, allowed.model_timeout)
    opened = open_models(names, folder, allowed.max_cost, chosen)
    for model in opened.values():
        if isinstance(model, Manual):
            model.announce = say
    return ModelClient(
        {role: opened[name] for role, name in names.items()},
        folder,
        write,
        allowed,
        tell=say,
        efforts=efforts,
    )
