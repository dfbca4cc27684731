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
        sentences.append(_kept(run))
    return sentences


def _kept(run: Run) -> str:
    """Why a winner that breaks a limit is kept, and who else held all of them on fresh seeds."""
    least = "It is kept as the one that breaks its limits least"
    holders = [c for c in run.confirmed if c.who != run.best and c.limits and all(r.held for r in c.limits)]
    if not holders:
        alone = run.confirmed and not run.unheld
        return f"{least}, and nobody who was compared with it held all of them." if alone else f"{least}."
    who = ", ".join(f"{c.who} (success {c.estimate.value:.2f})" for c in holders)
    if all(c.role == "baseline" for c in holders):  # which are no programs to be handed over
        return f"{least} of the programs; all of them were held by {who}."
    return f"All of them were held by {who}."
