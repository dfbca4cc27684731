"""What policies do: a clip of each, or, where the environment can't be drawn, plots of an episode's named fields."""

import base64
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.evaluation.panels import Panel, jumps, panels
from autoreward.records import CLIP_FILE, Clip
from autoreward.report.charts import Band, Series, chart, legend_of
from autoreward.report.reading import RunView
from autoreward.store.book import Page
from autoreward.store.keys import CLIPS

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
    found = list(panels(reading.header.task, episodes))
    names = [Series(_named(clip, episodes[clip.id]), (), _COLORS[clip.id]) for clip in undrawn]
    return Plotted(
        tuple(dict.fromkeys(clip.why_not for clip in undrawn)),
        Markup(legend_of(names)),  # noqa: S704 - legend_of and chart escape what they are given
        tuple(map(_drawn, found[:_PANELS])),
        any(p.limit is not None for p in found[:_PANELS]),
        max(len(found) - _PANELS, 0),
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


def _drawn(panel: Panel) -> Markup:
    lines = [
        Series(_CAPTIONS[name], points := _thinned(values), _COLORS[name], jumps([y for _, y in points], panel.period))
        for name, values in panel.values.items()
    ]
    asked = () if panel.limit is None else (Band("limit", panel.limit, panel.limit, panel.limit, "var(--fg)"),)
    return Markup(chart(lines, panel.title, dots=False, limits=asked))  # noqa: S704


def _thinned(values: NDArray[Any]) -> Sequence[tuple[float, float]]:
    """(step, value) of every step, or of LINE_POINTS of them with the first and the last."""
    places = np.unique(np.linspace(0, len(values) - 1, min(len(values), LINE_POINTS)).round().astype(int))
    return [(float(i + 1), float(values[i])) for i in places]
