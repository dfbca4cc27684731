"""Film one episode of a policy: a small animated WebP, of which every frame is a whole picture."""

import io
from collections.abc import Mapping, Sequence

from PIL import Image

from autoreward.records import CLIP_FILE
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import WEIGHTS_FILE, EmptyReport, FilmJob
from autoreward.worker.jobs.shots import Lens, shoot

LENS = Lens(width=240, frames=90)
MILLISECONDS = 50


def film(job: FilmJob, files: Mapping[str, bytes], context: JobContext) -> tuple[EmptyReport, dict[str, bytes]]:
    """`clip.webp` of one deterministic episode. Raises CannotDraw where the environment can't be drawn on this machine."""
    shot = shoot(job.task, files[WEIGHTS_FILE], job.seed, LENS, context.closing)
    return EmptyReport(), {CLIP_FILE: webp(shot.pictures, MILLISECONDS)}


def webp(pictures: Sequence[Image.Image], milliseconds: int, quality: int = 50, effort: int = 6) -> bytes:
    """An animation that goes round for ever; `effort`, up to 6, is what is done to make it small."""
    buffer = io.BytesIO()
    first, *others = pictures
    how = {"duration": milliseconds, "loop": 0, "quality": quality, "method": effort}
    first.save(buffer, "WEBP", save_all=True, append_images=others, **how)
    return buffer.getvalue()
