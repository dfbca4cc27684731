"""Which program should be handed over after the confirmation? Selection under seed noise, simulated; no training.

    python benchmarks/confirmation.py [--searches N]

Eight programs: half can't do the task at all, the others' mean success is uniform. A training of a program succeeds with a rate
from a beta distribution around that mean, whose `concentration` says how alike its seeds are (0.5: nearly all or nothing, as 1.0,
1.0, 0.0; 8: alike); 20 held-out episodes measure it. The search trains all on one seed, the two best on one more, and its winner
has the higher mean. Winner, runner-up and the first program are then trained on fresh seeds. The rules:

    search    the search's winner, whatever the fresh seeds say
    fresh     the best of the fresh seeds alone
    pooled    what the product does: of those that did better on the fresh seeds than the winner, the best over all its whole
              trainings, in search and confirmation, if it is ahead of the winner there, too
    certain   the search's winner, unless another is better on the fresh seeds with a chance of 0.05 at most (paired sign flips)

Regret: how much better the best of the three truly is. Optimism: what the fresh seeds say of the chosen one, less what is true.
"""

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.outcomes import Outcome
from autoreward.evaluation.pairs import better_by_chance
from autoreward.records import Score
from autoreward.search.contest import contested

PROGRAMS, EPISODES, RARELY = 8, 20, 0.05
FULL, NOT_WHOLE = 16, -1.0
"""Steps of a whole training; the success of one that the race has stopped."""
Array = NDArray[np.float64]


class Search(NamedTuple):
    """One simulated search, its confirmation included: winner, runner-up and first program, in this order."""

    truth: Array
    searched: list[list[float]]
    """Success of the whole trainings that each had in the search."""
    fresh: Array
    """shape (3, seeds)"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=4000)
    options = parser.parse_args()
    print("| seeds | concentration | rule | regret | standard error | optimism | not the search's winner |")
    print("|---|---|---|---|---|---|---|")
    for seeds in (3, 5):
        for concentration in (0.5, 2.0, 8.0):
            random = np.random.default_rng(0)
            searches = [simulated(random, concentration, seeds) for _ in range(options.searches)]
            for name, rule in RULES.items():
                chosen = [rule(s) for s in searches]
                regret = np.array([s.truth.max() - s.truth[i] for s, i in zip(searches, chosen, strict=True)])
                optimism = np.mean([s.fresh[i].mean() - s.truth[i] for s, i in zip(searches, chosen, strict=True)])
                error, others = regret.std() / len(regret) ** 0.5, np.mean([i > 0 for i in chosen])
                print(
                    f"| {seeds} | {concentration:g} | {name} | {regret.mean():.4f} | {error:.4f} | {optimism:+.3f} | {others:.0%} |"
                )


def simulated(random: np.random.Generator, concentration: float, seeds: int) -> Search:
    """One search and its confirmation."""
    able = random.random(PROGRAMS) < 0.5
    truth = np.where(able, random.random(PROGRAMS), 0.0)

    def trained(program: int, times: int) -> Array:
        if truth[program] == 0.0:
            return np.zeros(times)
        rates = random.beta(truth[program] * concentration, (1 - truth[program]) * concentration, times)
        return np.asarray(random.binomial(EPISODES, rates) / EPISODES, dtype=np.float64)

    first = np.array([trained(program, 1)[0] for program in range(PROGRAMS)])
    finalists = np.argsort(-first, kind="stable")[:2]
    own = {int(i): [float(first[i]), *trained(int(i), 1).tolist()] for i in finalists}
    winner, runner_up = sorted(own, key=lambda i: -sum(own[i]))
    # the first program may have been dropped in the race: then it has no whole training to count
    arms = (winner, runner_up, 0)
    searched = [own.get(i, []) for i in arms]
    return Search(truth[list(arms)], searched, np.array([trained(i, seeds) for i in arms]))


def by_search(search: Search) -> int:
    return 0


def by_fresh(search: Search) -> int:
    return int(np.argmax(search.fresh.mean(axis=1)))


def by_pooled(search: Search) -> int:
    names = [f"c{i}" for i in range(len(search.truth))]
    searched = [_score(n, v) for n, values in zip(names, search.searched, strict=True) for v in values or (NOT_WHOLE,)]
    fresh = {n: {i: _score(n, v) for i, v in enumerate(row)} for n, row in zip(names, search.fresh, strict=True)}
    contest = contested(fresh, names[0], searched, FULL)
    return names.index(contest.best) if contest else 0


def _score(name: str, success: float) -> Score:
    steps = FULL if success != NOT_WHOLE else FULL // 2
    return Score(
        trial_id=f"{name}-s0", candidate_id=name, outcome=Outcome.COMPLETED, steps=steps, success=max(success, 0.0)
    )


def when_certain(search: Search) -> int:
    other = by_fresh(search)
    return other if other and better_by_chance(search.fresh[other], search.fresh[0]) <= RARELY else 0


RULES = {"search": by_search, "fresh": by_fresh, "pooled": by_pooled, "certain": when_certain}

if __name__ == "__main__":
    main()
