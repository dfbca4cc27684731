"""What algorithms beyond PPO are good for: each against the plain one, on a task that is made for it.

    python benchmarks/policies.py [--only memory masks] [--seeds 2]

`memory`: Cue-v0 of tests/policy_envs.py shows 1 or -1 once and asks for it 4 steps later. `masks`: Lock-v0, 30 choices of which two
are allowed, 20 turns; for PPO what is not allowed does nothing. Rewards are the environments' own, one thread; success
is that of 100 held-out episodes by the card's rule, as a search scores. Prints a row a training.
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

from autoreward.records import TrialJob  # noqa: E402
from autoreward.tasks.card import Task  # noqa: E402
from autoreward.tasks.tables import Train  # noqa: E402
from autoreward.worker.jobs.records import ScoreJob  # noqa: E402
from autoreward.worker.jobs.score import score  # noqa: E402

PPO = {"n_steps": 64, "batch_size": 128, "n_epochs": 4, "learning_rate": 1e-3}
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
    entries: dict[str, dict[str, Any]]
    """By algorithm, arguments of the environment."""


def lock(strict: bool) -> dict[str, Any]:
    return {"choices": CHOICES, "turns": TURNS, "strict": strict}


CONTESTS = {
    "memory": Contest(CUE.model_dump(), 20_000, {"PPO": {}, "RecurrentPPO": {}}),
    "masks": Contest(OPEN, 20_000, {"PPO": lock(False), "MaskablePPO": lock(True)}),
}


def entered(contest: Contest, algorithm: str) -> Task:
    settings = {"algorithm": algorithm, "steps": contest.steps, "envs": 8, "net": (32, 32), "hyperparameters": PPO}
    return Task.model_validate(
        {**contest.card, "kwargs": contest.entries[algorithm], "train": Train(**settings).model_dump()}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=CONTESTS, default=list(CONTESTS))
    parser.add_argument("--seeds", type=int, default=2)
    asked = parser.parse_args()
    print("| task | algorithm | steps | seed | success | CPU seconds |\n|---|---|---|---|---|---|")
    for name in asked.only:
        for algorithm in CONTESTS[name].entries:
            task = entered(CONTESTS[name], algorithm)
            for seed in range(asked.seeds):
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
                    f"| {name} | {algorithm} | {trial.steps:,} | {seed} | {scored.success:.2f} | {spent:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
