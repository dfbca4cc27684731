"""What `--tune-settings` is worth where a card's learning rate is wrong: searches of the grammar with and without.

    python benchmarks/tuned_settings.py train [--tasks mountain-car,acrobot] [--seeds 0,1,2] [--runs DIR]
    python benchmarks/tuned_settings.py table [--tasks ...] [--seeds ...]

The shipped card with its learning rate as it is, times ten, and a hundredth of it; four candidates a round, three rounds at
most, ten full trainings of environment steps, a target of 1.0, two fresh seeds. Lines: `benchmarks/data/tuned_settings.jsonl`;
run again, it goes on.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from lines import DATA, Lines, train_or_table
from suite import finished

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.report.reading import read_run
from autoreward.tasks.files import find_task

LINES = Lines(DATA / "tuned_settings.jsonl")
RATES = {"as it is": 1.0, "ten times": 10.0, "a hundredth": 0.01}
ARMS = {"without": False, "with": True}
BASELINES = ("native", "native_retuned", "sparse", "sparse_retuned")
HEAD = (
    "task",
    "learning rate",
    "`--tune-settings`",
    "winner, by search seed",
    "its settings",
    *BASELINES,
    "steps",
)


def main() -> None:
    options = train_or_table(__doc__ or "", "mountain-car,acrobot", "0,1,2").parse_args()
    tasks, of_seeds = options.tasks.split(","), tuple(map(int, options.seeds.split(",")))
    if options.do == "table":
        table(tasks, of_seeds)
        return
    keys = [
        {"task": name, "rate": rate, "arm": arm, "seed": seed}
        for seed in of_seeds for name in tasks for rate in RATES for arm in ARMS
    ]  # fmt: skip
    LINES.fill(keys, partial(searched, options.runs))


def searched(runs: Path, name: str, rate: str, arm: str, seed: int) -> Mapping[str, Any]:
    """One search to its end, confirmation and all."""
    card = find_task(name, (envs_folder(),))
    task = card.trained_with({"learning_rate": float(card.train.hyperparameters["learning_rate"]) * RATES[rate]})
    config = RunConfig(
        seed=seed, candidates=4, rounds=3, budget=10.0, target=1.0, confirm_seeds=2, tune_settings=ARMS[arm]
    )
    folder = runs / f"settings-{name}-{rate.replace(' ', '-')}-{arm}-{seed}"
    run = finished(task, config, folder)
    view = read_run(folder).candidate(run.best)
    fresh = {c.who: c.estimate.value for c in run.confirmed}
    return {"winner": run.best, "settings": view.candidate.settings if view else {}, "rounds": run.rounds,
            "steps": run.env_steps, "success": fresh.get(run.best),
            "baselines": {who: fresh[who] for who in BASELINES if who in fresh}}  # fmt: skip


def table(tasks: Sequence[str], of_seeds: Sequence[int]) -> None:
    """A row a task, learning rate and arm, over the search seeds that both arms have ended."""
    print(f"| {' | '.join(HEAD)} |\n{'|---' * len(HEAD)}|")
    lines = {(line["task"], line["rate"], line["arm"], line["seed"]): line for line in LINES.read()}
    for name in tasks:
        for rate in RATES:
            ended = [seed for seed in of_seeds if all((name, rate, arm, seed) in lines for arm in ARMS)]
            for arm in ARMS if ended else ():
                own = [lines[name, rate, arm, seed] for seed in ended]
                cells = [", ".join(f"{line['success'] or 0.0:.2f}" for line in own)]
                cells += ["; ".join(said(line["settings"]) for line in own)]
                cells += [mean([line["baselines"].get(who) for line in own]) for who in BASELINES]
                print(
                    f"| {name} | {rate} | {arm} | {' | '.join(cells)} | {fmean(line['steps'] for line in own):,.0f} |"
                )


def said(settings: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in settings.items()) or "the card's"


def mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{fmean(known):.2f}" if known else "-"


if __name__ == "__main__":
    main()
