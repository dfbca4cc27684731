"""What policies do: a clip of each, or, where the environment can't be drawn, plots of an episode's named fields."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.records import CLIP_FILE, Clip
from autoreward.report.charts import Series, chart, legend_of
from autoreward.report.reading import RunView
from autoreward.store.book import Page
from autoreward.store.keys import CLIPS
from autoreward.tasks.card import Task

_CAPTIONS = {
    "winner": "the winner's best policy",
    "second": "the best policy of the program in second/",
    "failure": "the worst failure of the search",
    "native": "the native reward's best policy",
}
_COLORS = {"winner": "var(--good)", "second": "var(--accent)", "failure": "var(--bad)", "native": "var(--muted)"}
_PANELS = 12
"""Most charts; what the success rule speaks of comes first."""
LINE_POINTS = 120
"""Most points of a line; longer episodes are thinned."""


class Filmed(NamedTuple):
    """A clip as data, with what it shows."""

    data: str
    caption: str


class Plotted(NamedTuple):
    """Charts in place of clips."""

    why: tuple[str, ...]
    """Why there are no clips."""
    legend: Markup
    """Which line is which policy."""
    charts: tuple[Markup, ...]
    limited: bool
    """A chart shows a limit that the success rule sets."""
    left_out: int
    """Charts that are not shown."""


class Panel(NamedTuple):
    """One number over an episode, a line per policy."""

    title: str
    lines: tuple[Series, ...]
    limit: float | None = None


def filmed(reading: RunView) -> list[Filmed]:
    """The clips that there are; all start from the same held-out seed."""
    return [
        Filmed(f"data:image/webp;base64,{base64.b64encode(_clip(reading, clip)).decode()}", _CAPTIONS[clip.id])
        for clip in _in_order(reading)
        if not clip.why_not
    ]


def plotted(reading: RunView) -> Plotted | None:
    """Charts of the policies that could not be filmed; None if all were."""
    undrawn = [clip for clip in _in_order(reading) if clip.why_not]
    if not undrawn:
        return None
    episodes: dict[str, Transitions] = {clip.id: _episode(reading, clip) for clip in undrawn}
    panels = list(_panels(reading.header.task, episodes))
    names = [Series(_named(clip, episodes[clip.id]), (), _COLORS[clip.id]) for clip in undrawn]
    return Plotted(
        tuple(dict.fromkeys(clip.why_not for clip in undrawn)),
        Markup(legend_of(names)),  # noqa: S704 - legend_of and chart escape what they are given
        tuple(Markup(chart(p.lines, p.title, dots=False, limit=p.limit)) for p in panels[:_PANELS]),  # noqa: S704
        any(p.limit is not None for p in panels[:_PANELS]),
        max(len(panels) - _PANELS, 0),
    )


def _in_order(reading: RunView) -> list[Clip]:
    return sorted(reading.clips, key=lambda clip: list(_CAPTIONS).index(clip.id))


def _clip(reading: RunView, clip: Clip) -> bytes:
    """Raises RunDamaged if it is gone."""
    return Page(reading.files).file(CLIPS.of(clip.id), CLIP_FILE)


def _episode(reading: RunView, clip: Clip) -> Transitions:
    """The first held-out episode that the policy was scored on, without what follows its end; shape (L, 1)."""
    recorded = reading.episodes(clip)
    return recorded.cut(rows=slice(0, int(recorded.step[:, 0].max())), columns=slice(0, 1))


def _named(clip: Clip, episode: Transitions) -> str:
    return f"{_CAPTIONS[clip.id]} ({clip.trial_id}, {episode.shape[0]} steps)"


def _panels(task: Task, episodes: Mapping[str, Transitions]) -> Iterator[Panel]:
    """What the success rule holds against a number, then every field, a panel for each of its components."""
    constants = {name: constant.value for name, constant in task.constants.items()}
    values: dict[str, dict[str, Any]] = {}
    for name, e in episodes.items():
        clock = {"step": e.step[:, 0], "terminated": e.terminated[:, 0]}
        values[name] = {**{k: v[:, 0] for k, v in e.rule_fields.items()}, **constants, **clock}
    shown = set()
    for limit in dict.fromkeys(limit for rule in task.rules for limit in rule.limits(constants)):
        if limit.side.names & {*task.state, *task.action}:
            series = {name: np.asarray(limit.side.evaluate(known), dtype=np.float64) for name, known in values.items()}
            bound = float(limit.bound.evaluate(constants))
            title = limit.text if not limit.bound.names else f"{limit.text} = {bound:g}"
            yield Panel(title, _lines(series), bound)
            shown.add(limit.side.text)
    for field in task.state:
        arrays = {name: np.asarray(known[field], dtype=np.float64) for name, known in values.items()}
        if field in shown:
            continue
        if all(array.ndim == 1 for array in arrays.values()):
            yield Panel(field, _lines(arrays))
            continue
        for i in range(max(array.shape[1] for array in arrays.values())):
            yield Panel(f"{field}[{i}]", _lines({name: array[:, i] for name, array in arrays.items()}))


def _lines(series: Mapping[str, NDArray[Any]]) -> tuple[Series, ...]:
    return tuple(Series(_CAPTIONS[name], _thinned(array), _COLORS[name]) for name, array in series.items())


def _thinned(values: NDArray[Any]) -> Sequence[tuple[float, float]]:
    """(step, value) of every step, or of LINE_POINTS of them with the first and the last."""
    places = np.unique(np.linspace(0, len(values) - 1, min(len(values), LINE_POINTS)).round().astype(int))
    return [(float(i + 1), float(values[i])) for i in places]
