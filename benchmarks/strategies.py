"""What a search starts its next programs from: the product's strategy against others, from the same first round, at equal steps.

    python benchmarks/strategies.py train [--tasks mountain-car,...] [--seeds 0,1,2] [--runs DIR]
    python benchmarks/strategies.py table [--tasks ...] [--seeds ...]

The grammar's programs, three a round, at most five rounds and twelve full trainings of environment steps, to a success of 1.0. The
first round is played once a task and seed; each strategy goes on from a copy of it. The program that a search is left with is then
trained on two fresh seeds. Regret is how much less its success is than the best of all strategies at that task and seed. Lines are
in `benchmarks/data/strategies.jsonl`; run again, it goes on. The others are in `other_strategies.py`.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import fmean
from typing import Any

from lines import DATA, Lines, train_or_table
from other_strategies import Archive, Islands, Operators, Tree
from suite import finished, unheard

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.design.grammar.evolve import slots
from autoreward.loop import improve
from autoreward.records import Run
from autoreward.search.strategy import Strategy
from autoreward.search.study import Study
from autoreward.search.truncation import TruncationSelection
from autoreward.session.real_steps import open_steps
from autoreward.store.book import Book
from autoreward.store.header import RunHeader
from autoreward.store.keys import CANDIDATES
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

LINES = Lines(DATA / "strategies.jsonl")
STRATEGIES: Mapping[str, Callable[[Task, RunConfig], Strategy]] = {
    "rounds": lambda task, config: TruncationSelection(task, config, slots),
    "archive": Archive,
    "tree": Tree,
    "islands": Islands,
    "operators": Operators,
}
FRESH_SEEDS = 2
HEAD = ("task", "strategy", "on fresh seeds", "by search seed", "regret", "in the search", "rounds", "steps")


def main() -> None:
    options = train_or_table(__doc__ or "", "mountain-car,inverted-pendulum-offset,acrobot", "0,1,2").parse_args()
    tasks, of_seeds = options.tasks.split(","), tuple(map(int, options.seeds.split(",")))
    if options.do == "table":
        table(tasks, of_seeds)
        return
    keys = [{"task": name, "strategy": s, "seed": seed} for seed in of_seeds for name in tasks for s in STRATEGIES]
    LINES.fill(keys, partial(searched, options.runs))


def searched(runs: Path, name: str, strategy: str, seed: int) -> Mapping[str, Any]:
    """One search to its end, and its program on fresh seeds."""
    task = find_task(name, (DATA / "hard", envs_folder()))
    config = RunConfig(seed=seed, candidates=3, rounds=5, budget=12.0, target=1.0, confirm_seeds=0)
    folder, first = (runs / f"strategies-{name}-{s}-{seed}" for s in (strategy, "rounds"))
    if folder != first and not folder.exists():
        first_round_alone(first, folder)
    run = played(task, config, folder, STRATEGIES[strategy])
    said = {"winner": run.best, "rounds": run.rounds, "steps": run.env_steps, "found": run.success}
    return {**said, "success": fresh_success(task, folder, run.best, seed, runs)}


def fresh_success(task: Task, folder: Path, winner: str, seed: int, runs: Path) -> list[float]:
    """Success of the search's program on fresh training seeds; strategies that were left with the same program share them."""
    with Book.open(folder) as book:
        program = next(c for page in book.pages() for c in page.need(CANDIDATES).items if c.id == winner)
    alone = program.model_copy(update={"id": "r000c0", "parents": ()})
    config = RunConfig(given=alone, confirm_seeds=FRESH_SEEDS, seed=1_000 + seed)
    run = finished(task, config, runs / f"fresh-{task.name}-{sha256(program.source.encode()).hexdigest()[:12]}-{seed}")
    return list(run.confirmed[0].success)


def first_round_alone(run: Path, folder: Path) -> None:
    """A copy of a finished search as it was after its first round."""
    shutil.copytree(run, folder)
    for later in sorted((folder / "rounds").iterdir())[1:]:
        shutil.rmtree(later)
    (folder / "result.json").unlink()


def played(task: Task, config: RunConfig, folder: Path, strategy: Callable[[Task, RunConfig], Strategy]) -> Run:
    opened = Book.open(folder) if folder.exists() else Book.create(folder, RunHeader.of(task, config))
    with opened as book, open_steps(task, config, book, unheard) as (steps, _):
        steps.strategy = strategy(task, config)
        return improve(Study(task, config, steps, book, unheard))


def table(tasks: Sequence[str], of_seeds: Sequence[int]) -> None:
    """A row a task and strategy, over the search seeds that all strategies have ended."""
    print(f"| {' | '.join(HEAD)} |\n{'|---' * len(HEAD)}|")
    lines = {(line["task"], line["strategy"], line["seed"]): line for line in LINES.read()}
    for name in tasks:
        ended = [seed for seed in of_seeds if all((name, s, seed) in lines for s in STRATEGIES)]
        best = [max(fmean(lines[name, s, seed]["success"]) for s in STRATEGIES) for seed in ended]
        for strategy in STRATEGIES if ended else ():
            own = [lines[name, strategy, seed] for seed in ended]
            fresh = [fmean(line["success"]) for line in own]
            regret = fmean(most - value for most, value in zip(best, fresh, strict=True))
            found, rounds, steps = (fmean(line[what] for line in own) for what in ("found", "rounds", "steps"))
            cells = (f"{fmean(fresh):.2f}", ", ".join(f"{v:.2f}" for v in fresh), f"{regret:.2f}", f"{found:.2f}")
            print(f"| {name} | {strategy} | {' | '.join(cells)} | {rounds:.1f} | {steps:,.0f} |")


if __name__ == "__main__":
    main()
