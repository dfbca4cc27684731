"""How many comparisons people need to make: simulated people, asked as `autoreward prefer` asks or at random.

    python benchmarks/preferences.py [--runs 200]
    python benchmarks/preferences.py --weights [--runs 200]

Strengths are drawn from a normal distribution with standard deviation 1.5 (as the prior says); answers from Davidson's model,
in which equals tie a third of the time. Prints how often the candidate that is ranked first is the best one, or one of the two
best. "in the page": the next pair is chosen by all answers but the one to the pair that is being watched; "on paper": 12 pairs at a
time, before any of them is answered. A row with more pairs goes on where the one with fewer ended.

`--weights`: people who weigh three parts 4 : 1 : 0.25 prefer one of two episodes whose parts differ by chance (standard normal
each); some answers are turned round. Prints how often the weights that are fitted to their answers are in the right order, and
how often the heaviest part comes out.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from autoreward.design.weight_tuning import SLIPS, fitted_weights
from autoreward.evaluation.bradley_terry import ANSWERS, SPREAD, Fit, strengths
from autoreward.evaluation.questions import Policy, every_question, questions
from autoreward.records import Answer, Preference, Question

EPISODES, BATCH = 20, 12
WEIGHTS = np.array([4.0, 1.0, 0.25])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--weights", action="store_true")
    options = parser.parse_args()
    runs = options.runs
    if options.weights:
        return show_weights(runs)
    print("| policies | pairs | asked | best is first | one of the two best is first |\n|---|---|---|---|---|")
    for policies, pairs in ((3, (3, 5)), (8, (6, 12, 24, 48))):
        for how in ("in the page", "on paper", "at random"):
            places = np.array([simulate(policies, pairs, how, seed) for seed in range(runs)])
            for count, column in zip(pairs, places.T, strict=True):
                first, two = (column == 0).mean(), (column <= 1).mean()
                print(f"| {policies} | {count} | {how} | {first:.2f} | {two:.2f} |", flush=True)


def simulate(policies: int, pairs: tuple[int, ...], how: str, seed: int) -> list[int]:
    """True places, from 0, of the policies that simulated answers put first, after each of these counts of pairs."""
    rng = np.random.default_rng(seed)
    truth = Fit(
        np.append(rng.normal(0.0, SPREAD, policies), 0.0), np.eye(policies + 1), *2 * (np.zeros((0, policies)),)
    )
    of = [Policy(f"r000c{i}", (f"r000c{i}-s0",)) for i in range(policies)]
    said: list[Preference] = []
    places: list[int] = []
    plan: list[Question] = []
    while len(said) < pairs[-1]:
        match how:
            case "in the page":
                # as Sitting has it: what is shown stays, and what follows it is chosen while it is watched
                shown = plan[1:2] or list(questions(of, said, EPISODES, 1))
                plan = shown + [q for q in questions(of, said, EPISODES, 2) if q not in shown][:1]
            case "on paper":
                plan = plan[1:] or list(questions(of, said, EPISODES, BATCH))
            case _:
                plan = drawn(of, said, 1, rng)
        said.append(Preference(question=plan[0], answer=answer(truth, plan[0], rng)))
        if len(said) in pairs:
            winner = int(strengths(said).items[0].candidate_id[-1])
            places.append(int((truth.values[:-1] > truth.values[winner]).sum()))
    return places


def show_weights(runs: int) -> None:
    print("| answers | turned round | the order is right | the heaviest part is |\n|---|---|---|---|")
    for count in (15, 30, 60, 120):
        for turned in (0.0, 0.2):
            orders = np.array([fitted_weights(gaps(count, turned, seed), SLIPS).argsort() for seed in range(runs)])
            right, heaviest = (orders == [2, 1, 0]).all(axis=1).mean(), (orders[:, 2] == 0).mean()
            print(f"| {count} | {turned:.0%} | {right:.2f} | {heaviest:.2f} |", flush=True)


def gaps(count: int, turned: float, seed: int) -> NDArray[np.float64]:
    """How much more each part pays in the episode that is preferred, shape (count, 3)."""
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(2, count, 3))
    first = ((one - other) @ WEIGHTS > 0) ^ (rng.random(count) < turned)
    return np.asarray(np.where(first[:, None], one - other, other - one))


def drawn(of: list[Policy], said: list[Preference], count: int, rng: np.random.Generator) -> list[Question]:
    done = {p.question.id for p in said}
    left = [q for q in every_question(of, EPISODES) if q.id not in done]
    return [left[i] for i in rng.choice(len(left), count, replace=False)]


def answer(truth: Fit, question: Question, rng: np.random.Generator) -> Answer:
    chances = truth.chances(int(question.a[-1]), int(question.b[-1]))
    return ANSWERS[rng.choice(3, p=chances)]


if __name__ == "__main__":
    main()
