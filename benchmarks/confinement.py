"""What the workers' walls cost: a training's steps a second, and the seconds before its first step, confined against not.

    python benchmarks/confinement.py [--repeats 7] [--steps 30000]

Every sample is a process of its own, forked from this one when everything is imported, as workers are; with and without walls take
turns in alternating order, and the ratio of each pair is one sample.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

import torch

torch.set_num_threads(1)

from autoreward.records import TrialJob  # noqa: E402
from autoreward.resources import envs_folder  # noqa: E402
from autoreward.spawn import scratch  # noqa: E402
from autoreward.tasks import Task, find_task  # noqa: E402
from autoreward.worker import train  # noqa: E402
from autoreward.worker.confine import confine_all, confine_one  # noqa: E402
from autoreward.worker.reach import Walls  # noqa: E402

CASES = ("cartpole-hold", "lunar-lander", "reacher")


def sample(task: Task, steps: int, confined: bool) -> tuple[float, float]:
    """Seconds from the fork to the first step, and environment steps a second from there."""
    folder = scratch.make()
    read, write = os.pipe()
    if os.fork() == 0:
        began = time.perf_counter()
        if confined:
            walls = Walls(False, False, (), (), folder, str(Path.home()))
            held, granted = confine_all(walls)  # a worker's fork server does this once, here it is in every sample
            confine_one(walls, held, granted)
        job = TrialJob(id="b-s0", candidate_id="", reward="native", seed=0, steps=steps)
        trial, _ = train.train(task, job, b"", None, lambda step: None)
        start = time.perf_counter() - began - trial.seconds
        os.write(write, json.dumps([start, trial.steps_per_second]).encode())
        os._exit(0)
    os.close(write)
    start, speed = json.loads(os.read(read, 1000))
    os.close(read)
    os.wait()
    scratch.remove(folder)
    return start, speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--steps", type=int, default=30_000)
    options = parser.parse_args()
    print(
        "| task | steps/s without walls | with | ratio, median (least to most) | seconds to the first step, without | with |"
    )
    print("|---|---|---|---|---|---|", flush=True)
    for name in CASES:
        task = find_task(name, (envs_folder(),))
        sample(task, 2_000, confined=False), sample(task, 2_000, confined=True)
        pairs = []
        for i in range(options.repeats):
            order = (False, True) if i % 2 == 0 else (True, False)
            found = {confined: sample(task, options.steps, confined) for confined in order}
            pairs.append((found[False], found[True]))
        ratios = sorted(walled[1] / free[1] for free, walled in pairs)
        middle = [[statistics.median(pair[side][i] for pair in pairs) for i in (0, 1)] for side in (0, 1)]
        print(
            f"| {name} | {middle[0][1]:,.0f} | {middle[1][1]:,.0f} | {statistics.median(ratios):.3f} "
            f"({ratios[0]:.3f} to {ratios[-1]:.3f}) | {middle[0][0]:.3f} | {middle[1][0]:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
