"""A finished run whose environment could not be drawn, with known episodes."""

from pathlib import Path

import numpy as np
from fake_steps import FakeSteps

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.loop import improve
from autoreward.records import Clip
from autoreward.report.reading import read_run
from autoreward.search.study import Study
from autoreward.session.clips import worth_a_look
from autoreward.store.book import Book, RunHeader
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
WHY = "the environment's renderer gives no picture but <NoneType>"


def episodes(lengths: tuple[int, ...] = (4, 6)) -> Transitions:
    """Episodes side by side; the car of each goes from 0 to 1 in equal steps, and 9 stands where an episode is over."""
    steps = np.arange(1, max(lengths) + 1)[:, None]
    on = steps <= np.array(lengths)
    place = np.where(on, (steps - 1) / (np.array(lengths) - 1), 9.0)
    fields = {"position": place, "velocity": np.where(on, 0.1, 9.0)}
    return Transitions(fields, {"push": place}, fields, np.where(on, steps, 0), steps == np.array(lengths))


def finished(folder: Path) -> None:
    """Make the run."""
    with Book.create(folder, RunHeader.of(TASK, RunConfig(rounds=2, candidates=3, target=1.0))) as book:
        improve(Study(TASK, book.header.config, FakeSteps(), book, lambda event: None))
        for look in worth_a_look(read_run(folder)):
            clip = Clip(id=look.id, trial_id=look.score.trial_id, page=look.page, why_not=WHY)
            book.write(f"clips/{look.id}.json", clip.model_dump_json().encode())
            book.write(f"{look.page}/scores/{look.score.trial_id}/episodes.npz", episodes().to_bytes())
