"""Does the race find as good a reward as training everything to the end, for a quarter of the steps?

    python benchmarks/race.py [--tasks mountain-car,cartpole-hold] [--repetitions 5] [--count 16] [--runs DIR]

Each repetition is a seed. The same programs (of the grammar) are trained to the end, all of them, and raced with screens.
Whoever wins either way is confirmed on fresh seeds; `same` says whether the race's winner is within noise of the other's
(one standard error of the difference, or both solved).
"""

import argparse
from pathlib import Path

from autoreward.analyze.ranking import SOLVED, ranked
from autoreward.config import RunConfig
from autoreward.contest import Contestant, contest
from autoreward.crew import RealCrew, open_crew
from autoreward.design.grammar import design
from autoreward.loop import in_order, steps
from autoreward.race import race, score_all, search_job
from autoreward.records import Candidate, Candidates, Confirmed, Description, Screened, Trial, Verdict
from autoreward.resources import envs_folder
from autoreward.store.book import Book, RunHeader
from autoreward.tasks import Task, find_task

FRESH = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", default="mountain-car,cartpole-hold,lunar-lander-hover,reacher")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    print(
        "| task | seed | all: winner | success on fresh seeds | steps | race: winner | success | steps | share | same |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for name in options.tasks.split(","):
        for seed in range(options.repetitions):
            row(find_task(name, (envs_folder(),)), seed, options.count, options.runs)


def row(task: Task, seed: int, count: int, runs: Path) -> None:
    config = RunConfig(seed=seed, candidates=count, confirm_seeds=FRESH, finalist_seeds=0, budget=1e6)
    folder = runs / f"race-{task.name}-{seed}"
    opened = Book.open(folder) if (folder / "run.json").exists() else Book.create(folder, RunHeader.of(task, config))
    with opened as book, open_crew(task, config, book, lambda event: None) as (crew, _):
        described = book.once("description", Description, crew.describe)
        page = book.page(0)
        programs = page.once(
            "candidates", Candidates, lambda: Candidates(items=design(task, described, (), count, seed=1))
        ).items
        verdicts = page.each("verdicts", Verdict, programs, crew.review, crew.pool)
        screened = page.once("screens", Screened, lambda: crew.screen(programs, verdicts, ()))
        field = in_order(programs, verdicts, screened)
        raced = race(task, config, crew, page, field, 10**12, lambda event: None)
        whole = book.page(1)
        jobs = [search_job(config, task, c, v) for c, v in zip(programs, verdicts, strict=True) if v.accepted]
        trials = whole.each("trials", Trial, jobs, crew.train, crew.pool)
        scores = score_all(whole, crew, trials, "search")
        best_of_all, best_of_race = ranked(scores, task)[0], ranked(raced.scores, task)[0]
        one = fresh(task, config, crew, book, programs, best_of_all)
        other = fresh(task, config, crew, book, programs, best_of_race)
    share = steps(raced.trials) / steps(trials)
    cells = [
        task.name, str(seed), best_of_all, f"{one.estimate.value:.2f}", f"{steps(trials):,}", best_of_race,
        f"{other.estimate.value:.2f}", f"{steps(raced.trials):,}", f"{share:.2f}", "yes" if same(one, other) else "no",
    ]  # fmt: skip
    print("| " + " | ".join(cells) + " |", flush=True)


def fresh(
    task: Task, config: RunConfig, crew: RealCrew, book: Book, programs: tuple[Candidate, ...], who: str
) -> Confirmed:
    program = next(c for c in programs if c.id == who)
    return contest(task, config, crew, book.confirm_page(), [Contestant("given", program)], lambda event: None)[1][0]


def same(one: Confirmed, other: Confirmed) -> bool:
    """Whether the race's winner is no worse than the other beyond noise."""
    if other.who == one.who or min(one.estimate.value, other.estimate.value) >= SOLVED:
        return True
    pairs = zip(one.success, other.success, strict=True)
    gaps = [a - b for a, b in pairs]
    mean = sum(gaps) / len(gaps)
    error = (sum((g - mean) ** 2 for g in gaps) / (len(gaps) - 1) / len(gaps)) ** 0.5
    return mean <= error


if __name__ == "__main__":
    main()
