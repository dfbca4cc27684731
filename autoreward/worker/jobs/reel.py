"""Film one episode so that a page can go through it: every frame in one picture, the step of each, and the episode itself."""

import io
import math
from collections.abc import Mapping

from PIL import Image

from autoreward.records import CLIP_FILE, REEL_ACROSS, REEL_EPISODE, SHEET_FILE, STILL_FILE
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.film import MILLISECONDS, webp
from autoreward.worker.jobs.records import WEIGHTS_FILE
from autoreward.worker.jobs.reel_record import ReelJob, ReelReport
from autoreward.worker.jobs.shots import Lens, Shot, shoot

_QUALITY = 55
_STILL = 88
"""Pixels that the small picture is wide."""


def reel(job: ReelJob, files: Mapping[str, bytes], context: JobContext) -> tuple[ReelReport, dict[str, bytes]]:
    """The frames of one deterministic episode.

    Raises CannotDraw where the environment can't be drawn on this machine.
    """
    lens = Lens(job.width, job.most)
    shot = shoot(job.task, files[WEIGHTS_FILE], job.seed, lens, context.closing)
    width, height = shot.pictures[0].size
    length = shot.episode.shape[0]
    at = tuple(min(i * shot.every, length) for i in range(len(shot.pictures)))
    made = {
        CLIP_FILE: webp(shot.pictures, MILLISECONDS),
        SHEET_FILE: _still_webp(sheet(shot)),
        STILL_FILE: _still_webp(_small(shot)),
        REEL_EPISODE: shot.episode.to_bytes(),
    }
    return ReelReport(at=at, width=width, height=height), made


def sheet(shot: Shot) -> Image.Image:
    """The pictures in rows of REEL_ACROSS, in their order."""
    width, height = shot.pictures[0].size
    count = len(shot.pictures)
    whole = Image.new("RGB", (width * min(REEL_ACROSS, count), height * math.ceil(count / REEL_ACROSS)), "white")
    for i, picture in enumerate(shot.pictures):
        whole.paste(picture, (width * (i % REEL_ACROSS), height * (i // REEL_ACROSS)))
    return whole


def _small(shot: Shot) -> Image.Image:
    """A moment in the last quarter, when most policies do what they do."""
    picture = shot.pictures[(len(shot.pictures) - 1) * 3 // 4]
    return picture.resize((_STILL, round(_STILL * picture.height / picture.width)))


def _still_webp(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return buffer.getvalue()
