"""What a verdict says of the person's own rewards that the search started from."""

from autoreward.core.contract import NATIVE_REWARD
from autoreward.records import Estimate, OwnReward, Run

_YOURS = "yours"


def start_sentences(run: Run) -> list[str]:
    """A sentence for each: yours, ours, and how likely a training with ours is to do better; nothing without one."""
    return [_sentence(run, own) for own in run.starts] if run.best else []


def _sentence(run: Run, own: OwnReward) -> str:
    name, whose = own.candidate_id, _whose(run, own.candidate_id)
    what = "Your own reward" if whose == _YOURS else "The environment's reward"
    if name == run.best:
        return f"{what} was not beaten: {name} is the best that the search knows."
    best = next((c for c in run.confirmed if c.who == run.best), None)
    if own.fresh is None or best is None:
        return _searched(run, own)
    several = len(best.success) > 1
    numbers = f"{_interval(own.fresh, several)}, {_best(run)}, {_interval(best.estimate, several)}"
    said = f"{whose.capitalize()}, {name}: success {numbers}"
    if own.improved is None:
        return f"{said}."
    said = f"{said}; probability of improvement {_interval(own.improved)}."
    # of two rewards of one person, the other one's sentence says which is the best
    return said if own.improved.value > 0.5 or whose == _whose(run, run.best) else f"{said} {what} was not beaten."


def _searched(run: Run, own: OwnReward) -> str:
    """Of a search that was not confirmed."""
    name, whose = own.candidate_id, _whose(run, own.candidate_id).capitalize()
    if own.success is None or run.success is None:
        return f"{whose}, {name}, was not measured."
    numbers = f"{own.success:.2f} after {own.steps:,} steps, {_best(run)}, {run.success:.2f}"
    return f"{whose}, {name}: success {numbers}, in the search alone."


def _best(run: Run) -> str:
    return f"{_whose(run, run.best)}, {run.best}"


def _whose(run: Run, name: str | None) -> str:
    if name == NATIVE_REWARD:
        return "the environment's"
    return _YOURS if any(own.candidate_id == name for own in run.starts) else "ours"


def _interval(estimate: Estimate, shown: bool = True) -> str:
    interval = f" [{estimate.low:.2f}, {estimate.high:.2f}]" if shown else ""
    return f"{estimate.value:.2f}{interval}"
