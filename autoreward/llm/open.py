"""Opens models by their names, and the desk where they are asked."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from autoreward.errors import UsageError
from autoreward.llm.client import REPLIES, Desk
from autoreward.llm.cost import demand_price
from autoreward.llm.keys import SERVER_KEY, variables
from autoreward.llm.manual import Manual
from autoreward.llm.names import OPTIONS, on_server, open_model
from autoreward.llm.types import LLM, Role


def open_models(names: Mapping[Role, str], folder: Path, max_cost: float | None) -> dict[str, LLM]:
    """The models of such names, by name; what they leave goes to `folder`. Raises UsageError: a wrong name, no key, no price."""
    opened: dict[str, LLM] = {}
    for role, name in names.items():
        if name not in opened:
            opened[name] = open_model(name, folder / REPLIES, option=OPTIONS[role])
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


def open_desk(
    names: Mapping[Role, str],
    folder: Path,
    write: Callable[[str, bytes], None],
    max_cost: float | None,
    max_calls: int,
    say: Callable[[str], None],
) -> Desk:
    """Where the models of such names are asked; replies go to `folder`. Raises UsageError: a wrong name, no key, no price."""
    opened = open_models(names, folder, max_cost)
    for model in opened.values():
        if isinstance(model, Manual):
            model.announce = say
    return Desk({role: opened[name] for role, name in names.items()}, folder, write, max_cost, max_calls, tell=say)
