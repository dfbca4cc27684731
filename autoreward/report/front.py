"""A front instead of one number: all trained policies of some runs, by everything that their task measures."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from autoreward.evaluation.limits import over_trainings
from autoreward.evaluation.metrics import metrics_over_trainings
from autoreward.evaluation.pareto import hypervolume, non_dominated
from autoreward.records import Score, TrialId
from autoreward.report.charts import points_picture
from autoreward.report.reading import RunView
from autoreward.tasks.card import Task
from autoreward.tasks.tables import direction_sign


@dataclass(frozen=True)
class Criterion:
    """Something that policies are compared by."""

    name: str
    higher: bool
    """Whether more of it is better."""
    unit: str = ""

    @property
    def said(self) -> str:
        """`success (higher)`, `torque, N·m (lower)`."""
        return f"{self.name}{f', {self.unit}' if self.unit else ''} ({'higher' if self.higher else 'lower'})"


@dataclass(frozen=True)
class Placed:
    """One program's policies, on average over its trainings."""

    run: str
    who: str
    values: tuple[float, ...]
    """By each measure, in their order."""
    on_front: bool
    trainings: int


@dataclass(frozen=True)
class Front:
    """Programs by all measures of their task, those that no other one beats in everything first, the best success first."""

    measures: tuple[Criterion, ...]
    placed: tuple[Placed, ...]
    unmeasured: int
    """Programs that were trained and lack a measure, such as the metric of one that never succeeds."""
    volume: float
    """Share of the box between the worst and the best value of each measure that the front dominates; 0 for a single point."""

    def picture(self) -> str:
        """An SVG of the first two measures; the front is a line."""
        points = [(p.values[0], p.values[1], f"{p.who} of {p.run}", p.on_front) for p in self.placed]
        return points_picture(points, self.measures[0].said, self.measures[1].said)


def front_of(readings: Sequence[RunView]) -> Front:
    """The front over the candidates of runs of one task, and their baselines on fresh seeds.

    Raises ValueError if the task measures one thing alone.
    """
    task = readings[0].header.task
    measures = measures_of(task)
    if len(measures) < 2:
        raise ValueError("one measure has no front")
    found: list[tuple[str, str, int, tuple[float, ...] | None]] = []
    for reading in readings:
        trained: dict[str, Sequence[Score]] = {t.candidate.id: t.scores for t in reading.candidates if t.scores}
        fresh = [saved.score for saved in reading.confirm_scores]
        trained |= {
            who: [s for s in fresh if TrialId.parse(s.trial_id).candidate == who] for who in ("sparse", "native")
        }
        found += [
            (reading.folder.name, who, len(scores), values_of(task, scores))
            for who, scores in trained.items()
            if scores
        ]
    known = [(run, who, count, values) for run, who, count, values in found if values is not None]
    signs = [1.0 if m.higher else -1.0 for m in measures]
    points = [[sign * value for sign, value in zip(signs, values, strict=True)] for *_, values in known]
    front = set(non_dominated(points))
    placed = [Placed(run, who, values, i in front, count) for i, (run, who, count, values) in enumerate(known)]
    placed.sort(key=lambda p: (not p.on_front, -p.values[0]))
    return Front(measures, tuple(placed), len(found) - len(known), _share(points))


def measures_of(task: Task) -> tuple[Criterion, ...]:
    """What policies of a task are compared by: success, the metrics, and each limit's value."""
    metric = task.metric
    return (
        *((Criterion("success", True),) if task.ruled else ()),
        Criterion(metric.value, direction_sign(metric.better) > 0.0, metric.unit),
        *(Criterion(name, direction_sign(m.better) > 0.0, m.unit) for name, m in task.metrics.items()),
        *(Criterion(name, limit.at_least is not None, limit.unit) for name, limit in task.limits.items()),
    )


def values_of(task: Task, scores: Sequence[Score]) -> tuple[float, ...] | None:
    """A program's values over its trainings, in the order of `measures_of`; None where one is not known."""
    metrics = [s.metric for s in scores if s.metric is not None]
    more = metrics_over_trainings(scores)
    limits = {reading.name: reading.value for reading in over_trainings(scores)}
    if not metrics or not more.keys() >= task.metrics.keys() or not limits.keys() >= task.limits.keys():
        return None
    success = (fmean(s.success for s in scores),) if task.ruled else ()
    return (*success, fmean(metrics), *(more[name] for name in task.metrics), *(limits[name] for name in task.limits))


def _share(points: Sequence[Sequence[float]]) -> float:
    """The hypervolume of the points in the box that they span, as a share of it."""
    if not points:
        return 0.0
    low, high = ([pick(values) for values in zip(*points, strict=True)] for pick in (min, max))
    scaled = [[(v - a) / (b - a) if b > a else 1.0 for v, a, b in zip(p, low, high, strict=True)] for p in points]
    return hypervolume(scaled, [0.0] * len(low))
