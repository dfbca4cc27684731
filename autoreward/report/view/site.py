"""The pages of `autoreward view`, made from what was asked for: the text after the address's key. Everything here only reads."""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote_to_bytes

from markupsafe import Markup

from autoreward.core.wording import Command, in_shell
from autoreward.errors import AutorewardError, UsageError, from_the_system
from autoreward.report.candidates import CandidateView
from autoreward.report.charts import small_line
from autoreward.report.html import best_first, candidate_parts, look, program_diff, run_parts
from autoreward.report.model_calls import model_calls
from autoreward.report.reading import RunView
from autoreward.report.run_rows import RunRow
from autoreward.report.templates import page, part
from autoreward.report.view.commands import Offer, offers_of_candidate, offers_of_run
from autoreward.report.view.errands import Errand, Errands
from autoreward.report.view.viewed_runs import UNREAD, ViewedRuns, stamp_of_rows
from autoreward.store.files import in_use

SELF = "'self'"
"""What pages may ask by themselves: the server that they came from, for what is new."""


class Response(NamedTuple):
    """What is sent back."""

    status: int
    text: str
    html: bool = True
    then: Callable[[], object] = lambda: None
    """Called once it was sent."""


class ComparedSide(NamedTuple):
    """A run, or one of its programs, beside another."""

    name: str
    """As it was asked for: `RUN` or `RUN/CANDIDATE`."""
    run: str
    reading: RunView
    view: CandidateView | None


class Site:
    """Answers for paths below `base`, such as `/KEY/`. May be called from several threads. These pages only look."""

    def __init__(self, runs: ViewedRuns, base: str) -> None:
        self._viewed, self._base = runs, base
        self._lock = threading.Lock()

    def answer(self, asked: str) -> Response:
        """The page at a path below the base, with its query: ``, `run/NAME`, `run/NAME/CANDIDATE`, `compare`, `stamp`."""
        path, _, query = asked.partition("?")
        told = {name: values[0] for name, values in parse_qs(query, max_num_fields=20).items()}
        steps = [os.fsdecode(unquote_to_bytes(step)) for step in path.split("/")]
        with self._lock:
            try:
                return self._found(steps, told)
            except UsageError as error:
                return self._trouble(404, error.worded(in_shell))
            except AutorewardError as error:
                return self._trouble(503, error.worded(in_shell))
            except OSError as error:
                return self._trouble(503, from_the_system(error))

    def _found(self, steps: Sequence[str], told: dict[str, str]) -> Response:
        match steps:
            case [""]:
                return self._runs()
            case ["stamp"]:
                return Response(200, self._stamp(told.get("of", "")), html=False)
            case ["run", name]:
                return self._run(name)
            case ["run", name, candidate_id]:
                return self._candidate(name, candidate_id, told.get("against", ""))
            case ["compare"]:
                return self._compare(told.get("a", ""), told.get("b", ""))
        raise UsageError("There is no such page here.")

    def _runs(self) -> Response:
        rows = self._viewed.rows()
        states = {row.state for _, row in rows}
        busy, unread = "running" in states, UNREAD in states
        return self._page(
            "view_runs", "runs", "", stamp_of_rows(rows), up="", rows=rows, busy=busy, unread=unread, spark=_spark
        )

    def _run(self, name: str) -> Response:
        stamp = self._stamp(name)  # before it is read: what is saved meanwhile makes another one
        reading = self._viewed.reading(name)
        busy, errands = in_use(reading.files), self._errands(name)
        values = run_parts(reading, lambda candidate_id: self._at("run", name, candidate_id))
        compare = self._base + "compare"
        return self._page(
            "view_run",
            name,
            name,
            stamp,
            up=self._base,
            name=name,
            busy=busy,
            offers=offers_of_run(reading, busy),
            errands=errands,
            here=self._at("run", name),
            compare=compare,
            calls=model_calls(reading),
            **values,
        )

    def _candidate(self, name: str, candidate_id: str, against: str) -> Response:
        stamp = self._stamp(name)
        reading = self._viewed.reading(name)
        view = _need(reading, name, candidate_id)
        order = [v.candidate.id for v in best_first(reading)]
        here = order.index(candidate_id)
        other = against or next((p for p in view.candidate.parents if p in order), "")
        change = Markup("")
        if other:
            old = _need(reading, name, other).candidate
            change = program_diff(old.source, view.candidate.source, (other, candidate_id))
        around = [self._at("run", name, order[i]) if 0 <= i < len(order) else "" for i in (here - 1, here + 1)]
        calls = [call for call in model_calls(reading) if call.made(candidate_id, view.round)]
        return self._page(
            "view_candidate",
            f"{candidate_id}, {name}",
            name,
            stamp,
            up=self._at("run", name),
            name=name,
            view=view,
            busy=in_use(reading.files),
            before=around[0],
            after=around[1],
            order=order,
            other=other,
            change=change,
            calls=calls,
            place=here + 1,
            offers=offers_of_candidate(reading, candidate_id),
            errands=self._errands(name),
            here=self._at("run", name, candidate_id),
            compare=f"{self._base}compare?a={quote(os.fsencode(f'{name}/{candidate_id}'), safe='')}&b=",
            **candidate_parts(reading, lambda found: self._at("run", name, found)) | {"diff": _nothing},
        )

    acts = False
    """Whether its buttons start commands."""

    def _errands(self, name: str) -> list[Errand]:
        """The commands that were started for a run: none, where none can be."""
        return []

    def _stamp(self, name: str) -> str:
        """What changes when a page of that run, or of all runs, is another one."""
        return self._viewed.stamp(name)

    def _compare(self, one: str, other: str) -> Response:
        sides = [self._side(told) for told in (one, other)]
        first, second = sides
        change = Markup("")
        if first.view and second.view:
            sources = first.view.candidate.source, second.view.candidate.source
            change = program_diff(*sources, (first.name, second.name))
        shown = [
            part("candidate", view=side.view, **self._parts(side))
            if side.view
            else part("view_run_side", **self._parts(side))
            for side in sides
        ]
        lengths = {side.reading.finished.training_steps for side in sides if side.reading.run}
        tasks = {side.reading.header.task.name for side in sides}
        return self._page(
            "view_compare",
            f"{first.name} and {second.name}",
            "",
            "",
            up=self._base,
            sides=list(zip(sides, shown, strict=True)),
            change=change,
            both=bool(first.view and second.view),
            lengths=sorted(lengths),
            tasks=sorted(tasks),
            busy=False,
        )

    def _parts(self, side: ComparedSide) -> dict[str, Any]:
        made = candidate_parts if side.view else run_parts
        return made(side.reading, lambda found: self._at("run", side.run, found)) | {"diff": _nothing}

    def _side(self, told: str) -> ComparedSide:
        """The run `NAME`, or its candidate `NAME/CANDIDATE`."""
        name, _, candidate_id = told.partition("/")
        reading = self._viewed.reading(name)
        view = _need(reading, name, candidate_id) if candidate_id else None
        return ComparedSide(told, name, reading, view)

    def _at(self, *steps: str) -> str:
        return self._base + "/".join(quote(os.fsencode(step), safe="") for step in steps)

    def _page(self, template: str, title: str, of: str, stamp: str, **values: Any) -> Response:
        """`of`: the run whose changes it follows, empty: all of them; `stamp`: as they were, empty where it follows none."""
        follows = f"{self._base}stamp?of={quote(os.fsencode(of), safe='')}" if stamp else ""
        shared = {"base": self._base, "title": title, "stamp": stamp, "follows": follows, "at": self._at}
        acting = {"acts": self.acts, "in_shell": in_shell}
        return Response(200, page(template, reaches=SELF, **shared, **acting, **values, **look()))

    def _trouble(self, status: int, why: str) -> Response:
        shared = {"base": self._base, "title": "not here", "up": self._base, "stamp": "", "follows": "", "busy": False}
        return Response(status, page("view_trouble", reaches=SELF, why=why, **shared, **look()))


