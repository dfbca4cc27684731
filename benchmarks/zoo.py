"""Environments as they are registered: how many get a right card from `init`, train by it, and can be exported, by package.

    python benchmarks/zoo.py [--packages NAME,NAME] [--most N] [--to FILE]     # try those that FILE does not have yet, and print
    python benchmarks/zoo.py --table [--to FILE]                               # print the table of FILE alone

Each environment of a package that is installed, in its newest version: `init`, `--check`, 2,000 steps of one program of the
grammar's, `export`. A line of FILE is written when an environment is done, so that an interrupted run goes on where it was;
`--most` tries so many of a package, evenly spread over its ids. Packages that are not installed are named and left out.
"""

import argparse
import importlib
import importlib.util
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium

from autoreward.config import RunConfig
from autoreward.core.wording import in_shell
from autoreward.errors import AutorewardError
from autoreward.events import Event
from autoreward.sandbox.jail import Jail
from autoreward.session.export import take
from autoreward.session.run import start
from autoreward.store.trust import keep, of_card
from autoreward.tasks.card import Task
from autoreward.tasks.draft.guess import draft_task
from autoreward.tasks.draft.write import card_text
from autoreward.tasks.files import parse_task, placeholder_task
from autoreward.training.workers import Workers

RESULTS = Path(__file__).parent / "data" / "zoo.jsonl"
PACKAGES = {
    "gymnasium": "gymnasium",
    "gymnasium-robotics": "gymnasium_robotics",
    "minigrid": "minigrid",
    "metaworld": "metaworld",
    "highway-env": "highway_env",
    "panda-gym": "panda_gym",
    "gym-pusht": "gym_pusht",
    "flappy-bird-gymnasium": "flappy_bird_gymnasium",
}
"""What is installed -> the module that registers its environments."""
STAGES = ("init", "check", "train", "export")
CONFIG = RunConfig(steps=2_000, rounds=1, candidates=1, finalist_seeds=0, confirm_seeds=0, episodes=2)


class Asked(NamedTuple):
    """An environment of a package."""

    package: str
    env: str
    kwargs: Mapping[str, Any]

    @property
    def name(self) -> str:
        return " ".join((self.env, *map(str, self.kwargs.values())))


def environments(package: str) -> list[Asked]:
    """All that a package registers, in the newest version of each name."""
    module = PACKAGES[package]
    importlib.import_module(module)
    if module == "metaworld":
        names = sorted(importlib.import_module(module).ALL_V3_ENVIRONMENTS)
        return [Asked(package, "metaworld:Meta-World/MT1", {"env_name": name, "seed": 0}) for name in names]
    newest: dict[str, tuple[int, str]] = {}
    for name, spec in gymnasium.registry.items():
        entry = spec.entry_point if isinstance(spec.entry_point, str) else getattr(spec.entry_point, "__module__", "")
        if entry.partition(".")[0] == module:
            plain, _, version = name.rpartition("-v")
            newest[plain or name] = max(newest.get(plain or name, (-1, "")), (int(version) if plain else 0, name))
    begin = "" if module == "gymnasium" else f"{module}:"
    return [Asked(package, f"{begin}{name}", {}) for _, name in sorted(newest.values(), key=lambda one: one[1])]


def spread(asked: list[Asked], most: int) -> list[Asked]:
    """At most so many, from the first to the last."""
    return asked if len(asked) <= most else [asked[i * len(asked) // most] for i in range(most)]


def tried(asked: Asked, workers: Workers) -> dict[str, str]:
    """What each stage came to: `ok`, or what was said; those after one that failed are left out, but for `check`."""
    found: dict[str, str] = {}
    stage = "init"
    try:
        survey = workers.survey(placeholder_task(asked.env, asked.kwargs, "zoo"))
        task = parse_task(
            card_text(draft_task(survey, "zoo", "Do it well.", dict(asked.kwargs))), Path("zoo/task.toml")
        )
        keep(of_card(task))
        found[stage], stage = "ok", "check"
        failed = [f"{item.name}: {item.message}" for item in workers.audit(task).items if not item.ok]
        found[stage], stage = "; ".join(failed) or "ok", "train"
        with tempfile.TemporaryDirectory() as folder:
            found[stage], stage = trained(task, Path(folder) / "run"), "export"
            take(Path(folder) / "run")
        found[stage] = "ok"
    except AutorewardError as error:
        found[stage] = error.worded(in_shell)
    except Exception as error:  # a dump for the person
        found[stage] = f"DUMP {type(error).__name__}: {error}"
    return {stage: " ".join(said.split()) for stage, said in found.items()}


def trained(task: Task, folder: Path) -> str:
    """`ok`, or why nothing was trained."""
    run = start(task, CONFIG, folder, unheard).finished
    return "ok" if run.best else run.failed or run.stop


def unheard(event: Event) -> None:
    """The table says enough."""


def done(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def rows(results: list[dict[str, Any]]) -> Iterator[str]:
    yield "| package | environments | card | right card | trains | exports | right card and trains |"
    yield "|---|---|---|---|---|---|---|"
    for package in PACKAGES:
        its = [r["found"] for r in results if r["package"] == package]
        if its:
            counts = [sum(f.get(stage) == "ok" for f in its) for stage in STAGES]
            both = sum(f.get("check") == f.get("train") == "ok" for f in its)
            cells = (package, str(len(its)), *map(str, counts), f"{both / len(its):.0%}")
            yield "| " + " | ".join(cells) + " |"


def reasons(results: list[dict[str, Any]]) -> Iterator[str]:
    """What was said where something failed, most frequent first."""
    said: dict[str, list[str]] = {}
    for r in results:
        for stage in STAGES:
            if (text := r["found"].get(stage, "ok")) != "ok":
                plain = re.sub(r"task zoo: ?", "", text).replace(r["env"], "ENV")
                said.setdefault(f"{stage}: {re.sub(r'-?[0-9][0-9.e+-]*', 'N', plain)[:160]}", []).append(r["name"])
    for text, names in sorted(said.items(), key=lambda pair: -len(pair[1])):
        yield f"{len(names):4d}  {text}\n      {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", default=",".join(PACKAGES))
    parser.add_argument("--most", type=int, default=sys.maxsize)
    parser.add_argument("--to", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if not options.table:
        measure(options.packages.split(","), options.most, options.to)
    results = done(options.to)
    print(*rows(results), "", *reasons(results), sep="\n")


def measure(packages: list[str], most: int, to: Path) -> None:
    known = {(r["package"], r["name"]) for r in done(to)}
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:
        for package in packages:
            if importlib.util.find_spec(PACKAGES[package]) is None:
                print(f"{package} is not installed: left out.", file=sys.stderr)
                continue
            for asked in spread(environments(package), most):
                if (package, asked.name) not in known:
                    line = {"package": package, "name": asked.name, "env": asked.env, "found": tried(asked, workers)}
                    with to.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(line) + "\n")
                    print(asked.name, line["found"], file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
