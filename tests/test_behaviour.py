"""What policies do: clips where the environment can be drawn, plots of known episodes where it can't."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from in_process import HERE
from undrawn import TASK, WHY, episodes, finished

from autoreward.errors import CannotDraw
from autoreward.records import Clip
from autoreward.report.behaviour import LINE_POINTS, plotted
from autoreward.report.charts import Series, chart
from autoreward.report.html import render
from autoreward.report.reading import RunView, read_run
from autoreward.tasks.formulas.expression import Expression
from autoreward.worker.jobs.film import film
from autoreward.worker.jobs.records import WEIGHTS_FILE, FilmJob


class Unseen(gymnasium.Env[Any, Any]):
    """Lives for one step and has nothing to show."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(3)
    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def render(self) -> Any:
        return None


class Blind(Unseen):
    """Its renderer breaks."""

    def render(self) -> Any:
        raise OSError("no screen\nwas found")


class Modeless(Unseen):
    """Takes no render_mode at all."""

    def __init__(self) -> None:
        super().__init__()


class Graphicless(Unseen):
    """Its renderer ends as MuJoCo's does without OpenGL."""

    def render(self) -> Any:
        raise type("FatalError", (Exception,), {"__module__": "mujoco"})(
            "an OpenGL platform library has not been loaded"
        )


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    for kind in (Unseen, Blind, Modeless, Graphicless):
        gymnasium.register(f"{kind.__name__}-v0", entry_point=kind, max_episode_steps=3, disable_env_checker=True)
    yield
    for kind in (Unseen, Blind, Modeless, Graphicless):
        del gymnasium.registry[f"{kind.__name__}-v0"]


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ("Unseen-v0", "gives no picture but NoneType"),
        ("Blind-v0", "^OSError: no screen was found$"),
        ("Modeless-v0", "render_mode"),
        ("Graphicless-v0", "install EGL or OSMesa"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*render_mode")
def test_an_environment_that_cannot_be_drawn_says_why(env: str, why: str) -> None:
    task = TASK.model_copy(update={"env": env, "max_steps": None})
    with pytest.raises(CannotDraw, match=why):
        film(FilmJob(task=task, seed=0), {WEIGHTS_FILE: b""}, HERE)


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> RunView:
    folder = tmp_path_factory.mktemp("undrawn") / "run"
    finished(folder)
    return read_run(folder)


def points(svg: str) -> list[tuple[float, float]]:
    found = re.search(r'points="([^"]*)"', svg)
    assert found
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in found[1].split())]


def test_the_page_says_that_it_is_a_plot_and_why(reading: RunView) -> None:
    page = " ".join(render(reading).split())
    assert "Plots of one episode, not clips: this environment could not be drawn on this machine" in page
    assert "gives no picture but &lt;NoneType&gt;" in page
    assert "a dashed line is a limit that the success rule sets" in page
    assert "<img" not in page


def test_a_plot_shows_the_first_episode_and_nothing_after_its_end(reading: RunView) -> None:
    made = plotted(reading)
    assert made
    assert made.why == (WHY,)
    rule, velocity = made.charts
    assert "position &gt;= flag = 0.5" in rule
    drawn = points(rule)
    assert len(drawn) == 4
    assert [round(y, 1) for _, y in drawn] == sorted((round(y, 1) for _, y in drawn), reverse=True)
    limit = re.search(r'class="limit"[^>]*y1="([\d.]+)"', rule)
    assert limit
    assert float(limit[1]) == pytest.approx((drawn[0][1] + drawn[-1][1]) / 2, abs=0.1)
    assert "limit" not in velocity
    assert "4 steps" in made.legend


def test_a_long_episode_is_thinned_and_keeps_its_ends(tmp_path: Path, reading: RunView) -> None:
    shutil.copytree(reading.folder, tmp_path / "run")
    for file in (tmp_path / "run").rglob("episodes.npz"):
        file.write_bytes(episodes((1000,)).to_bytes())
    made = plotted(read_run(tmp_path / "run"))
    assert made
    drawn = points(made.charts[0])
    assert len(drawn) == LINE_POINTS
    assert drawn[0][1] > drawn[-1][1]


def test_a_clip_is_shown_where_there_is_one(tmp_path: Path, reading: RunView) -> None:
    shutil.copytree(reading.folder, tmp_path / "run")
    for record in (tmp_path / "run" / "clips").glob("*.json"):
        clip = Clip.model_validate_json(record.read_bytes())
        record.write_text(clip.model_copy(update={"why_not": ""}).model_dump_json())
        (record.with_suffix("")).mkdir()
        (record.with_suffix("") / "clip.webp").write_bytes(b"moving")
    filmed = read_run(tmp_path / "run")
    assert plotted(filmed) is None
    assert render(filmed).count('<img src="data:image/webp;base64,bW92aW5n"') == len(filmed.clips) > 0


def test_limits_of_a_rule() -> None:
    rule = Expression("norm(gap) < close and not terminated or 0.5 <= x and a < b and -1 < y < 1", "here")
    assert [(each.text, each.side.text) for each in rule.limits({"close"})] == [
        ("norm(gap) < close", "norm(gap)"),
        ("0.5 <= x", "x"),
        ("-1 < y", "y"),
        ("y < 1", "y"),
    ]


def test_ticks_are_round_numbers_inside_the_axis() -> None:
    svg = chart([Series("one", [(0, -0.0588), (50, 0.307)], "red")], "gap")
    assert re.findall(r'text-anchor="end">([^<]*)<', svg)[:4] == ["0", "0.1", "0.2", "0.3"]
    assert ">1.5k<" in chart([Series("one", [(0, 0), (1, 1530)], "red")], "return")
