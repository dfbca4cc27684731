"""A run's numbers by environment step, given on as trainings are saved: to TensorBoard, or to a W&B or MLflow of your own."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from autoreward import events
from autoreward.errors import RunDamaged
from autoreward.records import LOGGED, Logged, Score, Trial, TrialId
from autoreward.store.book import BASELINES_PAGE, CONFIRM_PAGE, LONGER_PAGE, LONGEST_RECORD, Page, pages_of
from autoreward.store.folder import Folder
from autoreward.store.keys import SCORES, TRIALS

Log = Callable[[str, int, dict[str, float]], None]
"""The one function to log with: a training's name, environment steps so far, and numbers by name.

It is called for one row at a time, from any thread, with steps that grow within a training.
"""

_APART = (BASELINES_PAGE, LONGER_PAGE, CONFIRM_PAGE)
"""Trainings on these pages bear their names."""


class Leg(NamedTuple):
    """One leg of a training that is trained and scored: nothing will be added to it."""

    training: str
    """`r000c1-s0`; `confirm/r000c1-s0` for a training on fresh seeds, `baselines/native-s0` for a baseline of the search."""
    begin: int
    """Environment steps before it."""
    steps: int
    """Environment steps at its end."""
    seconds: float
    ended: float
    """When its record was written, in seconds since 1970."""
    rows: dict[int, dict[str, float]]
    """By step, in order: numbers by name."""


class Follower:
    """Listens to a run and gives on each of its legs once, when it is saved. May be called from several threads."""

    def __init__(self, folder: Path, take: Callable[[Leg], None], earlier: bool) -> None:
        """`earlier`: also give what is saved by now; otherwise only what is yet to come."""
        self._folder = folder
        self._take = take
        self._lock = threading.Lock()
        self._taken = set() if earlier else {name for name, _ in saved_legs(folder, set())}

    def __call__(self, event: events.Event) -> None:
        """Take one event; each is a reason to look, except that a training has come a little further."""
        if not isinstance(event, events.TrialProgress):
            self.catch_up()

    def catch_up(self) -> None:
        """Give on what has been saved since. Raises RunDamaged, and whatever the taker raises."""
        with self._lock:
            for name, leg in saved_legs(self._folder, self._taken):
                self._taken.add(name)
                self._take(leg)


def logging(folder: Path, log: Log) -> Follower:
    """A listener that calls `log` with every row of what is trained from now on."""

    def take(leg: Leg) -> None:
        for step, values in leg.rows.items():
            log(leg.training, step, values)

    return Follower(folder, take, earlier=False)


def saved_legs(folder: Path, but: set[str]) -> Iterator[tuple[str, Leg]]:
    """Every leg of the run that is trained and scored, by where it is in the run; `but` those. Raises RunDamaged."""
    for page in (*pages_of(folder), *(Page(Folder(folder).at(name)) for name in _APART)):
        for stem in page.files.at(TRIALS.folder).stems():
            name = f"{page.files.within}/{stem}"
            if name not in but and (leg := _leg(page, stem)) is not None:
                yield name, leg


def _leg(page: Page, stem: str) -> Leg | None:
    """The leg of a trial's record; None while it is still to be scored."""
    trial, score = page.need(TRIALS.of(stem)), page.lone(SCORES.of(stem))
    if trial.outcome.ok and score is None:
        return None
    rows: dict[int, dict[str, float]] = {}
    for step, values in (*_logged(page.files, f"{TRIALS.of(stem).folder}/{LOGGED}"), *_parts(trial), *_held_out(score)):
        rows.setdefault(step, {}).update(values)
    ended = page.files.modified(TRIALS.of(stem).file)
    return Leg(_name(page, trial), trial.begin, trial.steps, trial.seconds, ended, dict(sorted(rows.items())))


def _logged(files: Folder, name: str) -> Iterator[tuple[int, dict[str, float]]]:
    """What SB3 logged; nothing of a training whose process did not live to say so."""
    try:
        points = Logged.model_validate_json(files.read(name, LONGEST_RECORD)).points
    except FileNotFoundError:
        return
    except (ValidationError, OSError):
        raise RunDamaged(f"{files.path / name} is damaged; delete it, and that training is shown without it.") from None
    yield from ((point.step, point.values) for point in points)


def _parts(trial: Trial) -> Iterator[tuple[int, dict[str, float]]]:
    """The mean of each reward part since the point before, and the multipliers of limits where they are learned."""
    for point in trial.curve:
        learned = {f"multipliers/{name}": value for name, value in point.multipliers.items()}
        yield point.step, {f"reward/{part.name}": part.mean for part in point.parts} | learned


def _held_out(score: Score | None) -> Iterator[tuple[int, dict[str, float]]]:
    """What each checkpoint did on held-out seeds; of a staged rule also the share of episodes that reached each stage."""
    for point in score.checkpoints if score else ():
        values = {"success": point.success, "progress": point.progress, "episode_length": point.length}
        metric = {} if point.metric is None else {"metric": point.metric}
        metric |= {f"metrics/{name}": value for name, value in point.metrics.items()}
        stages = {f"stage_{number}": share for number, share in enumerate(point.stages, start=1)}
        limits = {f"limits/{name}": value for name, value in point.limits.items()}
        yield point.step, {f"held_out/{name}": value for name, value in (values | metric | stages | limits).items()}


def _name(page: Page, trial: Trial) -> str:
    name = str(TrialId.parse(trial.id).training)
    return f"{page.folder.name}/{name}" if page.folder.name in _APART else name
