"""The further metrics of a card over episodes and trainings: what successful episodes come to, besides the metric that ranks."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from autoreward.records import Confirmed, Episode, Score


def metrics_of_episodes(names: Sequence[str], episodes: Sequence[Episode]) -> dict[str, float]:
    """The mean of each over the successful episodes in which it is a number; a name without one is left out."""
    found = {n: [e.metrics[n] for e in episodes if e.success and n in e.metrics] for n in names}
    return {name: fmean(values) for name, values in found.items() if values}


def metrics_over_trainings(scores: Sequence[Score]) -> dict[str, float]:
    """The mean of each over the trainings that have it."""
    names = dict.fromkeys(name for score in scores for name in score.metrics)
    return {name: fmean(s.metrics[name] for s in scores if name in s.metrics) for name in names}


def metrics_on_fresh_seeds(scores: Sequence[Score | None]) -> dict[str, tuple[float | None, ...]]:
    """Each per training, in their order; None for one that failed or has none."""
    names = dict.fromkeys(name for score in scores if score for name in score.metrics)
    return {name: tuple(score.metrics.get(name) if score else None for score in scores) for name in names}


def metric_cell(confirmed: Confirmed, name: str) -> str:
    """The mean over the trainings of a confirmation that have it; `-` without one."""
    values = [value for value in confirmed.metrics.get(name, ()) if value is not None]
    return f"{fmean(values):.4g}" if values else "-"


def metrics_clause(metrics: Mapping[str, float]) -> str:
    """`, energy 3.1, smoothness 0.2`, to go on a sentence with; empty without any."""
    return "".join(f", {name} {value:.4g}" for name, value in metrics.items())
