"""What a command does: start a run, resume one, check a file. Builds the parts and calls the loop."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from autoreward import events
from autoreward.check.review import review
from autoreward.config import RunConfig
from autoreward.crew import open_crew
from autoreward.errors import UsageError
from autoreward.jail.client import Jail
from autoreward.loop import improve
from autoreward.records import Candidate, Candidates, Run, Score, Verdict
from autoreward.report.html import build_report
from autoreward.report.lines import describe_event
from autoreward.store.book import Book, Page, RunHeader
from autoreward.store.keep import manifest, reward_file
from autoreward.tasks import Task
from autoreward.train.workers import Workers

Tell = Callable[[events.Event], None]
REPORT = "report.html"


def start(
    task: Task,
    config: RunConfig,
    runs: Path,
    name: str | None,
    tell: Tell,
    begun: Callable[[Path], None] = lambda folder: None,
) -> tuple[Run, Path]:
    """Make a run folder and run the loop in it; `begun` is told the folder once it is there.

    Returns:
        The finished run, and its folder.

    Raises:
        AutorewardError: see errors.py; what was finished before it is saved.
    """
    folder = runs / (name or f"{time.strftime('%Y%m%d-%H%M')}-{task.name}-{secrets.token_hex(2)}")
    with Book.create(folder, RunHeader.of(task, config)) as book:
        begun(folder)
        return _go(book, tell), folder


def resume(folder: Path, tell: Tell) -> tuple[Run, Path]:
    """Go on with a run that was stopped; nothing finished is done again."""
    with Book.open(folder) as book:
        return _go(book, tell), folder


def check_file(path: Path, task: Task, trust: bool = False) -> Verdict:
    """Check a person's own reward file the way candidates are checked; `trust` it where nothing protects the machine."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}") from None
    given = Candidate(id=path.stem or "given", source=source, thought="", origin="human", how="given")
    with Jail(trust) as jail, Workers(jail) as workers:
        _, samples = workers.describe(task, seed=0)
        return review(given, jail, samples)


def _go(book: Book, tell: Tell) -> Run:
    task, config = book.header.task, book.header.config

    def hear(event: events.Event) -> None:
        if line := describe_event(event):
            book.log(line.strip())
        tell(event)

    hear(events.RunStarted(task, config, book.folder))
    try:
        with open_crew(task, config, book, hear) as (crew, workers):
            run = improve(task, config, crew, book, hear)
            _keep(book, run, workers)
    finally:
        book.write(REPORT, build_report(book).encode())
    hear(events.RunDone(run, book.folder))
    return run


def _keep(book: Book, run: Run, workers: Workers) -> None:
    """Write best/: the winner's reward, its best confirmed policy in SB3's own format, and how they were made."""
    written = [c for n in range(run.rounds) for c in book.page(n).need("candidates", Candidates).items]
    winner = next((c for c in written if c.id == run.best), None)
    if winner is None:
        return
    book.write("best/reward.py", reward_file(book.header.task, winner).encode())
    kept = best_policy(book, run, winner.id)
    if kept is not None:
        page, score = kept
        weights = page.file("trials", score.trial_id, f"policy-{score.kept}.safetensors")
        for name, data in workers.package(book.header.task, weights).items():
            book.write(f"best/{name}", data)
    text = manifest(book.header.task, run, winner, kept[1] if kept else None, book.header.packages)
    book.write("best/manifest.json", text.encode())


def best_policy(book: Book, run: Run, winner: str) -> tuple[Page, Score] | None:
    """The winner's score with the highest held-out success: among the confirmation's trainings if there were any."""
    pages = [book.confirm_page()] if run.confirmed else [book.page(n) for n in range(run.rounds)]
    found = [(p, s) for p in pages for s in p.saved("scores", Score) if s.candidate_id == winner and s.outcome.ok]
    return max(found, key=lambda pair: (pair[1].success, pair[1].progress, pair[1].trial_id), default=None)
