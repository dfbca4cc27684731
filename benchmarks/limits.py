"""Does `lagrange` hold a limit that the plain sum breaks, and at what price?

    python benchmarks/limits.py train [--tasks inverted-pendulum-offset,mountain-car,...] [--seeds 0,1,2] [--runs DIR]
    python benchmarks/limits.py table

Shipped tasks with one limit more, and programs that know nothing of it (`benchmarks/data/compose`, written by hand). Each training
is a line of `benchmarks/data/limits.jsonl`: success on 50 held-out episodes of the kept policy, the share of them within the limit,
and where the multiplier ended; what has a line is not run again. `table`: means over seeds, from these lines alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from lines import DATA, Lines, train_or_table

import autoreward as ar
from autoreward.core.resources import envs_folder
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

LINES = Lines(DATA / "limits.jsonl")
LIMITS = {
    "inverted-pendulum-offset": {"value": "abs(force)", "at_most": 0.5, "over": "max"},
    "mountain-car": {"value": "abs(velocity)", "at_most": 0.05, "over": "max"},
    "acrobot": {"value": "abs(elbow_speed)", "at_most": 6.0, "over": "max"},
    "mountain-car-continuous": {"value": "-position", "at_most": 0.95, "over": "max"},
    "pendulum": {"value": "abs(torque[0] * speed)", "at_most": 0.5, "over": "mean"},
}
"""What a policy may not do, in an episode: a force, a speed, a joint's speed, how far it goes back, its mean power. The numbers of
the last three lie below what the plain sum came to on another seed (100): 9.3, 1.01 and 0.94."""


def main() -> None:
    options = train_or_table(__doc__ or "", ",".join(LIMITS), "0,1,2").parse_args()
    if options.do == "table":
        show(LINES.read())
        return
    for seed in map(int, options.seeds.split(",")):
        for task in options.tasks.split(","):
            for how in ("sum", "lagrange"):
                measure(task, how, seed, options.runs)


def limited(name: str) -> Task:
    """A shipped task with its limit."""
    card = find_task(name, (envs_folder(),)).model_dump()
    return Task.model_validate(card | {"limits": {"limit": LIMITS[name]}})


def measure(task: str, how: str, seed: int, runs: Path) -> None:
    """One training, unless there is a line of it."""
    key = {"task": task, "composition": how, "seed": seed}
    if LINES.has(key):
        return
    name = f"limits-{task}-{how}-{seed}"
    runs.mkdir(parents=True, exist_ok=True)
    file = runs / f"{name}.py"
    program = (DATA / "compose" / f"{task}.py").read_text()
    call = "def compute_reward(state, action, next_state, memory):\n    return parts(state, action, next_state)\n"
    file.write_text(f'COMPOSITION = "{how}"\n{program}\n\n{call}')
    reading = ar.train(limited(task), file, seeds=1, runs=runs, name=name, seed=seed, episodes=50).reading
    episodes = reading.confirm_scores[0].score.episodes
    bound = LIMITS[task]["at_most"]
    line = key | {
        "success": fmean(e.success for e in episodes),
        "held": fmean(e.limits["limit"] <= bound for e in episodes),
        "mean": fmean(e.limits["limit"] for e in episodes),
        "multiplier": reading.confirm_trials[0].curve[-1].multipliers.get("limit", 0.0),
    }
    LINES.add(line)


def show(lines: Sequence[Mapping[str, Any]]) -> None:
    print(
        "| task, limit | composition | success, by seed | episodes within | value, mean over episodes | multiplier at the end |"
    )
    print("|---|---|---|---|---|---|")
    for task, limit in LIMITS.items():
        for how in ("sum", "lagrange"):
            own = [line for line in lines if (line["task"], line["composition"]) == (task, how)]
            if not own:
                continue
            success = ", ".join(f"{line['success']:.2f}" for line in own)
            held, value, mu = (fmean(line[name] for line in own) for name in ("held", "mean", "multiplier"))
            over = "mean " if limit["over"] == "mean" else "largest "
            said = f"{task}, {over}`{limit['value']}` at most {limit['at_most']}"
            print(f"| {said} | `{how}` | {success} | {held:.0%} | {value:.2f} | {mu:.2f} |")


if __name__ == "__main__":
    main()
