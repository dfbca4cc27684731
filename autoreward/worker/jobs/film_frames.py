"""Frames of a film: the pictures of one policy or of several side by side, and below them the rule and the fields as they go."""

import itertools
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from autoreward.core.transitions import Transitions
from autoreward.evaluation.panels import Panel, jumps, panels, steps_held
from autoreward.tasks.card import Task
from autoreward.worker.jobs.shots import Shot

MARGIN, GAP, HEAD, FOOT, PANEL = 16, 16, 28, 30, 92
"""Pixels: around all, between things, above a picture, of the rule's line, and the height of a panel."""
PANELS = 6
"""Most panels below pictures; twice as many where there is no picture."""
_NUMBER = 62
"""Of a number beside a panel's title."""
INK, DIM, FAINT, GROUND, GOOD = "#1c2330", "#66707f", "#d9dee6", "#ffffff", "#14804a"
COLORS = (("#2563c9", "#c3d4f2"), ("#b04c08", "#ecd0bb"))
"""Of each policy: its line up to now, and all of it."""


class Performer(NamedTuple):
    """A policy in a film."""

    name: str
    shot: Shot
    success: bool | None
    """Of its episode; None without a rule."""


class Axes(NamedTuple):
    """How far the panels of a film reach, all of it long."""

    longest: int
    """Steps from left to right."""
    spans: tuple[tuple[float, float], ...]
    """Lowest and highest of each panel."""


def axes_of(task: Task, episodes: Sequence[Transitions]) -> Axes:
    """Axes that have room for each of the episodes, of shape (L, 1)."""
    named = {str(i): episode for i, episode in enumerate(episodes)}
    return Axes(max(e.shape[0] for e in episodes), tuple(_span(panel) for panel in panels(task, named)))


