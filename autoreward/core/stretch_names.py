"""What the stretches of an observation are called, whatever its keys are, and which type of number holds all of them.

Exported files hold the source of these functions.
"""

import keyword
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

LONGEST_STRETCH = 60
"""Letters of a name, before it is numbered."""


def stretch_names(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """A name for each path of keys into an observation, in their order: plain ASCII words, no two alike.

    It is the keys joined by `_`; letters that no formula may hold become `_`. Where several would have the same name, the key that
    is that very word keeps it, and the others are numbered from 1: none of them has it by accident.
    """
    wanted = [stretch_word(path) for path in paths]
    keeps = {name: paths.index((name,)) for name in wanted if (name,) in paths}
    taken = {*keeps, *(name for name in wanted if wanted.count(name) == 1)}
    names = []
    for i, name in enumerate(wanted):
        free, number = name, 1
        while wanted.count(name) > 1 and keeps.get(name) != i and free in {name, *taken}:
            free, number = f"{name}_{number}", number + 1
        taken.add(free)
        names.append(free)
    return tuple(names)


def stretch_word(path: tuple[str, ...]) -> str:
    """The keys of one path as a word that Python takes for a name."""
    word = re.sub(r"[^A-Za-z0-9_]", "_", "_".join(path))[:LONGEST_STRETCH]
    if not word.strip("_"):
        return "part"
    if word[0].isdigit():
        return f"n_{word}"
    return f"{word}_value" if keyword.iskeyword(word) else word


def vector_type(numbers: Iterable[Any]) -> Any:
    """The type of a vector that holds numbers of such types as they are: float32, or float64 where that would round them."""
    exact = np.result_type(np.float32, *numbers)
    return np.dtype(np.float32 if exact.itemsize == 4 else np.float64)
