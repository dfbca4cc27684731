"""Opens models by their names, and the desk where they are asked."""

from collections.abc import Callable, Mapping
from pathlib import Path

from autoreward.llm.asking import LLM, Role
from autoreward.llm.desk import REPLIES, Desk
from autoreward.llm.manual import Manual
from autoreward.llm.models import OPTIONS, open_model
from autoreward.llm.money import demand_price


def open_models(names: Mapping[Role, str], folder: Path, max_cost: float | None) -> dict[str, LLM]:
    """The models of such names, by name; what they leave goes to `folder`. Raises UsageError: a wrong name, no key, no price."""
    opened: dict[str, LLM] = {}
    for role, name in names.items():
        if name not in opened:
            opened[name] = open_model(name, folder / REPLIES, option=OPTIONS[role])
            demand_price(role, name, max_cost)
    return opened


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
