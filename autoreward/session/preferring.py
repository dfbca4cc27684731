"""Policies side by side as a page that takes answers: for `autoreward prefer`, and in notebooks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from autoreward.core.wording import in_shell
from autoreward.errors import AutorewardError
from autoreward.judges.camera import WorkerCamera
from autoreward.judges.poll import WORDS, Poll
from autoreward.judges.sitting import Sitting, SittingState
from autoreward.records import AnsweredWeights, Traits
from autoreward.report.html import look
from autoreward.report.lineups import episode_end, lineup_charts, question_name
from autoreward.report.templates import page
from autoreward.report.view.server import NOBODY, PageServer
from autoreward.report.view.site import SELF, Response
from autoreward.session.answered_weights import weights_of_answers
from autoreward.session.traits import traits_of_reasons
from autoreward.tasks.card import Task

_NOTEBOOKS = "http://127.0.0.1:* http://localhost:*"
"""Who may show the page in a frame: what is served on this machine."""
_LONGEST_REASON = 300
OTHER_QUESTION = "That was not kept: the {noun} was answered meanwhile, in the terminal or another window."


class PreferPages:
    """Implements `PagesThatHear`: the question that is asked, and what is said of it."""

    def __init__(self, sitting: Sitting, poll: Poll, base: str) -> None:
        """`poll`: the sitting's; `base`: the path that the page is at, such as `/KEY/`."""
        self._sitting, self._poll, self._base = sitting, poll, base
        self._task, self._name = poll.header.task, poll.folder.name

    def answer(self, asked: str) -> Response:
        """The page, or its `stamp`."""
        path = asked.partition("?")[0]
        if path == "stamp":
            return self._guarded(lambda: Response(200, self._sitting.turn().stamp, html=False))
        if path:
            return Response(404, "There is no such page here.\n", html=False)
        return self._guarded(self._page)

    def take(self, asked: str, told: dict[str, Any]) -> Response:
        """An `answer`, `undo` or `finish`: the page as it is then; 409 where nothing was kept."""
        match asked:
            case "answer":
                return self._guarded(lambda: self._take_answer(told))
            case "undo":
                return self._guarded(self._take_back)
            case "finish":
                self._sitting.stop()
                return self._guarded(self._page)._replace(then=self._sitting.end)
        return Response(404, "There is no such thing to say.\n", html=False)

    def _take_answer(self, told: dict[str, Any]) -> Response:
        question, value, reason = (told.get(name, "") for name in ("question", "answer", "reason"))
        strings = isinstance(question, str) and isinstance(value, str) and isinstance(reason, str)
        if not strings or value not in WORDS.values() or len(reason) > _LONGEST_REASON:
            return Response(400, "An answer is a, b, c, d or tie, with a short reason or none.\n", html=False)
        kept = self._sitting.answer(question, WORDS[value], " ".join(reason.split()))
        note = OTHER_QUESTION.format(noun=question_name(self._poll.of))
        return self._page() if kept else self._page(note)._replace(status=409)

    def _take_back(self) -> Response:
        return (
            self._page()
            if self._sitting.undo()
            else self._page("There is no answer to take back.")._replace(status=409)
        )

    def _page(self, note: str = "") -> Response:
        turn = self._sitting.turn()
        next_step = "" if turn.lineup else self._sitting.next_step()
        return Response(200, prefer_page(turn, self._task, self._name, self._base, note, next_step))

    def _guarded(self, make: Callable[[], Response]) -> Response:
        """What goes wrong in a sentence."""
        try:
            return make()
        except AutorewardError as error:
            return Response(503, error.worded(in_shell) + "\n", html=False)


def prefer_page(turn: SittingState, task: Task, name: str, base: str, note: str, next_step: str) -> str:
    """The page of a turn.

    Args:
        turn: what is asked.
        task: the run's.
        name: the run's.
        base: the path that the page is at.
        note: what went wrong just now; empty if nothing did.
        next_step: what to do once nothing is asked.
    """
    shared = {"base": base, "title": f"{name}: which is better?", "name": name, "task": task, "note": note}
    return page(
        "prefer",
        reaches=SELF,
        turn=turn,
        follows="" if turn.ended else f"{base}stamp",
        charts=lineup_charts,
        end=episode_end,
        next_step=next_step,
        **shared,
        **look(),
    )


@contextmanager
def preferring(poll: Poll, count: int | None, port: int, framed_by: str = NOBODY) -> Iterator[tuple[Sitting, str]]:
    """A sitting over the questions of a poll with its page served: the sitting, and the page's address.

    Args:
        poll: stays open.
        count: answers to ask for; None: until every policy has been compared enough.
        port: 0 for any that is free.
        framed_by: who may show the page in a frame.

    Raises NotTrusted, UsageError.
    """
    with (
        WorkerCamera(poll.header.task, poll.header.config) as camera,
        Sitting(poll, camera, count) as sitting,
        PageServer(partial(PreferPages, sitting, poll), port, framed_by) as server,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield sitting, server.address
        finally:
            server.shutdown()


class MadeOfAnswers(NamedTuple):
    """What is new by what a person answered; None: nothing is."""

    traits: Traits | None
    weights: AnsweredWeights | None


def made_of_answers(folder: Path, tell: Callable[[str], None]) -> MadeOfAnswers:
    """Measure what the reasons speak of, and weigh parts by the answers; the report is written anew where either is new.

    Raises as `traits_of_reasons` and `weights_of_answers` do.
    """
    made = MadeOfAnswers(traits_of_reasons(folder, tell), weights_of_answers(folder))
    if made.traits or made.weights:
        with Poll(folder) as poll:
            poll.report()
    return made


class PreferPage:
    """The page in a notebook; the run is locked until it is finished there, or closed."""

    def __init__(self, folder: Path, pairs: int | None = None, by: str = "", of: int = 2) -> None:
        """Raises as `Poll` and `preferring` do."""
        self._folder, self._closing, self._closed = folder, threading.Lock(), False
        with ExitStack() as opened:
            poll = opened.enter_context(Poll(folder, by, of))
            opened.callback(poll.report)
            self._sitting, self.address = opened.enter_context(preferring(poll, pairs, 0, _NOTEBOOKS))
            self._opened = opened.pop_all()
        self._sitting.changed = self._look

    def close(self) -> None:
        """Serve no more, write the report anew, measure what the reasons speak of, and weigh parts by the answers."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._opened.close()
            made_of_answers(self._folder, print)  # whoever closes it meanwhile waits: then the run is free

    def _look(self) -> None:
        if self._sitting.over:
            self.close()

    def _repr_html_(self) -> str:
        address = escape(self.address)
        link = f'<a href="{address}" target="_blank" rel="noreferrer">{address}</a>'
        return f'<p>{link}</p><iframe src="{address}" width="100%" height="900" style="border:0"></iframe>'

    def __repr__(self) -> str:
        return self.address
