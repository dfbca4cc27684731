"""A person who answers one question after the other, in a page or a terminal: the next one is chosen and filmed while they watch.

It is chosen by all answers but the one to what is being watched. What is asked is what `Poll.waiting` says.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from autoreward.core.closing import Closing
from autoreward.errors import AutorewardError
from autoreward.judges.camera import Camera
from autoreward.judges.poll import Poll
from autoreward.judges.sides import Side
from autoreward.records import Chosen, Question
from autoreward.report.lineups import Lineup, question_name, side_names


class SittingState(NamedTuple):
    """Where a sitting is."""

    lineup: Lineup | None
    """What is asked; None: everything is answered, or the person has stopped."""
    answered: int
    """Answers of this sitting."""
    left: int
    """Questions that are still to be asked, this one among them."""
    filming: bool
    """Whether a film for this question is being made."""
    undrawn: tuple[str, ...]
    """Why there are no films of some."""
    ended: bool
    """Whether the person has stopped."""
    of: int
    """Policies that a question shows."""

    @property
    def names(self) -> tuple[str, ...]:
        """What those that are shown are called."""
        return side_names(self.of)

    @property
    def more(self) -> str:
        """What is asked about."""
        return "more" if self.of == 2 else "the most"

    @property
    def noun(self) -> str:
        """What a question is called."""
        return question_name(self.of)

    @property
    def stamp(self) -> str:
        """Another one whenever something else is to be shown."""
        asked = self.lineup.question.id if self.lineup else ""
        return f"{asked} {self.answered} {self.filming} {self.ended}"


class Sitting(Closing):
    """Asks the questions of a poll, and keeps what is said at once. Thread-safe; the poll is nobody else's meanwhile."""

    def __init__(self, poll: Poll, camera: Camera, count: int | None = None) -> None:
        """Raises NotTrusted.

        Args:
            poll: stays open when this is closed.
            camera: what films the policies, in a thread of its own.
            count: how many answers to ask for; None: until every policy has been compared enough.
        """
        poll.demand_trust()
        self._poll, self._camera, self._count = poll, camera, count
        self._lock = threading.RLock()
        self._plan = list(poll.waiting(count))
        self._said: list[Question] = []
        self._undrawn: dict[str, str] = {}
        self._stopped = False
        self.over = False
        """Whether somebody has ended it."""
        self.changed: Callable[[], None] = lambda: None
        """Called in some thread when something has changed."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sitting")
        self._work: Future[None] = self._thread.submit(self._get_ready)

    def turn(self) -> SittingState:
        """What is asked now. Raises RunDamaged."""
        with self._lock:
            asked = self._plan[0] if self._plan and not self._stopped else None
            lineup = self._poll.lineup(asked) if asked else None
            filming = asked is not None and bool(self._unfilmed(asked))
            undrawn = tuple(sorted(set(self._undrawn.values())))
            said, left = len(self._said), len(self._plan)
            return SittingState(lineup, said, left, filming, undrawn, self._stopped, self._poll.of)

    def answer(self, question_id: str, answer: Chosen, reason: str = "") -> bool:
        """Keep what is said of what is shown, and go on.

        False, and nothing is kept, if another question is asked by now, or this one shows nothing that is called so.
        """
        with self._lock:
            if self._stopped or not self._plan or self._plan[0].id != question_id:
                return False
            if answer not in (*self._plan[0].sides, "tie"):
                return False
            self._poll.keep(self._plan[0], answer, reason)
            self._said.append(self._plan.pop(0))
            self._go_on()
            return True

    def undo(self) -> bool:
        """Take back the last answer of this sitting, and ask again; False if there is none."""
        with self._lock:
            if self._stopped or not self._said:
                return False
            self._poll.take_back(self._said[-1])
            self._plan.insert(0, self._said.pop())
            self._go_on()
            return True

    def stop(self) -> None:
        """Ask no more: the person has stopped, or is through."""
        with self._lock:
            self._stopped = True

    def end(self) -> None:
        """Stop, and tell whoever serves it."""
        self.stop()
        self.over = True
        self.changed()

    def next_step(self) -> str:
        """What a person can do next."""
        with self._lock:
            return self._poll.next_step()

    def close(self) -> None:
        """Ask no more. Raises what went wrong while a question was got ready."""
        self.stop()
        self._thread.shutdown(wait=True, cancel_futures=True)
        if not self._work.cancelled():
            self._work.result()

    def _go_on(self) -> None:
        """Something was said."""
        self.changed()
        self._work = self._thread.submit(self._get_ready)

    def _get_ready(self) -> None:
        """Choose what comes after the question that is shown, and film both."""
        with self._lock:
            self._choose()
            wanted = [side for question in self._plan[:2] for side in self._unfilmed(question)]
        for side in wanted:
            if self._stopped:
                return
            try:
                self._poll.film(side, self._camera)
            except AutorewardError as error:
                with self._lock:
                    self._undrawn[side.name] = str(error)

    def _choose(self) -> None:
        """What follows the question that is shown, by everything that was said."""
        shown, left = self._plan[:1], None if self._count is None else self._count - len(self._said)
        if not shown:
            return
        following = [question for question in self._poll.waiting(left) if question not in shown]
        self._plan = (shown + following)[:left]

    def _unfilmed(self, question: Question) -> list[Side]:
        return [side for side in self._poll.unfilmed(question) if side.name not in self._undrawn]
