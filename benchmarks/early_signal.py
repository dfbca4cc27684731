"""What the signals of a race are worth on the hard tasks, from the recorded trainings alone: nothing is trained.

    python benchmarks/early_signal.py progress
    python benchmarks/early_signal.py race
    python benchmarks/early_signal.py ranking

`progress`: rank correlation over the trainings of a task between what is known at 1/8, 1/4 and 1/2 of a training and the success of
its kept checkpoint at the end. `race`: the programs of each round, as they were written, raced as the search does it and as it did
at commit cd49c08 (halved by the leg's success, then its progress), within a third of 16 full trainings: steps, and regret, which is
how much less the chosen program's kept success over both seeds is than that of the best of the round. Each field is raced twice,
the seeds in turn. `ranking`: what a whole training on one seed says of the same program's success on the other, and what the
program that each rule ranks first on one has on the other. Records: see `benchmarks/hard.py`; trainings whose exploring episodes
were not recorded then were replayed once.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from hard import CHECKPOINTS, CONFIG, DATA, TASKS, round_budget

from autoreward.core.executor import ThreadExecutor
from autoreward.core.outcomes import Outcome
from autoreward.evaluation.rank_correlation import spearman
from autoreward.evaluation.ranking import ranked
from autoreward.records import Candidate, CheckpointScore, CurvePoint, Score, Trial, TrialId, TrialJob, Verdict
from autoreward.search.halving import RUNGS, env_steps, successive_halving
from autoreward.search.study import Study
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.tasks.files import find_task

SHARES = {"1/8": 2, "1/4": 4, "1/2": 8}
"""Checkpoints of 16."""
FINALISTS = 2
SECOND_HALF = slice(CHECKPOINTS // 2, None)
LAST_THIRD = slice(-(CHECKPOINTS // 3), None)


class Training(NamedTuple):
    """One recorded training."""

    program: str
    seed: int
    success: float
    """Of the kept checkpoint, on other episodes than it was chosen by."""
    rates: list[float]
    """Success at each checkpoint, as the next two."""
    progress: list[float]
    before: list[float | None]
    """Progress as it was defined at cd49c08; None where that was not recorded, and what needs it is left out of the tables."""
    explored: list[float]
    """Progress of training episodes before each checkpoint."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tables = {"progress": show_progress, "race": show_races, "ranking": show_rankings}
    parser.add_argument("do", choices=tables)
    options = parser.parse_args()
    tables[options.do]([name for name in TASKS if (DATA / name / "records.json").exists()])


