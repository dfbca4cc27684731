"""Messages that name a setting or a command hold it as a fact; Python and the command line each word it their own way."""

import difflib
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """A setting, by its name in Python, and the value that it has or should get; `...` names the setting alone."""

    name: str
    value: object = ...


@dataclass(frozen=True)
class Command:
    """A command of ours: what it does, to what, and what is chosen for it."""

    verb: str
    words: tuple[str | Path, ...] = ()
    chosen: tuple[Setting, ...] = ()


Phrase = str | Setting | Command
"""Of a message."""
Wording = Callable[[Setting | Command], str]


_IN_PYTHON = {"tensorboard": "log"}
"""Settings that have another name there."""


def worded(parts: Iterable[Phrase], wording: Wording) -> str:
    """A message with its facts in the words of one door."""
    return "".join(part if isinstance(part, str) else wording(part) for part in parts)


def in_python(fact: Setting | Command) -> str:
    """What is written in a notebook or a script; what only the command line can do is named as it is."""
    if isinstance(fact, Setting):
        name = _IN_PYTHON.get(fact.name, fact.name)
        return name if fact.value is ... else f"{name}={fact.value!r}"
    if fact.verb == "resume":
        folder = Path(fact.words[0])
        chosen = "".join(f", {in_python(choice)}" for choice in fact.chosen)
        return f"improve(..., runs={str(folder.parent)!r}, name={folder.name!r}{chosen})"
    if fact.verb == "tighten":
        return f"tighten({', '.join([repr(str(fact.words[0])), *map(in_python, fact.chosen)])})"
    if fact.verb == "check":
        return f"check({', '.join(map(str, fact.words))}, {', '.join(map(in_python, fact.chosen))})"
    return in_shell(fact)


def in_shell(fact: Setting | Command) -> str:
    """What is written on a command line; a command can be pasted into a shell, whatever the names in it are."""
    if isinstance(fact, Setting):
        return " ".join(_option(fact))
    return shlex.join(["autoreward", fact.verb, *map(str, fact.words), *_options(fact)])


def in_words(command: Command) -> list[str]:
    """What a command line gives the program, a word each; none of the command's own words is read as an option."""
    return [command.verb, *_options(command), "--", *map(str, command.words)]


def _options(command: Command) -> list[str]:
    return [word for choice in command.chosen for word in _option(choice)]


def _option(choice: Setting) -> list[str]:
    name = f"--{choice.name.replace('_', '-')}"
    if choice.value is ... or choice.value is True:
        return [name]
    return [name, "none" if choice.value is None else str(choice.value)]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence, after a space, that names the nearest that there is; empty where none is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""
