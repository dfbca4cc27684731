"""The embedded designer on every shipped task at default settings: the table in the README.

    python benchmarks/suite.py [--tasks NAME,NAME] [--seeds 0,1] [--runs DIR]

Each row is one whole run: search, then confirmation of the winner and the baselines on fresh seeds.
"""

import argparse
import time
from pathlib import Path

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.events import Event
from autoreward.session.run import resume, start
from autoreward.tasks.files import find_task, task_names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", default=",".join(task_names((envs_folder(),))))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    print(
        "| task | seed | winner | winner's success [95 %] | first program | sparse | native | trainings | env steps | minutes |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for name in options.tasks.split(","):
        for seed in map(int, options.seeds.split(",")):
            row(name, seed, options.runs)


def unheard(event: Event) -> None:
    """The table says enough."""


def row(name: str, seed: int, runs: Path) -> None:
    task = find_task(name, (envs_folder(),))
    began = time.monotonic()
    folder = runs / f"suite-{name}-{seed}"
    reading = resume(folder, unheard) if folder.exists() else start(task, RunConfig(seed=seed), folder, unheard)
    run = reading.finished
    minutes = (time.monotonic() - began) / 60
    by_name = {c.who: c for c in run.confirmed}
    winner, sparse, native = (by_name.get(who) for who in (run.best, "sparse", "native"))
    searched = {c.role: c for c in run.confirmed if c.role != "baseline"}
    # where it has no row of its own it is the winner or the runner-up: the one with the smaller id
    first = searched.get("zero-shot") or min(searched.values(), key=lambda c: (len(c.who), c.who), default=None)
    cells = [
        name,
        str(seed),
        run.best or "none",
        f"{winner.estimate.value:.2f} [{winner.estimate.low:.2f}, {winner.estimate.high:.2f}]" if winner else "-",
        f"{first.estimate.value:.2f}" if first else "-",
        f"{sparse.estimate.value:.2f}" if sparse else "-",
        f"{native.estimate.value:.2f}" if native else "-",
        str(run.trainings),
        f"{run.env_steps:,}",
        f"{minutes:.1f}",
    ]
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
