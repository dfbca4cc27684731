"""What fresh seeds say of the winner beside the environment's own reward: whether it won, and not only whether it came first."""

from collections.abc import Sequence

from autoreward.records import Confirmed, Run

AS_GOOD = 0.1
"""Success rate that two rewards may differ by and be as good as each other: two held-out episodes of twenty."""


def beside_native(run: Run, winner: Confirmed) -> str:
    """What the winner did, as the words that follow its name.

    Native is that with the winner's training settings. The winner won where the whole 95 % interval of its probability of doing
    better lies above one half, or native was not trained. It is as good as native where no two values of the two success intervals
    are further apart than AS_GOOD; this is an equivalence test (Schuirmann 1987) on bootstrap intervals.
    """
    native = next((c for c in run.confirmed if c.who == winner.beside), None)
    over, seeds = winner.over_native, len(winner.success)
    named = "native" if winner.beside in ("", "native") else "native with the same settings"
    if native is None or over is None or over.low > 0.5:
        return "did best" if run.contest and run.contest.best != run.contest.winner else "won"
    if over.high < 0.5:
        return f"came first in the search, and {named} did better"
    apart = max(winner.estimate.high - native.estimate.low, native.estimate.high - winner.estimate.low)
    if min(seeds, len(native.success)) > 1 and apart <= AS_GOOD:
        return f"is as good as {named}"
    seen = (
        f"one fresh seed doesn't tell it from {named}"
        if seeds == 1
        else f"{seeds} fresh seeds don't tell it from {named}"
    )
    return f"came first, and {seen}"


def fresh_seeds_sentence(run: Run | None, who: Sequence[str]) -> str:
    """Success of two of its rewards on fresh seeds, interquartile means; empty unless both are there and were confirmed."""
    rows = [c for name in dict.fromkeys(who) for c in (run.confirmed if run else ()) if c.who == name]
    if len(rows) != 2:
        return ""
    values = ", ".join(f"{row.who} {row.estimate.value:.2f}" for row in rows)
    seeds = min(len(row.success) for row in rows)
    return f"Success in held-out episodes over {seeds} fresh training {'seed' if seeds == 1 else 'seeds'}: {values}."