def trainings(name: str) -> list[Training]:
    """Those of a task that were judged while they explored, too."""
    lines = json.loads((DATA / name / "records.json").read_text())
    return [
        Training(
            line["program"], line["seed"], line["success"], *map(list, list(zip(*line["checkpoints"], strict=True))[1:4]),
            line["training"],
        )
        for line in lines
        if line["leg"] == 0 and None not in line["training"] and len(line["checkpoints"]) == CHECKPOINTS
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- progress

KNOWN: dict[str, Callable[[Training, int], float]] = {
    "progress of cd49c08, last checkpoint": lambda t, n: t.before[n - 1],
    "progress, last checkpoint": lambda t, n: t.progress[n - 1],
    "progress, mean of all checkpoints": lambda t, n: fmean(t.progress[:n]),
    "progress of training episodes, whole curve": lambda t, n: fmean(t.explored[:n]),
    "the same, and best success so far": lambda t, n: fmean(t.explored[:n]) + max(t.rates[:n]),
}


def show_progress(names: Sequence[str]) -> None:
    print("| task | trainings (with success) | known | " + " | ".join(SHARES) + " |")
    print("|---|---|---|" + "---|" * len(SHARES))
    for name in names:
        done = trainings(name)
        recorded = all(None not in t.before for t in done)
        ends = _array(t.success for t in done)
        counted = f"{len(done)} ({sum(t.success > 0 for t in done)})"
        for known, value in KNOWN.items():
            if not recorded and "cd49c08" in known:
                continue
            cells = [f"{spearman(_array(value(t, n) for t in done), ends):.2f}" for n in SHARES.values()]
            print(f"| {name} | {counted} | {known} | " + " | ".join(cells) + " |")


def _array(values: Iterator[float]) -> Any:
    import numpy as np

    return np.array(list(values))


# ----------------------------------------------------------------------------------------------------------------- race


def show_races(names: Sequence[str]) -> None:
    print("| task | fields | race | full trainings, mean | regret, mean | best program chosen |")
    print("|---|---|---|---|---|---|")
    for name in names:
        fields = list(fields_of(name))
        if not fields:  # too few programs were trained on two seeds
            continue
        races: dict[str, Callable[[list[Program]], tuple[str, float]]] = {
            "cd49c08": race_before,
            "now": lambda field: race_now(name, field, CONFIG.budget / CONFIG.rounds),  # noqa: B023
            "now, with what cd49c08 took": lambda field: race_now(name, field, race_before(field)[1]),  # noqa: B023
        }
        if any(None in t.before for field in fields for program in field for t in program):
            races = {"now": races["now"]}
        for title, race in races.items():
            raced = [(field, *race(field)) for field in fields]
            regrets = [
                max(map(worth, field)) - worth(next(p for p in field if p[0].program == won)) for field, won, _ in raced
            ]
            cost = fmean(steps for _, _, steps in raced)
            right = sum(r == 0.0 for r in regrets)
            print(f"| {name} | {len(fields)} | {title} | {cost:.2f} | {fmean(regrets):.3f} | {right} |")


Program = tuple[Training, Training]
"""On the seed of the race, and on the finalists' other one."""


def worth(program: Program) -> float:
    return fmean(t.success for t in program)


def fields_of(name: str) -> Iterator[list[Program]]:
    """Rounds of which all programs were trained on two seeds, each with its seeds in both orders."""
    by_key = {(t.program, t.seed): t for t in trainings(name)}
    rounds = sorted({program.rstrip("0123456789") for program, _ in by_key})
    for begin in rounds:
        programs = sorted({p for p, _ in by_key if p.startswith(begin)})
        for one, two in ((0, 1), (1, 0)):
            field = [(by_key[p, one], by_key[p, two]) for p in programs if (p, one) in by_key and (p, two) in by_key]
            if len(field) >= 7:
                yield field


def race_before(field: Sequence[Program]) -> tuple[str, float]:
    """The winner, and the full trainings that it took: halved by the leg's success and progress, one tie spared at first."""
    going, begin, steps = list(field), 0, 0.0
    for share in RUNGS:
        end = round(share * CHECKPOINTS)
        steps += len(going) * (end - begin) / CHECKPOINTS
        late = slice((begin + end) // 2, end)
        going.sort(key=lambda p: (-fmean(p[0].rates[late]), -fmean(p[0].before[late])))
        going = going if end == CHECKPOINTS else going[: max(-(-len(going) // 2), FINALISTS) + (begin == 0)]
        begin = end
    final = going[:FINALISTS]
    steps += len(final)
    won = max(final, key=lambda p: (fmean(fmean(t.rates[SECOND_HALF]) for t in p), worth(p)))
    return won[0].program, steps


def race_now(name: str, field: Sequence[Program], trainings_held: float) -> tuple[str, float]:
    """The same by the search's own race, on steps that look everything up, with that many full trainings in the budget."""
    task = find_task(name, (DATA,))
    full = task.train.steps
    with tempfile.TemporaryDirectory() as folder, Book.create(Path(folder) / "run", RunHeader.of(task, CONFIG)) as book:
        steps = LookedUp({p[0].program: p for p in field}, full)
        study = Study(task, CONFIG, steps, book, lambda event: None)  # type: ignore[arg-type]
        entrants = [(_candidate(p[0].program), _verdict(p[0].program)) for p in field]
        raced = successive_halving(study, book.page(0), entrants, round_budget(full, trainings_held))
    return ranked(raced.scores, task)[0], env_steps(raced.trials) / full


class LookedUp:
    """The part of the steps that a race needs: what it trains was trained."""

    def __init__(self, programs: dict[str, Program], full: int) -> None:
        self.executor = ThreadExecutor(1)
        self._programs = programs
        self._full = full

    def train(self, job: TrialJob, begun: bytes = b"") -> WithFiles[Trial]:
        one = self._programs[job.candidate_id][TrialId.parse(job.id).seed]
        begin, end = (round(step * CHECKPOINTS / self._full) for step in (job.begin, job.steps))
        curve = tuple(
            CurvePoint(step=(n + 1) * self._full // CHECKPOINTS, episode_return=0.0, episode_length=1.0, progress=one.explored[n])
            for n in range(begin, end)
        )  # fmt: skip
        trial = Trial(id=job.id, candidate_id=job.candidate_id, outcome=Outcome.COMPLETED, seed=job.seed, begin=job.begin,
                      steps=job.steps, curve=curve)  # fmt: skip
        return WithFiles(trial, {"state.safetensors": NOTHING})

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        one = self._programs[trial.candidate_id][TrialId.parse(trial.id).seed]
        begin, end = (round(step * CHECKPOINTS / self._full) for step in (trial.begin, trial.steps))
        points = tuple(
            CheckpointScore(step=(n + 1) * self._full // CHECKPOINTS, success=one.rates[n], progress=one.progress[n], metric=None,
                            length=1.0)
            for n in range(begin, end)
        )  # fmt: skip
        late = points[len(points) // 2 :]
        whole = end == CHECKPOINTS
        return WithFiles(
            Score(trial_id=trial.id, candidate_id=trial.candidate_id, outcome=Outcome.COMPLETED, seed=trial.seed, steps=trial.steps,
                  checkpoints=points, kept=points[-1].step, success=one.success if whole else max(p.success for p in points),
                  progress=late[-1].progress, mean_success=fmean(p.success for p in late),
                  mean_progress=fmean(p.progress for p in late)),
            {},
        )  # fmt: skip


NOTHING = (2).to_bytes(8, "little") + b"{}"
"""A file of no tensors."""


def _candidate(name: str) -> Candidate:
    return Candidate(id=name, source="#", thought=name, origin="model", how="given")


def _verdict(name: str) -> Verdict:
    return Verdict(candidate_id=name, accepted=True, outcome=Outcome.COMPLETED)


# -------------------------------------------------------------------------------------------------------------- ranking

RULES: dict[str, Callable[[Training], float]] = {
    "mean success in the second half": lambda t: fmean(t.rates[SECOND_HALF]),
    "mean success in the last third": lambda t: fmean(t.rates[LAST_THIRD]),
    "success of the kept checkpoint": lambda t: t.success,
    "kept and second half": lambda t: t.success + fmean(t.rates[SECOND_HALF]),
    "kept and last third": lambda t: t.success + fmean(t.rates[LAST_THIRD]),
    "mean success of all checkpoints": lambda t: fmean(t.rates),
}


def show_rankings(names: Sequence[str]) -> None:
    print("| task | trainings | ranked by | correlation with the other seed | success of the first on the other seed |")
    print("|---|---|---|---|---|")
    for name in names:
        fields = list(fields_of(name))
        if not fields:
            continue
        pairs = [program for field in fields for program in field]
        for title, value in RULES.items():
            related = spearman(_array(value(p[0]) for p in pairs), _array(p[1].success for p in pairs))
            got = fmean(fmean(p[1].success for p in _first(field, value)) for field in fields)
            print(f"| {name} | {len(pairs)} | {title} | {related:.2f} | {got:.3f} |")


def _first(field: Sequence[Program], value: Callable[[Training], float]) -> list[Program]:
    """Those of a field that rank first; several on a tie."""
    top = max(value(p[0]) for p in field)
    return [p for p in field if value(p[0]) == top]


if __name__ == "__main__":
    main()
