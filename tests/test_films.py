"""Clips that are gone through frame by frame: what a worker films, who is filmed, and what pages show of it."""

import io
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from html import unescape
from typing import Any

import gymnasium
import numpy as np
import pytest
from filmed import EVERY, FRAMES, TASK, finished, reel
from gymnasium import spaces
from in_process import HERE
from PIL import Image
from pydantic import ValidationError

from autoreward.core.transitions import Transitions
from autoreward.records import Reel, TrialId
from autoreward.report import films as films_file
from autoreward.report.films import films, films_of, films_within, stills
from autoreward.report.html import best_first, render
from autoreward.report.reading import RunView, read_run
from autoreward.session.clips import CLIPS_AT_MOST, candidates_looks, worth_a_look
from autoreward.tasks.card import Task
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.jobs.records import WEIGHTS_FILE
from autoreward.worker.jobs.reel import reel as filmed_reel
from autoreward.worker.jobs.reel_record import ReelJob


class Brightening(gymnasium.Env[Any, Any]):
    """An episode of 45 steps; its picture is as bright as it is late."""

    observation_space = spaces.Box(-2, 2, (2,), np.float32)
    action_space = spaces.Discrete(3)
    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode, self.done = render_mode, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.done = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.done += 1
        return np.full(2, 0.01 * self.done, np.float32), 0.0, False, False, {}

    def render(self) -> Any:
        return np.full((40, 80, 3), 5 * self.done, np.uint8)


@pytest.fixture
def task() -> Iterator[Task]:
    gymnasium.register("Brightening-v0", entry_point=Brightening, max_episode_steps=45, disable_env_checker=True)
    train = TASK.train.model_copy(update={"hyperparameters": {}})
    yield TASK.model_copy(update={"env": "Brightening-v0", "max_steps": None, "train": train})
    del gymnasium.registry["Brightening-v0"]


def test_every_frame_is_in_the_sheet_with_its_step(task: Task) -> None:
    with ExitStack() as closing:
        venv = policies.normalised(task, make.vectorised(task, 1, seed=0))
        closing.callback(venv.close)
        weights = policies.to_bytes(policies.blank(task, closing), venv)
        job = ReelJob(task=task, seed=3, width=40, most=20)
        report, files = filmed_reel(job, {WEIGHTS_FILE: weights}, HERE._replace(closing=closing))
    assert set(files) == set(job.makes(report))
    assert report.at == (*range(0, 45, 4), 45), "the start, every fourth step, and how it ends"
    assert (report.width, report.height) == (40, 20)
    sheet = Image.open(io.BytesIO(files["sheet.webp"])).convert("L")
    assert sheet.size == (400, 40)
    for i, step in enumerate(report.at):
        shade = sheet.getpixel((40 * (i % 10) + 20, 20 * (i // 10) + 10))
        assert isinstance(shade, int)
        assert abs(shade - 5 * step) <= 8, "lossy, and still its own"
    assert Transitions.from_bytes(files["episode.npz"]).shape == (45, 1)
    assert Image.open(io.BytesIO(files["still.webp"])).width == 88
    assert Image.open(io.BytesIO(files["clip.webp"])).n_frames > 10, "those that hardly differ may be one"


def test_what_is_said_of_frames_is_of_those_that_there_are() -> None:
    assert reel().at[-1] == EVERY * (FRAMES - 1)
    for wrong in ({"holds": (True,)}, {"parts": {"near": (1.0, 2.0, 3.0)}}):
        with pytest.raises(ValidationError, match="every frame but the first"):
            Reel(at=(0, 1, 2), width=8, height=8, **wrong)


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> RunView:
    folder = tmp_path_factory.mktemp("filmed") / "run"
    finished(folder)
    return read_run(folder)


def test_each_trained_candidate_has_a_clip_and_none_has_two_of_the_same_kind(reading: RunView) -> None:
    looks = worth_a_look(reading)
    more = candidates_looks(reading, looks)
    shown = [TrialId.parse(look.score.trial_id).candidate for look in more]
    trained = {s.score.candidate_id for s in reading.search_scores if s.score.outcome.ok}
    others = {TrialId.parse(look.score.trial_id).candidate for look in looks}
    assert sorted(shown) == sorted(trained - others)
    assert all(look.id == f"of-{who}" for look, who in zip(more, shown, strict=True))
    assert len(trained) <= CLIPS_AT_MOST


def test_a_page_knows_what_goes_on_at_each_frame(reading: RunView) -> None:
    page = render(reading)
    told = [json.loads(unescape(text)) for text in re.findall(r'data-film="([^"]*)"', page)]
    assert len(told) == len(reading.clips)
    winner = told[0]
    assert winner["at"][-1] == EVERY * (FRAMES - 1)
    assert [winner["across"], winner["rows"]] == [10, 3]
    assert winner["holds"] == [step >= 80 for step in winner["at"][1:]]
    assert winner["parts"] == [winner["at"][1:], [-step for step in winner["at"][1:]]]
    assert page.count('aria-label="what each part pays') == len([clip for clip in reading.clips if clip.id != "native"])
    (wrong,) = [film.caption for film in films(reading) if "goes wrong" in film.caption]
    assert wrong.endswith(": goes wrong after step 40: 67% of the way to the goal is done there, 0% after step 80"), (
        "native's"
    )
    assert page.count("<image ") == len(stills(reading).keys() & {v.candidate.id for v in reading.candidates}) > 0


def test_clips_of_a_page_have_a_limit_and_a_candidates_page_has_all_of_its_own(
    reading: RunView, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = best_first(reading)
    own = films_within(reading, order)
    assert sum(map(len, own.values())) + len(films(reading)) == len(reading.clips)
    one = next(iter(own.values()))[0]
    monkeypatch.setattr(films_file, "MOST_BYTES", one.size)
    assert len(films_within(reading, order)) == 1
    winner = reading.candidate(reading.finished.best)
    assert winner
    assert "the winner's best policy" in films_of(reading, winner)[0].caption