class FilmFrames:
    """Draws the frames of a film. `undrawn` says why there are no pictures; empty where there are."""

    def __init__(self, task: Task, actors: Sequence[Performer], width: int, undrawn: str, axes: Axes) -> None:
        """`width`: of a picture; a frame has one beside the other."""
        self._task, self._actors, self._undrawn, self._axes = task, actors, undrawn, axes
        self._column = width
        self._high = max((a.shot.pictures[0].height for a in actors if a.shot.pictures), default=FOOT)
        self._width = _even(2 * MARGIN + len(actors) * (width + GAP) - GAP)
        episodes = {str(i): actor.shot.episode for i, actor in enumerate(actors)}
        self._panels = list(islice(panels(task, episodes), PANELS * (2 if undrawn else 1)))
        self._holds = [steps_held(task, e) if task.ruled else None for e in episodes.values()]
        self._longest = max(e.shape[0] for e in episodes.values())
        self._across = max(min(self._width // 280, len(self._panels)), 1)
        rows = -(-len(self._panels) // self._across)
        self._below = MARGIN + HEAD + self._high + GAP
        self._height = _even(self._below + FOOT + rows * (PANEL + GAP) + MARGIN - GAP)
        self._small, self._large = (ImageFont.load_default(size) for size in (13, 16))
        self._still = self._drawn_once()

    def frames(self, every: int) -> Iterator[Image.Image]:
        """One after each `every` steps, from the start to the end of the longest episode; all of one size, which is even."""
        for step in [*range(0, self._longest, every), self._longest]:
            yield self._frame(step)

    def _frame(self, step: int) -> Image.Image:
        frame = self._still.copy()
        draw = ImageDraw.Draw(frame)
        for i, actor in enumerate(self._actors):
            left = MARGIN + i * (self._column + GAP)
            length = actor.shot.episode.shape[0]
            now = f"step {min(step, length)} of {length}"
            draw.text((left + self._column, MARGIN + 3), now, DIM, self._small, anchor="ra")
            if actor.shot.pictures:
                at = -(-min(step, length) // actor.shot.every)
                frame.paste(actor.shot.pictures[min(at, len(actor.shot.pictures) - 1)], (left, MARGIN + HEAD))
            self._rule(draw, i, left, step)
        for number in range(len(self._panels)):
            self._curves(draw, number, step)
        return frame

    def _rule(self, draw: ImageDraw.ImageDraw, i: int, left: int, step: int) -> None:
        """Whether the rule's condition holds now, and at the end whether the episode is a success."""
        holds, actor = self._holds[i], self._actors[i]
        if holds is None:
            return
        over = step >= len(holds)
        true = bool(actor.success) if over else step > 0 and bool(holds[step - 1])
        word = ("success" if true else "no success") if over else ("holds" if true else "does not hold")
        top = self._below + 2
        draw.rectangle((left, top + 2, left + 10, top + 12), GOOD if true else FAINT)
        said = self._fitted(f"{word}: {self._task.success_rule.text}", self._column - 18)
        draw.text((left + 18, top), said, GOOD if true else DIM, self._small)

    def _drawn_once(self) -> Image.Image:
        """What is the same in all frames."""
        still = Image.new("RGB", (self._width, self._height), GROUND)
        draw = ImageDraw.Draw(still)
        for i, actor in enumerate(self._actors):
            left = MARGIN + i * (self._column + GAP)
            draw.rectangle((left, MARGIN + 6, left + 10, MARGIN + 16), COLORS[i % len(COLORS)][0])
            draw.text((left + 18, MARGIN), self._fitted(actor.name, self._column - 130, self._large), INK, self._large)
            if self._undrawn:
                said = self._fitted(f"Drawn from its fields: {self._undrawn}", self._column)
                draw.text((left, MARGIN + HEAD), said, DIM, self._small)
        for number in range(len(self._panels)):
            self._curves(draw, number, None)
        return still

    def _place(self, number: int) -> tuple[int, int, int]:
        """Left, top and width of a panel."""
        width = (self._width - 2 * MARGIN - GAP * (self._across - 1)) // self._across
        row, column = divmod(number, self._across)
        return MARGIN + column * (width + GAP), self._below + FOOT + row * (PANEL + GAP), width

    def _curves(self, draw: ImageDraw.ImageDraw, number: int, step: int | None) -> None:
        """A panel's curves: all of them, faint, with title and limit; or, at a step, what there is up to it."""
        panel, (left, top, width), (low, high) = self._panels[number], self._place(number), self._axes.spans[number]
        ceiling, floor = top + 22, top + PANEL

        def point(at: int, value: float) -> tuple[float, float]:
            return left + at / self._axes.longest * width, floor - (value - low) / (high - low) * (floor - ceiling)

        if step is None:
            draw.text((left, top), self._fitted(panel.title, width - _NUMBER * len(panel.values) - 8), DIM, self._small)
            draw.rectangle((left, ceiling, left + width, floor), outline=FAINT)
            if panel.limit is not None:
                height = point(0, panel.limit)[1]
                for dash in range(left, left + width, 8):
                    draw.line((dash, height, min(dash + 4, left + width), height), INK)
        for i, values in enumerate(panel.values.values()):
            bright, faint = COLORS[i % len(COLORS)]
            shown = values if step is None else values[:step]
            if len(shown):
                line = [point(at, float(value)) for at, value in enumerate(shown, start=1)]
                for begin, end in itertools.pairwise((0, *jumps(shown, panel.period), len(line))):
                    piece = line[begin:end] if end > begin + 1 else line[begin:end] * 2
                    draw.line(piece, faint if step is None else bright, 2, joint="curve")
                if step is not None:
                    x, y = line[-1]
                    draw.ellipse((x - 3, y - 3, x + 3, y + 3), bright)
                    last = f"{float(shown[-1]):.3g}"
                    right = left + width - _NUMBER * (len(panel.values) - 1 - i)
                    draw.text((right, top), last, bright, self._small, anchor="ra")

    def _fitted(self, text: str, width: int, font: Any = None) -> str:
        """The text, cut to so many pixels."""
        font = font or self._small
        while text and font.getlength(text) > width:
            text = f"{text[:-4]}..." if len(text) > 4 else ""
        return text


def _span(panel: Panel) -> tuple[float, float]:
    """What a panel shows: from below the lowest of its numbers to above the highest."""
    every: list[NDArray[Any]] = [values[np.isfinite(values)] for values in panel.values.values()]
    known = np.concatenate([*every, [] if panel.limit is None else [panel.limit]])
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    room = 0.06 * (high - low) if high - low > 1e-9 else 0.5
    return low - room, high + room


def _even(pixels: int) -> int:
    return pixels + pixels % 2
