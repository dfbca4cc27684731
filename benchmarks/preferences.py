"""How many answers people need to give: simulated people, asked as `autoreward prefer` asks or at random.

    python benchmarks/preferences.py [--runs 200] [--of 2]
    python benchmarks/preferences.py --weights [--runs 200]

Strengths are drawn from a normal distribution with standard deviation 1.5 (as the prior says); answers from Davidson's model,
in which equals tie a third of the time, or as `prefer --of 4` takes them: of four equals one is chosen in four of five answers.
Prints how often the candidate that is ranked first is the best one, or one of the two best. "in the page": what is asked next is
chosen by all answers but the one to what is being watched; "on paper": 24 clips at a time, before any of them is watched. A row
with more answers goes on where the one with fewer ended. `--of`: only the rows in which so many are shown at once.

`--weights`: people who weigh three parts 4 : 1 : 0.25 prefer one of two episodes whose parts differ by chance (standard normal
each); some answers are turned round. Prints how often the weights that are fitted to their answers are in the right order, and
how often the heaviest part comes out.
"""

import argparse
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from autoreward.design.weight_tuning import SLIPS, fitted_weights
from autoreward.evaluation.bradley_terry import SPREAD, Fit, strengths
from autoreward.evaluation.questions import Policy, every_question, questions
from autoreward.records import Chosen, Preference, Question

EPISODES, BATCH = 20, 24
ROWS = ((3, 2, (3, 5)), (8, 2, (6, 12, 24, 48)), (8, 4, (3, 6, 12, 24)))
"""Policies, how many of them are shown at once, answers."""
WEIGHTS = np.array([4.0, 1.0, 0.25])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--of", type=int)
    parser.add_argument("--weights", action="store_true")
    options = parser.parse_args()
    runs = options.runs
    if options.weights:
        return show_weights(runs)
    print("| policies | shown at once | answers | clips | asked | best is first | one of the two best is first |")
    print("|---|---|---|---|---|---|---|")
    for policies, size, counts in (row for row in ROWS if options.of in (None, row[1])):
        for how in ("in the page", "on paper", "at random"):
            places = np.array([simulate(policies, size, counts, how, seed) for seed in range(runs)])
            for count, column in zip(counts, places.T, strict=True):
                rates = f"{(column == 0).mean():.2f} | {(column <= 1).mean():.2f}"
                print(f"| {policies} | {size} | {count} | {count * size} | {how} | {rates} |", flush=True)


def simulate(policies: int, size: int, counts: tuple[int, ...], how: str, seed: int) -> list[int]:
    """True places, from 0, of the policies that simulated answers put first, after each of these counts of answers."""
    rng = np.random.default_rng(seed)
    truth = Fit(
        np.append(rng.normal(0.0, SPREAD, policies), 0.0), np.eye(policies + 1), *2 * (np.zeros((0, policies)),)
    )
    of = [Policy(f"r000c{i}", (f"r000c{i}-s0",)) for i in range(policies)]
    every = [question for shown in combinations(of, size) for question in every_question(shown, EPISODES)]
    said: list[Preference] = []
    places: list[int] = []
    plan: list[Question] = []
    while len(said) < counts[-1]:
        match how:
            case "in the page":
                # as Sitting has it: what is shown stays, and what follows it is chosen while it is watched
                shown = plan[1:2] or list(questions(of, said, EPISODES, 1, size))
                plan = shown + [q for q in questions(of, said, EPISODES, 2, size) if q not in shown][:1]
            case "on paper":
                plan = plan[1:] or list(questions(of, said, EPISODES, BATCH // size, size))
            case _:
                plan = drawn(every, said, rng)
        said.append(Preference(question=plan[0], answer=answer(truth, plan[0], rng)))
        if len(said) in counts:
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


def drawn(every: list[Question], said: list[Preference], rng: np.random.Generator) -> list[Question]:
    done = {p.question.id for p in said}
    left = [q for q in every if q.id not in done]
    return [left[i] for i in rng.choice(len(left), 1, replace=False)]


def answer(truth: Fit, question: Question, rng: np.random.Generator) -> Chosen:
    answers: tuple[Chosen, ...] = (*question.sides, "tie")
    chances = truth.chances([int(name[-1]) for name in question.candidates])
    return answers[rng.choice(len(answers), p=chances)]


if __name__ == "__main__":
    main()
