"""Finds out how well a model judges: by policies of finished runs whose rule says which of two is better."""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from statistics import fmean

from autoreward.config import RunConfig, image_text_folder, judge_anywhere
from autoreward.core.executor import ThreadExecutor
from autoreward.core.resources import envs_folder
from autoreward.core.seeds import derive
from autoreward.core.wording import Command, Setting
from autoreward.errors import CannotDraw, ConfigError, RunLocked, StoreError, TaskError, UsageError
from autoreward.evaluation.judging import (
    ENOUGH_AGREEMENT,
    agreement_with,
    answer_of_the_rule,
    by_similarity,
    exam_agreement,
)
from autoreward.judges.sides import Sides
from autoreward.llm.client import ModelClient
from autoreward.llm.open import open_client
from autoreward.records import (
    REFERENCE_EPISODES,
    Allowance,
    JudgedTask,
    JudgeExam,
    Judgement,
    Judgements,
    Question,
    Score,
)
from autoreward.sandbox.jail import Jail
from autoreward.session.image_text_judge import ImageTextJudge
from autoreward.session.judging import JudgePanel, Showing, ask_panel, unruled_brief
from autoreward.store.book import Book, WithFiles, powers_of
from autoreward.store.files import run_folders
from autoreward.store.folder import Folder
from autoreward.store.header import RunHeader
from autoreward.store.keys import DESCRIPTION, RESULT
from autoreward.store.shared import Shelf, digest
from autoreward.store.trust import known
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.training.workers import Workers
from autoreward.worker.image_text import demand_clip

TASKS, PAIRS_OF_A_TASK = 3, 8
"""At most; each pair is asked about twice, so that there are six calls."""
_CALLS = 24
"""With those that are asked again."""
_FOLDER = ".judges"


