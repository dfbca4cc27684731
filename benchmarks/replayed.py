"""A strong model's first programs for the four hard tasks, through the whole search: what would it have handed over?

    python benchmarks/replayed.py [--tasks cheetah-stop,lander-left] [--seeds 0] [--runs DIR]

The programs of round 0 in `benchmarks/data/hard` (see `benchmarks/hard.py`) are the designer's only answers, and the critic says
nothing. All else is as by default, the budget of three rounds included, of which one round is played. (At commit cd49c08 the same
model answered in three rounds.) Resumed by running it again. Each row is one whole run; success is confirmed on 3 fresh seeds.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from hard import DATA, TASKS, programs

from autoreward.config import RunConfig
from autoreward.events import Event
from autoreward.llm.client import REPLIES, SavedReply
from autoreward.llm.cost import Bill
from autoreward.llm.types import Reply, Role
from autoreward.records import Confirmed, Run
from autoreward.session.run import resume, start
from autoreward.tasks.files import find_task

CONFIRM_SEEDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    print(
        "| task | seed | winner | its success [95 %] | by seed | first program | others | search and confirmation, full trainings |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in options.tasks.split(","):
        for seed in map(int, options.seeds.split(",")):
            row(name, seed, options.runs)


def row(name: str, seed: int, runs: Path) -> None:
    task = find_task(name, (DATA,))
    folder, replies = runs / f"replayed-{name}-{seed}", runs / f"replayed-{name}" / REPLIES
    if folder.exists():
        run = resume(folder, unheard).finished
    else:
        replies.mkdir(parents=True, exist_ok=True)
        for reply in (
            answer("r000-designer", "designer", ideas=ideas(name)),
            answer("r000-critic-0", "critic", remarks=[]),
        ):
            (replies / f"{reply.key}.json").write_text(reply.model_dump_json())
        config = RunConfig(seed=seed, model=f"replay:{replies}", confirm_seeds=CONFIRM_SEEDS, workers=1)
        run = start(task, config, folder, unheard).finished
    trained = f"{run.env_steps / task.train.steps:.1f}"
    print("| " + " | ".join([name, str(seed), *cells(run), trained]) + " |", flush=True)


def unheard(event: Event) -> None:
    """The table says enough."""


def cells(run: Run) -> list[str]:
    won = [c for c in run.confirmed if c.who == run.best]
    first = [c for c in run.confirmed if c.role == "zero-shot"]
    others = [c for c in run.confirmed if c not in (*won, *first)]
    by_seed = ", ".join(f"{s:.2f}" for c in won for s in c.success)
    return [
        run.best or "none",
        _told(won),
        by_seed,
        _told(first),
        "; ".join(f"{c.who} {c.estimate.value:.2f}" for c in others),
    ]


def _told(of: list[Confirmed]) -> str:
    return ", ".join(f"{c.estimate.value:.2f} [{c.estimate.low:.2f}, {c.estimate.high:.2f}]" for c in of) or "-"


def ideas(name: str) -> list[dict[str, str]]:
    """The model's programs of round 0, as a designer answers."""
    return [
        {"thought": c.thought, "parent": "", "composition": c.composition, "source": c.source}
        for c in programs(name)
        if c.id.startswith("r000")
    ]


def answer(key: str, role: Role, **said: Any) -> SavedReply:
    bill = Bill(role=role, model="replay", input_tokens=0, output_tokens=0, dollars=0.0)
    return SavedReply(key=key, prompt_sha256="", bill=bill, reply=Reply(text=json.dumps(said), model="replay"))


if __name__ == "__main__":
    main()
