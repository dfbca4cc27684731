"""A strong model's first programs for the four hard tasks, through the whole search: what would it have handed over?

    python benchmarks/replayed.py [--tasks cheetah-stop,lander-left] [--seeds 0] [--runs DIR]

The programs of round 0 in `benchmarks/data/hard` (see `benchmarks/hard.py`) are the designer's only answers, and the critic says
nothing. All else is as by default, the budget of three rounds included, of which one round is played. (At commit cd49c08 the same
model answered in three rounds.) Resumed by running it again. Each row is one whole run; success is confirmed on 3 fresh seeds.
"""

import json
from pathlib import Path
from typing import Any

from hard import DATA, TASKS, programs
from suite import finished, first_program, print_table

from autoreward.config import RunConfig
from autoreward.llm.client import REPLIES, SavedReply
from autoreward.llm.cost import Bill
from autoreward.llm.types import Reply
from autoreward.report.phrases import interval_text
from autoreward.settings import Role
from autoreward.tasks.files import find_task

HEAD = ("winner", "its success [95 %]", "by seed", "first program", "others", "search and confirmation, full trainings")


def main() -> None:
    print_table(__doc__ or "", TASKS, HEAD, cells)


def cells(name: str, seed: int, runs: Path) -> list[str]:
    task, replies = find_task(name, (DATA,)), runs / f"replayed-{name}" / REPLIES
    replies.mkdir(parents=True, exist_ok=True)
    for reply in (
        answer("r000-designer", "designer", ideas=ideas(name)),
        answer("r000-critic-0", "critic", remarks=[]),
    ):
        (replies / f"{reply.key}.json").write_text(reply.model_dump_json())
    config = RunConfig(seed=seed, model=f"replay:{replies}", confirm_seeds=3, workers=1)
    run = finished(task, config, runs / f"replayed-{name}-{seed}")
    winner, first = next((c for c in run.confirmed if c.who == run.best), None), first_program(run)
    others = [c for c in run.confirmed if c not in (winner, first)]
    return [
        run.best or "none",
        interval_text(winner) if winner else "-",
        ", ".join(f"{success:.2f}" for success in winner.success) if winner else "-",
        interval_text(first) if first else "-",
        "; ".join(f"{c.who} {c.estimate.value:.2f}" for c in others),
        f"{run.env_steps / task.train.steps:.1f}",
    ]


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
