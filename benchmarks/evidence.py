"""The field's own numbers: a search and its controls on published protocols, by the same trainer and one outside scorer.

    python benchmarks/evidence.py run [--tasks NAME,...] [--arms search,keep-or-revert,each-whole] [--seeds 0,1,2] [--minutes M]
                                      [--model grammar] [--budget 6] [--confirm 2] [--runs DIR]
    python benchmarks/evidence.py controllers
    python benchmarks/evidence.py page
    python benchmarks/evidence.py missing

`run` makes what is missing, the cheapest protocol first, until M minutes have gone: a search an arm and seed, each within the
environment steps of `--budget` full trainings, and its winner, first program, native and sparse confirmed on `--confirm` fresh
training seeds. Then each policy that was kept is played by `outside.py` on the protocol's episodes. Interrupted, it goes on where
it was. Every search is a line of `benchmarks/data/evidence.jsonl`, with the commit that made it; `page` writes docs/evidence.md
and the README's table from these lines alone, and `missing` says what was not run and the core-hours that it would take.
`controllers` plays those of `by_hand.py`, which no reward trains, on the same episodes.

Arms, with equal environment steps: `search` (the search as it is by default), `keep-or-revert` (one program at a time, one change
of the best one: what CREATE calls controlled revision, and what a coding agent's loop does), `each-whole` (every program another
first idea, trained whole on one seed, the best one taken: one iteration of Eureka's schedule).
"""

import argparse
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from by_hand import CONTROLLERS
from evidence_page import in_readme, page
from lines import DATA, Lines, commit
from outside import Policy, measured, trained
from protocols import PROTOCOLS, Protocol
from suite import finished, unheard

from autoreward.config import RunConfig
from autoreward.loop import improve
from autoreward.records import Round, TrialId
from autoreward.report.reading import RunView, read_run
from autoreward.search.strategy import FIRST_IDEA, Variation
from autoreward.search.study import Study
from autoreward.session.real_steps import open_steps
from autoreward.session.run import config_for
from autoreward.store.book import Book
from autoreward.store.files import is_run
from autoreward.store.header import RunHeader
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

