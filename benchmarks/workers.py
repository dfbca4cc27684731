"""How many more trainings a minute two workers make than one: each trained and scored, as in a run.

    python benchmarks/workers.py [--task mountain-car] [--trainings 6] [--repeats 3] [--workers 2]

One and several in turn, so that both meet the same machine; the ratio is the median over repeats.
"""

import argparse
import time
from statistics import median

from autoreward.config import RunConfig
from autoreward.core.executor import ThreadExecutor
from autoreward.core.resources import envs_folder
from autoreward.core.seeds import held_out
from autoreward.records import TrialJob
from autoreward.sandbox.jail import Jail
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.training.workers import Workers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="mountain-car")
    parser.add_argument("--trainings", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    task = find_task(options.task, (envs_folder(),))
    print(f"| task | trainings a minute, 1 worker | {options.workers} workers | ratio (least to most) |")
    print("|---|---|---|---|", flush=True)
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:
        rate(workers, task, 1, 1)  # starts the fork server
        pairs = [
            (rate(workers, task, 1, options.trainings), rate(workers, task, options.workers, options.trainings))
            for _ in range(options.repeats)
        ]
    ratios = sorted(many / one for one, many in pairs)
    one, many = (median(column) for column in zip(*pairs, strict=True))
    print(f"| {task.name} | {one:.1f} | {many:.1f} | {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |")


def rate(workers: Workers, task: Task, side_by_side: int, count: int) -> float:
    """Trainings a minute."""
    jobs = [
        TrialJob(id=f"native-s{i}", candidate_id="", reward="native", seed=i, steps=task.train.steps)
        for i in range(count)
    ]

    def one(job: TrialJob) -> float:
        trial, files = workers.train(task, job, RunConfig(), lambda *_: None)
        weights = {name: data for name, data in files.items() if name.startswith("policy")}
        score, _ = workers.score(task, trial, RunConfig(), weights, held_out("keep", 20), held_out("search", 20))
        return score.success

    began = time.perf_counter()
    done = sum(1 for _ in ThreadExecutor(side_by_side).map(one, jobs))
    return 60 * done / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
