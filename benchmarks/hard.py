"""The measuring stick: reward programs of four hard tasks, trained to the end, every checkpoint scored.

    python benchmarks/hard.py train [--tasks cheetah-stop,hopper-back] [--seeds 0,1] [--longer] [--runs DIR]
    python benchmarks/hard.py records [--runs DIR]

`benchmarks/data/hard` has the tasks' cards and their programs: those that a strong model wrote, and eight of the grammar. Twelve of
them meant their first part as the main one, as it was then; the line ROLES that says so was added later, and nothing else. `train`
trains each once a seed, in one piece, but for those that are recorded, and is resumed by running it again; `--longer` continues
those of the better third to twice the end, where the trainings themselves are in DIR. `records` writes `records.json` beside the
programs, one line a training: at 16 checkpoints its steps, success, progress, progress as it was defined at commit cd49c08 (kept
from the file, else null: that code is gone) and episode length on held-out episodes; and progress of the training episodes before
each. From these alone, without a training, `benchmarks/early_signal.py` tells what a measure of progress or a race would have done.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from autoreward.config import RunConfig
from autoreward.core import seeds
from autoreward.records import TRAINING_STATE, Candidate, Score, Trial, TrialId, TrialJob
from autoreward.search.halving import Budget, score_all
from autoreward.session.real_steps import RealSteps, open_steps
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.store.keys import DESCRIPTION, SCORES, TRIALS, VERDICTS
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

DATA = Path(__file__).parent / "data" / "hard"
TASKS = ("cheetah-stop", "lander-left", "hopper-back", "pusher-own")
CHECKPOINTS = 16
"""Of a whole training: every share of it after which a race may cut is one."""
BEFORE = 3
"""Where a checkpoint's record has the progress of cd49c08."""
CONFIG = RunConfig(minutes_per_trial=60.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("train", "records"))
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--longer", action="store_true")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    names, numbers = options.tasks.split(","), tuple(map(int, options.seeds.split(",")))
    if options.do == "records":
        for name in names:
            write_records(name, options.runs)
    else:
        for number in numbers:
            for name in names:
                train(name, number, options.longer, options.runs)


def programs(name: str) -> tuple[Candidate, ...]:
    """A task's programs."""
    return tuple(Candidate.model_validate(item) for item in json.loads((DATA / name / "programs.json").read_text()))


def round_budget(full: int, trainings: float = CONFIG.budget / CONFIG.rounds) -> Budget:
    """Of a search's first round that holds so many full trainings of `full` steps; by default what a round holds."""
    share = round(trainings * full)
    return Budget(CONFIG.rounds * share, share)


def train(name: str, number: int, longer: bool, runs: Path) -> None:
    """Train all programs of a task with one seed, or the better third of them to twice the end."""
    task, folder = find_task(name, (DATA,)), runs / f"hard-{name}"
    opened = Book.open(folder) if (folder / "run.json").exists() else Book.create(folder, RunHeader.of(task, CONFIG))
    with opened as book, open_steps(task, CONFIG, book, lambda event: None) as (steps, _):
        book.once(DESCRIPTION, steps.describe)
        page = book.page(0)
        written = programs(name)
        verdicts = page.each(VERDICTS, written, steps.review, steps.executor)
        memory = {v.candidate_id: v.uses_memory for v in verdicts if v.accepted}
        chosen = [c for c in written if c.id in memory]
        if not longer:
            known = recorded(name)
            chosen = [c for c in chosen if (c.id, number, 0) not in known]
        else:
            better = better_third(page.saved(SCORES), chosen)
            chosen = [c for c in chosen if c.id in better and page.has(TRIALS.of(str(trial_id(c.id, number, 0))))]
        jobs = [job(task, c, memory[c.id], number, leg=int(longer)) for c in chosen]

        def go(one: TrialJob) -> WithFiles[Trial]:
            before = TRIALS.of(str(TrialId.parse(one.id).on_leg(0)))
            return steps.train(one, page.file(before, TRAINING_STATE) if one.leg else b"")

        for begin in range(0, len(jobs), 8):  # so that something is scored soon
            trials = page.each(TRIALS, jobs[begin : begin + 8], go, steps.executor)
            print(name, number, "longer" if longer else "", *summary(steps, page, trials), flush=True)


