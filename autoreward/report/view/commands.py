"""What can be done with a run next, as commands: to be copied, and started from the page where the viewer was told to let it."""

from dataclasses import replace
from typing import NamedTuple

from autoreward.core.wording import Command, Setting, in_shell
from autoreward.report.audit import found_audit
from autoreward.report.reading import RunView


class Offer(NamedTuple):
    """A command, and what it is for."""

    what: str
    command: Command
    unasked: tuple[Setting, ...] = ()
    """What it is told where nobody can be asked."""
    words: str = ""
    """What is to be written for its last word, which stands for that until then; empty: nothing is."""
    by_page: bool = True
    """Whether it can be started from a page: not what only prints what the page shows."""

    @property
    def line(self) -> str:
        """To be copied."""
        return in_shell(self.command)

    @property
    def started(self) -> Command:
        """As a page starts it."""
        return replace(self.command, chosen=(*self.command.chosen, *self.unasked))

    def saying(self, said: str) -> Command:
        """As a page starts it with these words."""
        return replace(self.started, words=(*self.command.words[:-1], said))


def offers_of_run(reading: RunView, busy: bool) -> tuple[Offer, ...]:
    """What makes sense for a run as it is; nothing while a process works in it."""
    folder = reading.folder
    if busy:
        return ()
    if reading.run is None:
        return (Offer("Go on with it", Command("resume", (folder,))),)
    wish = "what should change"
    offers = [
        Offer("Film the winner's policy", Command("play", (folder,))),
        Offer("Say what should change, and go on", Command("feedback", (folder, wish)), words=wish),
        Offer("Say which of two policies is better", Command("prefer", (folder,)), (Setting("page"),)),
    ]
    if found_audit(reading).proposal:
        offers.append(Offer("Go on by a stricter rule", Command("tighten", (folder,)), (Setting("yes"),)))
    if reading.run.best:
        offers.append(Offer("Keep the reward and the policy", Command("export", (folder,))))
    if reading.run.second:
        offers.append(Offer("Keep the other program's", Command("export", (folder,), (Setting("second", True),))))
    return tuple(offers)


def offers_of_candidate(reading: RunView, candidate_id: str) -> tuple[Offer, ...]:
    """What makes sense for a candidate."""
    chosen = (Setting("candidate", candidate_id),)
    shown = Offer("The same in a terminal", Command("show", (reading.folder,), chosen), by_page=False)
    view = reading.candidate(candidate_id)
    if view is None or not view.scores:
        return (shown,)
    before = (*chosen, Setting("before", True))
    return (
        Offer("Film its policy", Command("play", (reading.folder,), chosen)),
        Offer("Beside what it was at first", Command("play", (reading.folder,), before)),
        shown,
    )
