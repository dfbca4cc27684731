"""What a run's verdict says of limits."""

from autoreward.records import Run


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
            ("neither clearly holds nor clearly breaks", [r for r in readings if not r.held and not r.broken]),
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
