"""Whether settings that are published for an environment help a new card: `init`'s two proposals, and what was published.

    nice -n 10 python benchmarks/published.py train [--tasks NAME,NAME] [--arms usual,published,verbatim] [--seeds 0,1]
    python benchmarks/published.py table

Four shipped cards, whose rules say what a success is, with a `[train]` in place of their own as `init` would write it for PPO:
`usual` for the kind of action; `published` by rl-baselines3-zoo; and `verbatim`, with the environments and unnormalised rewards of
there, where `init` changes them. The environment's own reward, the same steps for all, which are fewer than the 200,000 that `init`
writes; one thread; success is that of 50 held-out episodes. A line of benchmarks/data/published.jsonl a training.
"""

import sys
import time
from contextlib import ExitStack
from pathlib import Path

import gymnasium
import torch

torch.set_num_threads(1)
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from in_process import HERE, train  # noqa: E402
from lines import DATA, Lines, commit, train_or_table  # noqa: E402

from autoreward.core.resources import envs_folder  # noqa: E402
from autoreward.records import TrialJob  # noqa: E402
from autoreward.tasks.card import Task  # noqa: E402
from autoreward.tasks.draft.published_training import published_settings, published_training  # noqa: E402
from autoreward.tasks.draft.usual_training import usual_training  # noqa: E402
from autoreward.tasks.files import find_task  # noqa: E402
from autoreward.tasks.tables import Train  # noqa: E402
from autoreward.worker.jobs.records import ScoreJob  # noqa: E402
from autoreward.worker.jobs.score import score  # noqa: E402

STEPS = {"mountain-car": 40_000, "pendulum": 50_000, "acrobot": 50_000, "lunar-lander": 100_000}
SMOOTH = ("pendulum",)
ARMS = ("usual", "published", "verbatim")


def proposed(task: Task, arm: str) -> Train:
    """What such a card would train with."""
    limit = gymnasium.spec(task.env).max_episode_steps
    usual = usual_training("PPO", task.name in SMOOTH, int(limit or 0))
    if arm == "usual":
        return usual
    made = published_training(task.env, (), "PPO", usual.steps)
    if made is None:
        raise SystemExit(f"nothing is published for {task.env}")
    if arm == "published":
        return made.train
    said = published_settings()[1]["PPO"][task.env].train
    return Train.model_validate({"algorithm": "PPO", "steps": usual.steps, **said})


def trained(task: Task, seed: int) -> dict[str, object]:
    """One training and what it came to."""
    began = time.process_time()
    steps = STEPS[task.name]
    job = TrialJob(id="b-s0", candidate_id="", reward="native", seed=seed, steps=steps, checkpoints=1)
    trial, files = train(task, job, b"", None, lambda step: None)
    spent = round(time.process_time() - began)
    if not trial.outcome.ok:
        return {"steps": trial.steps, "outcome": str(trial.outcome), "success": 0.0, "progress": 0.0, "seconds": spent}
    with ExitStack() as closing:
        asked = ScoreJob(task=task, trial=trial, choosing=(1,), scoring=tuple(range(10**6, 10**6 + 50)))
        scored, _ = score(asked, files, HERE._replace(closing=closing))
    return {"steps": trial.steps, "success": scored.success, "progress": round(scored.progress, 3), "seconds": spent}


def main() -> None:
    parser = train_or_table(__doc__ or "", ",".join(STEPS), "0,1")
    parser.add_argument("--arms", default=",".join(ARMS))
    asked = parser.parse_args()
    lines, loaded = Lines(DATA / "published.jsonl"), commit()
    tasks = [find_task(name, (envs_folder(),)) for name in asked.tasks.split(",")]
    if asked.do == "table":
        table(lines, tasks)
        return
    for seed in map(int, asked.seeds.split(",")):
        for task in tasks:
            for arm in asked.arms.split(","):
                settings = proposed(task, arm)
                same = arm == "verbatim" and settings == proposed(task, "published")
                key = {"task": task.name, "arm": arm, "seed": seed}
                if not same and not lines.has(key):
                    lines.add(key | trained(task.model_copy(update={"train": settings}), seed) | {"commit": loaded})


def table(lines: Lines, tasks: list[Task]) -> None:
    print("| task | steps | settings | success, by seed | progress | CPU seconds |\n|---|---|---|---|---|---|")
    for task in tasks:
        for arm in ARMS:
            own = [line for line in lines.read() if (line["task"], line["arm"]) == (task.name, arm)]
            if own:
                success = ", ".join(f"{line['success']:.2f}" for line in own)
                progress = ", ".join(f"{line['progress']:.2f}" for line in own)
                seconds = ", ".join(f"{line['seconds']}" for line in own)
                print(f"| {task.name} | {STEPS[task.name]:,} | `{arm}` | {success} | {progress} | {seconds} |")


if __name__ == "__main__":
    main()
