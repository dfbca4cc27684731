"""What would find the best of eight policies with fewer answers: another way to choose what is asked.

    python benchmarks/choices.py [--runs 600]

Simulated people as in `benchmarks/preferences.py`, asked one question at a time about pairs, or which of four is the best.
"shrinks" is what `prefer` does: what shrinks the uncertainty most, weighted by the chance that one of those is the best; "tells
the best": the question whose answer is expected to tell most about which one is the best (mutual information, by draws of the
posterior).
"""

import argparse
from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from autoreward.evaluation.bradley_terry import SPREAD, Comparison, Fit, fit, information_of
from autoreward.records import SIDES

Array = NDArray[np.float64]
POLICIES, DRAWS = 8, 1000
CLIPS = (12, 24, 48)
Chooser = Callable[[Fit, Array, NDArray[np.intp]], int]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=600)
    runs = parser.parse_args().runs
    print("| asked | chosen by what | answers | clips watched | best is first | one of the two best is first |")
    print("|---|---|---|---|---|---|")
    for size in (2, 4):
        for choose in (shrinks, tells_the_best):
            places = np.array([simulate(size, choose, seed) for seed in range(runs)])
            for clips, column in zip(CLIPS, places.T, strict=True):
                rates = f"{(column == 0).mean():.2f} | {(column <= 1).mean():.2f}"
                how = choose.__name__.replace("_", " ")
                print(f"| which of {size} | {how} | {clips // size} | {clips} | {rates} |", flush=True)


def simulate(size: int, choose: Chooser, seed: int) -> list[int]:
    """True places, from 0, of the policies that are put first after so many CLIPS."""
    rng = np.random.default_rng(seed)
    nobody = np.zeros((0, POLICIES))
    truth = Fit(np.append(rng.normal(0.0, SPREAD, POLICIES), 0.0), np.eye(POLICIES + 1), nobody, nobody)
    sets = np.array(list(combinations(range(POLICIES), size)))
    said: list[Comparison] = []
    places: list[int] = []
    while size * len(said) < CLIPS[-1]:
        known = fit(POLICIES, said)
        drawn = rng.multivariate_normal(known.values, np.linalg.inv(known.precision), DRAWS)
        shown = tuple(sets[choose(known, drawn, sets)].tolist())
        answer = rng.choice(size + 1, p=truth.chances(shown))
        said.append(Comparison(shown, "tie" if answer == size else SIDES[answer]))
        if size * len(said) in CLIPS:
            first = fit(POLICIES, said).values[:-1].argmax()
            places.append(int((truth.values[:-1] > truth.values[first]).sum()))
    return places


def shrinks(known: Fit, drawn: Array, sets: NDArray[np.intp]) -> int:
    odds, weights = information_of(known.values, sets)
    unit, covariance = np.eye(weights.shape[-1]), np.linalg.inv(known.precision)
    learned = np.linalg.slogdet(unit + weights @ (odds @ covariance @ odds.transpose(0, 2, 1)))[1]
    return int((learned * (best_of(drawn).mean(axis=0) + 1.0 / DRAWS)[sets].sum(axis=1)).argmax())


def tells_the_best(known: Fit, drawn: Array, sets: NDArray[np.intp]) -> int:
    odds, _ = information_of(known.values, sets)
    best = best_of(drawn)
    share = best.mean(axis=0)
    joint = np.einsum("sn,smk->nmk", best, softmax(np.einsum("sd,mkd->smk", drawn, odds)), optimize=True) / len(drawn)
    given = joint / np.maximum(share, 1e-12)[:, None, None]
    return int((entropy(joint.sum(axis=0)) - share @ entropy(given)).argmax())


def best_of(drawn: Array) -> Array:
    """Which policy is the best in each draw, shape (draws, POLICIES), 0 or 1."""
    return np.asarray(np.eye(POLICIES)[drawn[:, :POLICIES].argmax(axis=1)])


def softmax(logits: Array) -> Array:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def entropy(chances: Array) -> Array:
    """Over the last axis, in nats."""
    return np.asarray(-(chances * np.log(chances + 1e-300)).sum(axis=-1))


if __name__ == "__main__":
    main()
