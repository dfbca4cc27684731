"""What a command does: start a run, resume one, check a file. Builds the parts and calls the loop."""

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from autoreward import events
from autoreward.cards.guess import draft
from autoreward.cards.propose import propose
from autoreward.cards.write import card
from autoreward.check.review import review
from autoreward.config import RunConfig
from autoreward.crew import open_crew, open_desk
from autoreward.errors import CannotDraw, TaskError, UsageError
from autoreward.export.keep import best_policy, kept_files
from autoreward.jail.client import Jail
from autoreward.loop import improve, measure
from autoreward.pools import Pool
from autoreward.records import Audit, AuditItem, Candidate, Clip, Feedback, Feedbacks, Run, Score, Verdict
from autoreward.report.html import build_report
from autoreward.report.lines import describe_event
from autoreward.seeds import held_out
from autoreward.store.book import Book, Made, Page, RunHeader
from autoreward.store.files import write_atomically
from autoreward.tasks import Task, blank, parse_task, state_program
from autoreward.train.workers import JobFailed, Workers
from autoreward.transitions import Transitions

Tell = Callable[[events.Event], None]
REPORT = "report.html"


def start(
    task: Task,
    config: RunConfig,
    runs: Path,
    name: str | None,
    tell: Tell,
    begun: Callable[[Path], None] = lambda folder: None,
    given: Mapping[str, bytes] | None = None,
) -> tuple[Run, Path]:
    """Make a run folder and run the loop in it.

    Args:
        task: what to do.
        config: how.
        runs: folder of run folders.
        name: of the run's folder; None makes one.
        tell: told what happens.
        begun: told the folder once it is there.
        given: files of the person's, kept in the folder: `demos.npz`.

    Returns:
        The finished run, and its folder.

    Raises:
        AutorewardError: see errors.py; what was finished before it is saved.
    """
    folder = runs / (name or f"{time.strftime('%Y%m%d-%H%M')}-{task.name}-{secrets.token_hex(2)}")
    with Book.create(folder, RunHeader.of(task, config)) as book:
        for file, data in (given or {}).items():
            book.write(file, data)
        begun(folder)
        return _go(book, tell), folder


def feedback(folder: Path, text: str, tell: Tell) -> tuple[Run, Path]:
    """Go on with a run, with what a person says of its result in the designer's and the analyzer's prompts.

    The earlier result moves to `before-feedback-N/`; nothing that was trained is trained again.

    Raises:
        UsageError: nothing was said, the run is not finished, or no model designs it.
    """
    with Book.open(folder) as book:
        rounds = len(book.pages())
        if not text.strip():
            raise UsageError('Say what should change, in a sentence: autoreward feedback RUN "it shakes at the end".')
        if book.lone("result", Run) is None:
            raise UsageError(f"{folder} is not finished; finish it with `autoreward resume {folder}`.")
        if book.header.config.model == "grammar" or book.header.config.given:
            raise UsageError("Feedback is read by a model, and none designed this run; start one with --model.")
        said = book.lone("feedback", Feedbacks) or Feedbacks()
        book.retire(f"before-feedback-{len(said.items)}", ("result.json", "confirm", "best", "clips", REPORT))
        more = Feedbacks(items=(*said.items, Feedback(after=rounds, text=text.strip())))
        book.write("feedback.json", more.model_dump_json(indent=1).encode())
        return _go(book, tell), folder


def resume(folder: Path, tell: Tell) -> tuple[Run, Path]:
    """Go on with a run that was stopped; nothing finished is done again."""
    with Book.open(folder) as book:
        return _go(book, tell), folder


class Initiated(NamedTuple):
    """A drafted task card, not written yet."""

    path: Path
    text: str
    findings: tuple[str, ...]

    def check(self, text: str) -> Task:
        """The task that such a text would be. Raises TaskError."""
        return parse_task(text, self.path)

    def keep(self, text: str) -> None:
        """Write the card. Raises TaskError, StoreError."""
        self.check(text)
        write_atomically(self.path, text.encode())


