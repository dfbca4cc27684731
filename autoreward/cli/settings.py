"""Options of commands, made of the settings' one declaration."""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import wraps
from inspect import Parameter
from typing import Annotated, Any

import typer

from autoreward.cli.options import dollars, limit, steps_or_auto
from autoreward.settings import DeclaredSetting, declared_settings

CHOSEN = "chosen"
"""The parameter in whose place a command has options for settings: it gets those that the person chose, by name."""


def with_settings(only: Collection[str] | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorates a command that takes `context` and `chosen`: these settings (all, if not given) become its options."""
    options = {name: _option(name, s) for name, s in declared_settings().items() if only is None or name in only}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def parsed(context: typer.Context, **values: Any) -> None:
            written = {name: values.pop(name) for name in options}
            chosen = {name: _plain(name, value) for name, value in written.items() if _was_written(context, name)}
            command(context, **{CHOSEN: chosen}, **values)

        own = inspect.signature(command).parameters
        parsed.__signature__ = inspect.Signature(list(_in_order(own, options)))  # type: ignore[attr-defined]
        return parsed

    return decorate


def _was_written(context: typer.Context, name: str) -> bool:
    """Whether the person wrote that option."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _option(name: str, setting: DeclaredSetting) -> Parameter:
    info = typer.Option(help=setting.help.text, show_default=setting.help.default_shown)
    kind = setting.type
    if name == "max_cost":
        info = typer.Option(help=setting.help.text, parser=dollars, metavar="<dollars|none>")
        kind = float
    if name == "steps":
        info = typer.Option(help=setting.help.text, parser=steps_or_auto, metavar="<steps|auto>", show_default=False)
        kind = int
    return Parameter(name, Parameter.KEYWORD_ONLY, default=setting.default, annotation=Annotated[kind, info])


def _plain(name: str, value: Any) -> Any:
    return limit(value) if name == "max_cost" else value


def _in_order(own: Mapping[str, Parameter], options: Mapping[str, Parameter]) -> Iterator[Parameter]:
    for name, parameter in own.items():
        if name == CHOSEN:
            yield from options.values()
        else:
            yield parameter.replace(kind=Parameter.KEYWORD_ONLY)