Answering = Callable[[Book, Sides, Sequence[Question]], Judgements]
"""Says what is thought of questions about a run."""


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
        JobFailed: an image-text model's process failed.
    """
    name, answering = _examinee(name, runs, max_cost, tell)
    tasks: list[JudgedTask] = []
    said: list[Judgement] = []
    findings: list[str] = []
    undrawn = ""
    for folder in reversed(run_folders(runs)):
        if len(tasks) == TASKS:
            break
        try:
            asked = _asked(answering, folder, {task.task for task in tasks})
        except CannotDraw as error:
            undrawn = f"{folder.name}: can't be drawn on this machine ({error})"
            tell(undrawn)
            continue
        if asked is None:
            continue
        task, made, scores = asked
        tell(f"{task.task}: agrees with the rule in {task.agreed:g} of {task.pairs} pairs ({folder.name})")
        for line in similarity_lines(made.items, scores):
            tell(line)
        tasks.append(task)
        said += made.items
        findings += made.findings
    if not tasks:
        raise UsageError(
            f"There is no finished run in {runs} whose rule tells its policies apart, to try a judge with",
            f"; {undrawn}. Make one of another task: " if undrawn else "; make one: ",
            Command("run", ("mountain-car",)),
        )
    exam = JudgeExam(by=name, tasks=tuple(tasks), by_place=sum(one.by_place for one in said), findings=tuple(findings))
    Shelf.of(runs).keep(_mark(name), WithFiles(exam, {}))
    return exam


def similarity_lines(said: Sequence[Judgement], scores: Mapping[str, Score]) -> list[str]:
    """What an image-text model makes of each candidate beside what was measured, the most similar first; none of other judges.

    `scores`: by training; of several of one candidate the mean counts.
    """
    measured: dict[str, list[float]] = {}
    for score in scores.values():
        measured.setdefault(score.candidate_id, []).append(score.success)
    return [
        f"  {name}: similarity {mean.said}, success {fmean(measured[name]):.2f}"
        for of in by_similarity(said).values()
        for name, mean in sorted(of.items(), key=lambda item: -item[1].value)
    ]


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
        if why := why_not_believed(kept.record):
            raise UsageError(Setting("judge", name), f": {why}. Choose another", *way)


def why_not_believed(exam: JudgeExam) -> str:
    """What speaks against a judge that was tried so, as a clause; empty if nothing does."""
    if (agreed := exam_agreement(exam)).share < ENOUGH_AGREEMENT:
        return f"it agrees with rules in {agreed.said}, and {ENOUGH_AGREEMENT:g} is needed"
    if image_text_folder(exam.by) and len(exam.tasks) < TASKS:
        tasks = "one task" if len(exam.tasks) == 1 else f"{len(exam.tasks)} tasks"
        return (
            f"it was tried on {tasks}, and an image-text model needs {TASKS}: better and worse policies of one task look unlike "
            "each other, and one that knows nothing guesses right which look is better half of the time"
        )
    return ""


def _mark(name: str) -> str:
    return digest("judge", name)


def _examinee(name: str, runs: Path, max_cost: float | None, tell: Callable[[str], None]) -> tuple[str, Answering]:
    """Its name, and who asks it. Raises UsageError."""
    try:
        name = judge_anywhere(name)
    except ValueError as error:
        raise ConfigError(Setting("judge", name), f": {error}.") from None
    if folder := image_text_folder(name):
        demand_clip(folder)
        return name, partial(_looked_at, name, tell)
    place = Folder(runs).at(_FOLDER).at(digest(name))
    allowed = Allowance(max_cost=max_cost, max_calls=_CALLS)
    return name, partial(_told, open_client({"judge": name}, place.path, place.write, allowed, tell), name)


def _told(client: ModelClient, name: str, book: Book, sides: Sides, questions: Sequence[Question]) -> Judgements:
    """What a model says that is asked in words."""
    recorded = book.transitions(DESCRIPTION, REFERENCE_EPISODES)
    about = unruled_brief(book.header.task, book.header.config, book.need(DESCRIPTION), recorded)
    # no program of a candidate is run here
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:
        showing = Showing(about, book, workers, ThreadExecutor(workers.cores))
        pairs = showing.pairs(sides, questions)
    return ask_panel(JudgePanel(client, {"judge": name}, about), f"exam-{book.folder.name}", questions, pairs)


def _looked_at(
    name: str, tell: Callable[[str], None], book: Book, sides: Sides, questions: Sequence[Question]
) -> Judgements:
    """What an image-text model makes of it, by what the card says by now."""
    task = with_words_of_today(book.header)
    words = task.judge
    against = f" against {words.baseline!r}, strength {words.strength:g}" if words.baseline else ""
    tell(f"{task.name}: looks for {words.goal or task.goal!r}{against}")
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:  # no program of a candidate is run here
        judge = ImageTextJudge(name, task, book.header.config, workers, ThreadExecutor(workers.cores))
        return Judgements(items=judge.judgements(sides, questions))


def with_words_of_today(header: RunHeader) -> Task:
    """A run's task with what [judge] says in its card now: other words can be tried without a new run.

    As it was where the card is no more, or can't be read.
    """
    try:
        now = find_task(header.told, (envs_folder(),))
    except TaskError:
        return header.task
    return header.task.model_copy(update={"judge": now.judge}) if now.env == header.task.env else header.task


def _asked(
    answering: Answering, folder: Path, done: set[str]
) -> tuple[JudgedTask, Judgements, dict[str, Score]] | None:
    """How the model does on pairs of one run; None if the run is none to ask about. Raises as `answering`."""
    try:
        book = Book.open(folder)
    except (UsageError, StoreError, RunLocked):
        return None
    with book:
        task = book.header.task
        if task.name in done or not task.ruled or not book.has(RESULT) or not known(powers_of(book)):
            return None
        sides = Sides(book.pages())
        scores = {score.trial_id: score for _, page in sides.scores for score in page if score.candidate_id}
        questions = told_apart(list(scores.values()), derive(0, "exam", folder.name))
        if not questions:
            return None
        made = answering(book, sides, questions)
    agreed = agreement_with(made.items, partial(answer_of_the_rule, scores))
    # what was not answered is no agreement
    return JudgedTask(task=task.name, agreed=agreed.agreed, pairs=len(questions)), made, scores


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