def initiate(
    env: str, kwargs: dict[str, Any], goal: str, name: str | None, to: Path, model: str, max_cost: float,
    say: Callable[[str], None],
) -> Initiated:  # fmt: skip
    """Survey an environment and draft its card, with a model's help if one is configured.

    Raises:
        UsageError: there is such a task already.
        TaskError: the environment can't be made or trained in; the message says the way out.
        ProviderError: the model does not answer.
    """
    name = name or _task_name(env, kwargs)
    path = to / name / "task.toml"
    if path.exists():
        raise UsageError(f"{path} is there already; choose another --name, or delete it.")
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:  # nothing of a model's is run here
        survey = workers.survey(blank(env, kwargs, name, state_program(path)))
    for key in survey.left_out:
        say(f"obs.{key} is left out: it is not a number.")
    drafted = draft(survey, name, goal, kwargs)
    findings: tuple[str, ...] = ()
    if model != "grammar":

        def write(file: str, data: bytes) -> None:
            write_atomically(path.parent / file, data)

        say(f"{model} names the fields and proposes a success rule; at most ${max_cost:.2f}.")
        desk = open_desk({"designer": model}, path.parent, write, max_cost, 9, say)
        drafted, findings = propose(desk, survey, drafted)
    return Initiated(path, card(drafted), findings)


def _task_name(env: str, kwargs: dict[str, Any]) -> str:
    """A folder's name for an id: `metaworld:Meta-World/MT1` with reach-v3 becomes `mt1-reach`."""
    words = [env.rpartition(":")[2].rpartition("/")[2], str(kwargs.get("env_name", ""))]
    plain = "-".join(re.sub(r"-v\d+$", "", word) for word in words if word)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "-", plain).strip("-").lower()


def audit_tasks(tasks: Sequence[Task]) -> Iterator[Audit]:
    """Hold task cards against their environments, one by one; a card that does not fit at all is one failed item."""
    with Jail(trust_the_model=True) as jail, Workers(jail) as workers:  # no program is run here
        for task in tasks:
            try:
                yield workers.audit(task)
            except (TaskError, JobFailed) as error:
                yield Audit(task=task.name, items=(AuditItem(name="environment", ok=False, said=str(error)),))


def read_program(path: Path) -> Candidate:
    """A person's own reward file. Raises UsageError if it can't be read."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}") from None
    name = "".join(c if c.isalnum() else "-" for c in path.stem) or "given"
    return Candidate(id=name, source=source, thought=f"given as {path.name}", origin="human", how="given")


def check_file(path: Path, task: Task, trust: bool = False) -> Verdict:
    """Check a person's own reward file the way candidates are checked; `trust` it where nothing protects the machine."""
    given = read_program(path)
    with Jail(trust) as jail, Workers(jail) as workers:
        _, files = workers.describe(task, seed=0)
        return review(given, jail, Transitions.from_bytes(files["samples.npz"]))


def _go(book: Book, tell: Tell) -> Run:
    task, config = book.header.task, book.header.config

    def hear(event: events.Event) -> None:
        if line := describe_event(event):
            book.log(line.strip())
        tell(event)

    hear(events.RunStarted(task, config, book.folder))
    try:
        with open_crew(task, config, book, hear) as (crew, workers):
            run = (measure if config.given else improve)(task, config, crew, book, hear)
            _keep(book, run, workers, crew.pool)
    finally:
        book.write(REPORT, build_report(book).encode())
    hear(events.RunDone(run, book.folder))
    return run


def _keep(book: Book, run: Run, workers: Workers, pool: Pool) -> None:
    """Write best/, and a clip of each policy worth a look, or why there is none."""
    for name, data in kept_files(book, run, workers.package).items():
        book.write(f"best/{name}", data)

    def film(look: Look) -> Made[Clip]:
        clip = Clip(id=look.id, trial_id=look.score.trial_id, page=str(look.page.folder.relative_to(book.folder)))
        weights = look.page.file("trials", look.score.trial_id, f"policy-{look.score.kept}.safetensors")
        try:
            return Made(clip, workers.film(book.header.task, weights, held_out("confirm", 1)[0]))
        except CannotDraw as error:
            return Made(clip.model_copy(update={"why_not": str(error)}), {})

    book.each("clips", Clip, worth_a_look(book, run), film, pool)


class Look(NamedTuple):
    """A policy worth a look: a score, and the page that it is on."""

    id: Literal["winner", "failure", "native"]
    page: Page
    score: Score


def worth_a_look(book: Book, run: Run) -> list[Look]:
    """The winner, the worst failure of the search, and the native reward's policy."""
    found: list[Look] = []
    if best := best_policy(book, run):
        found.append(Look("winner", *best))
    failed = [(p, s) for p in book.pages() for s in p.saved("scores", Score) if s.outcome.ok and s.success == 0.0]
    if failed:
        found.append(Look("failure", *min(failed, key=lambda pair: (pair[1].progress, pair[1].trial_id))))
    confirm = book.confirm_page()
    native = [s for s in confirm.saved("scores", Score) if s.outcome.ok and s.trial_id.startswith("native-")]
    if native and run.best != "native":
        found.append(Look("native", confirm, max(native, key=lambda s: (s.success, s.progress, s.trial_id))))
    return found
