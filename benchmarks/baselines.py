"""The native and the sparse reward on every task at its own budget: the table in envs/README.md.

    python benchmarks/baselines.py [TASK ...] [--tiers smoke,quick] [--seeds 3] [--runs DIR]

The same as `autoreward train TASK --reward native|sparse --seeds 3`, task by task.
"""

import argparse
from pathlib import Path

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.report.phrases import interval_text
from autoreward.report.reading import RunView
from autoreward.session.run import resume, start
from autoreward.tasks.files import find_task, read_task, task_names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--tiers", default="smoke,quick")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    cards = [read_task(path) for path in task_names((envs_folder(),)).values()]
    tiers = options.tiers.split(",")
    names = options.tasks or [c.name for tier in tiers for c in cards if c.tier == tier]
    print(f"| task | tier | steps | native, IQM of {options.seeds} seeds [95 %] | sparse | seconds a training |")
    print("|---|---|---|---|---|---|", flush=True)
    for name in names:
        task = find_task(name, (envs_folder(),))
        cells, seconds = [], []
        for reward in ("native", "sparse"):
            reading = measured(name, reward, options.seeds, options.runs)
            confirmed = reading.finished.confirmed
            cells.append(interval_text(confirmed[0]) if confirmed else "-")
            seconds += [t.seconds for t in reading.confirm_trials]
        mean = sum(seconds) / len(seconds)
        print(f"| {name} | {task.tier} | {task.train.steps:,} | {cells[0]} | {cells[1]} | {mean:.0f} |", flush=True)


def measured(name: str, reward: str, seeds: int, runs: Path) -> RunView:
    folder = runs / f"baseline-{name}-{reward}"
    if folder.exists():
        return resume(folder, lambda event: None)
    config = RunConfig.model_validate({"given": reward, "confirm_seeds": seeds})
    return start(find_task(name, (envs_folder(),)), config, folder, lambda event: None)


if __name__ == "__main__":
    main()
