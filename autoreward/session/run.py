"""What a command does: start a run, go on with one, look at one. Builds the parts and calls the loop."""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from autoreward import events
from autoreward.config import AGENT, RunConfig, make_config, one_at_a_time
from autoreward.core.executor import ThreadExecutor
from autoreward.core.seeds import derive
from autoreward.core.transitions import Transitions
from autoreward.core.wording import Command, Setting
from autoreward.errors import (
    ConfigError,
    JailError,
    JobFailed,
    NoAnswer,
    StoreError,
    UsageError,
)
from autoreward.export.best import best_policy, handed_over
from autoreward.judges import judge_called, usual_judge
from autoreward.llm.client import REPLIES
from autoreward.llm.keys import variables
from autoreward.llm.names import default_model
from autoreward.loop import improve, measure
from autoreward.records import DEMONSTRATIONS, REFERENCE_EPISODES, Plan
from autoreward.report.html import build_report, render
from autoreward.report.phrases import describe_event
from autoreward.report.reading import REPORT, RunView, read_run
from autoreward.report.scalars import Follower, Log, logging
from autoreward.report.tensorboard import board_follower, check_board, keep_board
from autoreward.sandbox.jail import Jail
from autoreward.search.study import Study
from autoreward.session.agent_desk import Author
from autoreward.session.asked_models import demand_possible
from autoreward.session.clarifying import clarify, demand_askable
from autoreward.session.clips import film_policies
from autoreward.session.earlier_runs import recall, remember_lessons
from autoreward.session.export import hand_over
from autoreward.session.feedback import NO_LIMITS, CallLimits, allow, hear_out, heed
from autoreward.session.judge_exam import demand_examined
from autoreward.session.plan import demand_steps, measure_speed
from autoreward.session.plan import plan as planned
from autoreward.session.real_steps import open_steps
from autoreward.session.reward_file import demand_learnable
from autoreward.session.starts import demand_allowed, start_files
from autoreward.session.taking_over import take_over
from autoreward.session.worker_pool import open_workers
from autoreward.store.book import Book, powers_of
from autoreward.store.files import demand_free, demand_place, discard, is_there, plain_name
from autoreward.store.header import RunHeader
from autoreward.store.keys import RESULT, TRIALS
from autoreward.store.trust import demand as demand_trust
from autoreward.store.trust import of_card
from autoreward.tasks.card import Task
from autoreward.training.workers import Workers


def start(
    task: Task,
    config: RunConfig,
    folder: Path,
    tell: events.Listener,
    given: Mapping[str, bytes] | None = None,
    tensorboard: Path | None = None,
    log: Log | None = None,
    card: str = "",
) -> RunView:
    """Make a run folder and run the loop in it; the finished run.

    Args:
        task: what to do.
        config: how.
        folder: the run's, which is made; see `new_folder`.
        tell: told what happens.
        given: files of the person's, kept in the folder: `demos.npz`.
        tensorboard: folder for TensorBoard's event files.
        log: called with every training's numbers, once they are saved.
        card: where the task's card is, if its name does not say it.

    Raises:
        AutorewardError: see errors.py; what was finished before it is saved.
    """
    demand_trust(of_card(task), f"task {task.name}")
    demand_startable(task, config, folder, tensorboard)
    new = not is_there(folder)
    with Book.create(folder, RunHeader.of(task, config, card)) as book:
        if tensorboard:
            keep_board(book, tensorboard)
        for file, data in {**(given or {}), **start_files(config)}.items():
            book.write(file, data)
        try:
            return go_through(book, tell, log)
        except UsageError:
            if new and not _spent(book):  # what was asked for can't be done as it is, by a resume neither
                discard(folder)
            raise


def new_folder(task: Task, runs: Path, name: str | None = None) -> Path:
    """The folder of a new run within `runs`; None names it by date and task. Raises UsageError if the name leads elsewhere."""
    return runs / (plain_name(name) if name else f"{time.strftime('%Y%m%d-%H%M')}-{task.name}-{secrets.token_hex(2)}")


