"""How many comparisons people need to make: simulated people, asked 12 questions at a time by `autoreward prefer` or at random.

    python benchmarks/preferences.py [--runs 200]

Strengths are drawn from a normal distribution with standard deviation 1.5 (as the prior says); answers from Davidson's model,
in which equals tie a third of the time. Prints how often the candidate that is ranked first is the best one, or one of the two
best.
"""

import argparse

import numpy as np

from autoreward.evaluation.bradley_terry import ANSWERS, SPREAD, Fit, Policy, every_question, questions, strengths
from autoreward.records import Preference, Question

EPISODES, BATCH = 20, 12


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    print("| policies | pairs | asked | best is first | one of the two best is first |\n|---|---|---|---|---|")
    for policies, pairs in ((3, 5), (8, 12), (8, 24), (8, 48)):
        for how in ("as prefer asks", "at random"):
            hits = np.array([simulate(policies, pairs, how, seed) for seed in range(runs)])
            first, two = (hits == 0).mean(), (hits <= 1).mean()
            print(f"| {policies} | {pairs} | {how} | {first:.2f} | {two:.2f} |", flush=True)


def simulate(policies: int, pairs: int, how: str, seed: int) -> int:
    """True place, from 0, of the policy that simulated answers put first."""
    rng = np.random.default_rng(seed)
    truth = Fit(np.append(rng.normal(0.0, SPREAD, policies), 0.0), np.eye(policies + 1))
    of = [Policy(f"r000c{i}", (f"r000c{i}-s0",)) for i in range(policies)]
    said: list[Preference] = []
    while len(said) < pairs:
        count = min(BATCH, pairs - len(said))
        asked = questions(of, said, EPISODES, count) if how == "as prefer asks" else drawn(of, said, count, rng)
        said += [Preference(question=q, answer=answer(truth, q, rng)) for q in asked]
    winner = int(strengths(said).items[0].candidate_id[-1])
    return int((truth.values[:-1] > truth.values[winner]).sum())


def drawn(of: list[Policy], said: list[Preference], count: int, rng: np.random.Generator) -> list[Question]:
    done = {p.question.id for p in said}
    left = [q for q in every_question(of, EPISODES) if q.id not in done]
    return [left[i] for i in rng.choice(len(left), count, replace=False)]


def answer(truth: Fit, question: Question, rng: np.random.Generator) -> str:
    chances = truth.chances(int(question.a[-1]), int(question.b[-1]))
    return ANSWERS[rng.choice(3, p=chances)]


if __name__ == "__main__":
    main()