class ActingSite(Site):
    """Implements `PagesThatHear`: pages whose buttons start the commands that they show, and nothing else."""

    acts = True

    def __init__(self, runs: ViewedRuns, errands: Errands, base: str) -> None:
        """`errands`: what starts them."""
        super().__init__(runs, base)
        self._started = errands

    def take(self, asked: str, told: dict[str, Any]) -> Response:
        """Start the `command` that the page at `run/NAME` or `run/NAME/CANDIDATE` offers, with the `words` that it wants."""
        steps = [os.fsdecode(unquote_to_bytes(step)) for step in asked.split("/")]
        line, words = told.get("command"), told.get("words", "")
        if not (steps[0] == "run" and len(steps) in (2, 3) and isinstance(line, str) and isinstance(words, str)):
            return Response(400, "A command of a page is started, by its line.\n", html=False)
        with self._lock:
            try:
                return self._begun(steps[1], steps[2] if len(steps) == 3 else "", line, words.strip())
            except UsageError as error:
                return Response(404, f"{error.worded(in_shell)}\n", html=False)
            except AutorewardError as error:
                return Response(503, f"{error.worded(in_shell)}\n", html=False)
            except OSError as error:
                return Response(503, f"{from_the_system(error)}\n", html=False)

    def _begun(self, name: str, candidate_id: str, line: str, words: str) -> Response:
        reading = self._viewed.reading(name)
        offers: Sequence[Offer] = (
            offers_of_candidate(reading, candidate_id)
            if candidate_id
            else offers_of_run(reading, in_use(reading.files))
        )
        offer = next((o for o in offers if o.by_page and in_shell(o.started) == line), None)
        if offer is None:
            return Response(409, "That can't be done with the run as it is now.\n", html=False)
        if offer.words and not words:
            return Response(400, f"Say {offer.words} first.\n", html=False)
        command: Command = offer.saying(words) if offer.words else offer.started
        if not self._started.start(name, command):
            return Response(409, "Another command runs for this run: wait for its end.\n", html=False)
        return Response(200, "started\n", html=False)

    def _errands(self, name: str) -> list[Errand]:
        return self._started.of(name)

    def _stamp(self, name: str) -> str:
        return f"{self._viewed.stamp(name)} {self._started.stamp(name)}".strip()


def _nothing(view: CandidateView) -> Markup:
    """Where a difference to the parent would be shown: it is shown elsewhere."""
    return Markup("")


def _spark(row: RunRow) -> Markup:
    said = f"best so far: {row.curve[-1]:.2f} after {len(row.curve)} scored trainings" if row.curve else ""
    return Markup(small_line(row.curve, said))  # noqa: S704 - the label is escaped


def _need(reading: RunView, name: str, candidate_id: str) -> CandidateView:
    """Raises UsageError."""
    view = reading.candidate(candidate_id)
    if view is None:
        known = ", ".join(v.candidate.id for v in reading.candidates)
        raise UsageError(f"There is no candidate {candidate_id!r} in {name}; it has {known or 'none yet'}.")
    return view
