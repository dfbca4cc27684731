"""Image-text models as judges: what is compared, what it comes to in a run, and who is believed.

No test here says how well a real model judges: no weights are at hand.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from fake_steps import InlineExecutor, weights
from in_process import HERE
from seeing import Colours, tiny_clip
from test_films import Brightening
from test_judging import CONFIG, TASK, Judging, episode, question

from autoreward.config import RunConfig, make_config
from autoreward.core.outcomes import Outcome
from autoreward.errors import CannotDraw, ConfigError, TaskError, UsageError
from autoreward.evaluation.judging import by_similarity, more_similar
from autoreward.judges import judge_called
from autoreward.judges.sides import Sides
from autoreward.loop import improve
from autoreward.records import JudgedTask, JudgeExam, Judgement, Judgements, Question, Run, Score
from autoreward.report.html import build_report
from autoreward.report.reading import RunView, read_run
from autoreward.report.rerun import again
from autoreward.search.study import Study
from autoreward.session.image_text_judge import ImageTextJudge, demand_looked, demand_seen, with_weights
from autoreward.session.judge_exam import similarity_lines, why_not_believed, with_words_of_today
from autoreward.store import trust
from autoreward.store.book import Book, Page
from autoreward.store.header import RunHeader
from autoreward.tasks.card import Task
from autoreward.tasks.tables import JudgeTable
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.jobs.records import WEIGHTS_FILE
from autoreward.worker.jobs.similarity import similarity
from autoreward.worker.jobs.similarity_record import Similarities, SimilarityJob

NAME = "image-text:/data/clip"
SEES = CONFIG.model_copy(update={"judge": NAME})


def test_its_weights_have_a_whole_path_and_nobody_is_asked_or_billed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = make_config({"judge": "openai:a,image-text:clip"})
    assert config.judge == f"openai:a,image-text:{tmp_path.resolve() / 'clip'}"
    assert config.models == {"judge": "openai:a"}
    assert config.image_text_judges == (f"image-text:{tmp_path.resolve() / 'clip'}",)
    assert make_config({"judge": config.judge}) == config
    assert make_config({"judge": "image-text:~/clip"}).judge == f"image-text:{Path.home().resolve() / 'clip'}"
    for wrong in ("image-text:", "image-text:clip,image-text:./clip"):
        with pytest.raises(ConfigError, match="judge"):
            make_config({"judge": wrong})


@pytest.mark.parametrize(
    ("a", "b", "answer"),
    [
        ((0.3, 0.3), (0.2, 0.2), "a"),
        ((0.2, 0.2), (0.3, 0.3), "b"),
        ((0.3, 0.3), (0.3, 0.3 + 1e-9), "tie"),
        ((0.1, 0.3), (0.0, 0.2), "tie"),  # standard errors of 0.1 each, of the difference 0.141
        ((0.3, 0.5), (0.0, 0.2), "a"),
        ((0.3,), (0.2,), "a"),
    ],
)
def test_a_difference_within_its_noise_is_a_tie(a: Sequence[float], b: Sequence[float], answer: str) -> None:
    assert more_similar(a, b) == answer


def seen(about: Question, a: float, b: float, by: str = NAME) -> Judgement:
    return Judgement(question=about, by=by, answer="tie", similarities=(a, b))


def test_of_a_candidate_the_mean_over_episodes_is_told_each_once() -> None:
    said = [
        seen(question(0), 0.1, 0.5),
        seen(question(1), 0.3, 0.5),
        seen(question(0, "r000c0", "r000c2"), 0.1, 0.7),
        seen(question(0), 0.9, 0.8, by="image-text:/data/other"),
        Judgement(question=question(2), by="openai:a", answer="a"),
    ]
    means = by_similarity(said)
    assert list(means) == [NAME, "image-text:/data/other"]
    assert means[NAME]["r000c0"] == (pytest.approx(0.2), pytest.approx(0.1), 2)
    assert means[NAME]["r000c0"].said == "0.2000 \u00b1 0.1000 in 2 episodes"
    assert means[NAME]["r000c2"].said == "0.7000 in 1 episode"
    scores = {
        f"{name}-s0": scored(name, success) for name, success in (("r000c0", 1.0), ("r000c1", 0.0), ("r000c2", 0.5))
    }
    assert similarity_lines(said[:3], scores) == [
        "  r000c2: similarity 0.7000 in 1 episode, success 0.50",
        "  r000c1: similarity 0.5000 \u00b1 0.0000 in 2 episodes, success 0.00",
        "  r000c0: similarity 0.2000 \u00b1 0.1000 in 2 episodes, success 1.00",
    ]
    assert similarity_lines(said[4:], scores) == []


def scored(name: str, success: float) -> Score:
    return Score(trial_id=f"{name}-s0", candidate_id=name, outcome=Outcome.COMPLETED, seed=0, steps=10, success=success,
                 progress=success, mean_success=success, mean_progress=success, episodes=(episode(False, success),))  # fmt: skip


class Reddening(Brightening):
    """Six steps from green to red."""

    def render(self) -> Any:
        return np.full((4, 8, 3), (0, 255, 0) if self.done < 6 else (255, 0, 0), np.uint8)


@pytest.fixture(scope="module")
def reddening() -> Iterator[tuple[Task, bytes]]:
    """A task in it, and a policy."""
    gymnasium.register("Reddening-v0", entry_point=Reddening, max_episode_steps=6, disable_env_checker=True)
    train = TASK.train.model_copy(update={"hyperparameters": {}})
    task = TASK.model_copy(update={"env": "Reddening-v0", "max_steps": None, "train": train})
    with ExitStack() as closing:
        venv = policies.normalised(task, make.vectorised(task, 1, seed=0))
        closing.callback(venv.close)
        yield task, policies.to_bytes(policies.blank(task, closing), venv)
    del gymnasium.registry["Reddening-v0"]


@pytest.mark.parametrize(
    ("words", "green", "red"),
    [
        (JudgeTable(goal="red"), 0.0, 1.0),
        (JudgeTable(goal="red", baseline="green", strength=1.0), 0.0, 1.0),
        (JudgeTable(goal="blue"), 0.0, 0.0),
        (JudgeTable(goal="blue", baseline="green", strength=1.0), 0.0, 0.75),
        (JudgeTable(goal="blue", baseline="green", strength=0.0), 0.0, 0.0),
    ],
)
def test_a_worker_looks_at_every_frame_by_the_words_of_the_card(
    reddening: tuple[Task, bytes], words: JudgeTable, green: float, red: float
) -> None:
    """Red - blue = (1, 0, -1) is (0, 1/2, -1/2) along blue - green: with strength 1 a gap of |.|^2 = 1/2 is left."""
    (task, policy), opened = reddening, list[str]()

    def encoder(folder: str) -> Colours:
        opened.append(folder)
        return Colours()

    with ExitStack() as closing:
        here = HERE._replace(closing=closing)
        job = SimilarityJob(task=task.model_copy(update={"judge": words}), folder="/data/clip", seed=0)
        whole, files = similarity(job, {WEIGHTS_FILE: policy}, here, encoder)
        start, _ = similarity(job.model_copy(update={"played": False}), {}, here, encoder)
    assert whole.frames == pytest.approx([green] * 6 + [red])
    assert start.frames == pytest.approx([green])
    assert files == {}
    assert opened == ["/data/clip"] * 2


class Lookers:
    """Workers that see how far the cars of a run drive, and count."""

    cores = 1

    def __init__(self, steps: Judging) -> None:
        self.steps, self.jobs = steps, list[SimilarityJob]()

    def similarity(self, job: SimilarityJob, policy: bytes = b"") -> Similarities:
        self.jobs.append(job)
        (far,) = (far for trial, far in self.steps.reached.items() if weights(trial) == policy)
        return Similarities(frames=(far, far))


class Looked(Judging):
    """Judged by an image-text model with the real rules of what is compared."""

    def __init__(self, book: Book) -> None:
        super().__init__()
        self.book, self.workers = book, Lookers(self)
        self.judge = ImageTextJudge(NAME, TASK, SEES, self.workers, InlineExecutor())  # type: ignore[arg-type]

    def compare(self, page: Page, batch: int, questions: Sequence[Question]) -> Judgements:
        return Judgements(items=self.judge.judgements(Sides(self.book.pages()), questions))


def looked(folder: Path) -> tuple[Run, Looked]:
    with Book.create(folder, RunHeader.of(TASK, SEES)) as book:
        steps = Looked(book)
        run = improve(Study(TASK, SEES, steps, book, lambda event: None))
        book.write("report.html", build_report(book, judge_called(NAME).note).encode())
    return run, steps


def test_who_looks_most_like_the_goal_wins_and_is_shown_beside_the_measurement(memory_folder: Path) -> None:
    run, steps = looked(memory_folder / "run")
    far = {name.partition("-")[0]: value for name, value in steps.reached.items()}
    reading = read_run(memory_folder / "run")
    compared = [strength.candidate_id for strength in reading.strengths.items]
    assert run.best == compared[0] == max(compared, key=far.__getitem__)
    assert {name: mean.value for name, mean in reading.similarities[NAME].items()} == pytest.approx(
        {name: far[name] for name in compared}
    )
    assert not any(judgement.contradicted for judgement in reading.judgements)
    asked = [(job.seed, job.folder) for job in steps.workers.jobs]
    sides = {(t, j.question.episode) for j in reading.judgements for t in (j.question.a_trial, j.question.b_trial)}
    assert len(asked) == len(sides), "every episode is looked at once"
    assert {folder for _, folder in asked} == {"/data/clip"}
    page = (memory_folder / "run" / "report.html").read_text()
    assert f'<th>candidate</th><th class="n">{NAME}</th>' in page
    assert reading.similarities[NAME][run.best].said in page
    assert f"{NAME} agrees with the rule" not in page, "no episode of these is told apart by the rule"


def test_the_weights_may_be_read_where_links_lead(tmp_path: Path) -> None:
    blob = tmp_path / "blobs" / "1234"
    blob.parent.mkdir()
    blob.write_bytes(b"")
    folder = tmp_path / "clip"
    folder.mkdir()
    (folder / "tokenizer_config.json").symlink_to(blob)
    read = with_weights(TASK, f"image-text:{folder}").process.read
    assert set(read) == {str(folder), str(blob.resolve())}
    assert TASK.process.read == ()


def test_what_can_not_be_drawn_is_refused_before_anything_trains() -> None:
    class Blind:
        def similarity(self, job: SimilarityJob) -> Similarities:
            assert not job.played
            raise CannotDraw("no screen was found")

    with pytest.raises(UsageError, match=r"goes by pictures, and mountain-car can't be drawn .*no screen was found"):
        demand_looked(TASK, SEES, NAME, Blind())  # type: ignore[arg-type]
    with pytest.raises(TaskError, match=r"/data/clip has no config.json"):
        demand_seen(TASK, SEES)
    demand_seen(TASK, CONFIG)


def exam(by: str, *agreed: float) -> JudgeExam:
    return JudgeExam(
        by=by, tasks=tuple(JudgedTask(task=f"t{i}", agreed=a, pairs=8) for i, a in enumerate(agreed)), by_place=0
    )


@pytest.mark.parametrize(
    ("tried", "why"),
    [
        (exam(NAME, 8.0, 8.0, 8.0), ""),
        (exam(NAME, 8.0), "tried on one task, and an image-text model needs 3"),
        (exam(NAME, 8.0, 8.0), "tried on 2 tasks"),
        (exam(NAME, 8.0, 8.0, 0.0), r"agrees with rules in 0\.67"),
        (exam("openai:a", 8.0), ""),
        (exam("openai:a", 5.0), r"agrees with rules in 0\.62"),
    ],
)
def test_one_that_looks_is_believed_after_three_tasks(tried: JudgeExam, why: str) -> None:
    said = why_not_believed(tried)
    assert re.search(why, said)
    assert bool(why) == bool(said)


def test_an_exam_goes_by_what_the_card_says_by_now(tmp_path: Path) -> None:
    words = JudgeTable(goal="a car beside a flag", baseline="a car in a valley")
    header = RunHeader.of(TASK.model_copy(update={"judge": words}), CONFIG)
    assert with_words_of_today(header).judge == TASK.judge, "the card that comes along says nothing"
    gone = RunHeader.of(header.task, CONFIG, str(tmp_path / "gone"))
    assert with_words_of_today(gone).judge == words
    other = RunHeader.of(header.task.model_copy(update={"env": "Acrobot-v1"}), CONFIG)
    assert with_words_of_today(other).judge == words, "a card of that name is of another environment by now"


def test_a_run_of_somebody_else_says_that_it_reads_the_folder() -> None:
    (power,) = trust.of_run(TASK, RunConfig(model="grammar", judge=NAME))
    assert power.what == "lets its environment read /data/clip (an image-text model)"


def test_the_command_that_makes_a_run_again_has_the_same_judge() -> None:
    header = RunHeader.of(TASK, RunConfig(model="grammar", judge=NAME, trust_the_judge=True))
    reading = RunView(Path("a"), header, (), (), (), None, (), (), (), (), (), (), ())
    assert f"--judge {NAME} --trust-the-judge" in again(reading)


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_real_run_is_judged_by_a_model_of_random_weights(tmp_path: Path) -> None:
    """Mechanics alone: what such a model prefers means nothing."""
    name = f"image-text:{tiny_clip(tmp_path / 'clip')}"
    short = (
        "--rounds 1 --candidates 3 --steps 15000 --finalist-seeds 0 --budget 4 --confirm-seeds 0 --episodes 8".split()
    )

    def autoreward(*words: str) -> subprocess.CompletedProcess[str]:
        settings = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
        whole = [sys.executable, "-m", "autoreward", *words, "--runs", str(tmp_path / "runs")]
        return subprocess.run(whole, capture_output=True, text=True, env=settings)

    run = ("run", "mountain-car", "--model", "grammar", "--judge", name, "--name", "first", *short)
    untried = autoreward(*run)
    assert untried.returncode == 2
    assert "nobody knows how well it judges" in untried.stderr
    made = autoreward(*run, "--trust-the-judge")
    assert made.returncode == 0, made.stderr
    reading = read_run(tmp_path / "runs" / "first")
    (means,) = reading.similarities.values()
    assert len({mean.value for mean in means.values()}) == len(means) > 1, "each looks unlike the others"
    assert "Similarity of the pictures with the goal" in (tmp_path / "runs" / "first" / "report.html").read_text()
    tried = autoreward("doctor", "--judge", name)
    assert tried.returncode == 0, tried.stderr
    assert "mountain-car: looks for 'Drive the car up" in tried.stdout
    assert "similarity" in tried.stdout
    assert "Too little to judge a run with --judge" in tried.stdout, "one task is too few, whatever it says of it"
