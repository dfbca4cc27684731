"""Hold pictures of an episode against what the card says is seen where its goal is reached."""

from collections.abc import Callable, Mapping

import numpy as np

from autoreward.worker.image_text import ImageText, ImageTextEncoder, clip_encoder
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import WEIGHTS_FILE
from autoreward.worker.jobs.shots import Lens, shoot, start_picture
from autoreward.worker.jobs.similarity_record import Similarities, SimilarityJob

_LENS = Lens(width=336, frames=16)
"""No narrower than what CLIP models see: the largest take squares of 336 pixels."""


def similarity(
    job: SimilarityJob,
    files: Mapping[str, bytes],
    context: JobContext,
    encoder: Callable[[str], ImageTextEncoder] = clip_encoder,
) -> tuple[Similarities, dict[str, bytes]]:
    """Of the frames of one deterministic episode; `encoder` opens a folder of weights.

    Raises:
        CannotDraw: the environment can't be drawn on this machine.
        TaskError, MissingExtra: there is no such model, or it tells the goal not from the baseline.
    """
    said = job.task.judge
    like = ImageText(
        encoder(job.folder), said.goal or job.task.goal, said.baseline, said.strength if said.baseline else 0.0
    )
    if job.played:
        pictures = shoot(job.task, files[WEIGHTS_FILE], job.seed, _LENS, context.closing).pictures
    else:
        pictures = (start_picture(job.task, job.seed, _LENS, context.closing),)
    return Similarities(frames=tuple(like.of([np.asarray(picture) for picture in pictures]).tolist())), {}
