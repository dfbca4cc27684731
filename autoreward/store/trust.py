"""What a person lets run or be asked on this machine, and what was made on it: known by its content, outside of every run.

A task card and a run are data, but for a few things in them: code that runs with the environment, and whom a run asks or
writes to. Those are its powers. Each set of powers that a person has let in is a file, named by its SHA-256, in
`~/.config/autoreward/trust` (or under XDG_CONFIG_HOME), and so is each file with code in it that was made here. So it does
not matter where a run lies or what it is called, and nothing that a run says of itself makes it known. Deleting a file
takes the trust back.
"""

import hashlib
import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from autoreward.config import RunConfig, allowed_at_first, image_text_folder
from autoreward.core.resources import envs_folder
from autoreward.core.wording import Setting
from autoreward.errors import NotTrusted, UsageError, shortened
from autoreward.records import Allowance, Board
from autoreward.store.persons import keep_for_person, persons_folder, writable_folder
from autoreward.tasks.card import Task
from autoreward.tasks.files import read_task, task_names

HARMLESS = ("grammar", "manual")
"""Who may design without being let in: neither is sent anything, nor paid."""
PLACES = ("/", "\\", ":", ".", "~")
"""What is in the name of a file, of a module or of an address, and in no plain word."""
_TRUST = "trust"
_WHAT = "what you trust"


class Power(NamedTuple):
    """One thing that a card or a run would do beyond computing."""

    what: str
    """For people, and all of it: `runs its state.py (12 lines)`. What is cut where it is shown could hide the rest."""
    content: str
    """All that it depends on."""
    code: str = ""
    """The program that would run, if it is one."""


Powers = tuple[Power, ...]


def of_card(task: Task) -> Powers:
    """What a task card would do: its own code, a module to import, places in its arguments, what its workers may."""
    powers = [*of_program(Path(task.observe).name, task.state_program)]
    powers += of_program(Path(task.script).name, task.script_program)
    module, colon, _ = task.env.partition(":")
    if colon:
        powers.append(Power(f"imports the module {module!r}", f"module {module}"))
    for key, value in task.kwargs.items():
        if _names_a_place(value):
            placed = _text({key: value})
            powers.append(Power(f"gives its environment places: {placed}", f"kwargs {placed}"))
    powers += [Power(f"lets its environment {allowed}", f"process {allowed}") for allowed in task.process.allowed]
    return tuple(powers)


def of_program(name: str, text: str) -> Powers:
    """What the state program of a card would do, or its absence."""
    return (Power(f"runs its {name} ({text.count(chr(10)) + 1} lines)", f"program {text}", text),) if text else ()


def of_run(task: Task, config: RunConfig, allowed: Allowance | None = None, board: Board | None = None) -> Powers:
    """What going on with a run would do: its card's powers, whom it asks and for how much, where else it writes."""
    powers = list(of_card(task))
    asked = sorted({name for name in config.models.values() if name not in HARMLESS})
    if asked:
        limits = allowed or allowed_at_first(config)
        cost = "no limit in dollars" if limits.max_cost is None else f"at most ${limits.max_cost:g}"
        phrase = f"asks {' and '.join(asked)} ({cost}, {limits.max_calls} calls)"
        powers.append(Power(phrase, f"models {_text([asked, limits.max_cost, limits.max_calls])}"))
    for folder in map(image_text_folder, config.image_text_judges):
        powers.append(Power(f"lets its environment read {folder} (an image-text model)", f"image-text {folder}"))
    if config.trust_the_model:
        powers.append(Power("runs a model's programs even where nothing locks them in", "trust_the_model"))
    if config.pool != "local":
        powers.append(Power(f"trains on a cluster ({config.pool})", f"pool {config.pool}"))
    if board is not None:
        powers.append(Power(f"writes curves to {board.logdir}", f"board {board.logdir}"))
    return tuple(powers)


def known(powers: Powers) -> bool:
    """Whether a person has let these in, or they are a shipped card's; no power at all is nothing to ask about."""
    return not powers or _digest(powers) in _shipped() or _has(_digest(powers))


def demand(powers: Powers, who: str) -> None:
    """Raises NotTrusted, saying what `who` would do, if nobody has let that in."""
    if not known(powers):
        would = "; ".join(shortened(power.what) for power in powers)
        raise NotTrusted(
            f"{who} is new here, and {would}. Look at it; if you trust it, say so with ", Setting("trust", True), "."
        )


def keep(powers: Powers) -> None:
    """Let these in from now on. Raises StoreError, UsageError."""
    if not known(powers):
        _write(_digest(powers), "\n".join(power.what for power in powers))


def keep_made(data: bytes, name: str) -> None:
    """Remember a file with code in it as made here.

    A person without a home, or with one that can't be written, keeps nothing, and is asked about the file if it is to be used: what
    was computed is not lost by that.
    """
    if persons_folder(_TRUST) is not None and not made_here(data):
        with suppress(UsageError):
            _write(_mark(data), f"made here: {name}")


def made_here(data: bytes) -> bool:
    """Whether these very bytes were made here."""
    return _has(_mark(data))


def _mark(data: bytes) -> str:
    """What a file is known by; no set of powers is, whatever is in the file."""
    return hashlib.sha256(b"made here\n" + data).hexdigest()


def _names_a_place(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_names_a_place, [*value, *value.values()]))
    if isinstance(value, list | tuple):
        return any(map(_names_a_place, value))
    return isinstance(value, str) and any(mark in value for mark in PLACES)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _digest(powers: Powers) -> str:
    return hashlib.sha256(_text(["powers", *sorted(power.content for power in powers)]).encode()).hexdigest()


@cache
def _shipped() -> frozenset[str]:
    """The powers of the cards that come with this package."""
    cards = task_names((envs_folder(),)).values()
    return frozenset(_digest(powers) for card in cards if (powers := of_card(read_task(card))))


def _has(name: str) -> bool:
    kept = persons_folder(_TRUST)
    return kept is not None and kept.has(name)


def _write(name: str, text: str) -> None:
    keep_for_person(writable_folder(_TRUST, _WHAT), name, f"{text}\n".encode("utf-8", "replace"), _WHAT)
