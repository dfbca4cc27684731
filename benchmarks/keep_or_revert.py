"""Keep or revert, one program at a time (`--search agent`), against rounds of several: the grammar's programs, equal steps.

    python benchmarks/keep_or_revert.py train [--tasks mountain-car,...] [--seeds 0,1,2] [--budget 8] [--confirm 3] [--runs DIR]
    python benchmarks/keep_or_revert.py table [--tasks ...] [--seeds ...] [--runs DIR]
    python benchmarks/keep_or_revert.py recorded
    python benchmarks/keep_or_revert.py replayed

`train` runs each search to its end, with the shipped card of the task or that of a hard one (`benchmarks/data/hard`); run again, it
goes on. Either search may take `--budget` full trainings of environment steps, and ends before that where it reaches a
success of 1.0 in its own scores: rounds of 8 programs with their race and finalists, as without any option, or a round for each
full training. `table` trains nothing: for each seed that both have ended it tells the winner's success in the search and on
`--confirm` fresh training seeds, programs that were written, trainings (those that confirm, too) and all their steps.

`recorded` trains nothing either: the programs that a strong model wrote for the four hard tasks, a round's at a time, from their
recorded trainings (`benchmarks/hard.py`). Rounds race them as the search does; keeping or reverting trains one after the other
whole on one seed for as many steps as that took, in any order (the mean over all), and is left with the one that ranked first.
Regret is how much less the chosen program's success over both seeds is than that of the round's best. An agent would have written
its next program from the kept one: that is in no record.

`replayed` trains nothing: whole searches by a model's recorded replies, all its rounds of a hard task. Rounds race each of them and
hand over whichever of their winners did best on both of its seeds; keeping or reverting trains the same programs in the order in
which they were written, whole, on one seed, until it has taken as many steps. Each search is played twice, the seeds in turn.
"""

import argparse
from collections.abc import Sequence
from math import comb
from pathlib import Path
from statistics import fmean

from early_signal import RULES, Program, Training, fields_of, race_now, worth
from hard import CONFIG, DATA
from hard import TASKS as HARD
from suite import finished

from autoreward.core.resources import envs_folder
from autoreward.records import Run
from autoreward.report.reading import read_run
from autoreward.session.run import config_for
from autoreward.store.files import is_run
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

SEARCHES = ("rounds", "agent")
HEAD = ("task", "search", "seed", "success in the search", "on fresh seeds", "programs", "trainings", "steps")
TARGET = 1.0
RANKED_BY = ("mean success in the second half", "success of the kept checkpoint")
"""As a search ranks trainings of one seed and length where no metric decides."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("train", "table", "recorded", "replayed"))
    parser.add_argument("--tasks", default="mountain-car,inverted-pendulum-offset,cartpole-hold")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--budget", type=float, default=8.0)
    parser.add_argument("--confirm", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    tasks, seeds = options.tasks.split(","), tuple(map(int, options.seeds.split(",")))
    if options.do == "train":
        for seed in seeds:
            for name in tasks:
                for search in SEARCHES:
                    train(name, search, seed, options.budget, options.confirm, options.runs)
    elif options.do == "table":
        table(tasks, seeds, options.runs)
    elif options.do == "recorded":
        recorded()
    else:
        replayed()


def folder_of(runs: Path, name: str, search: str, seed: int) -> Path:
    return runs / f"keep-{name}-{search}-{seed}"


def task_called(name: str) -> Task:
    return find_task(name, (DATA, envs_folder()))


def train(name: str, search: str, seed: int, budget: float, confirm: int, runs: Path) -> None:
    task = task_called(name)
    chosen = {
        "model": "grammar",
        "search": search,
        "seed": seed,
        "budget": budget,
        "confirm_seeds": confirm,
        "target": TARGET,
    }
    run = finished(task, config_for(task, chosen), folder_of(runs, name, search, seed))
    print(f"{name} {search} {seed}: {run.stop}", flush=True)


def table(tasks: Sequence[str], seeds: Sequence[int], runs: Path) -> None:
    """A row a search that has ended, and one with the means of those seeds that both have ended."""
    print(f"| {' | '.join(HEAD)} |\n{'|---' * len(HEAD)}|")
    for name in tasks:
        ended = {s: {i: r for i in seeds if (r := result(folder_of(runs, name, s, i)))} for s in SEARCHES}
        both = sorted(set.intersection(*(set(ended[s]) for s in SEARCHES)))
        for search in SEARCHES:
            for seed in both:
                print(row(name, search, str(seed), [ended[search][seed]]))
            if len(both) > 1:
                print(row(name, search, "mean", [ended[search][seed] for seed in both]))


def result(folder: Path) -> tuple[Run, int] | None:
    """A search's end and the number of its programs; None of one that has not ended."""
    if not is_run(folder):
        return None
    reading = read_run(folder)
    return (reading.run, len(reading.candidates)) if reading.run else None


