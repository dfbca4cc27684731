"""What people or models prefer, as tables for terminals."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoreward.report.agreement import agreement, beaten, weights_said, what_is_preferred
from autoreward.report.fitting import Fitting
from autoreward.report.reading import RunView


def preferences(reading: RunView) -> RenderableType:
    """The candidates as people or models rank them, and whether the measurement agrees."""
    table = Table(box=None, header_style="dim", pad_edge=False, title=what_is_preferred(reading), title_justify="left")
    for name in ("candidate", "strength", "preferred", "not", "ties", "beat", "measured"):
        left = name in ("candidate", "beat")
        table.add_column(name, justify="left" if left else "right", no_wrap=name != "beat")
    for s in reading.strengths.items:
        cells = (f"{s.value:+.2f} ± {s.error:.2f}", str(s.won), str(s.lost), str(s.tied))
        table.add_row(
            s.candidate_id, *cells, beaten(reading.preferences, s.candidate_id), reading.measured_place(s.candidate_id)
        )
    return Group(
        Fitting((table,)), *_principles(reading), *_similarities(reading), Text(agreement(reading)), *_weights(reading)
    )


def _weights(reading: RunView) -> list[RenderableType]:
    told = reading.answered_weights
    return [Text(weights_said(told))] if told else []


def _principles(reading: RunView) -> list[RenderableType]:
    """What models gave each candidate by each principle of the card, if there are any."""
    scores = reading.principles
    if not scores:
        return []
    table = Table(box=None, header_style="dim", pad_edge=False, title="By principle, from 1 to 5", title_justify="left")
    for name in ("candidate", *reading.header.task.judge.principles):
        table.add_column(Text(name), justify="left" if name == "candidate" else "right")
    for s in reading.strengths.items:
        if s.candidate_id in scores:
            table.add_row(s.candidate_id, *(f"{score:.1f}" for score in scores[s.candidate_id]))
    return [table]


def _similarities(reading: RunView) -> list[RenderableType]:
    """What image-text models made of each candidate's pictures, if any judge."""
    judges = reading.similarities
    if not judges:
        return []
    table = Table(box=None, header_style="dim", pad_edge=False, title="Similarity with the goal", title_justify="left")
    for name in ("candidate", *judges):
        table.add_column(Text(name), justify="left" if name == "candidate" else "right")
    for s in reading.strengths.items:
        means = [of.get(s.candidate_id) for of in judges.values()]
        if any(means):
            table.add_row(s.candidate_id, *(mean.said if mean else "-" for mean in means))
    return [table]
