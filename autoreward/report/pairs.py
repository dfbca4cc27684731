"""Two policies in the same episode side by side: as a table in the terminal, and as one page with clips."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from rich.table import Table

from autoreward.core.transitions import Transitions
from autoreward.core.wording import Command, Setting, in_shell
from autoreward.evaluation.panels import jumps
from autoreward.records import Question
from autoreward.report.charts import Series, chart
from autoreward.report.templates import page
from autoreward.tasks.card import Task

_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH = 24
"""Characters of a trajectory in the terminal."""
_NUMBERS = 3
"""Numbers of a vector field that are shown."""
Array = NDArray[np.float64]


class Pair(NamedTuple):
    """A question with what is shown of it."""

    question: Question
    a: Transitions
    """The episode of the policy shown as A, one column."""
    b: Transitions
    clip_a: bytes
    """An animated WebP; empty where the environment can't be drawn."""
    clip_b: bytes


def pair_table(pair: Pair, title: str) -> Table:
    """Every named number over the episode, A beside B on one scale; blind: nothing tells whose policies they are."""
    table = Table(box=None, header_style="dim", pad_edge=False, title=title, title_justify="left")
    table.add_column("")
    for side, episode in (("A", pair.a), ("B", pair.b)):
        table.add_column(f"{side}: {_end(episode)}", no_wrap=True)
        table.add_column("ends at", justify="right")
    for name, (a, b) in _numbers(pair).items():
        low, high = min(a.min(), b.min()), max(a.max(), b.max())
        table.add_row(name, sparkline(a, low, high), f"{a[-1]:.3g}", sparkline(b, low, high), f"{b[-1]:.3g}")
    return table


def sparkline(values: Array, low: float, high: float) -> str:
    """A row of blocks for values of shape (n,) between `low` and `high`, at most _WIDTH of them."""
    picked = values[np.linspace(0, len(values) - 1, min(len(values), _WIDTH)).astype(int)]
    share = (picked - low) / (high - low) if high > low else np.full(len(picked), 0.5)
    return "".join(_BLOCKS[i] for i in np.clip(share * len(_BLOCKS), 0, len(_BLOCKS) - 1).astype(int))


def pairs_page(task: Task, folder: Path, pairs: Sequence[Pair], undrawn: Sequence[str]) -> str:
    """One self-contained page: clips (or why there are none), curves of every number, and a box that collects the answers."""

    def prefer(**chosen: object) -> str:
        return in_shell(Command("prefer", (folder,), tuple(Setting(name, value) for name, value in chosen.items())))

    def charts(pair: Pair) -> list[Markup]:
        return _charts(task, pair)

    return page("pairs", task=task, prefer=prefer, pairs=pairs, undrawn=undrawn, clip=_clip, end=_end, charts=charts)


def _clip(data: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}"


def _charts(task: Task, pair: Pair) -> list[Markup]:
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
                        f"var(--{side.lower()})",
                        jumps(values, round_after(name)),
                    )
                    for side, values in (("A", a), ("B", b))
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


def _end(episode: Transitions) -> str:
    """How long it was, and how it ended."""
    length, _ = episode.shape
    return f"{length} steps, {'ended by itself' if episode.terminated[-1, 0] else 'to the time limit'}"