def row(name: str, search: str, seed: str, ended: Sequence[tuple[Run, int]]) -> str:
    found = [run.success or 0.0 for run, _ in ended]
    fresh = [next((c.estimate.value for c in run.confirmed if c.who == run.best), 0.0) for run, _ in ended]
    cells = [f"{fmean(found):.2f}", f"{fmean(fresh):.2f}", f"{fmean(count for _, count in ended):.0f}"]
    cells += [f"{fmean(run.trainings for run, _ in ended):.0f}", f"{fmean(run.env_steps for run, _ in ended):,.0f}"]
    return f"| {' | '.join((name, search, seed, *cells))} |"


def recorded() -> None:
    """A row for each search and hard task whose programs were trained on two seeds."""
    print("| task | fields | full trainings, mean | regret of rounds, mean | regret of keeping or reverting, mean |")
    print("|---|---|---|---|---|")
    for name in HARD:
        raced = [(field, *race_now(name, field, CONFIG.budget / CONFIG.rounds)) for field in fields_of(name)]
        if raced:
            best = [max(map(worth, field)) for field, _, _ in raced]
            rounds = [next(worth(p) for p in field if p[0].program == won) for field, won, _ in raced]
            kept = [worth_kept(field, min(int(steps), len(field))) for field, _, steps in raced]
            cells = (fmean(steps for *_, steps in raced), fmean(best) - fmean(rounds), fmean(best) - fmean(kept))
            print(f"| {name} | {len(raced)} | {cells[0]:.2f} | {cells[1]:.3f} | {cells[2]:.3f} |")


def worth_kept(field: Sequence[Program], tried: int) -> float:
    """What the program that ranks first of so many is worth, mean over all orders of writing them."""
    order = sorted(field, key=lambda program: ranks(program[0]), reverse=True)
    ways = [comb(len(order) - 1 - place, tried - 1) for place in range(len(order))]
    return sum(way * worth(program) for way, program in zip(ways, order, strict=True)) / sum(ways)


def replayed() -> None:
    """A row for each hard task of which programs were trained on two seeds in two rounds at least."""
    print("| task | programs | full trainings | rounds choose | keeping or reverting chooses | best of all |")
    print("|---|---|---|---|---|---|")
    for name in HARD:
        fields = [field for field in fields_of(name) if not field[0][0].program.startswith("grammar")]
        searches = [whole_search(name, fields[first::2]) for first in (0, 1)] if len(fields) > 2 else []
        if searches:
            costs, raced, kept, best = (fmean(values) for values in zip(*searches, strict=True))
            cells = (f"{costs:.1f}", *(f"{success:.2f}" for success in (raced, kept, best)))
            print(f"| {name} | {sum(map(len, fields)) // 2} | {' | '.join(cells)} |")


def whole_search(name: str, rounds: Sequence[Sequence[Program]]) -> tuple[float, float, float, float]:
    """Full trainings that the rounds took; success of the program that each search hands over, and of the best one."""
    raced = [race_now(name, field, CONFIG.budget / CONFIG.rounds) for field in rounds]
    steps = sum(cost for _, cost in raced)
    won = [next(p for p in field if p[0].program == winner) for field, (winner, _) in zip(rounds, raced, strict=True)]
    written = [program for field in rounds for program in field]
    chosen = max(won, key=lambda program: ranks(*program))
    kept = max(written[: int(steps)], key=lambda program: ranks(program[0]))
    return steps, worth(chosen), worth(kept), max(map(worth, written))


def ranks(*done: Training) -> tuple[float, ...]:
    """How trainings of one program are ranked."""
    return tuple(fmean(RULES[rule](training) for training in done) for rule in RANKED_BY)


if __name__ == "__main__":
    main()
