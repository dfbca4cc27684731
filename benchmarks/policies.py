"""What algorithms beyond PPO are good for: each against the plain one, on a task that is made for it.

    python benchmarks/policies.py [--only memory masks] [--entries PPO RecurrentPPO] [--seeds 0 1]

`memory`: Cue-v0 of tests/policy_envs.py shows 1 or -1 once and asks for it 4 steps later. `masks`: Lock-v0, 30 choices of which
two are allowed at a turn, 20 turns; for PPO what is not allowed does nothing. `pendulum`: the card of that name. Rewards are
the environments' own, one thread; success is that of 100 held-out episodes by the card's rule, as a search scores. Prints a row
a training.
"""

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import torch

torch.set_num_threads(1)
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from in_process import HERE, train  # noqa: E402
from policy_envs import CUE, LOCK  # noqa: E402

from autoreward.core.resources import envs_folder  # noqa: E402
from autoreward.records import TrialJob  # noqa: E402
from autoreward.tasks.card import Task  # noqa: E402
from autoreward.tasks.files import find_task  # noqa: E402
from autoreward.tasks.tables import Train  # noqa: E402
from autoreward.worker.jobs.records import ScoreJob  # noqa: E402
from autoreward.worker.jobs.score import score  # noqa: E402

PPO = {
    "envs": 8,
    "net": (32, 32),
    "hyperparameters": {"n_steps": 64, "batch_size": 128, "n_epochs": 4, "learning_rate": 1e-3},
}
SAC = {"envs": 1, "net": (64, 64), "hyperparameters": {"learning_starts": 500, "learning_rate": 1e-3}}
TURNS, CHOICES = 20, 30
OPEN: dict[str, Any] = {
    **LOCK.model_dump(),
    "max_steps": TURNS,
    "state": {"at": {**LOCK.state["at"].model_dump(), "range": [0, TURNS]}},
    "success": {"when": f"at > {0.8 * TURNS}", "within": "last step"},
}


class Contest(NamedTuple):
    """Algorithms on one task."""

    card: dict[str, Any]
    steps: int
    train: dict[str, Any]
    """Keys of [train] that all have."""
    entries: dict[str, dict[str, Any]]
    """What differs, by name: keys of [train], and `kwargs` of the environment."""


def lock(strict: bool) -> dict[str, Any]:
    return {"choices": CHOICES, "turns": TURNS, "strict": strict}


CONTESTS = {
    "memory": Contest(
        CUE.model_dump(), 20_000, PPO, {"PPO": {}, "RecurrentPPO": {}, "PPO, frame_stack = 5": {"frame_stack": 5}}
    ),
    "masks": Contest(OPEN, 20_000, PPO, {"PPO": {"kwargs": lock(False)}, "MaskablePPO": {"kwargs": lock(True)}}),
    "pendulum": Contest(find_task("pendulum", (envs_folder(),)).model_dump(), 5_000, SAC, {"SAC": {}, "TQC": {}}),
}


def entered(contest: Contest, name: str) -> Task:
    own = dict(contest.entries[name])
    kwargs = own.pop("kwargs", {})
    settings = {"algorithm": name.partition(",")[0], "steps": contest.steps, **contest.train, **own}
    train = Train.model_validate(settings)
    return Task.model_validate(
        {**contest.card, "kwargs": {**contest.card["kwargs"], **kwargs}, "train": train.model_dump()}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=CONTESTS, default=list(CONTESTS))
    parser.add_argument("--entries", nargs="*", help="only these of each")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1])
    asked = parser.parse_args()
    print("| task | entry | steps | seed | success | CPU seconds |\n|---|---|---|---|---|---|")
    for name in asked.only:
        for entry in asked.entries or CONTESTS[name].entries:
            task = entered(CONTESTS[name], entry)
            for seed in asked.seeds:
                began = time.process_time()
                job = TrialJob(
                    id="b-s0", candidate_id="", reward="native", seed=seed, steps=task.train.steps, checkpoints=1
                )
                trial, files = train(task, job, b"", None, lambda step: None)
                spent = time.process_time() - began
                with ExitStack() as closing:
                    scoring = ScoreJob(task=task, trial=trial, choosing=(1,), scoring=tuple(range(10**6, 10**6 + 100)))
                    scored, _ = score(scoring, files, HERE._replace(closing=closing))
                print(
                    f"| {name} | {entry} | {trial.steps:,} | {seed} | {scored.success:.2f} | {spent:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
