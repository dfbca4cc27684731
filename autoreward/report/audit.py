"""What the audit of successes found, in words: beside the verdict, in the terminal and on the page."""

from autoreward.core.wording import Command, in_shell
from autoreward.records import SuccessAudit
from autoreward.report.reading import RunView
from autoreward.store.book import pages_of
from autoreward.store.keys import AUDIT


def audit_lines(audit: SuccessAudit) -> list[str]:
    """A line for each thing that was found; none if nothing was."""
    whose = f"{audit.candidate_id}, " if audit.candidate_id else ""
    return [f"does success do what the goal says? {whose}{sentence}" for sentence in audit.sentences]


def found_audit(reading: RunView) -> SuccessAudit:
    """What is known of the run's successes: of the winner's, or while there is none, of the latest round that has any."""
    if reading.run is not None:
        return reading.run.audit
    audits = [audit for page in pages_of(reading.folder) if (audit := page.lone(AUDIT)) and audit.successes]
    return audits[-1] if audits else SuccessAudit()


def audit_shown(reading: RunView) -> list[str]:
    """What was found, and what to do about it as the last line; nothing if nothing was."""
    audit = found_audit(reading)
    if not audit.proposal:
        return audit_lines(audit)
    way_on = in_shell(Command("tighten", (reading.folder,)))
    return [*audit_lines(audit), f"{way_on} asks for `{audit.proposal}` besides, and trains nothing again"]
