"""What the grammar's first programs are worth: each trained to the end, one checkout of the grammar against another.

    python benchmarks/ideas.py train [--tasks lander-left,cheetah-stop] [--seeds 0] [--programs r000c1,r000c6] [--runs DIR]
    python benchmarks/ideas.py table [--tasks ...] BEFORE AFTER

`train` writes the first eight programs of a run of seed 0 and trains each once a seed, one after the other; it goes on where it was
stopped. For the other grammar run a copy of this file in that one's checkout, with another `--runs`, or give `table` the folder of
`hard.py`, whose programs `grammar0` to `grammar7` are an earlier grammar's. A program's line has the held-out success of the
checkpoint that was kept and, in brackets, the mean over the last third of the training, seed by seed.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from hard import DATA, job

from autoreward.config import RunConfig
from autoreward.core import seeds
from autoreward.core.resources import envs_folder
from autoreward.design.grammar.evolve import evolved_candidates
from autoreward.records import Candidate, Candidates, Score, TrialId
from autoreward.search.halving import score_all
from autoreward.search.strategy import FIRST_IDEA
from autoreward.session.real_steps import open_steps
from autoreward.store.book import Book, RunHeader
from autoreward.store.keys import CANDIDATES, DESCRIPTION, TRIALS, VERDICTS
from autoreward.tasks.files import find_task

TASKS = "lander-left,cheetah-stop,hopper-back,pusher-own,mountain-car,cartpole-hold"
CONFIG = RunConfig(minutes_per_trial=60.0, workers=1)
COUNT = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("train", "table"))
    parser.add_argument("folders", type=Path, nargs="*", metavar="BEFORE AFTER")
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--programs", default=",".join(f"r000c{i}" for i in range(COUNT)))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    names, numbers = options.tasks.split(","), tuple(map(int, options.seeds.split(",")))
    if options.do == "table":
        before, after = options.folders
        for name in names:
            print_table(name, before, after)
    else:
        for number in numbers:
            for name in names:
                train(name, number, options.programs.split(","), options.runs)


def train(name: str, number: int, programs: Sequence[str], runs: Path) -> None:
    """Train some of the grammar's first programs of a task with one seed, and score every checkpoint."""
    task, folder = find_task(name, (DATA, envs_folder())), runs / f"ideas-{name}"
    opened = Book.open(folder) if (folder / "run.json").exists() else Book.create(folder, RunHeader.of(task, CONFIG))
    with opened as book, open_steps(task, CONFIG, book, lambda event: None) as (steps, _):
        description = book.once(DESCRIPTION, steps.describe)
        page = book.page(0)
        seed = seeds.derive(CONFIG.seed, "design", 0)

        def written() -> Candidates:
            return Candidates(items=evolved_candidates(task, description, (), (FIRST_IDEA,) * COUNT, seed))

        candidates = page.once(CANDIDATES, written).items
        verdicts = page.each(VERDICTS, candidates, steps.review, steps.executor)
        for candidate, verdict in zip(candidates, verdicts, strict=True):
            if candidate.id not in programs:
                continue
            if not verdict.accepted:
                print(name, candidate.id, "did not pass:", *(f.message for f in verdict.findings), flush=True)
                continue
            jobs = [job(task, candidate, verdict.uses_memory, number, leg=0)]
            trials = page.each(TRIALS, jobs, steps.train, steps.executor)
            for score in score_all(steps, page, trials, "search"):
                print(name, number, in_short(candidate, [score]), flush=True)


def scores(name: str, folder: Path) -> dict[str, list[Score]]:
    """Whole trainings of the grammar's programs of a task, by program, as saved so far; a run in progress is not disturbed."""
    found: dict[str, list[Score]] = {}
    for book in sorted(folder.glob(f"*-{name}")):
        for file in sorted((book / "rounds" / "000" / "scores").glob("*.json")):
            score = Score.model_validate_json(file.read_text())
            mine = book.name == f"ideas-{name}" or score.candidate_id.startswith("grammar")
            if mine and score.outcome.ok and TrialId.parse(score.trial_id).leg == 0:
                found.setdefault(score.candidate_id, []).append(score)
    return found


def print_table(name: str, before: Path, after: Path) -> None:
    """Both grammars' programs, each list in its order, then the best and the mean of each."""
    lists = [scores(name, folder) for folder in (before, after)]
    ideas = json.loads((after / f"ideas-{name}" / "rounds" / "000" / "candidates.json").read_text())["items"]
    thoughts = {item["id"]: item["thought"] for item in ideas}
    for word, found in zip(("before", "after"), lists, strict=True):
        for program, its in sorted(found.items()):
            print(f"{name} {word} {program}: {in_numbers(its)}  {thoughts.get(program, '') if word == 'after' else ''}")
        if found:
            best = max(found.values(), key=lambda its: (mean_kept(its), mean_late(its)))
            everyone = [s for its in found.values() for s in its]
            print(f"{name} {word}: best {mean_kept(best):.2f} ({mean_late(best):.2f}), mean {mean_kept(everyone):.3f}")


def in_short(candidate: Candidate, its: Sequence[Score]) -> str:
    return f"{candidate.id} {in_numbers(its)}  {candidate.thought}"


def in_numbers(its: Sequence[Score]) -> str:
    return " ".join(f"{s.success:.2f} ({late(s):.2f})" for s in its)


def late(score: Score) -> float:
    """Mean success of the checkpoints in the last third."""
    points = [p.success for p in score.checkpoints if p.step > score.steps * 2 / 3]
    return sum(points) / len(points)


def mean_kept(its: Sequence[Score]) -> float:
    return sum(s.success for s in its) / len(its)


def mean_late(its: Sequence[Score]) -> float:
    return sum(map(late, its)) / len(its)


if __name__ == "__main__":
    main()