def config_for(task: Task, chosen: Mapping[str, object]) -> RunConfig:
    """What was chosen; who designs and who judges, if nobody chose, by the keys that are set and the task. Raises ConfigError."""
    if "given" in chosen:
        return make_config(chosen)
    if chosen.get("model") == AGENT:
        raise ConfigError(Setting("model", AGENT), ": an agent hands its programs in over ", Command("mcp"), ".")
    usual = {"model": default_model(variables()), "judge": usual_judge(task)}
    return make_config({**usual, **one_at_a_time(chosen), **chosen})


def plan_run(
    task: Task,
    config: RunConfig,
    folder: Path,
    given: Mapping[str, bytes] | None = None,
    tensorboard: Path | None = None,
) -> Plan:
    """What such a run would do and take, with the arguments of `start`; writes nothing and asks no model.

    Raises:
        AutorewardError: `start` would raise it before anything is trained or asked.
    """
    demand_trust(of_card(task), f"task {task.name}")
    demand_startable(task, config, folder, tensorboard)
    with (
        Jail(trust_the_model=True) as jail,
        open_workers(config, jail, trust=True) as workers,
    ):  # no program is run here
        demos = (given or {}).get(DEMONSTRATIONS, b"")
        description, files = workers.describe(task, derive(config.seed, "describe"), demos, config.trained_in)
        recorded = Transitions.from_bytes(files[REFERENCE_EPISODES])
        count = config.workers or workers.cores
        speed = measure_speed(workers, ThreadExecutor(count), count, task, config, description.simulator)
        return planned(task, config, description, speed, recorded)


def feedback(folder: Path, text: str, tell: events.Listener, limits: CallLimits = NO_LIMITS) -> RunView:
    """Go on with a run, with what a person says of its result in the designer's and the analyzer's prompts.

    The earlier result moves to `before-feedback-N/`; nothing that was trained is trained again. `limits` as in `resume`.

    Raises:
        UsageError: nothing was said, the run is not finished, or who designs it can make nothing of the words.
        ConfigError: a limit that can't be.
    """
    with Book.open(folder) as book:
        demand_trust(powers_of(book), str(folder))
        hear_out(book, text)
        allow(book, limits)
        return go_through(book, tell)


def resume(
    folder: Path,
    tell: events.Listener,
    tensorboard: Path | None = None,
    log: Log | None = None,
    limits: CallLimits = NO_LIMITS,
) -> RunView:
    """Go on with a run that was stopped; nothing finished is done again.

    Args:
        folder: the run's.
        tell: told what happens.
        tensorboard: as in `start`.
        log: as in `start`.
        limits: of model calls from now on, by the names in `records.Allowance`; others stay as they are.

    Raises:
        UsageError: a limit was given, and the run is finished.
        ConfigError: a limit that can't be.
    """
    with Book.open(folder) as book:
        demand_trust(powers_of(book), str(folder))
        if limits and book.lone(RESULT):
            raise UsageError(
                f"{folder} is finished; to go on with more, say what should change, with the same limits: ",
                Command("feedback", (folder, "...")),
            )
        allow(book, limits)
        if tensorboard:
            keep_board(book, tensorboard)
        return go_through(book, tell, log)


def onnx_policy(folder: Path, within: str = "best") -> dict[str, bytes]:
    """`policy.onnx` of the policy in a finished run's best/ or second/, by name.

    Raises:
        UsageError: the run has no policy, or torch can't write it as ONNX.
        MissingExtra: a package is needed for it.
    """
    with (
        Book.open(folder) as book,
        Jail(trust_the_model=True) as jail,
        Workers(jail) as workers,
    ):  # no program is run here
        demand_trust(powers_of(book), str(folder))
        reading = read_run(folder)
        policy = best_policy(reading, handed_over(reading.run, within))
        if policy is None:
            raise UsageError(f"{folder} has no policy to write as ONNX.")
        try:
            weights = reading.weights(policy.page, policy.score)
            return workers.graph(book.header.task, weights)
        except JobFailed as error:
            raise UsageError(f"The policy of {folder} can't be written as ONNX: {error}.") from None


