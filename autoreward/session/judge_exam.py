"""Finds out how well a model judges: by policies of finished runs whose rule says which of two is better."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path

from autoreward.config import RunConfig
from autoreward.core.executor import ThreadExecutor
from autoreward.core.seeds import derive
from autoreward.core.wording import Command, Setting
from autoreward.errors import RunLocked, StoreError, UsageError
from autoreward.evaluation.judging import ENOUGH_AGREEMENT, agreement_with, answer_of_the_rule, exam_agreement
from autoreward.judges.sides import Sides
from autoreward.llm.client import ModelClient
from autoreward.llm.open import open_client
from autoreward.records import REFERENCE_EPISODES, Allowance, JudgedTask, JudgeExam, Judgement, Question, Score
from autoreward.sandbox.jail import Jail
from autoreward.session.judging import JudgePanel, Showing, ask_panel, unruled_brief
from autoreward.store.book import Book, WithFiles, powers_of
from autoreward.store.files import run_folders
from autoreward.store.folder import Folder
from autoreward.store.keys import DESCRIPTION, RESULT
from autoreward.store.shared import Shelf, digest
from autoreward.store.trust import known
from autoreward.training.workers import Workers

TASKS, PAIRS_OF_A_TASK = 3, 8
"""At most; each pair is asked about twice, so that there are six calls."""
_CALLS = 24
"""With those that are asked again."""
_FOLDER = ".judges"


def examine_judge(name: str, runs: Path, max_cost: float | None, tell: Callable[[str], None]) -> JudgeExam:
    """Ask a model about pairs of which a rule knows the answer, and keep how it did beside the runs.

    Args:
        name: the model's.
        runs: a folder of runs, finished ones of tasks with a rule among them.
        max_cost: dollars, at most; None: no limit.
        tell: told what happens.

    Raises:
        UsageError: no such model, or no run to take pairs from.
        LimitReached, NoAnswer, ProviderError: nobody may be asked, or nobody answers; what was answered is kept.
    """
    place = Folder(runs).at(_FOLDER).at(digest(name))
    client = open_client({"judge": name}, place.path, place.write, Allowance(max_cost=max_cost, max_calls=_CALLS), tell)
    tasks: list[JudgedTask] = []
    said: list[Judgement] = []
    findings: list[str] = []
    for folder in reversed(run_folders(runs)):
        if len(tasks) == TASKS:
            break
        asked = _asked(client, name, folder, {task.task for task in tasks})
        if asked is None:
            continue
        task, judgements, told = asked
        tell(f"{task.task}: agrees with the rule in {task.agreed:g} of {task.pairs} pairs ({folder.name})")
        tasks.append(task)
        said += judgements
        findings += told
    if not tasks:
        raise UsageError(
            f"There is no finished run in {runs} whose rule tells its policies apart, to try a judge with; make one: ",
            Command("run", ("mountain-car",)),
        )
    exam = JudgeExam(by=name, tasks=tuple(tasks), by_place=sum(one.by_place for one in said), findings=tuple(findings))
    Shelf.of(runs).keep(_mark(name), WithFiles(exam, {}))
    return exam


def demand_examined(config: RunConfig, runs: Path) -> None:
    """Raises UsageError if a model is to judge that nobody has tried, or that disagrees with rules too often."""
    if config.trust_the_judge:
        return
    for name in config.judges.values():
        try:
            kept = Shelf.of(runs).take(_mark(name), JudgeExam)
        except StoreError:
            kept = None
        way = "; or take it as it is with ", Setting("trust_the_judge", True), "."
        if kept is None:
            raise UsageError(
                Setting("judge", name),
                f": nobody knows how well it judges. Find out by the finished runs in {runs}: ",
                Command("doctor", chosen=(Setting("judge", name),)),
                *way,
            )
        if (agreed := exam_agreement(kept.record)).share < ENOUGH_AGREEMENT:
            raise UsageError(
                Setting("judge", name),
                f": it agrees with rules in {agreed.said}, and {ENOUGH_AGREEMENT:g} is needed. Choose another",
                *way,
            )


def _mark(name: str) -> str:
    return digest("judge", name)


def _asked(
    client: ModelClient, name: str, folder: Path, done: set[str]
) -> tuple[JudgedTask, tuple[Judgement, ...], tuple[str, ...]] | None:
    """How the model does on pairs of one run; None if the run is none to ask about."""
    try:
        book = Book.open(folder)
    except (UsageError, StoreError, RunLocked):
        return None
    with book:
        task, config = book.header.task, book.header.config
        if task.name in done or not task.ruled or not book.has(RESULT) or not known(powers_of(book)):
            return None
        sides = Sides(book.pages())
        scores = {score.trial_id: score for _, page in sides.scores for score in page if score.candidate_id}
        questions = told_apart(list(scores.values()), derive(0, "exam", folder.name))
        if not questions:
            return None
        recorded = book.transitions(DESCRIPTION, REFERENCE_EPISODES)
        about = unruled_brief(task, config, book.need(DESCRIPTION), recorded)
        # no program of a candidate is run here
        with Jail(trust_the_model=True) as jail, Workers(jail) as workers:
            showing = Showing(about, book, workers, ThreadExecutor(workers.cores))
            pairs = showing.pairs(sides, questions)
        made = ask_panel(JudgePanel(client, {"judge": name}, about), f"exam-{folder.name}", questions, pairs)
    agreed = agreement_with(made.items, partial(answer_of_the_rule, scores))
    # what was not answered is no agreement
    return JudgedTask(task=task.name, agreed=agreed.agreed, pairs=len(questions)), made.items, made.findings


def told_apart(scores: Sequence[Score], seed: int) -> tuple[Question, ...]:
    """Pairs of trainings in an episode of which the rule says which is better, as different ones as there are, sides by a coin."""
    chance = random.Random(seed)
    by_trial = {score.trial_id: score for score in scores if score.outcome.ok and score.ruled}
    pairs = list(combinations(sorted(by_trial), 2))
    chance.shuffle(pairs)
    chosen: list[Question] = []
    used: dict[str, int] = dict.fromkeys(by_trial, 0)
    for one, other in sorted(pairs, key=lambda pair: by_trial[pair[0]].candidate_id == by_trial[pair[1]].candidate_id):
        a, b = (one, other) if chance.random() < 0.5 else (other, one)
        episode = chance.randrange(min(len(by_trial[a].episodes), len(by_trial[b].episodes)) or 1)
        question = Question(
            a=by_trial[a].candidate_id, b=by_trial[b].candidate_id, a_trial=a, b_trial=b, episode=episode
        )
        if max(used[a], used[b]) < PAIRS_OF_A_TASK // 2 and answer_of_the_rule(by_trial, question) is not None:
            used[a], used[b] = used[a] + 1, used[b] + 1
            chosen.append(question)
        if len(chosen) == PAIRS_OF_A_TASK:
            break
    return tuple(chosen)
