"""What each composition makes of a program whose parts fit together, are badly scaled, or hold one that is harmful.

    python benchmarks/compose.py train [--tasks cartpole-hold,acrobot] [--seeds 0,1,2,3,4] [--only plain,scaled] [--runs DIR]
    python benchmarks/compose.py table

`benchmarks/data/compose` has one program of four parts a task, written by hand and well scaled: an event that is the goal, two
parts that guide, one that is always paid. `plain`: as it is. `scaled`: each part times 10^U(-2, 2), drawn by the seed, the same for
all compositions. `harmful`: with one more part of the role dense, which pays up to 2 for standing still. Each training is a line of
`benchmarks/data/compose.jsonl` with its success on held-out episodes, or why the composition refuses the program; what has a line
is not run again. `table`, from these lines alone: mean success over tasks and seeds, and in how many of the tasks the mean is lower
than what `sum` has of the plain program by more than two standard errors of the difference.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, variance
from typing import Any, get_args

import numpy as np
from lines import DATA, Lines, train_or_table

import autoreward as ar
from autoreward.errors import UsageError
from autoreward.records import CompositionName

PROGRAMS, LINES = DATA / "compose", Lines(DATA / "compose.jsonl")
CONDITIONS = ("plain", "scaled", "harmful")
STILL = {
    "cartpole-hold": "2.0 * np.exp(-np.abs(next_state.velocity) / 0.2)",
    "inverted-pendulum-offset": "2.0 * np.exp(-np.abs(next_state.velocity) / 0.2)",
    "acrobot": "2.0 * np.exp(-np.abs(next_state.shoulder_speed) / 0.5)",
    "mountain-car": "2.0 * np.exp(-np.abs(next_state.velocity) / 0.005)",
}
"""What the harmful part pays."""


def main() -> None:
    parser = train_or_table(__doc__ or "", ",".join(STILL), "0,1,2,3,4")
    parser.add_argument("--only", default=",".join(CONDITIONS))
    options = parser.parse_args()
    if options.do == "table":
        show(LINES.read())
        return
    for seed in map(int, options.seeds.split(",")):
        for task in options.tasks.split(","):
            for condition in options.only.split(","):
                for how in get_args(CompositionName):
                    measure(task, condition, how, seed, options.runs)


def measure(task: str, condition: str, how: str, seed: int, runs: Path) -> None:
    """One training, unless there is a line of it."""
    key = {"task": task, "condition": condition, "composition": how, "seed": seed}
    if LINES.has(key):
        return
    name = f"compose-{task}-{condition}-{how}-{seed}"
    runs.mkdir(parents=True, exist_ok=True)
    file = runs / f"{name}.py"
    file.write_text(f'COMPOSITION = "{how}"\n{program(task, condition, seed)}')
    try:
        run = ar.train(task, file, seeds=1, runs=runs, name=name, seed=seed, episodes=50)
        result: dict[str, Any] = {"success": run.reading.run.confirmed[0].success[0]}
    except UsageError as refused:
        result = {"refused": str(refused)}
    LINES.add(key | result)


def program(task: str, condition: str, seed: int) -> str:
    """A task's program under a condition."""
    source = (PROGRAMS / f"{task}.py").read_text()
    names = [line.split('"')[1] for line in source.splitlines() if line.startswith('        "')]
    factors = dict.fromkeys(names, 1.0)
    if condition == "scaled":
        drawn = 10.0 ** np.random.default_rng([seed, *map(ord, task)]).uniform(-2.0, 2.0, len(names))
        factors = {name: float(f"{factor:.3g}") for name, factor in zip(names, drawn, strict=True)}
    if condition == "harmful":
        source = source.replace("ROLES = {", 'ROLES = {"still": "dense", ', 1)
        source = source.replace("    return {\n", f'    return {{\n        "still": {STILL[task]},\n', 1)
        factors = {"still": 1.0, **factors}
    scaled = ", ".join(f'"{name}": {factor} * made["{name}"]' for name, factor in factors.items())
    return (
        f"{source}\n\ndef compute_reward(state, action, next_state, memory):\n"
        f"    made = parts(state, action, next_state)\n    return {{{scaled}}}\n"
    )


def show(lines: Sequence[Mapping[str, Any]]) -> None:
    tasks = list(dict.fromkeys(line["task"] for line in lines))
    print("| composition | " + " | ".join(f"{condition} | worse than plain sum" for condition in CONDITIONS) + " |")
    print("|---" * (1 + 2 * len(CONDITIONS)) + "|")
    for how in get_args(CompositionName):
        row = [cell for condition in CONDITIONS for cell in cells(lines, tasks, condition, how)]
        print(f"| `{how}` | " + " | ".join(row) + " |")


def cells(lines: Sequence[Mapping[str, Any]], tasks: Sequence[str], condition: str, how: str) -> tuple[str, str]:
    """Mean success, and in how many tasks it is below the plain sum's beyond noise."""
    found = {task: successes(lines, task, condition, how) for task in tasks}
    trained = {task: values for task, values in found.items() if values}
    if not trained:
        return "refused" if any((x["condition"], x["composition"]) == (condition, how) for x in lines) else "-", "-"
    below = sum(worse(values, successes(lines, task, "plain", "sum")) for task, values in trained.items())
    return f"{fmean(map(fmean, trained.values())):.2f}", f"{below} of {len(trained)}"


def successes(lines: Sequence[Mapping[str, Any]], task: str, condition: str, how: str) -> list[float]:
    wanted = {"task": task, "condition": condition, "composition": how}
    return [line["success"] for line in lines if wanted.items() <= line.items() and "success" in line]


def worse(some: Sequence[float], others: Sequence[float]) -> bool:
    """Whether a mean is lower by more than two standard errors of the difference."""
    if min(len(some), len(others)) < 2:
        return False
    error = math.sqrt(variance(some) / len(some) + variance(others) / len(others))
    return fmean(others) - fmean(some) > 2.0 * max(error, 0.01)


if __name__ == "__main__":
    main()
