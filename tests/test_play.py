"""Films of saved policies: who is filmed, what a frame shows, and what happens where an environment can't be drawn."""

import io
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from in_process import HERE
from PIL import Image
from typer.testing import CliRunner
from undrawn import TASK, episodes, finished

from autoreward.cli import app
from autoreward.errors import MissingExtra, UsageError
from autoreward.evaluation.legs import middle, newest
from autoreward.evaluation.panels import steps_held
from autoreward.report.beside_native import fresh_seeds_sentence
from autoreward.report.reading import RunView, read_run
from autoreward.session.loaded import LoadedRun
from autoreward.session.play import Film, cast, cast_both, cast_over_training
from autoreward.tasks.card import Task
from autoreward.training.workers import Workers
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.jobs.film import webp
from autoreward.worker.jobs.film_frames import COLORS, FAINT, GOOD, FilmFrames, Performer, axes_of
from autoreward.worker.jobs.play import LAPSE_REST, film_large
from autoreward.worker.jobs.play_record import PlayJob, PlayReport
from autoreward.worker.jobs.shots import Shot


class Rolling(gymnasium.Env[Any, Any]):
    """A ball that comes to the flag in 40 steps; its picture is as bright as it is far."""

    observation_space = spaces.Box(-2, 2, (2,), np.float32)
    action_space = spaces.Discrete(3)
    metadata = {"render_modes": ["rgb_array"], "render_fps": 60}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode, self.place = render_mode, 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.place = 0.0
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.place += 0.02
        return self._seen(), 0.0, False, False, {}

    def render(self) -> Any:
        return np.full((30, 60, 3), round(200 * self.place), np.uint8)

    def _seen(self) -> Any:
        return np.array([self.place, 0.02], np.float32)


class Dark(Rolling):
    """Its renderer breaks."""

    def render(self) -> Any:
        raise OSError("no screen")


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    for kind in (Rolling, Dark):
        gymnasium.register(f"{kind.__name__}-v0", entry_point=kind, max_episode_steps=40, disable_env_checker=True)
    yield
    for kind in (Rolling, Dark):
        del gymnasium.registry[f"{kind.__name__}-v0"]


def task_of(env: str) -> Task:
    train = TASK.train.model_copy(update={"hyperparameters": {}})
    return TASK.model_copy(update={"env": env, "max_steps": None, "train": train})


def weights(task: Task) -> bytes:
    with ExitStack() as closing:
        venv = policies.normalised(task, make.vectorised(task, 1, seed=0))
        closing.callback(venv.close)
        return policies.to_bytes(policies.blank(task, closing), venv)


def played(env: str, **chosen: Any) -> tuple[PlayReport, bytes]:
    task = task_of(env)
    job = PlayJob(task=task, seed=3, width=160, **chosen)
    report, files = film_large(job, dict.fromkeys(job.takes, weights(task)), HERE)
    return report, files[job.file]


def test_a_film_shows_each_policy_in_the_environments_own_time() -> None:
    report, data = played("Rolling-v0", names=("one", "two"))
    assert report == PlayReport(success=(True, True), length=(40, 40))
    film = Image.open(io.BytesIO(data))
    assert film.n_frames == 21, (
        "60 steps a second, of which 30 frames are enough: every other of 40 steps, and the start"
    )
    assert film.width == 16 + 160 + 16 + 160 + 16
    seen = []
    for frame in (0, 10, 20):
        film.seek(frame)
        seen.append(film.convert("RGB").getpixel((16 + 80, 16 + 28 + 30))[0])
    assert seen == pytest.approx([0, 80, 160], abs=8)


def test_a_time_lapse_shows_one_policy_after_the_other() -> None:
    report, data = played("Rolling-v0", names=("one", "two", "three"), lapse=True)
    assert report.success == (True, True, True)
    film = Image.open(io.BytesIO(data))
    assert film.width == 16 + 160 + 16, "one picture"
    film.seek(film.n_frames - 1)
    assert film.convert("RGB").getpixel((16 + 80, 16 + 28 + 30))[0] == pytest.approx(160, abs=8)
    durations = []
    for frame in range(film.n_frames):
        film.seek(frame)
        film.load()
        durations.append(film.info["duration"])
    scene = 20 / 30 + 1 / 30 + LAPSE_REST
    assert sum(durations) / 1000 == pytest.approx(3 * scene, rel=0.05), "each ends, stays, and the next begins"


def test_scenes_of_a_time_lapse_have_the_same_axes() -> None:
    short, long = episodes((4,)), episodes((8,))
    axes = axes_of(TASK, [short, long])
    assert axes.longest == 8
    assert axes.spans == axes_of(TASK, [long, short]).spans
    reached = []
    for episode in (short, long):
        made = FilmFrames(TASK, [Performer("who", Shot(episode, (), 1, 20.0), True)], 200, "dark", axes)
        first_chart = list(made.frames(8))[-1].crop((0, 142, 232, 212))  # below its title
        bright = tuple(int(COLORS[0][0][i : i + 2], 16) for i in (1, 3, 5))
        reached.append(max(at % 232 for at, p in enumerate(first_chart.get_flattened_data()) if p == bright) - 16)
    assert reached == pytest.approx([100, 200], abs=6), "4 of 8 steps end half way"


