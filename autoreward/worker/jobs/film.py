"""Film one episode of a policy: a small animated WebP, of which every frame is a whole picture; or a few frames in one PNG."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from autoreward.records import CLIP_FILE, FRAMES_FILE
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import WEIGHTS_FILE, EmptyReport, FilmJob
from autoreward.worker.jobs.shots import Lens, Shot, shoot

LENS = Lens(width=240, frames=90)
MILLISECONDS = 50
_IN_A_ROW = 4
"""Frames of one picture that are side by side."""
_GAP = 4
"""Pixels between them."""


def film(job: FilmJob, files: Mapping[str, bytes], context: JobContext) -> tuple[EmptyReport, dict[str, bytes]]:
    """`clip.webp` or `frames.png` of one deterministic episode.

    Raises CannotDraw where the environment can't be drawn on this machine.
    """
    shot = shoot(job.task, files[WEIGHTS_FILE], job.seed, LENS, context.closing)
    if job.frames:
        return EmptyReport(), {FRAMES_FILE: framed(shot, job.frames)}
    return EmptyReport(), {CLIP_FILE: webp(shot.pictures, MILLISECONDS)}


def webp(pictures: Sequence[Image.Image], milliseconds: int, quality: int = 50, effort: int = 6) -> bytes:
    """An animation that goes round for ever; `effort`, up to 6, is what is done to make it small."""
    buffer = io.BytesIO()
    first, *others = pictures
    how = {"duration": milliseconds, "loop": 0, "quality": quality, "method": effort}
    first.save(buffer, "WEBP", save_all=True, append_images=others, **how)
    return buffer.getvalue()


def framed(shot: Shot, count: int) -> bytes:
    """A PNG of `count` frames from the first to the last, evenly spread, in rows of _IN_A_ROW, each with its step."""
    chosen = sorted({round(i) for i in np.linspace(0, len(shot.pictures) - 1, count).tolist()})
    width, height = shot.pictures[0].size
    rows = -(-len(chosen) // _IN_A_ROW)
    across, down = width + _GAP, height + _GAP
    sheet = Image.new("RGB", (across * min(_IN_A_ROW, len(chosen)) - _GAP, down * rows - _GAP), "gray")
    draw = ImageDraw.Draw(sheet)
    for place, index in enumerate(chosen):
        corner = (across * (place % _IN_A_ROW), down * (place // _IN_A_ROW))
        sheet.paste(shot.pictures[index], corner)
        step = f"step {min(index * shot.every, len(shot.episode.step))}"
        box = draw.textbbox((corner[0] + 4, corner[1] + 4), step)
        draw.rectangle((box[0] - 2, box[1] - 2, box[2] + 2, box[3] + 2), fill="white")
        draw.text((corner[0] + 4, corner[1] + 4), step, fill="black")
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
