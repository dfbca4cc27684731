"""Two to four policies in the same episode side by side: as a table in the terminal, and as a page with clips."""

import base64
import json
import operator
from collections.abc import Sequence
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


class Lineup(NamedTuple):
    """A question with what is shown of it."""

    question: Question
    episodes: tuple[Transitions, ...]
    """Of each policy that is shown, one column each."""
    films: tuple[Footage | None, ...]
    """None where the environment can't be drawn, or was not yet."""

    @property
    def names(self) -> tuple[str, ...]:
        """What those that are shown are called."""
        return side_names(len(self.episodes))

    @property
    def longest(self) -> int:
        """Steps of the longest episode."""
        return max(episode.shape[0] for episode in self.episodes)

    @property
    def at(self) -> list[int]:
        """The steps that a page goes through: those of the film that goes the furthest, or every step where nothing is drawn."""
        reels = [film.reel.at for film in self.films if film]
        furthest: tuple[int, ...] = max(reels, key=operator.itemgetter(-1), default=())
        return list(furthest or range(self.longest + 1))

    @property
    def area(self) -> str:
        """Where the charts' lines are in their drawings, and the last step in them, as JSON."""
        return json.dumps([*plot_area(), self.longest])


def side_names(count: int) -> tuple[str, ...]:
    """What `count` policies are called where they are shown: letters of a pair, else the numbers that they are chosen by."""
    return ("A", "B") if count == 2 else tuple(str(number) for number in range(1, count + 1))


def question_name(count: int) -> str:
    """What a question that shows so many is called."""
    return "pair" if count == 2 else "choice"


def lineup_table(lineup: Lineup, title: str) -> Fitting:
    """Every named number over the episode, side by side on one scale; blind: nothing tells whose policies they are."""
    beside = (_beside(lineup, title, _WIDTH, ", "), _beside(lineup, title, _NARROW, ",\n"))
    return Fitting(beside if len(lineup.names) == 2 else (*beside, _below(lineup, title)))


def _beside(lineup: Lineup, title: str, width: int, between: str) -> Table:
    """`width` of a trajectory; what is `between` the words about an episode's end."""
    table = Table(box=None, header_style="dim", pad_edge=False, title=title, title_justify="left")
    table.add_column("")
    for side, episode in zip(lineup.names, lineup.episodes, strict=True):
        table.add_column(f"{side}: {episode_end(episode, between)}", no_wrap=True)
        table.add_column("ends at", justify="right", no_wrap=True)
    for name, values in _numbers(lineup).items():
        table.add_row(name, *(cell for drawn in _drawn(values, width) for cell in drawn))
    return table


def _below(lineup: Lineup, title: str) -> Table:
    """A line for each policy, for a terminal that has no room for all beside each other."""
    table = Table(box=None, header_style="dim", pad_edge=False, title=title, title_justify="left")
    for name in ("", "", "over the episode"):
        table.add_column(name, no_wrap=True)
    table.add_column("ends at", justify="right", no_wrap=True)
    for side, episode in zip(lineup.names, lineup.episodes, strict=True):
        table.add_row("", side, episode_end(episode), "")
    for name, values in _numbers(lineup).items():
        for place, (side, cells) in enumerate(zip(lineup.names, _drawn(values, _WIDTH), strict=True)):
            table.add_row("" if place else name, side, *cells)
    return table


def _drawn(values: Sequence[Array], width: int) -> list[tuple[str, str]]:
    """A number over each episode, drawn on one scale, and what it ends at."""
    low, high = min(one.min() for one in values), max(one.max() for one in values)
    return [(sparkline(one, low, high, width), f"{one[-1]:.3g}") for one in values]


def sparkline(values: Array, low: float, high: float, width: int = _WIDTH) -> str:
    """A row of blocks for values of shape (n,) between `low` and `high`, at most `width` of them."""
    picked = values[np.linspace(0, len(values) - 1, min(len(values), width)).astype(int)]
    share = (picked - low) / (high - low) if high > low else np.full(len(picked), 0.5)
    return "".join(_BLOCKS[i] for i in np.clip(share * len(_BLOCKS), 0, len(_BLOCKS) - 1).astype(int))


def lineup_charts(task: Task, lineup: Lineup) -> list[Markup]:
    """A chart per number, a line for each policy over the steps of the episode."""
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
                    for side, color, values in zip(lineup.names, MANY, each, strict=False)
                ],
                name,
                dots=False,
            )
        )
        for name, each in _numbers(lineup).items()
    ]


def _numbers(lineup: Lineup) -> dict[str, list[Array]]:
    """Name -> its values in each episode: state fields after each step, then the actions; vectors spread out."""
    columns = [_columns(episode) for episode in lineup.episodes]
    return {name: [column[name] for column in columns] for name in columns[0]}


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