def summary(steps: RealSteps, page: Page, trials: Sequence[Trial]) -> list[str]:
    """Score these trainings: what each reached."""
    scores = score_all(steps, page, trials, "search")
    rate = sum(t.steps_per_second for t in trials) / len(trials)
    return [f"{rate:.0f}/s", *(f"{s.candidate_id}={s.success:.2f}" for s in scores)]


def trial_id(candidate_id: str, number: int, leg: int) -> TrialId:
    return TrialId(candidate_id, number).on_leg(leg)


def job(task: Task, candidate: Candidate, uses_memory: bool, number: int, leg: int) -> TrialJob:
    full = task.train.steps
    return TrialJob(
        id=str(trial_id(candidate.id, number, leg)), candidate_id=candidate.id, reward="candidate", source=candidate.source,
        composition=candidate.composition, uses_memory=uses_memory, seed=seeds.derive(0, "hard", number), leg=leg,
        begin=leg * full, steps=(leg + 1) * full, unfinished=leg == 0, checkpoints=CHECKPOINTS,
    )  # fmt: skip


def better_third(scores: Sequence[Score], of: Sequence[Candidate]) -> set[str]:
    """The programs with the most success in the last third of their trainings on the first two seeds, then the most progress."""
    merit: dict[str, list[tuple[float, float]]] = {}
    for score in scores:
        training = TrialId.parse(score.trial_id)
        if score.outcome.ok and training.leg == 0 and training.seed < 2:
            late = [p for p in score.checkpoints if p.step > score.steps * 2 / 3]
            merit.setdefault(score.candidate_id, []).append(
                (sum(p.success for p in late), sum(p.progress for p in late))
            )
    order = sorted(merit, key=lambda c: tuple(map(sum, zip(*merit[c], strict=True))), reverse=True)
    return set(order[: -(-len(of) // 3)])


def write_records(name: str, runs: Path) -> None:
    """The scores of all trainings so far, one line each: those that are recorded, and those in the folder of runs."""
    with Book.open(runs / f"hard-{name}") as book:
        page = book.page(0)
        curves = {t.id: t for t in page.saved(TRIALS)}
        records = [record(s, curves[s.trial_id]) for s in page.saved(SCORES) if s.outcome.ok]
    known = recorded(name)
    for one in records:
        before = known.get(_training(one))
        for point, old in zip(one["checkpoints"], before["checkpoints"] if before else (), strict=False):
            point[BEFORE] = old[BEFORE]
    known |= {_training(one): one for one in records}
    lines = map(json.dumps, known.values())
    (DATA / name / "records.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(name, len(known), "trainings")


def recorded(name: str) -> dict[tuple[str, int, int], Mapping[str, Any]]:
    """What is recorded of a task's trainings: by program, seed and leg."""
    path = DATA / name / "records.json"
    return {_training(r): r for r in json.loads(path.read_text())} if path.exists() else {}


def _training(record: Mapping[str, Any]) -> tuple[str, int, int]:
    return record["program"], record["seed"], record["leg"]


def record(score: Score, trial: Trial) -> Mapping[str, Any]:
    """One training, in short."""
    training = TrialId.parse(score.trial_id)
    ends = [p.step for p in score.checkpoints]
    return {
        "program": score.candidate_id, "seed": training.seed, "leg": training.leg, "kept": score.kept,
        "success": round(score.success, 3),
        "checkpoints": [[p.step, round(p.success, 3), round(p.progress, 4), None, round(p.length, 1)] for p in score.checkpoints],
        "training": [explored(trial, begin, end) for begin, end in zip([trial.begin, *ends], ends, strict=False)],
    }  # fmt: skip


def explored(trial: Trial, begin: int, end: int) -> float | None:
    """Progress of the training episodes between two checkpoints."""
    judged = [p.progress for p in trial.curve if begin < p.step <= end and p.progress is not None]
    return round(fmean(judged), 4) if judged else None


if __name__ == "__main__":
    main()