def demand_startable(task: Task, config: RunConfig, folder: Path, tensorboard: Path | None = None) -> None:
    """Everything that can be checked before there is a run's folder. Raises UsageError, JailError."""
    if not task.ruled and (judge_called(config.judge).needs_rule or config.given):
        judged = ("let people judge with ", Setting("judge", "human"), ", or a model by its name, or ")
        by_people = () if config.given else judged
        raise UsageError(
            f"task {task.name} has no [success] to score policies by; ", *by_people, "write a rule into its card."
        )
    demand_askable(task, config)
    demand_examined(config, folder.parent)
    demand_steps(config, task)
    demand_allowed(config, task)
    demand_learnable(task, config)
    demand_place(folder)
    demand_free(folder)
    demand_possible(task, config, folder)
    if tensorboard:
        check_board(tensorboard, folder)


def _spent(book: Book) -> bool:
    """Whether anything was trained or asked."""
    pages = (*book.pages(), book.baselines_page(), book.longer_page(), book.confirm_page())
    return book.files.has(REPLIES) or any(page.files.has(TRIALS.folder) for page in pages)


def go_through(book: Book, tell: events.Listener, log: Log | None = None, author: Author | None = None) -> RunView:
    """The loop in an open book, to its end; `author`: the agent that designs, where one does. Raises as `start`."""
    heed(book)
    take_over(book)
    task, config = book.header.task, book.header.config
    board, logged = board_follower(book), logging(book.folder, log) if log else None
    followers = [follower for follower in (board, logged) if follower]
    listeners: list[events.Listener] = [*followers, tell]

    def hear(event: events.Event) -> None:
        if line := describe_event(event):
            book.log(line.strip())
        for listener in listeners:
            listener(event)

    hear(events.RunStarted(task, config, book.folder))
    if not config.given:
        recall(book, hear)
    try:
        reading = _played(book, hear, author)
    except BaseException as error:
        try:
            leave(book, followers)
        except StoreError as damage:
            error.add_note(f"{REPORT} is not up to date: {damage}")
        raise
    leave(book, followers, reading)
    hear(events.RunDone(reading.finished, book.folder))
    return reading


def _played(book: Book, hear: events.Listener, author: Author | None) -> RunView:
    """The run to its end, with what it leaves to be kept; and all that is known of it. Raises why a reward is not exported."""
    clarify(book, hear)
    task, config = book.header.task, book.header.config
    with open_steps(task, config, book, hear, author) as (steps, workers):
        try:
            (measure if config.given else improve)(Study(task, config, steps, book, hear))
        except (NoAnswer, JailError) as error:
            when = " when it answers again" if isinstance(error, NoAnswer) else ""
            way_on = (" Everything so far is saved: `", Command("resume", (book.folder,)), f"` goes on{when}.")
            raise type(error)(*error.args, *way_on) from None
        reading = read_run(book.folder)
        if not config.given:
            remember_lessons(reading, hear)
        refused = hand_over(book, reading, workers)
        clips = film_policies(book, reading, workers, steps.executor)
    if refused:
        raise refused
    return replace(reading, clips=clips)


def leave(book: Book, followers: Sequence[Follower], reading: RunView | None = None) -> None:
    """Write down what is there for those who look later; `reading`: it all, if it was read. Raises StoreError."""
    for follower in followers:
        follower.catch_up()
    note = judge_called(book.header.config.judge).note
    book.write(REPORT, (render(reading, note) if reading else build_report(book, note)).encode())
