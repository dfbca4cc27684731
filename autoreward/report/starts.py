"""What a verdict says of the person's own rewards that the search started from."""

from autoreward.core.contract import NATIVE_REWARD
from autoreward.records import Estimate, OwnReward, Run


def start_sentences(run: Run) -> list[str]:
    """A sentence for each: yours, ours, and how likely a training with ours is to do better; nothing without one."""
    return [_sentence(run, own) for own in run.starts] if run.best else []


def _sentence(run: Run, own: OwnReward) -> str:
    name = own.candidate_id
    whose, what = (
        ("The environment's", "The environment's reward") if name == NATIVE_REWARD else ("Yours", "Your own reward")
    )
    if name == run.best:
        return f"{what} was not beaten: {name} is the best that the search knows."
    best = next((c for c in run.confirmed if c.who == run.best), None)
    if own.fresh is None or best is None:
        return _searched(run, own, whose)
    several = len(best.success) > 1
    numbers = f"{_interval(own.fresh, several)}, ours, {run.best}, {_interval(best.estimate, several)}"
    if own.improved is None:
        return f"{whose}, {name}: success {numbers}."
    said = f"{whose}, {name}: success {numbers}; probability of improvement {_interval(own.improved)}."
    return said if own.improved.value > 0.5 else f"{said} {what} was not beaten."


def _searched(run: Run, own: OwnReward, whose: str) -> str:
    """Of a search that was not confirmed."""
    if own.success is None or run.success is None:
        return f"{whose}, {own.candidate_id}, was not measured."
    numbers = f"{own.success:.2f} after {own.steps:,} steps, ours, {run.best}, {run.success:.2f}"
    return f"{whose}, {own.candidate_id}: success {numbers}, in the search alone."


def _interval(estimate: Estimate, shown: bool = True) -> str:
    interval = f" [{estimate.low:.2f}, {estimate.high:.2f}]" if shown else ""
    return f"{estimate.value:.2f}{interval}"
