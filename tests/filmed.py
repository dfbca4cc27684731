"""A finished run whose policies were filmed: frames that are each of one gray, and known parts."""

import io
from pathlib import Path

import numpy as np
from fake_steps import FakeSteps
from PIL import Image

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.evaluation.wrong_turns import first_error
from autoreward.judges.sides import Side
from autoreward.loop import improve
from autoreward.records import SHEET_FILE, Clip, Reel
from autoreward.report.reading import read_run
from autoreward.search.study import Study
from autoreward.session.clips import candidates_looks, worth_a_look
from autoreward.store.book import Book, RunHeader, WithFiles
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
FRAMES, EVERY = 25, 4
"""Frames of a clip, and steps from one to the next."""


def sheet(count: int = FRAMES, size: tuple[int, int] = (24, 16)) -> bytes:
    """Frames in rows of ten, the n-th of gray 10 n."""
    width, height = size
    whole = Image.new("RGB", (10 * width, -(-count // 10) * height), "white")
    for i in range(count):
        whole.paste((10 * i,) * 3, (i % 10 * width, i // 10 * height, (i % 10 + 1) * width, (i // 10 + 1) * height))
    buffer = io.BytesIO()
    whole.save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def reel(parts: tuple[str, ...] = ("near", "time")) -> Reel:
    """The rule holds from step 80 on; the first part pays the step, the second as much less."""
    at = tuple(EVERY * i for i in range(FRAMES))
    pays = {name: tuple(float(step) * (-1) ** k for step in at[1:]) for k, name in enumerate(parts)}
    return Reel(at=at, width=24, height=16, holds=tuple(step >= 80 for step in at[1:]), parts=pays)


def ride(succeeds: bool) -> Transitions:
    """One episode: to the flag by step 80; or two thirds of the way by step 40, and back again by step 80."""
    steps = np.arange(1, EVERY * (FRAMES - 1) + 1)
    position = np.interp(steps, [1, 40, 80], [-0.4, 0.2, 0.5 if succeeds else -0.4])[:, None]
    state = {"position": position, "velocity": np.zeros_like(position)}
    action, ended = {"push": np.ones(position.shape, int)}, np.zeros(position.shape, bool)
    return Transitions(state, action, state, steps[:, None], ended)


class StillCamera:
    """Films of which the n-th frame is of gray 10 n."""

    def film(self, side: Side) -> WithFiles[Reel]:
        """The same of every side."""
        return WithFiles(reel(()).model_copy(update={"holds": ()}), {SHEET_FILE: sheet()})


def finished(folder: Path, candidates: int = 3) -> None:
    """Make the run, with a clip of everybody who gets one; native has no parts."""
    with Book.create(folder, RunHeader.of(TASK, RunConfig(rounds=2, candidates=candidates, target=1.0))) as book:
        improve(Study(TASK, book.header.config, FakeSteps(width=candidates), book, lambda event: None))
        reading = read_run(folder)
        looks = worth_a_look(reading)
        for look in (*looks, *candidates_looks(reading, looks)):
            own = reel(()) if look.id == "native" else reel()
            own = own.model_copy(update={"first_error": first_error(TASK, ride(succeeds=look.id != "native"))})
            clip = Clip(id=look.id, trial_id=look.score.trial_id, page=look.page, reel=own)
            book.write(f"clips/{look.id}.json", clip.model_dump_json().encode())
            for name in ("clip.webp", "sheet.webp"):
                book.write(f"clips/{look.id}/{name}", sheet())
            book.write(f"clips/{look.id}/still.webp", sheet(1))
