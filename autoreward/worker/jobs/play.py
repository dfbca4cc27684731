"""Film an episode of a policy, of two side by side or of several in turn, large, with rule and fields below: a WebP or an MP4."""

import io
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

import numpy as np
from PIL import Image

from autoreward.errors import CannotDraw
from autoreward.worker.envs import make
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.film import webp
from autoreward.worker.jobs.film_frames import FilmFrames, Performer, axes_of
from autoreward.worker.jobs.play_record import PlayJob, PlayReport
from autoreward.worker.jobs.shots import Lens, Shot, shoot
from autoreward.worker.success import SuccessRule

FRAMES = 300
"""Most frames of a film; longer episodes are shown faster."""
LAPSE_FRAMES, LAPSE_SECONDS, LAPSE_REST = 60, 3.0, 0.6
"""Of one episode of a time-lapse: most frames, most seconds, and seconds for which its end stays."""
QUALITY, EFFORT = 80, 1
"""Of a WebP: a person waits for it, and nobody sends it on."""


def film_large(job: PlayJob, files: Mapping[str, bytes], context: JobContext) -> tuple[PlayReport, dict[str, bytes]]:
    """The film, and how each episode went. Where the environment can't be drawn, of its fields alone; the report says why."""
    undrawn, shots, most = "", [], LAPSE_FRAMES if job.lapse else FRAMES
    try:
        shots = _shots(job, files, Lens(job.width, most), context)
    except CannotDraw as error:
        undrawn, shots = str(error), _shots(job, files, None, context)
    limit = _time_limit(job, context)
    rule = SuccessRule(job.task, limit)
    won = []
    for shot in shots:
        states = {name: array[:, 0] for name, array in shot.episode.rule_fields.items()}
        won.append(rule.succeeded(states, bool(shot.episode.terminated[-1, 0])) if job.task.ruled else None)
    actors = [Performer(name, shot, success) for name, shot, success in zip(job.names, shots, won, strict=True)]
    axes = axes_of(job.task, [shot.episode for shot in shots])
    every = max(*(shot.every for shot in shots), -(-axes.longest // most))
    rate = min(max(max(shot.rate for shot in shots) / every, most / LAPSE_SECONDS * job.lapse), 50.0)
    scenes = [[actor] for actor in actors] if job.lapse else [actors]
    drawn = [FilmFrames(job.task, scene, job.width, undrawn, axes) for scene in scenes]
    frames = _in_turn([made.frames(every) for made in drawn], round(LAPSE_REST * rate * job.lapse))
    data = _mp4(frames, rate) if job.form == "mp4" else webp(list(frames), round(1000 / rate), QUALITY, EFFORT)
    report = PlayReport(undrawn=undrawn, success=tuple(won), length=tuple(s.episode.shape[0] for s in shots))
    return report, {job.file: data}


def _shots(job: PlayJob, files: Mapping[str, bytes], lens: Lens | None, context: JobContext) -> list[Shot]:
    return [shoot(job.task, files[name], job.seed, lens, context.closing) for name in job.takes]


def _in_turn(scenes: Iterable[Iterator[Image.Image]], rest: int) -> Iterator[Image.Image]:
    """The frames of each, and so many times more its last one."""
    for frames in scenes:
        shown = list(frames)
        yield from shown + shown[-1:] * rest


def _time_limit(job: PlayJob, context: JobContext) -> int:
    venv = make.vectorised(job.task, 1, seed=0)
    context.closing.callback(venv.close)
    return venv.time_limit


def _mp4(frames: Iterator[Image.Image], rate: float) -> bytes:
    """H.264, as every browser and player shows it."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=Fraction(rate).limit_denominator(1000))
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        for number, frame in enumerate(frames):
            if not number:
                stream.width, stream.height = frame.size
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame), format="rgb24")))
        film.mux(stream.encode())
    return buffer.getvalue()
