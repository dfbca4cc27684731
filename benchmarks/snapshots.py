"""What beginning episodes at snapshots is worth where exploration is the trouble: the sparse reward with and without.

    python benchmarks/snapshots.py train [--tasks mountain-car,doorkey-8x8] [--seeds 0,1,2,3,4] [--arms ARM,...] [--runs DIR]
    python benchmarks/snapshots.py table

Three arms: the card as it is (`plain`), with `snapshots = 0.5` in its [train] (`snapshots`), and as it is with as many more steps
as it took to find the snapshots of that seed (`longer`). Each training is a line of `benchmarks/data/snapshots.jsonl`; what has one
is not run again. `table`, from these lines alone: success of the kept policy on 20 held-out episodes, which begin where the
environment begins them, by seed and as interquartile mean with its 95 % bootstrap interval; and what the steps went to.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from lines import DATA, Lines, train_or_table

import autoreward as ar
from autoreward.core.resources import envs_folder
from autoreward.evaluation.intervals import interquartile_mean
from autoreward.store.book import Page
from autoreward.store.keys import SNAPSHOTS
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

LINES = Lines(DATA / "snapshots.jsonl")
ARMS = ("plain", "snapshots", "longer")
SHARE = 0.5


def main() -> None:
    parser = train_or_table(__doc__ or "", "mountain-car,doorkey-8x8", "0,1,2,3,4")
    parser.add_argument("--arms", default=",".join(ARMS))
    options = parser.parse_args()
    if options.do == "table":
        show(LINES.read())
        return
    for task in options.tasks.split(","):
        for seed in map(int, options.seeds.split(",")):
            for arm in sorted(options.arms.split(","), key=("snapshots", "plain", "longer").index):
                measure(task, arm, seed, options.runs)


def measure(name: str, arm: str, seed: int, runs: Path) -> None:
    """One training, unless there is a line of it. `longer` needs that of `snapshots`."""
    key = {"task": name, "arm": arm, "seed": seed}
    if LINES.has(key):
        return
    task = find_task(name, (envs_folder(),))
    steps = task.train.steps
    if arm == "longer":
        steps += next(line["finding"] for line in LINES.read() if line.items() >= {**key, "arm": "snapshots"}.items())
    if arm == "snapshots":
        task = Task.model_validate(
            {**task.model_dump(exclude_unset=True), "train": {**task.train.model_dump(), "snapshots": SHARE}}
        )
    run = f"snapshots-{name}-{arm}-{seed}"
    reading = ar.train(task, "sparse", seeds=1, runs=runs, name=run, seed=seed, steps=steps).reading
    trial, found = reading.confirm_trials[0], Page(reading.files).lone(SNAPSHOTS)
    LINES.add({
        **key,
        "success": reading.finished.confirmed[0].success[0],
        "steps": trial.steps,
        "finding": found.steps if found else 0,
        "teachers": len(found.teachers) if found else 0,
        "won": sum(one.success for one in found.teachers) if found else 0,
        "episodes": trial.snapshot_episodes,
        "replayed": trial.replayed_steps,
    })  # fmt: skip


def show(lines: Sequence[Mapping[str, Any]]) -> None:
    print(
        "| task | arm | success, IQM [95 %] | by seed | steps of the training | of these replayed | to find snapshots | "
        "ways, of them successes |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for task in dict.fromkeys(line["task"] for line in lines):
        for arm in ARMS:
            mine = sorted((e for e in lines if (e["task"], e["arm"]) == (task, arm)), key=lambda e: int(e["seed"]))
            if mine:
                print(f"| {task} | {arm} | " + " | ".join(cells(mine)) + " |")


def cells(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the seeds of one arm say together."""
    success = interquartile_mean([line["success"] for line in lines])
    steps, replayed, finding = (fmean(line[name] for line in lines) for name in ("steps", "replayed", "finding"))
    ways = ", ".join(f"{line['teachers']}/{line['won']}" for line in lines)
    return [
        f"{success.value:.2f} [{success.low:.2f}, {success.high:.2f}]", ", ".join(f"{e['success']:.2f}" for e in lines),
        f"{steps:,.0f}", f"{replayed:,.0f}" if finding else "-", f"{finding:,.0f}" if finding else "-", ways if finding else "-",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
