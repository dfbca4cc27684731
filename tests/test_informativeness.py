"""Where recorded episodes part, and what is paid from there on: known answers on paths made by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from autoreward.checks import informativeness, screens
from autoreward.checks.dataset import EpisodeDataset
from autoreward.checks.informativeness import Parting, paid_share, partings
from autoreward.checks.relabel import Relabelled
from autoreward.core.transitions import Transitions
from autoreward.records import Episode, ReferenceEpisode

Array = NDArray[np.float64]
Path = NDArray[np.complex128]
TRUNK: Path = np.arange(10) + 0j
ON = np.arange(1.0, 21.0)
RIGHT, UP = 9 + ON + 0j, 9 + 1j * ON
"""Ways on from the trunk's end at 9."""


def walks(*paths: Path, ended: tuple[int, ...] = ()) -> Transitions:
    """Episodes that were in these places one after the other, one transition fewer each; those `ended` by themselves."""
    steps, episodes = max(map(len, paths)) - 1, len(paths)
    places = np.stack([np.pad(p, (0, steps + 1 - len(p)), mode="edge") for p in paths], axis=1)
    clock = np.arange(1, steps + 1)[:, None]
    lengths = np.array([len(p) - 1 for p in paths])
    step = np.where(clock <= lengths, clock, 0)
    ends = np.zeros((steps, episodes), dtype=bool)
    for column in ended:
        ends[lengths[column] - 1, column] = True
    before, after = ({"x": p.real, "y": p.imag, "wall": np.full(p.shape, 0.3)} for p in (places[:-1], places[1:]))
    return Transitions(before, {}, after, step, ends)


def moved(batch: Transitions) -> Array:
    """A reward for going right, episode after episode."""
    gain = batch.next_state["x"] - batch.state["x"]
    return np.asarray(gain.T[batch.step.T > 0])


FORK = walks(np.concatenate([TRUNK, RIGHT]), np.concatenate([TRUNK, UP]))
BETTER_FIRST = np.array([0.9, 0.1])


def test_two_ways_from_a_fork() -> None:
    """They part at the tenth state: 29 transitions each, of which the last 20 are compared."""
    (parting,) = partings(FORK, BETTER_FIRST, 0.1)
    assert parting == Parting(slice(9, 29), slice(29 + 9, 29 + 29))
    assert paid_share(moved(FORK), [parting]) == 1.0
    assert paid_share(-moved(FORK), [parting]) == 0.0
    assert paid_share(np.full(58, -1.0), [parting]) == 0.5, "as long, as much"
    assert paid_share(np.zeros(58), [parting]) == 0.5


def test_who_is_better_is_not_who_is_first() -> None:
    (parting,) = partings(FORK, BETTER_FIRST[::-1], 0.1)
    assert parting == Parting(slice(38, 58), slice(9, 29))
    assert paid_share(moved(FORK), [parting]) == 0.0


def test_what_was_paid_before_they_part_does_not_count() -> None:
    """The worse one waits at the start for pay; from the fork on it is paid less."""
    waits = np.concatenate([np.zeros(40), TRUNK, UP])
    batch = walks(np.concatenate([TRUNK, RIGHT]), waits)
    (parting,) = partings(batch, BETTER_FIRST, 0.1)
    assert parting.better == slice(9, 29)
    assert parting.worse == slice(29 + 49, 29 + 69), "when it first was there"
    idle = np.where(batch.next_state["x"] == 0.0, 100.0, 0.0).T[batch.step.T > 0] + moved(batch)
    assert idle[29:].sum() > idle[:29].sum()
    assert paid_share(idle, [parting]) == 1.0


def test_the_time_limit_cuts_both_and_an_end_cuts_its_own() -> None:
    """A way on of 6 steps: as many of the other are compared, unless it ended there, after which nothing is to be had."""
    short = np.concatenate([TRUNK, RIGHT[:6]])
    long = np.concatenate([TRUNK, UP])
    cost = np.full(15 + 29, -1.0)
    (cut,) = partings(walks(short, long), BETTER_FIRST, 0.1)
    assert cut == Parting(slice(9, 15), slice(15 + 9, 15 + 15))
    assert paid_share(cost, [cut]) == 0.5
    (ended,) = partings(walks(short, long, ended=(0,)), BETTER_FIRST, 0.1)
    assert ended == Parting(slice(9, 15), slice(15 + 9, 15 + 29))
    assert paid_share(cost, [ended]) == 1.0, "being done early is worth a cost of time"
    assert not partings(walks(np.concatenate([TRUNK, RIGHT[:4]]), long), BETTER_FIRST, 0.1), "4 steps say too little"


def test_nothing_in_common_or_nothing_to_choose() -> None:
    assert not partings(walks(TRUNK, TRUNK + 0.5), BETTER_FIRST, 0.1)
    assert not partings(FORK, np.array([0.5, 0.45]), 0.1)


def test_long_episodes_are_thinned_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that replays the other's beginning keeps its states: they part within a stride of where they do."""
    monkeypatch.setattr(informativeness, "_STATES", 8)
    (parting,) = partings(FORK, BETTER_FIRST, 0.1)
    assert parting == Parting(slice(8, 29), slice(29 + 8, 29 + 29))


def test_only_so_many_steps_on() -> None:
    far = np.concatenate([TRUNK, 9 + np.arange(1.0, 151.0)]), np.concatenate([TRUNK, 9 + 1j * np.arange(1.0, 151.0)])
    (parting,) = partings(walks(*far), BETTER_FIRST, 0.001)
    assert parting.better.stop - parting.better.start == informativeness.STEPS_ON


@pytest.mark.parametrize(("sign", "decision"), [(1.0, "passed"), (-1.0, "demoted"), (0.0, "passed")])
def test_the_screen(sign: float, decision: str) -> None:
    """Three that went right and three that went up, alike but for noise below what counts as one state."""
    noise = np.random.default_rng(0).uniform(-0.01, 0.01, 6)
    batch = walks(*(np.concatenate([TRUNK, RIGHT if i < 3 else UP]) + noise[i] for i in range(6)))
    plain = {
        "length": 29,
        "terminated": False,
        "reached": False,
        "held": 0,
        "metric": 1,
        "movement": 1.0,
        "success": False,
    }
    episodes = [Episode.model_validate(plain | {"progress": 0.9 if i < 3 else 0.1}) for i in range(6)]
    dataset = EpisodeDataset(batch, tuple(ReferenceEpisode(kind="trial", episode=e) for e in episodes), "lower")
    rewards = sign * moved(batch)
    labels = Relabelled({}, {}, rewards.reshape(6, 29).sum(axis=1), None, rewards)
    found = screens.informativeness(dataset, labels)
    assert (found.decision, found.number) == (decision, 0.5 + 0.5 * sign)
    assert "of 9 pairs" in found.evidence
    few = EpisodeDataset(batch.cut(columns=[0, 1, 3, 4]), tuple(dataset.episodes[i] for i in (0, 1, 3, 4)), "lower")
    assert screens.informativeness(few, labels).decision == "silent"
