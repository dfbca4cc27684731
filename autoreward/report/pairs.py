"""Two policies in the same episode side by side: as a table in the terminal, and as a page with clips."""

import base64
import json
import operator
from typing import NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from rich.table import Table

from autoreward.core.transitions import Transitions
from autoreward.evaluation.panels import jumps
from autoreward.records import REEL_ACROSS, Question, Reel
from autoreward.report.charts import MANY, Series, chart, plot_area
from autoreward.report.fitting import Fitting
from autoreward.tasks.card import Task

_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH, _NARROW = 24, 16
"""Characters of a trajectory in the terminal, and in a narrow one."""
_NUMBERS = 3
"""Numbers of a vector field that are shown."""
Array = NDArray[np.float64]


class Footage(NamedTuple):
    """A film of a side."""

    reel: Reel
    sheet: bytes
    """Its frames in one picture, a WebP."""

    @property
    def told(self) -> str:
        """What a page's script needs to know of each frame, as JSON."""
        return json.dumps({"at": self.reel.at, "across": min(REEL_ACROSS, len(self.reel.at)), "rows": self.rows})

    @property
    def rows(self) -> int:
        """Of the picture."""
        return -(-len(self.reel.at) // REEL_ACROSS)

    @property
    def data(self) -> str:
        """The picture, as pages hold it."""
        return f"data:image/webp;base64,{base64.b64encode(self.sheet).decode()}"


class Pair(NamedTuple):
    """A question with what is shown of it."""

    question: Question
    a: Transitions
    """The episode of the policy shown as A, one column."""
    b: Transitions
    film_a: Footage | None
    """None where the environment can't be drawn, or was not yet."""
    film_b: Footage | None

    @property
    def at(self) -> list[int]:
        """The steps that a page goes through: those of the film that goes the furthest, or every step where nothing is drawn."""
        reels = [film.reel.at for film in (self.film_a, self.film_b) if film]
        furthest: tuple[int, ...] = max(reels, key=operator.itemgetter(-1), default=())
        return list(furthest or range(max(self.a.shape[0], self.b.shape[0]) + 1))

    @property
    def area(self) -> str:
        """Where the charts' lines are in their drawings, and the last step in them, as JSON."""
        return json.dumps([*plot_area(), max(self.a.shape[0], self.b.shape[0])])


def pair_table(pair: Pair, title: str) -> Fitting:
    """Every named number over the episode, A beside B on one scale; blind: nothing tells whose policies they are."""
    return Fitting((_pair_table(pair, title, _WIDTH, ", "), _pair_table(pair, title, _NARROW, ",\n")))


def _pair_table(pair: Pair, title: str, width: int, between: str) -> Table:
    """`width` of a trajectory; what is `between` the words about an episode's end."""
    table = Table(box=None, header_style="dim", pad_edge=False, title=title, title_justify="left")
    table.add_column("")
    for side, episode in (("A", pair.a), ("B", pair.b)):
        table.add_column(f"{side}: {episode_end(episode, between)}", no_wrap=True)
        table.add_column("ends at", justify="right", no_wrap=True)
    for name, (a, b) in _numbers(pair).items():
        low, high = min(a.min(), b.min()), max(a.max(), b.max())
        drawn = [cell for side in (a, b) for cell in (sparkline(side, low, high, width), f"{side[-1]:.3g}")]
        table.add_row(name, *drawn)
    return table


def sparkline(values: Array, low: float, high: float, width: int = _WIDTH) -> str:
    """A row of blocks for values of shape (n,) between `low` and `high`, at most `width` of them."""
    picked = values[np.linspace(0, len(values) - 1, min(len(values), width)).astype(int)]
    share = (picked - low) / (high - low) if high > low else np.full(len(picked), 0.5)
    return "".join(_BLOCKS[i] for i in np.clip(share * len(_BLOCKS), 0, len(_BLOCKS) - 1).astype(int))


def pair_charts(task: Task, pair: Pair) -> list[Markup]:
    """A chart per number, A and B as lines over the steps of the episode."""
    turns = dict(task.angles)

    def round_after(name: str) -> float | None:
        turn = turns.get(name.partition("[")[0])
        return turn and turn.period

    return [
        Markup(  # noqa: S704
            chart(
                [
                    Series(
                        side,
                        list(zip(range(1, len(values) + 1), values.tolist(), strict=True)),
                        color,
                        jumps(values, round_after(name)),
                    )
                    for side, color, values in (("A", MANY[0], a), ("B", MANY[1], b))
                ],
                name,
                dots=False,
            )
        )
        for name, (a, b) in _numbers(pair).items()
    ]


def _numbers(pair: Pair) -> dict[str, tuple[Array, Array]]:
    """Name -> its values in A and in B: state fields after each step, then the actions; vectors spread out."""
    columns = [_columns(episode) for episode in (pair.a, pair.b)]
    return {name: (columns[0][name], columns[1][name]) for name in columns[0]}


def _columns(episode: Transitions) -> dict[str, Array]:
    columns: dict[str, Array] = {}
    for prefix, group in (("", episode.next_state), ("action ", episode.action)):
        for name, array in group.items():
            values = np.asarray(array[:, 0], dtype=np.float64)
            if values.ndim == 1:
                columns[f"{prefix}{name}"] = values
            else:
                columns |= {f"{prefix}{name}[{i}]": values[:, i] for i in range(min(values.shape[1], _NUMBERS))}
    return columns


def episode_end(episode: Transitions, between: str = ", ") -> str:
    """How long it was, and how it ended."""
    length, _ = episode.shape
    return f"{length} steps{between}{'ended by itself' if episode.terminated[-1, 0] else 'to the time limit'}"
