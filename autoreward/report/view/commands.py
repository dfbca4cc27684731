"""What can be done with a run next, as commands to be copied: a page runs none of them."""

from typing import NamedTuple

from autoreward.core.wording import Command, Setting, in_shell
from autoreward.report.audit import found_audit
from autoreward.report.reading import RunView


class Offer(NamedTuple):
    """A command, and what it is for."""

    what: str
    line: str


def offers_of_run(reading: RunView, busy: bool) -> tuple[Offer, ...]:
    """What makes sense for a run as it is; nothing while a process works in it."""
    folder = reading.folder
    if busy:
        return ()
    if reading.run is None:
        return (Offer("Go on with it", in_shell(Command("resume", (folder,)))),)
    offers = [
        Offer("Film the winner's policy", in_shell(Command("play", (folder,)))),
        Offer("Say what should change, and go on", in_shell(Command("feedback", (folder, "what should change")))),
        Offer("Say which of two policies is better", in_shell(Command("prefer", (folder,)))),
    ]
    if found_audit(reading).proposal:
        offers.append(Offer("Go on by a stricter rule", in_shell(Command("tighten", (folder,)))))
    if reading.run.best:
        offers.append(Offer("Keep the reward and the policy", in_shell(Command("export", (folder,)))))
    if reading.run.second:
        chosen = (Setting("second", True),)
        offers.append(Offer("Keep the other program's", in_shell(Command("export", (folder,), chosen))))
    return tuple(offers)


def offers_of_candidate(reading: RunView, candidate_id: str) -> tuple[Offer, ...]:
    """What makes sense for a candidate."""
    chosen = (Setting("candidate", candidate_id),)
    shown = Offer("The same in a terminal", in_shell(Command("show", (reading.folder,), chosen)))
    view = reading.candidate(candidate_id)
    if view is None or not view.scores:
        return (shown,)
    before = (*chosen, Setting("before", True))
    return (
        Offer("Film its policy", in_shell(Command("play", (reading.folder,), chosen))),
        Offer("Beside what it was at first", in_shell(Command("play", (reading.folder,), before))),
        shown,
    )
