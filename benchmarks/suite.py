"""The embedded designer on every shipped task at default settings: the table in the README.

    python benchmarks/suite.py [--tasks NAME,NAME] [--seeds 0,1] [--runs DIR]

Each row is one whole run: search, then confirmation of the winner and the baselines on fresh seeds.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.events import Event
from autoreward.records import Confirmed, Run
from autoreward.report.phrases import interval_text
from autoreward.session.run import resume, start
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, task_names

HEAD = ("winner", "winner's success [95 %]", "first program", "sparse", "native", "trainings", "env steps", "minutes")


def main() -> None:
    print_table(__doc__ or "", task_names((envs_folder(),)), HEAD, cells)


def print_table(
    what: str, tasks: Sequence[str], head: Sequence[str], cells: Callable[[str, int, Path], Sequence[str]]
) -> None:
    """One row a task and seed that the command line asks for; `cells` makes what is below `head` from a folder for runs."""
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default=",".join(tasks))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    print("| " + " | ".join(("task", "seed", *head)) + " |")
    print("|---" * (2 + len(head)) + "|", flush=True)
    for name in options.tasks.split(","):
        for seed in map(int, options.seeds.split(",")):
            print("| " + " | ".join((name, str(seed), *cells(name, seed, options.runs))) + " |", flush=True)


def finished(task: Task, config: RunConfig, folder: Path) -> Run:
    """The run in that folder, begun or gone on with as need be."""
    return (resume(folder, unheard) if folder.exists() else start(task, config, folder, unheard)).finished


def unheard(event: Event) -> None:
    """The table says enough."""


def first_program(run: Run) -> Confirmed | None:
    """Where it has no row of its own it is the winner or the runner-up: the one with the smaller id."""
    searched = {c.role: c for c in run.confirmed if c.role != "baseline"}
    return searched.get("zero-shot") or min(searched.values(), key=lambda c: (len(c.who), c.who), default=None)


def cells(name: str, seed: int, runs: Path) -> list[str]:
    task = find_task(name, (envs_folder(),))
    began = time.monotonic()
    run = finished(task, RunConfig(seed=seed), runs / f"suite-{name}-{seed}")
    minutes = (time.monotonic() - began) / 60
    by_name = {c.who: c for c in run.confirmed}
    winner, sparse, native = (by_name.get(who) for who in (run.best, "sparse", "native"))
    first = first_program(run)
    return [
        run.best or "none",
        interval_text(winner) if winner else "-",
        f"{first.estimate.value:.2f}" if first else "-",
        f"{sparse.estimate.value:.2f}" if sparse else "-",
        f"{native.estimate.value:.2f}" if native else "-",
        str(run.trainings),
        f"{run.env_steps:,}",
        f"{minutes:.1f}",
    ]


if __name__ == "__main__":
    main()
