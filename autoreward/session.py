"""What a command does: start a run, resume one, check a file. Builds the parts and calls the loop."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from autoreward import __version__, events
from autoreward.check.review import review
from autoreward.config import RunConfig
from autoreward.crew import RealCrew, open_crew, policy_files
from autoreward.errors import UsageError
from autoreward.jail.client import Jail
from autoreward.loop import candidate, improve
from autoreward.records import Candidate, Round, Run, Trial, Verdict
from autoreward.report.html import build_report
from autoreward.store.book import Book, RunHeader
from autoreward.store.keep import keep_best
from autoreward.tasks import Task
from autoreward.train.workers import Workers

Tell = Callable[[events.Event], None]
REPORT = "report.html"


def start(task: Task, config: RunConfig, runs: Path, name: str | None, tell: Tell) -> tuple[Run, Path]:
    """Make a run folder and run the loop in it.

    Returns:
        The finished run, and its folder.

    Raises:
        AutorewardError: see errors.py; what was finished before it is saved.
    """
    folder = runs / (name or f"{time.strftime('%Y%m%d-%H%M')}-{task.name}-{secrets.token_hex(2)}")
    with Book.create(folder, RunHeader.of(task, config)) as book:
        return _go(book, tell), folder


def resume(folder: Path, tell: Tell) -> tuple[Run, Path]:
    """Go on with a run that was stopped; nothing finished is done again."""
    with Book.open(folder) as book:
        return _go(book, tell), folder


def check_file(path: Path, task: Task) -> Verdict:
    """Check a person's own reward file the way candidates are checked."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}") from None
    given = Candidate(id=path.stem or "given", source=source, thought="", origin="human", how="given")
    with Jail() as jail, Workers(jail) as workers:
        _, samples = workers.describe(task, seed=0)
        return review(given, jail, samples)


def _go(book: Book, tell: Tell) -> Run:
    task, config = book.header.task, book.header.config
    tell(events.RunStarted(task, config, book.folder))
    try:
        with open_crew(task, config, book, tell) as (crew, workers):
            run = improve(task, config, crew, book, tell)
            _keep(book, run, workers)
    finally:
        book.write(REPORT, build_report(book).encode())
    tell(events.RunDone(run, book.folder))
    return run
