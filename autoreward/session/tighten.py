"""`autoreward tighten`: a run goes on by a success rule that asks for more; what it trained is judged again, not trained again."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from autoreward import events
from autoreward.config import RunConfig, make_config
from autoreward.core.wording import Command, Setting
from autoreward.errors import UsageError
from autoreward.evaluation.legs import newest
from autoreward.evaluation.success_audit import still_won
from autoreward.records import Tightened
from autoreward.report.audit import audit_lines, found_audit
from autoreward.report.reading import RunView, read_run
from autoreward.session.audits import successes_of
from autoreward.session.run import resume
from autoreward.session.taking_over import finished_rounds
from autoreward.store.book import Book, Page, pages_of, powers_of
from autoreward.store.files import demand_free, is_there, plain_name
from autoreward.store.folder import Folder
from autoreward.store.header import RunHeader
from autoreward.store.keys import ALLOWANCE, BOARD, DESCRIPTION, TIGHTENED
from autoreward.store.trust import demand as demand_trust
from autoreward.tasks.card import Task
from autoreward.tasks.tightened import tightened_task


class Change(NamedTuple):
    """What a tightened rule makes of one candidate's recorded episodes."""

    candidate_id: str
    before: float
    """Success over its trainings, by the rule of the run."""
    after: float


class StricterRule(NamedTuple):
    """A stricter rule, and what it would change."""

    task: Task
    """With the rule."""
    condition: str
    """What it asks for besides."""
    found: tuple[str, ...]
    """What the audit of successes says."""
    changes: tuple[Change, ...]
    """Of the candidates that had any success, best first."""


def stricter_rule(folder: Path, add: str = "") -> StricterRule:
    """What the audit proposes to ask for besides, or `add`, and what the recorded episodes say by it. Writes nothing.

    Raises:
        UsageError: nothing was found to ask for and nothing is given; no round is finished; the formula says nothing of the task.
    """
    reading = read_run(folder)
    audit = found_audit(reading)
    condition = add.strip() or audit.proposal
    if not reading.header.task.ruled:
        raise UsageError(f"{folder} has no rule that could ask for more: people judge it.")
    if not reading.header.config.given and not finished_rounds(pages_of(folder)):
        raise UsageError(f"{folder} has no finished round yet; go on with `", Command("resume", (folder,)), "`.")
    if not condition:
        nothing = f"in {audit.successes} successes nothing lies far from what untrained episodes do"
        why = "; ".join(audit.sentences) or audit.silent or nothing
        raise UsageError(
            f"Nothing to ask for was found in {folder}: {why}. Say what the rule should ask for, such as `",
            Command("tighten", (folder,), (Setting("add", "abs(angle) < 0.5"),)), "`.",
        )  # fmt: skip
    task = tightened_task(reading.header.task, condition)
    return StricterRule(task, condition, tuple(audit_lines(audit)), changes(reading, task))


def changes(reading: RunView, task: Task) -> tuple[Change, ...]:
    """Success of each candidate before and after, by recorded episodes alone. Raises TaskError, RunDamaged."""
    latest = newest([s.score for s in (*reading.search_scores, *reading.confirm_scores)])
    pages = {s.score.trial_id: s.page for s in (*reading.search_scores, *reading.confirm_scores)}
    rates: dict[str, list[tuple[float, float]]] = {}
    for training, score in latest.items():
        after = 0.0
        if score.success > 0.0:
            kept = still_won(task, successes_of(reading.page(pages[score.trial_id]), score))
            after = sum(kept) / len(kept)
        rates.setdefault(score.candidate_id or training.candidate, []).append((score.success, after))
    found = [
        Change(name, sum(b for b, _ in own) / len(own), sum(a for _, a in own) / len(own))
        for name, own in rates.items()
    ]
    return tuple(sorted((c for c in found if c.before > 0.0), key=lambda c: (-c.before, c.candidate_id)))


def new_name(folder: Path) -> str:
    """`NAME-tightened`, or with the next number that is free beside it."""
    stem = f"{folder.name.partition('-tightened')[0]}-tightened"
    names = [stem, *(f"{stem}-{number}" for number in range(2, 1000))]
    return next(name for name in names if not is_there(folder.parent / name))


def tightened_run(
    folder: Path,
    proposal: StricterRule,
    tell: events.Listener,
    name: str | None = None,
    rounds: int | None = None,
) -> RunView:
    """Go on from a run by a stricter rule, in a new run beside it; see `begun`. Raises AutorewardError; see errors.py."""
    return resume(begun(folder, proposal, name, rounds), tell)


def begun(folder: Path, proposal: StricterRule, name: str | None = None, rounds: int | None = None) -> Path:
    """The folder of a new run that will go on from a run by a stricter rule; the old one stays as it is.

    Args:
        folder: the earlier run's.
        proposal: see `stricter_rule`.
        name: of the new run; see `new_name`.
        rounds: more rounds at most, as many as the run had if not given; 0 judges again and confirms.

    Raises:
        UsageError: the name is taken or leads elsewhere.
        ConfigError: a number of rounds that can't be.
    """
    reading = read_run(folder)
    old = Page(Folder(folder))
    demand_trust(powers_of(old), str(folder))
    target = folder.parent / (plain_name(name) if name else new_name(folder))
    demand_free(target)
    done = 0 if reading.header.config.given else len(finished_rounds(pages_of(folder)))
    # a training that goes on goes on in the simulator that it began in
    stepped = old.need(DESCRIPTION).simulator.name
    config = _lengthened(reading, done, rounds).model_copy(update={"simulator": stepped})
    with Book.create(target, RunHeader.of(proposal.task, config)) as book:
        if allowed := old.lone(ALLOWANCE):
            book.put(ALLOWANCE, allowed)
        if board := old.lone(BOARD):
            book.put(BOARD, board)
        book.own()
        book.put(TIGHTENED, Tightened(source=folder.resolve().name, condition=proposal.condition, rounds=done))
    return target


def _lengthened(reading: RunView, done: int, more: int | None) -> RunConfig:
    """The run's settings with more rounds, and steps for them beside those that its trainings took. Raises ConfigError."""
    config, task = reading.header.config, reading.header.task
    if config.given:
        return config
    further = config.rounds if more is None else more
    if further < 0:
        raise UsageError(Setting("rounds", further), ": write a number from 0.")
    spent = sum(t.steps - t.begin for c in reading.candidates if c.round < done for t in c.trials)
    chosen: Mapping[str, object] = {
        **config.model_dump(),
        "rounds": done + further,
        "ask": 0,  # what the goal means was asked then
        "budget": spent / config.full(task) + config.budget * further / config.rounds,
    }
    return make_config(chosen)
