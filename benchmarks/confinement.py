"""What the workers' walls cost: steps by processor time, confined against not, and the milliseconds they take to put on.

    python benchmarks/confinement.py [--repeats 7] [--steps 30000]

Every sample is a process of its own, forked from this one when everything is imported, as workers are; with and without walls take
turns in alternating order, and the ratio of each pair is one sample. Processor time, the kernel's included, is what walls cost; a
busy machine does not change it as it changes the clock.
"""

import argparse
import json
import os
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

import torch

torch.set_num_threads(1)

from autoreward.core.resources import envs_folder  # noqa: E402
from autoreward.records import TrialJob  # noqa: E402
from autoreward.sandbox.processes import scratch  # noqa: E402
from autoreward.tasks.card import Task  # noqa: E402
from autoreward.tasks.files import find_task  # noqa: E402
from autoreward.worker.confine import Held, confine_all, confine_one  # noqa: E402
from autoreward.worker.jobs.context import JobContext  # noqa: E402
from autoreward.worker.jobs.records import TrainJob  # noqa: E402
from autoreward.worker.jobs.train import train  # noqa: E402
from autoreward.worker.reach import Walls  # noqa: E402

CASES = ("cartpole-hold", "lunar-lander", "reacher")


def sample(task: Task, steps: int, confined: bool) -> tuple[float, float, float]:
    """Environment steps by second of processor time; milliseconds for the fork server's walls, and for a worker's own."""
    folder = scratch.make_scratch()
    read, write = os.pipe()
    if os.fork() == 0:
        shared = own = 0.0
        held = Held(0, filtered=False)
        walls = Walls(network=False, programs=False, read=(), write=(), folder=folder, home=str(Path.home()))
        if confined:
            began = time.process_time()
            held, granted = confine_all(walls)
            shared, began = time.process_time() - began, time.process_time()
            confine_one(walls, held, granted)
            own = time.process_time() - began
        began = time.process_time()
        job = TrialJob(id="b-s0", candidate_id="", reward="native", seed=0, steps=steps)
        context = JobContext(held, walls, room=None, progress=lambda step: None, closing=ExitStack())
        trial, _ = train(TrainJob(task=task, training=job), {}, context)
        speed = trial.steps / (time.process_time() - began)
        os.write(write, json.dumps([speed, 1e3 * shared, 1e3 * own]).encode())
        os._exit(0)
    os.close(write)
    speed, shared, own = json.loads(os.read(read, 1000))
    os.close(read)
    os.wait()
    scratch.remove(folder)
    return speed, shared, own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--steps", type=int, default=30_000)
    options = parser.parse_args()
    print(
        "| task | steps by s of processor, without walls | with | ratio, median (least to most) | ms once | ms a worker |"
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
        ratios = sorted(walled[0] / free[0] for free, walled in pairs)
        free = statistics.median(pair[0][0] for pair in pairs)
        walled, once, each = (statistics.median(pair[1][i] for pair in pairs) for i in range(3))
        print(
            f"| {name} | {free:,.0f} | {walled:,.0f} | {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}) | "
            f"{once:.0f} | {each:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
