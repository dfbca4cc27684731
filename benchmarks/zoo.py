"""Environments as they are registered: how many get a right card from `init`, train by it, and can be exported, by package.

    python benchmarks/zoo.py [--packages NAME,NAME] [--most N] [--at-once N] [--to FILE]     # try those that FILE lacks, and print
    python benchmarks/zoo.py --again WORD ...                                                # try those again that failed so
    python benchmarks/zoo.py --table [--to FILE]                                             # print the table of FILE alone

Each environment of a package that is installed, in its newest version: `init`'s card, its check, 2,000 steps by one program of the
grammar's, scoring, and an export, whose `reward.py` makes its environment and takes steps in a process without autoreward. All
of it through the workers that commands use, without the baselines and further seeds of a run. A line of FILE is written when an
environment is done, with the commit, so that an interrupted run goes on where it was. The packages take turns, and each goes evenly
through its ids, so that what is there early is an even share of all. Packages that are not installed are named and left out.
"""

import argparse
import importlib
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
from lines import commit

from autoreward.checks.review import review
from autoreward.checks.samples import Practice
from autoreward.config import RunConfig
from autoreward.core.transitions import Transitions
from autoreward.core.wording import in_shell
from autoreward.design.grammar.evolve import evolved_candidates
from autoreward.errors import AutorewardError
from autoreward.export.build import reward_files
from autoreward.export.verify import Batch, prove
from autoreward.records import SAMPLES, policy_file
from autoreward.sandbox.jail import Jail
from autoreward.search.halving import search_job
from autoreward.search.strategy import FIRST_IDEA
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
    "pybullet-envs-gymnasium": "pybullet_envs_gymnasium",
    "gym-electric-motor": "gym_electric_motor",
}
"""What is installed -> the module that registers its environments."""
STAGES = ("init", "check", "rule", "train", "export")
RULE = ("graded progress", "success")
"""Rows of a check that doubt the rule, which `init` can but guess, and not what the card says of its environment."""
ENVIRONMENT = ("determinism", "native reward")
"""Rows that find fault with the environment: its card is right, and nothing in it could mend that."""
CONFIG = RunConfig(steps=2_000, rounds=1, candidates=1, episodes=2)
LOOK = """
import sys, json, gymnasium
from gymnasium import spaces
def axes(space):
    inner = space.spaces.values() if isinstance(space, spaces.Dict) else getattr(space, "spaces", ())
    return max([len(space.shape or ()) if isinstance(space, spaces.Box) else 0, *map(axes, inner)])
print(axes(gymnasium.make(sys.argv[1], **json.loads(sys.argv[2])).observation_space))
"""
TAKE_STEPS = """
import sys; sys.path.insert(0, ".")
import reward
for own in (True, False):
    env = reward.make(own_actions=own)
    env.reset(seed=0)
    for _ in range(10):
        _, paid, over, cut, _ = env.step(env.action_space.sample())
        float(paid)
        if over or cut:
            env.reset()
"""


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
        if re.split("[.:]", entry)[0] == module:
            plain, _, version = name.rpartition("-v")
            newest[plain or name] = max(newest.get(plain or name, (-1, "")), (int(version) if plain else 0, name))
    begin = "" if module == "gymnasium" else f"{module}:"
    return [Asked(package, f"{begin}{name}", {}) for _, name in sorted(newest.values(), key=lambda one: one[1])]


def spread(asked: list[Asked]) -> list[Asked]:
    """In an order of which every beginning is evenly spread (van der Corput's, of base 2)."""
    bits = max(len(asked) - 1, 1).bit_length()
    turned = (int(f"{i:0{bits}b}"[::-1], 2) for i in range(2**bits))
    return [asked[place] for place in turned if place < len(asked)]


def turns(packages: list[str]) -> Iterator[Asked]:
    """The environments of all packages, which take turns by how far each is through its own."""
    known = [(i / len(asked), one) for asked in map(environments, packages) for i, one in enumerate(spread(asked))]
    yield from (one for _, one in sorted(known, key=lambda pair: pair[0]))