def test_an_environment_that_cannot_be_drawn_is_drawn_from_its_fields() -> None:
    report, data = played("Dark-v0", names=("one",))
    assert report.undrawn == "OSError: no screen"
    assert report.success == (True,)
    assert Image.open(io.BytesIO(data)).n_frames > 5


def test_an_mp4_has_the_same_frames() -> None:
    av = pytest.importorskip("av")
    _, data = played("Rolling-v0", names=("one",), form="mp4")
    with av.open(io.BytesIO(data)) as film:
        frames = list(film.decode(video=0))
    assert len(frames) == 21
    assert frames[0].width % 2 == frames[0].height % 2 == 0


def test_an_mp4_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    job = PlayJob(task=TASK, seed=0, names=("one",), form="mp4")
    with pytest.raises(MissingExtra, match=r"autoreward-rl\[film\]"):
        Workers.play(Workers.__new__(Workers), job, [b""])


def stage(success: bool) -> tuple[FilmFrames, int]:
    episode = episodes((4,))
    shot = Shot(episode, (Image.new("RGB", (200, 50), "#123456"),) * 5, 1, 20.0)
    return FilmFrames(TASK, [Performer("who", shot, success)], 200, "", axes_of(TASK, [episode])), episode.shape[0]


@pytest.mark.parametrize(("success", "color"), [(True, GOOD), (False, FAINT)])
def test_the_rule_is_shown_as_it_goes_and_ends_with_the_verdict(success: bool, color: str) -> None:
    made, length = stage(success)
    frames = list(made.frames(1))
    assert len(frames) == length + 1
    marks = ["#{:02x}{:02x}{:02x}".format(*frame.getpixel((16 + 5, 16 + 28 + 50 + 16 + 8))) for frame in frames]
    assert steps_held(TASK, episodes((4,))).tolist() == [False, False, True, True]
    assert marks == [FAINT, FAINT, FAINT, GOOD, color], "by the steps so far; the last frame has the episode's verdict"


def test_curves_grow_with_the_frame() -> None:
    made, _ = stage(True)
    bright = tuple(int(COLORS[0][0][i : i + 2], 16) for i in (1, 3, 5))
    drawn = [sum(p == bright for p in frame.get_flattened_data()) for frame in made.frames(1)]
    assert drawn == sorted(drawn)
    assert drawn[-1] > drawn[1] > drawn[0]


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> RunView:
    folder = tmp_path_factory.mktemp("runs") / "run"
    finished(folder)
    return read_run(folder)


def test_the_winner_is_filmed_with_the_weights_of_its_best_training(reading: RunView) -> None:
    (role,) = cast(reading)
    assert reading.run
    assert role.name.startswith(f"{reading.run.best}, ")
    own = [s for s in reading.confirm_scores if s.score.trial_id.startswith(f"{reading.run.best}-")]
    best = max(own, key=lambda s: s.score.success)
    assert role.weights == reading.weights(best.page, best.score)
    assert cast(reading, reading.run.best) == cast(reading, "winner") == (role,)


