"""What stages are worth: the grammar's programs for a card with stages, and for the same card with the last stage's rule alone.

    python benchmarks/stages.py train [--tasks doorkey-6x6] [--seeds 0,1,2] [--count 8] [--runs DIR]
    python benchmarks/stages.py table

`train`: the grammar writes as many programs for either card (with stages it may pay for coming further). All train to the end on
each seed, and the race is run on the same legs, within a third of their steps. Each seed of a card is a line of
`benchmarks/data/stages.jsonl`; what has one is not run again. `table`, from these lines alone: what the program that the race chose
on one seed came to in its whole trainings on the others, the same for the program that whole trainings chose, what the best program
came to over all seeds, and the race's regret, the last less the first. Success is what the last stage says with either card: in
these tasks nothing reaches it without the others.
"""

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from lines import DATA, Lines, train_or_table
from race import repeat

from autoreward.core.resources import envs_folder
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, validated_task

LINES = Lines(DATA / "stages.jsonl")
ARMS = ("stages", "one rule")


def main() -> None:
    parser = train_or_table(__doc__ or "", "doorkey-6x6,doorkey-8x8,key-corridor", "0,1,2")
    parser.add_argument("--count", type=int, default=8)
    options = parser.parse_args()
    if options.do == "table":
        show(LINES.read())
        return
    for name in options.tasks.split(","):
        for seed in map(int, options.seeds.split(",")):
            for arm in ARMS:
                measure(name, arm, seed, options.count, options.runs / arm.replace(" ", "-"))


def measure(name: str, arm: str, seed: int, count: int, runs: Path) -> None:
    """Train one arm with one seed, unless that is recorded."""
    key = {"task": name, "arm": arm, "seed": seed}
    if LINES.has(key):
        return
    task = find_task(name, (envs_folder(),))
    one = repeat(task if arm == "stages" else with_one_rule(task), seed, count, runs, written=())
    LINES.add({**key, **one._asdict()})


def with_one_rule(task: Task) -> Task:
    """The same card with what its last stage says as its rule."""
    last = task.success.stages[-1]
    values = task.model_dump(exclude_unset=True, exclude={"success"})
    rule = {"when": last.when, "within": last.within, "distance": last.distance}
    return validated_task({**values, "success": rule}, task.name)


def show(lines: list[Mapping[str, Any]]) -> None:
    print(
        "| task | card | seeds | chosen by the race | by whole trainings | best program | regret of the race | its share of steps |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(line["task"] for line in lines):
        for arm in dict.fromkeys(line["arm"] for line in lines):
            mine = [line for line in lines if (line["task"], line["arm"]) == (name, arm)]
            if len(mine) > 1:
                print(f"| {name} | {arm} | " + " | ".join(cells(mine)) + " |")


def cells(lines: list[Mapping[str, Any]]) -> list[str]:
    """What the seeds of one card say together; two at least."""
    raced, whole = ([elsewhere(lines, one, one[by]) for one in lines] for by in ("of_race", "of_all"))
    best = max(fmean(line["success"][program] for line in lines) for program in lines[0]["success"])
    steps = fmean(line["steps_race"] / line["steps_all"] for line in lines)
    return [
        str(len(lines)), f"{fmean(raced):.2f} ({', '.join(f'{s:.2f}' for s in raced)})", f"{fmean(whole):.2f}",
        f"{best:.2f}", f"{best - fmean(raced):.2f}", f"{steps:.2f}",
    ]  # fmt: skip


def elsewhere(lines: list[Mapping[str, Any]], chosen_on: Mapping[str, Any], program: str) -> float:
    """A program's success in its whole trainings on the other seeds than it was chosen on."""
    return fmean(line["success"][program] for line in lines if line is not chosen_on)


if __name__ == "__main__":
    main()
