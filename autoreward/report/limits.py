"""What is said of limits: in a line, in a table's cell, in a run's verdict."""

from collections.abc import Sequence

from autoreward.records import LimitReading, Run


def limits_clause(readings: Sequence[LimitReading]) -> str:
    """`; torque 1.2 held, speed 3.4 broken`, to go on a sentence with; empty without a limit."""
    return f"; {limits_cell(readings)}" if readings else ""


def limits_cell(readings: Sequence[LimitReading]) -> str:
    """`torque 1.2 held, speed 3.4 broken`; `-` without a limit."""
    return ", ".join(f"{r.name} {r.value:.3g} {r.word}" for r in readings) or "-"


def limit_sentences(run: Run) -> list[str]:
    """Whether the winner holds the card's limits, and which of them nobody held; nothing without a limit."""
    if not run.best:
        return []
    confirmed = next((c for c in run.confirmed if c.who == run.best), None)
    readings = confirmed.limits if confirmed else run.limits
    where = "on fresh seeds" if confirmed else "in the search"
    sentences = [
        f"{run.best} {verb} {', '.join(r.said for r in some)} {where}."
        for verb, some in (
            ("holds", [r for r in readings if r.held]),
            ("breaks", [r for r in readings if r.broken]),
            ("can't be told from its limits in", [r for r in readings if not r.held and not r.broken]),
        )
        if some
    ]
    if run.unheld:
        least = ", ".join(r.said for r in run.unheld)
        sentences.append(f"No trained policy held {least}: that is the least any broke it by.")
    if any(r.broken for r in readings):
        whose = "" if run.unheld else ", and nobody who was compared with it held all of them"
        sentences.append(f"It is kept as the one that breaks its limits least{whose}.")
    return sentences