def observed(asked: Asked) -> str:
    """What it observes: `vector` (also parts that are vectors or integers), `table` (of two axes), `image`; `unmade`."""
    try:
        axes = int(_python(LOOK, asked.env, json.dumps(dict(asked.kwargs))).split()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return "unmade"
    return "vector" if axes < 2 else "table" if axes == 2 else "image"


def _python(code: str, *arguments: str, folder: str | None = None) -> str:
    """What a program prints. Raises SubprocessError with what it says."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise subprocess.SubprocessError(last)
    return done.stdout


def tried(asked: Asked, workers: Workers) -> dict[str, str]:
    """What each stage came to: `ok`, or what was said; those after one that failed are left out, but for `check` and `rule`."""
    found: dict[str, str] = {}
    stage = "init"
    try:
        survey = workers.survey(placeholder_task(asked.env, asked.kwargs, "zoo"))
        task = parse_task(
            card_text(draft_task(survey, "zoo", "Do it well.", dict(asked.kwargs))), Path("zoo/task.toml")
        )
        keep(of_card(task))
        found[stage], stage = "ok", "check"
        failed = [item for item in workers.audit(task).items if not item.ok]
        for row, of_rule in (("check", False), ("rule", True)):
            said = [f"{item.name}: {item.message}" for item in failed if (item.name in RULE) == of_rule]
            found[row] = "; ".join(said) or "ok"
        stage = "train"
        trained(task, workers, found)
    except AutorewardError as error:
        found[stage if stage not in found else "export"] = error.worded(in_shell)
    except Exception as error:  # a dump for the person
        found[stage if stage not in found else "export"] = f"DUMP {type(error).__name__}: {error}"
    # where packages lie on this machine says nothing
    return {stage: " ".join(re.sub(r"/[^\s':]*/(?=lib/python)", "", said).split()) for stage, said in found.items()}


def trained(task: Task, workers: Workers, found: dict[str, str]) -> None:
    """Fill in what `train` and `export` came to. Raises what they raise."""
    description, files = workers.describe(task, seed=0)
    samples = Transitions.from_bytes(files[SAMPLES])
    practice = Practice.of(task, description, samples)
    (program,) = evolved_candidates(task, description, (), [FIRST_IDEA], seed=0)
    verdict = review(program, workers.jail, practice)
    job = search_job(CONFIG, task, program, verdict).model_copy(update={"seed": 0, "checkpoints": 1})
    trial, weights = workers.train(task, job, CONFIG, lambda step: None, grading=description.grading)
    policy = {name: weights[name] for name in map(policy_file, trial.checkpoints)}
    score, _ = (
        workers.score(task, trial, CONFIG, policy, (0, 1), (2, 3), description.grading) if policy else (trial, {})
    )
    refused = "; ".join(finding.message for finding in verdict.findings)
    ended = ((verdict.outcome, refused), (trial.outcome, trial.message), (score.outcome, score.message))
    failed = [f"{outcome.value}: {words}" for outcome, words in ended if not outcome.ok]
    found["train"] = failed[0] if failed else "ok"
    if failed:
        return
    workers.package(task, next(iter(policy.values())))
    texts = reward_files(task, program)
    prove(workers.jail, program, texts, [Batch("samples", samples)], task.train.gamma)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        _python(TAKE_STEPS, folder=folder)
    found["export"] = "ok"


def done(file: Path) -> list[dict[str, Any]]:
    """The last line of each environment, in the order of the first ones."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return list({(r["package"], r["name"]): r for r in map(json.loads, lines)}.values())


def rows(results: list[dict[str, Any]]) -> Iterator[str]:
    yield "| package | tried of | card | repeats | no doubt of its rule | trains | exports | right card, trains | of vectors |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for package in [*PACKAGES, "all"]:
        its = [r for r in results if package in ("all", r["package"])]
        if its:
            ok = {stage: sum(r["found"].get(stage) == "ok" for r in its) for stage in STAGES}
            ok["check"] = sum(_repeats(r["found"]) for r in its)
            of = {r["package"]: r["of"] for r in its}
            vectors = [r for r in its if r["observes"] == "vector"]
            cells = (package, f"{len(its)} of {sum(of.values())}", *map(str, ok.values()), share(its), share(vectors))
            yield "| " + " | ".join(cells) + " |"


def share(results: list[dict[str, Any]]) -> str:
    """How many of them have a right card and train."""
    right = sum(_right(r["found"]) and r["found"].get("train") == "ok" for r in results)
    return f"{right} of {len(results)} ({right / len(results):.0%})" if results else "none"


def _repeats(found: Mapping[str, str]) -> bool:
    """Whether there was a check, and the same seeds gave the same episodes."""
    said = found.get("check", "determinism")
    return "determinism" not in said and not said.startswith("task zoo")


def _right(found: Mapping[str, str]) -> bool:
    """Whether the check finds no fault with a card, but perhaps with its environment or its rule."""
    return all(said.startswith(("ok", *ENVIRONMENT)) for said in found.get("check", "none").split("; "))


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
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--again", nargs="*", default=[])
    parser.add_argument("--to", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if not options.table:
        measure(options.packages.split(","), options)
    results = done(options.to)
    print(*rows(results), "", *reasons(results), sep="\n")


def measure(packages: list[str], options: argparse.Namespace) -> None:
    """Try those that are not known, or that failed with one of the words of `--again`."""
    lacking = [p for p in packages if importlib.util.find_spec(PACKAGES[p]) is None]
    print(*(f"{package} is not installed: left out." for package in lacking), sep="\n", file=sys.stderr)
    present = [p for p in packages if p not in lacking]
    known = {(r["package"], r["name"]): " ".join(r["found"].values()) for r in done(options.to)}
    of = {package: len(environments(package)) for package in present}
    asked = [one for one in turns(present) if _wanted(known.get((one.package, one.name)), options.again)]
    made_at = commit()
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers, ThreadPoolExecutor(options.at_once) as threads:

        def one(asked: Asked) -> dict[str, Any]:
            line = {"package": asked.package, "name": asked.name, "env": asked.env, "of": of[asked.package]}
            made = observed(asked)
            return {**line, "observes": made, "commit": made_at, "found": tried(asked, workers)}

        for ended in as_completed([threads.submit(one, each) for each in asked[: options.most]]):
            line = ended.result()
            with options.to.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(line["name"], line["found"], file=sys.stderr, flush=True)


def _wanted(known: str | None, again: list[str]) -> bool:
    """Whether an environment is to be tried, of which this is known."""
    return any(word in known for word in again) if known is not None and again else known is None and not again


if __name__ == "__main__":
    main()