def test_side_by_side_compares_the_middle_trainings(reading: RunView) -> None:
    assert reading.run
    for role, who in zip(cast_both(reading, "native", "winner"), ("native", reading.run.best), strict=True):
        own = [s for s in reading.confirm_scores if s.score.trial_id.startswith(f"{who}-")]
        own.sort(key=lambda s: (s.score.success, s.score.mean_success, s.score.progress))
        lesser = own[(len(own) - 1) // 2]
        assert len(own) > 1
        assert role.weights == reading.weights(lesser.page, lesser.score) != cast(reading, who)[0].weights
        assert role.who == who
    fresh = {c.who for c in reading.run.confirmed}
    lost = next(v.candidate.id for v in reading.candidates if v.scores and v.candidate.id not in fresh)
    (role,) = cast_both(reading, lost)
    last = newest([s.score for s in reading.search_scores if s.score.candidate_id == lost])
    ends = list(last.values())
    assert role.name == f"{lost}, {middle(ends)[0].kept:,} steps", "where its training was left, and no leg on the way"
    with pytest.raises(UsageError, match="choose before, beside or time_lapse"):
        LoadedRun(reading).play(before=True, beside="native")


def test_a_training_and_a_baseline_can_be_named(reading: RunView) -> None:
    assert cast(reading, "native")[0].name.startswith("native, ")
    first = reading.confirm_scores[0]
    assert cast(reading, first.score.trial_id)[0].weights == reading.weights(first.page, first.score)


def test_before_is_the_first_that_was_saved(reading: RunView) -> None:
    first, kept = cast(reading, before=True)
    steps = [int(role.name.rpartition(", ")[2].split()[0].replace(",", "")) for role in (first, kept)]
    assert steps[0] == min(t.checkpoints[0] for t in reading.confirm_trials)
    assert steps[0] <= steps[1]


def test_a_time_lapse_goes_through_all_that_one_training_saved(reading: RunView) -> None:
    assert reading.run
    confirmed = {c.who for c in reading.run.confirmed}
    training = next(f"{v.candidate.id}-s0" for v in reading.candidates if v.scores and v.candidate.id not in confirmed)
    legs = [s.score for s in reading.search_scores if s.score.trial_id.startswith(training)]
    points = {point.step: point for score in legs for point in score.checkpoints}
    roles = cast_over_training(reading, training)
    assert len(roles) > 1
    assert [r.name for r in roles] == [
        f"{training}, {n:,} steps, success {points[n].success:.2f}" for n in sorted(points)
    ]
    assert cast(reading, training)[0].weights in [role.weights for role in roles]
    film = Film(b"", "webp", ("a", "b"), PlayReport(success=(False, True), length=(3, 4)), lapse=True)
    assert film.sentence == "a: 3 steps, no success\nb: 4 steps, a success."


def test_fresh_seeds_are_told_of_two_that_were_confirmed(reading: RunView) -> None:
    assert reading.run
    best, said = reading.run.best, {c.who: f"{c.estimate.value:.2f}" for c in reading.run.confirmed}
    roles = (*cast(reading, "native"), *cast(reading))
    told = fresh_seeds_sentence(reading.run, [role.who for role in roles])
    over = f"{len(reading.run.confirmed[0].success)} fresh training seeds"
    assert told == f"Success in held-out episodes over {over}: native {said['native']}, {best} {said[best]}."
    assert said["native"] != said[best]
    assert fresh_seeds_sentence(reading.run, ["native", "r009c9"]) == ""
    assert fresh_seeds_sentence(reading.run, [best, best]) == "", "before and after are one reward"
    film = Film(b"", "webp", ("a", "b"), PlayReport(success=(True, False), length=(3, 4)), told)
    assert film.sentence == f"a: 3 steps, a success; b: 4 steps, no success. {told}"


def test_an_unknown_name_is_told_what_there_is(reading: RunView) -> None:
    with pytest.raises(UsageError, match=r"no policy of 'nativ': it has .*native.* Did you mean 'native'"):
        cast(reading, "nativ")
    with pytest.raises(KeyError, match="r000c0"):
        LoadedRun(reading)["r009c9"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--candidate r009c9", "no policy of 'r009c9'"),
        ("--side-by-side native", "requires 2 arguments"),
        ("--side-by-side native sparse --before", "leave --candidate, --before and --time-lapse out"),
        ("--time-lapse --before", "leave --before out"),
        ("--mp4 a.mp4 --to b.webp", "choose one"),
        ("--to nowhere/film.webp", "there is no folder nowhere"),
        ("--seed -1", "greater than or equal to 0"),
    ],
)
def test_wrong_wishes_are_one_sentence(reading: RunView, options: str, said: str) -> None:
    done = CliRunner().invoke(app, ["play", str(reading.folder), *options.split()], standalone_mode=False)
    assert said in str(done.exception)


def test_a_film_that_is_there_stays(reading: RunView, tmp_path: Path) -> None:
    target = tmp_path / "film.webp"
    target.write_bytes(b"mine")
    done = CliRunner().invoke(app, ["play", str(reading.folder), "--to", str(target)])
    assert "is there already" in str(done.exception)
    assert target.read_bytes() == b"mine"


def test_a_film_says_how_it_went_and_shows_itself(tmp_path: Path) -> None:
    report = PlayReport(undrawn="no <screen>", success=(True, None), length=(3, 4))
    film = Film(webp([Image.new("RGB", (8, 8))], 50), "webp", ("a", "<b>"), report)
    assert film.sentence.startswith("a: 3 steps, a success; <b>: 4 steps, no rule judges it. Drawn from its fields")
    assert repr(film) == f"<film of {len(film.data):,} bytes: {film.sentence} .save(PATH) keeps it>"
    shown = film._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert film.save(tmp_path / "f.webp").read_bytes() == film.data
    with pytest.raises(UsageError, match="can't be written"):
        film.save(tmp_path / "none" / "f.webp")


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:You have specified a mini-batch size"
)  # of the blank model here, which trains nothing
def test_a_policy_of_a_run_is_filmed_in_a_worker(tmp_path: Path) -> None:
    from autoreward.session.play import FilmedPolicy, filmed_roles

    finished(tmp_path / "run")
    film = filmed_roles(read_run(tmp_path / "run"), [FilmedPolicy("untrained", weights(TASK))], seed=1)
    assert film.report.length == (200,)
    assert Image.open(io.BytesIO(film.data)).n_frames == 201
