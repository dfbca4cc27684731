"""Does the race find as good a reward as training everything to the end, for a quarter of the steps?

    python benchmarks/race.py [--tasks mountain-car,cartpole-hold] [--repetitions 5] [--count 16] [--runs DIR]

A task's programs are fixed: those of its recorded designer, filled up to `--count` from the grammar. Each repetition is a
training seed: every program trains to the end in the race's own legs, scored after each, and the race is run on the same
legs, so both see the same numbers and the race's part of the cost is known exactly; it may take as many full trainings as
a third of the programs, as in a round of a search. Each winner is then judged by its trainings of the other
repetitions, which its selection has not seen; `same` says whether the race's is within noise of the other (one standard error of
the difference, or both solved).
"""

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

from hard import round_budget

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.design.grammar.evolve import evolved_candidates
from autoreward.evaluation.ranking import SOLVED, ranked
from autoreward.llm.parsing import parse_record
from autoreward.llm.replay import ReplayModel
from autoreward.llm.types import Prompt
from autoreward.loop import in_order
from autoreward.records import Candidate, Candidates, Description
from autoreward.roles.ideas import Ideas
from autoreward.search.halving import Trained, env_steps, goals, search_job, successive_halving, train_leg
from autoreward.search.strategy import FIRST_IDEA
from autoreward.search.study import Study
from autoreward.session.real_steps import open_steps
from autoreward.store.book import Book, RunHeader
from autoreward.store.keys import CANDIDATES, DESCRIPTION, SCREENS, VERDICTS
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

RECORDINGS = Path(__file__).parent.parent / "tests" / "recordings"


class Repetition(NamedTuple):
    """What one training seed showed."""

    of_all: str
    """Id of the winner when every program trains to the end."""
    of_race: str
    success: Mapping[str, float]
    """Success of each program's full training."""
    steps_all: int
    steps_race: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="mountain-car,cartpole-hold,lunar-lander-hover,reacher")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    print(
        "| task | seed | winner of all | on other seeds | winner of the race | on other seeds | share of steps | same |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in options.tasks.split(","):
        task = find_task(name, (envs_folder(),))
        found = [repeat(task, seed, options.count, options.runs, recorded(task)) for seed in range(options.repetitions)]
        for seed, one in enumerate(found):
            others = [other for other in found if other is not one]
            print(
                row(task, seed, one, [o.success[one.of_all] for o in others], [o.success[one.of_race] for o in others])
            )


def repeat(task: Task, seed: int, count: int, runs: Path, written: Sequence[Candidate]) -> Repetition:
    """Train so many programs to the end on one seed, those that are `written` and the grammar's, and race them on the same legs."""
    config = RunConfig(seed=seed, candidates=count, confirm_seeds=0, finalist_seeds=0, budget=1e6)
    folder = runs / f"race-{task.name}-{seed}"
    opened = Book.open(folder) if (folder / "run.json").exists() else Book.create(folder, RunHeader.of(task, config))
    with opened as book, open_steps(task, config, book, lambda event: None) as (steps, _):
        study = Study(task, config, steps, book, lambda event: None)
        described = book.once(DESCRIPTION, steps.describe)
        page = book.page(0)
        designed = page.once(CANDIDATES, lambda: filled(task, described, written, count)).items
        verdicts = page.each(VERDICTS, designed, steps.review, steps.executor)
        sound = [(c, v) for c, v in zip(designed, verdicts, strict=True) if v.accepted][:count]
        programs, verdicts = [candidate for candidate, _ in sound], tuple(verdict for _, verdict in sound)
        screened = page.once(SCREENS, lambda: steps.screen(programs, verdicts, ()))
        jobs = [search_job(config, task, candidate, verdict) for candidate, verdict in sound]
        whole, begin = Trained((), ()), 0
        for number, end in enumerate(goals(config, task)):
            whole, begin = whole.plus(train_leg(study, page, jobs, number, begin, end)), end
        field = in_order(programs, verdicts, screened)
        raced = successive_halving(study, page, field, round_budget(study.full, count / 3))
    return Repetition(
        of_all=ranked(whole.scores, task)[0],
        of_race=ranked(raced.scores, task)[0],
        success={s.candidate_id: s.success for s in whole.scores if s.steps >= config.full(task)},
        steps_all=env_steps(whole.trials),
        steps_race=env_steps(raced.trials),
    )


def recorded(task: Task) -> list[Candidate]:
    """The recorded designer's programs."""
    if not (RECORDINGS / task.name).is_dir():
        return []
    text = ReplayModel(RECORDINGS / task.name).ask(Prompt("r000-designer", "designer", "", {}, 0)).text
    return [
        Candidate(id=f"recorded{i}", source=idea.source, thought=idea.thought, origin="model", how="fresh",
                  composition=idea.composition)
        for i, idea in enumerate(parse_record(text, Ideas).ideas)
    ]  # fmt: skip


def filled(task: Task, description: Description, written: Sequence[Candidate], count: int) -> Candidates:
    """The written programs, then the grammar's; more than `count`, because a check may reject some."""
    return Candidates(items=(*written, *evolved_candidates(task, description, (), [FIRST_IDEA] * count, seed=1)))


def row(task: Task, seed: int, one: Repetition, all_: Sequence[float], race_: Sequence[float]) -> str:
    cells = [
        task.name, str(seed), one.of_all, f"{fmean(all_):.2f}", one.of_race, f"{fmean(race_):.2f}",
        f"{one.steps_race / one.steps_all:.2f}", "yes" if same(all_, race_) else "no",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def same(of_all: Sequence[float], of_race: Sequence[float]) -> bool:
    """Whether the race's winner is no worse than the other beyond noise."""
    if min(fmean(of_all), fmean(of_race)) >= SOLVED:
        return True
    gaps = [a - b for a, b in zip(of_all, of_race, strict=True)]
    return fmean(gaps) <= stdev(gaps) / math.sqrt(len(gaps))


if __name__ == "__main__":
    main()
