"""What policies do where the environment can't be drawn: plots of an episode's named fields; see `films` for where it can."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.evaluation.panels import Panel, jumps, panels
from autoreward.evaluation.wrong_turns import first_error
from autoreward.records import Clip
from autoreward.report.charts import Band, Series, chart, legend_of
from autoreward.report.reading import RunView

CAPTIONS = {
    "winner": "the winner's best policy",
    "second": "the best policy of the program in second/",
    "failure": "the worst failure of the search",
    "native": "the native reward's best policy",
}
"""What the policies worth a look are, in the order in which they are shown."""
_COLORS = {"winner": "var(--good)", "second": "var(--accent)", "failure": "var(--bad)", "native": "var(--muted)"}
_PANELS = 12
"""Most charts; what the success rule speaks of comes first."""
LINE_POINTS = 120
"""Most points of a line; longer episodes are thinned."""


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


def plotted(reading: RunView) -> Plotted | None:
    """Charts of the policies that could not be filmed; None if all were."""
    undrawn = [clip for clip in worth_seeing(reading) if clip.why_not]
    if not undrawn:
        return None
    episodes: dict[str, Transitions] = {clip.id: _episode(reading, clip) for clip in undrawn}
    found = list(panels(reading.header.task, episodes))
    names = [
        Series(
            _named(clip, episodes[clip.id]) + follows(first_error(reading.header.task, episodes[clip.id])),
            (),
            _COLORS[clip.id],
        )
        for clip in undrawn
    ]
    return Plotted(
        tuple(dict.fromkeys(clip.why_not for clip in undrawn)),
        Markup(legend_of(names)),  # noqa: S704 - legend_of and chart escape what they are given
        tuple(map(_drawn, found[:_PANELS])),
        any(p.limit is not None for p in found[:_PANELS]),
        max(len(found) - _PANELS, 0),
    )


def worth_seeing(reading: RunView) -> list[Clip]:
    """The clips of the policies worth a look, without those of candidates alone."""
    shown = [clip for clip in reading.clips if clip.id in CAPTIONS]
    return sorted(shown, key=lambda clip: list(CAPTIONS).index(clip.id))


def _episode(reading: RunView, clip: Clip) -> Transitions:
    """The first held-out episode that the policy was scored on, without what follows its end; shape (L, 1)."""
    recorded = reading.episodes(clip)
    return recorded.cut(rows=slice(0, int(recorded.step[:, 0].max())), columns=slice(0, 1))


def follows(error: str) -> str:
    """A first error after a name."""
    return f": {error}" if error else ""


def _named(clip: Clip, episode: Transitions) -> str:
    return f"{CAPTIONS[clip.id]} ({clip.trial_id}, {episode.shape[0]} steps)"


def _drawn(panel: Panel) -> Markup:
    lines = [
        Series(CAPTIONS[name], points := _thinned(values), _COLORS[name], jumps([y for _, y in points], panel.period))
        for name, values in panel.values.items()
    ]
    asked = () if panel.limit is None else (Band("limit", panel.limit, panel.limit, panel.limit, "var(--fg)"),)
    return Markup(chart(lines, panel.title, dots=False, limits=asked))  # noqa: S704


def _thinned(values: NDArray[Any]) -> Sequence[tuple[float, float]]:
    """(step, value) of every step, or of LINE_POINTS of them with the first and the last."""
    places = np.unique(np.linspace(0, len(values) - 1, min(len(values), LINE_POINTS)).round().astype(int))
    return [(float(i + 1), float(values[i])) for i in places]
