"""What would find the best of eight policies with fewer answers: other ways to choose what is asked, and a choice among four.

    python benchmarks/choices.py [--runs 200]

Simulated people as in `benchmarks/preferences.py`, asked one question at a time; a choice among k has the log odds of k strengths
and of a tie, whose odds are the mean of the k (Luce 1959; of two: Davidson 1970). "shrinks" is what `prefer` does: what shrinks the
uncertainty most, weighted by the chance that one of those is the best; "tells the best": the question whose answer is expected
to tell most about which one is the best (mutual information, by draws of the posterior).
"""

import argparse
from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from autoreward.evaluation.bradley_terry import SPREAD, TIES

Array = NDArray[np.float64]
POLICIES, DRAWS = 8, 1000
PRIOR = np.append(np.full(POLICIES, SPREAD**-2), TIES**-2)
COUNTS = (3, 6, 12, 24)
Chooser = Callable[[Array, Array, Array, NDArray[np.intp], Array], int]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    print("| asked | chosen by what | answers | clips watched | best is first | one of the two best is first |")
    print("|---|---|---|---|---|---|")
    for size, choose in ((2, shrinks), (2, tells_the_best), (4, shrinks)):
        places = np.array([simulate(size, choose, seed) for seed in range(runs)])
        for count, column in zip(COUNTS, places.T, strict=True):
            rates = f"{(column == 0).mean():.2f} | {(column <= 1).mean():.2f}"
            how = choose.__name__.replace("_", " ")
            print(f"| which of {size} | {how} | {count} | {count * size} | {rates} |", flush=True)


def simulate(size: int, choose: Chooser, seed: int) -> list[int]:
    """True places, from 0, of the policies that are put first after COUNTS answers."""
    rng = np.random.default_rng(seed)
    truth = np.append(rng.normal(0.0, SPREAD, POLICIES), 0.0)
    sets = np.array(list(combinations(range(POLICIES), size)))
    odds = log_odds(sets)
    asked, said, values, places = np.zeros(0, int), np.zeros(0, int), np.zeros(POLICIES + 1), []
    while len(said) < COUNTS[-1]:
        precision = posterior(values, odds[asked], said)[2]
        drawn = rng.multivariate_normal(values, np.linalg.inv(precision), DRAWS)
        best = choose(values, precision, drawn, sets, odds)
        asked, said = np.append(asked, best), np.append(said, rng.choice(size + 1, p=softmax(odds[best] @ truth)))
        values = fitted(values, odds[asked], said)
        if len(said) in COUNTS:
            places.append(int((truth[:-1] > truth[values[:-1].argmax()]).sum()))
    return places


def log_odds(sets: NDArray[np.intp]) -> Array:
    """Of each answer to m questions among k, over the parameters: shape (m, k + 1, POLICIES + 1)."""
    count, size = sets.shape
    rows = np.zeros((count, size + 1, POLICIES + 1))
    for place, column in enumerate(sets.T):
        rows[np.arange(count), place, column] = 1.0
        rows[np.arange(count), size, column] = 1.0 / size
    rows[:, size, POLICIES] = 1.0
    return rows


def shrinks(values: Array, precision: Array, drawn: Array, sets: NDArray[np.intp], odds: Array) -> int:
    chances = softmax(odds @ values)
    mean = np.einsum("mk,mkd->md", chances, odds)
    information = np.einsum("mk,mkd,mke->mde", chances, odds, odds) - np.einsum("md,me->mde", mean, mean)
    learned = np.linalg.slogdet(np.eye(len(values)) + information @ np.linalg.inv(precision))[1]
    return int((learned * (best_of(drawn).mean(axis=0) + 1.0 / DRAWS)[sets].sum(axis=1)).argmax())


def tells_the_best(values: Array, precision: Array, drawn: Array, sets: NDArray[np.intp], odds: Array) -> int:
    best = best_of(drawn)
    share = best.mean(axis=0)
    joint = np.einsum("sn,smk->nmk", best, softmax(np.einsum("sd,mkd->smk", drawn, odds)), optimize=True) / len(drawn)
    given = joint / np.maximum(share, 1e-12)[:, None, None]
    return int((entropy(joint.sum(axis=0)) - share @ entropy(given)).argmax())


def best_of(drawn: Array) -> Array:
    """Which policy is the best in each draw, shape (draws, POLICIES), 0 or 1."""
    return np.eye(POLICIES)[drawn[:, :POLICIES].argmax(axis=1)]


def fitted(values: Array, odds: Array, said: NDArray[np.intp]) -> Array:
    """The posterior's maximum, from values near it."""
    height, slope, precision = posterior(values, odds, said)
    while np.abs(slope).max() > 1e-7:
        step = np.linalg.solve(precision, slope)
        while (attempt := posterior(values + step, odds, said))[0] < height - 1e-12:
            step = step / 2
        values = values + step
        height, slope, precision = attempt
    return values


def posterior(values: Array, odds: Array, said: NDArray[np.intp]) -> tuple[float, Array, Array]:
    """Log density, gradient, negative second derivative."""
    chances, each = softmax(odds @ values), np.arange(len(said))
    mean = np.einsum("mk,mkd->md", chances, odds)
    height = -0.5 * PRIOR @ values**2 + np.log(chances[each, said]).sum()
    slope = -PRIOR * values + (odds[each, said] - mean).sum(axis=0)
    return height, slope, np.diag(PRIOR) + np.einsum("mk,mkd,mke->de", chances, odds, odds) - mean.T @ mean


def softmax(logits: Array) -> Array:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def entropy(chances: Array) -> Array:
    """Over the last axis, in nats."""
    return np.asarray(-(chances * np.log(chances + 1e-300)).sum(axis=-1))


if __name__ == "__main__":
    main()