LINES = Lines(DATA / "evidence.jsonl")
ARMS = ("search", "keep-or-revert", "each-whole")
SEEDS = (0, 1, 2)
ROOT = Path(__file__).parent.parent
PAGE, README = ROOT / "docs" / "evidence.md", ROOT / "README.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("run", "controllers", "page", "missing"))
    parser.add_argument("--tasks", default=",".join(PROTOCOLS))
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--model", default="grammar")
    parser.add_argument("--budget", type=float, default=6.0)
    parser.add_argument("--confirm", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    if options.do == "page":
        PAGE.write_text(page(LINES.read()), encoding="utf-8")
        README.write_text(in_readme(README.read_text(encoding="utf-8"), LINES.read()), encoding="utf-8")
        return
    if options.do == "controllers":
        play_controllers(options.tasks.split(","))
        return
    wanted = [
        {"protocol": name, "arm": arm, "seed": seed, "model": options.model, "budget": options.budget}
        for seed in map(int, options.seeds.split(","))
        for name in sorted(options.tasks.split(","), key=lambda name: PROTOCOLS[name].steps)
        for arm in options.arms.split(",")
    ]
    wanted = [key for key in wanted if not LINES.has(key)]
    if options.do == "missing":
        tell_missing(wanted, options.confirm)
        return
    ends = time.monotonic() + 60 * options.minutes
    for key in wanted:
        if time.monotonic() >= ends:
            break
        LINES.add(one(key, options.confirm, options.runs))


def play_controllers(names: Iterable[str]) -> None:
    """A line for each protocol that has a controller and no line of it."""
    for name in (name for name in names if name in CONTROLLERS):
        key = {"protocol": name, "arm": "controller"}
        if not LINES.has(key):
            protocol = PROTOCOLS[name]
            value = measured(partial(steered, name), protocol.place, protocol.measure, protocol.seeds)
            LINES.add({**key, "outside": round(value, 3), "env_steps": 0, "commit": commit()})


def steered(name: str) -> Policy:
    """A protocol's controller, for one episode."""
    controller = CONTROLLERS[name]()
    return lambda seen, space: controller(seen)


def tell_missing(wanted: Sequence[Mapping[str, Any]], confirm: int) -> None:
    """A line a search, and all of them together, at the speed of searches on the same protocol, else of all that were made."""
    known = [line for line in LINES.read() if line["env_steps"]]
    total = 0.0
    for key in wanted:
        protocol = PROTOCOLS[key["protocol"]]
        like = [line for line in known if line["protocol"] == key["protocol"]] or known
        steps = protocol.steps * (key["budget"] + 4 * confirm)
        hours = steps * sum(line["core_hours"] for line in like) / max(sum(line["env_steps"] for line in like), 1)
        total += hours
        print(f"{key['protocol']}, {key['arm']}, seed {key['seed']}: about {hours:.1f} core-hours")
    print(f"{len(wanted)} searches, about {total:.0f} core-hours")


def one(key: Mapping[str, Any], confirm: int, runs: Path) -> Mapping[str, Any]:
    """A search to its end, its policies measured."""
    protocol = PROTOCOLS[key["protocol"]]
    task = find_task(str(protocol.card), ())
    chosen = {
        "model": key["model"],
        "seed": key["seed"],
        "budget": key["budget"],
        "confirm_seeds": confirm,
        "target": 1.0,
    }
    if key["arm"] != "search":
        chosen["search"] = "agent"
    config = config_for(task, chosen)
    folder = runs / f"evidence-{key['protocol']}-{key['arm']}-{key['seed']}"
    reading = each_whole(task, config, folder) if key["arm"] == "each-whole" else searched(task, config, folder)
    return {**key, **told(reading, protocol), "commit": commit()}


def searched(task: Task, config: RunConfig, folder: Path) -> RunView:
    finished(task, config, folder)
    return read_run(folder)


class FirstIdeas:
    """Implements `search.strategy.Strategy`: whatever was found, another first idea."""

    def ask(self, rounds: Sequence[Round]) -> tuple[Variation, ...]:
        """One program a round."""
        return (FIRST_IDEA,)


def each_whole(task: Task, config: RunConfig, folder: Path) -> RunView:
    """The search that changes nothing: one program a round, whole, and each another first idea."""
    opened = Book.open(folder) if is_run(folder) else Book.create(folder, RunHeader.of(task, config))
    with opened as book, open_steps(task, config, book, unheard) as (steps, _):
        steps.strategy = FirstIdeas()
        improve(Study(task, config, steps, book, unheard))
    return read_run(folder)


def told(reading: RunView, protocol: Protocol) -> dict[str, Any]:
    """What a search came to: for each reward that was confirmed, its success by training, and the outsider's measure."""
    run = reading.finished
    outside: dict[str, list[float]] = {}
    for saved in reading.confirm_scores:
        if saved.score.outcome.ok:
            who = TrialId.parse(saved.score.trial_id).candidate
            weights = reading.weights(saved.page, saved.score)
            plays = partial(trained, weights, protocol.place)
            value = measured(plays, protocol.place, protocol.measure, protocol.seeds)
            outside.setdefault(who, []).append(round(value, 3))
    rows = [
        {"role": c.role, "who": c.who, "success": [round(s, 3) for s in c.success], "outside": outside.get(c.who, [])}
        for c in run.confirmed
    ]
    return {
        "rows": rows, "best": run.best, "found": run.success, "programs": len(reading.candidates), "trainings": run.trainings,
        "env_steps": run.env_steps, "core_hours": round(sum(t.seconds for t in reading.trials) / 3600, 3),
        "controllers": [[c.by, c.lines, c.success] for c in run.controllers],
    }  # fmt: skip


if __name__ == "__main__":
    main()
