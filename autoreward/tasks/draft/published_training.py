"""Settings that rl-baselines3-zoo publishes for an environment, as a card says them, with their source.

They are data, published_settings.toml, made by benchmarks/published_settings.py from a checkout of the zoo. They were tuned for the
environment's own reward, and mostly for longer trainings.
"""

import tomllib
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from autoreward.records import Record
from autoreward.records.base import Line
from autoreward.tasks.algorithms import AlgorithmName
from autoreward.tasks.tables import Train

SETTINGS_FILE = Path(__file__).with_name("published_settings.toml")
LEAST_UPDATES = 24
"""Times that a training on its newest steps learns, at least; else its environments are fewer."""


class ProposedTraining(NamedTuple):
    """What a drafted card trains with, and why."""

    train: Train
    guess: str
    """Where it is from."""
    notes: tuple[str, ...] = ()
    """What is not as it was published, a line each."""


class PublishedSettings(Record):
    """What is published for one environment and algorithm."""

    env: Line
    """The newest id of this name when the file was made."""
    module: Line
    """Of the package that registers it."""
    steps: int
    doubt: Line = ""
    """What the source itself doubts; empty: nothing."""
    left_out: tuple[Line, ...] = ()
    """What a card can't say."""
    train: dict[str, Any]
    """Keys of `[train]`."""


class PublishedSource(Record):
    """Where all of it is from."""

    repository: Line
    commit: Line
    files: dict[AlgorithmName, Line]


@cache
def published_settings() -> tuple[PublishedSource, dict[AlgorithmName, dict[str, PublishedSettings]]]:
    """All that is published, by algorithm and the id that the source names."""
    read = tomllib.loads(SETTINGS_FILE.read_text(encoding="utf-8"))
    source = PublishedSource.model_validate(read.pop("source"))
    return source, {
        algorithm: {key: PublishedSettings.model_validate(entry) for key, entry in read[algorithm].items()}
        for algorithm in source.files
    }


def published_training(
    env: str, kwargs: Collection[str], algorithm: AlgorithmName, steps: int
) -> ProposedTraining | None:
    """What is published for an environment of this name, in whatever version; None: nothing is.

    Args:
        env: as gymnasium.make takes it.
        kwargs: its arguments, of which the source has none.
        algorithm: that is to learn.
        steps: of a training.
    """
    module, _, name = env.rpartition(":")
    source, known = published_settings()
    for key, found in known.get(algorithm, {}).items():
        if _plain(key) == _plain(name) and module in ("", found.module):
            break
    else:
        return None
    train, notes = _fitted(Train.model_validate({"algorithm": algorithm, "steps": steps, **found.train}))
    version = "" if key == name else ", another version"
    without = ", without arguments" if kwargs else ""
    place = f"{source.repository.rpartition('/')[2]}, {source.files[algorithm]} at {source.commit[:7]}"
    doubt = f", and said to be {found.doubt}" if found.doubt == "unsolved" else f", and still {found.doubt}"
    guess = (
        f"published for {key}{version}{without} ({place}){doubt if found.doubt else ''}; "
        f"meant for its own reward and {found.steps:,} steps"
    )
    return ProposedTraining(train, guess, tuple(_left_out(found) + notes))


def _left_out(found: PublishedSettings) -> list[str]:
    return [f"LEFT OUT: {'; '.join(found.left_out)}"] if found.left_out else []


def _fitted(train: Train) -> tuple[Train, list[str]]:
    """With rewards normalised, and few enough environments; what was changed for it."""
    notes = []
    if not train.normalize_rewards:
        notes.append("CHANGED: rewards are normalised, and were not there: those of a search have any scale")
    envs, spec = train.envs, train.spec
    stretch = int(train.hyperparameters.get(spec.stretch, spec.usual))
    while spec.on_policy and envs > 1 and train.steps < LEAST_UPDATES * stretch * envs:
        envs //= 2
    if envs < train.envs:
        updates = train.steps // (stretch * envs)
        notes.append(f"CHANGED: envs = {envs}, {train.envs} there, so that {train.steps:,} steps are {updates} updates")
    return train.model_copy(update={"envs": envs, "normalize_rewards": True}), notes


def _plain(env: str) -> str:
    """An id without its version."""
    name, _, version = env.rpartition("-v")
    return name if version.isdigit() else env
