"""What joins the recorded episodes without training: the task's script, and exploits of earlier runs."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from batches import batch

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import TaskError
from autoreward.evaluation.hacking import EXPLOIT
from autoreward.records import (
    EXPLOITS,
    Candidate,
    Description,
    Diagnosis,
    Episode,
    ReferenceEpisode,
    Round,
    Score,
    Screened,
    Symptom,
    Verdict,
)
from autoreward.sandbox.jail import Jail
from autoreward.search.recorded import EACH, RECORDINGS, REMEMBERED, recorded, remember
from autoreward.session.real_steps import RealSteps
from autoreward.store.book import Book, RunHeader, WithFiles
from autoreward.store.keys import DESCRIPTION, DIAGNOSES, EARLIER_EXPLOITS, SCORES
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, parse_task
from autoreward.training.workers import Workers
from autoreward.worker.envs import make
from autoreward.worker.envs.flatten import layout_of
from autoreward.worker.jobs import reference_episodes
from autoreward.worker.scripts import ScriptPolicy

CONTINUOUS = find_task("mountain-car-continuous", (envs_folder(),))
TASK = find_task("mountain-car", (envs_folder(),))
EPISODE = Episode(
    success=False, length=5, terminated=False, reached=False, held=0.0, progress=0.3, metric=0.0, movement=1.0
)


def scripted(task: Task, script: str) -> list[object]:
    env = make.make_env(task)
    place = layout_of(env)
    told = Task.model_validate({**task.model_dump(), "script": script})
    policy = ScriptPolicy(told, place, env.action_space)
    made = policy.actions(np.array([[-0.5, 0.01], [-0.5, -0.01]], dtype=np.float32))
    env.close()
    return [np.asarray(action).tolist() for action in made]


@pytest.mark.parametrize(
    ("task", "script", "actions"),
    [
        (CONTINUOUS, "2.0 * (velocity >= 0.0) - 1.0", [[1.0], [-1.0]]),
        (CONTINUOUS, "1000 * velocity", [[1.0], [-1.0]]),
        (CONTINUOUS, "stack(velocity)", [[pytest.approx(0.01)], [pytest.approx(-0.01)]]),
        (TASK, "2 * (velocity >= 0)", [2, 0]),
        (TASK, "1", [1, 1]),
    ],
)
def test_a_script_is_a_policy(task: Task, script: str, actions: list[object]) -> None:
    assert scripted(task, script) == actions


@pytest.mark.parametrize("script", ["7", "stack(velocity, velocity)"])
def test_a_script_that_gives_no_action_is_said(script: str) -> None:
    with pytest.raises(TaskError, match="which is no action of"):
        scripted(TASK, script)


def test_a_script_takes_no_norm_over_the_steps() -> None:
    with pytest.raises(TaskError, match=r"norm\(position\)"):
        scripted(TASK, "norm(position)")


def test_a_script_speaks_of_fields_alone() -> None:
    card = (envs_folder() / "mountain-car" / "task.toml").read_text()
    with pytest.raises(TaskError, match="'speed', which is not a field"):
        parse_task('script = "2 * (speed >= 0)"\n' + card, Path("x/task.toml"))
    with pytest.raises(TaskError, match="'step', which is not a field"):
        parse_task('script = "step"\n' + card, Path("x/task.toml"))


def test_scripted_episodes_are_judged_like_all_others() -> None:
    short = CONTINUOUS.model_copy(update={"max_steps": 400})
    venv = make.vectorised(short, 1, seed=0)
    _, found, _ = reference_episodes.reference_episodes(short, venv, 0, b"")
    venv.close()
    own = [p.episode.success for p in found if p.kind == "scripted"]
    assert own == [True] * reference_episodes.SCRIPTED
    assert not any(p.episode.success for p in found if p.kind == "random")


def a_run(
    runs: Path,
    name: str,
    task: Task = TASK,
    exploiting: bool = True,
    episodes: int = EACH + 2,
    scores: int = 1,
    leg: str = "",
) -> None:
    """A run in which r000c0 was exploited, or was not; on several seeds, or in several legs."""
    with Book.create(runs / name, RunHeader.of(task, RunConfig())) as book:
        page = book.page(0)
        symptoms = (Symptom(name=EXPLOIT, severity=0.9, evidence="e", advice="a"),) if exploiting else ()
        page.once(DIAGNOSES.of("r000c0"), lambda: Diagnosis(candidate_id="r000c0", symptoms=symptoms))
        for i in range(scores):
            trial_id = f"r000c0-s0{leg.format(i)}" if leg else f"r000c0-s{i}"
            score = Score(
                trial_id=trial_id,
                steps=i,
                candidate_id="r000c0",
                outcome=Outcome.COMPLETED,
                episodes=(EPISODE,) * episodes,
            )
            made = WithFiles(score, {"episodes.npz": batch(5, episodes).to_bytes()})
            page.once(SCORES.of(trial_id), lambda made=made: made)  # type: ignore[misc]


def test_exploits_of_earlier_runs_of_the_same_task_are_remembered(tmp_path: Path) -> None:
    a_run(tmp_path, "early")
    a_run(tmp_path, "honest", exploiting=False)
    a_run(tmp_path, "another-task", task=CONTINUOUS)
    a_run(tmp_path, "own")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    known, files = remember(tmp_path, "own", TASK)
    assert known.runs == ("early",)
    assert [p.kind for p in known.episodes] == ["exploit early/r000c0-s0"] * EACH
    assert list(files) == [EXPLOITS]


def test_a_changed_budget_or_goal_is_the_same_task_and_a_changed_rule_is_not(tmp_path: Path) -> None:
    a_run(tmp_path, "early")
    told_otherwise = TASK.model_copy(update={"goal": "Up!"})
    assert remember(tmp_path, "own", told_otherwise).record.runs == ("early",)
    rule = TASK.success.model_copy(update={"when": "position >= 0.1"})
    assert remember(tmp_path, "own", TASK.model_copy(update={"success": rule})).record.runs == ()


@pytest.mark.parametrize("change", [{"terminates": False}, {"max_steps": 77}, {"constants": {}}])
def test_another_end_or_constant_is_another_task(tmp_path: Path, change: dict[str, object]) -> None:
    assert TASK.constants
    a_run(tmp_path, "early")
    assert remember(tmp_path, "own", TASK.model_copy(update=change)).record.runs == ()


def test_the_latest_runs_come_first_whatever_they_are_called_and_there_is_an_end(memory_folder: Path) -> None:
    for hour, name in enumerate(("zebra", "mine", "20260103")):
        a_run(memory_folder, name, episodes=1, scores=REMEMBERED - 2)
        os.utime(memory_folder / name / "run.json", (hour * 3600, hour * 3600))
    known, _ = remember(memory_folder, "own", TASK)
    assert known.runs == ("20260103", "mine")
    assert len(known.episodes) == REMEMBERED


def test_the_legs_of_a_training_are_one_exploit(tmp_path: Path) -> None:
    a_run(tmp_path, "early", episodes=1, scores=3, leg="-leg{}")
    known, _ = remember(tmp_path, "own", TASK)
    assert [p.kind for p in known.episodes] == ["exploit early/r000c0-s0-leg2"]


@pytest.mark.parametrize("kept", [0, 10, 300])
def test_a_run_with_a_torn_recording_is_passed_over(tmp_path: Path, kept: int) -> None:
    a_run(tmp_path, "early")
    a_run(tmp_path, "torn")
    path = tmp_path / "torn" / "rounds" / "000" / "scores" / "r000c0-s0" / "episodes.npz"
    path.write_bytes(path.read_bytes()[:kept])
    assert remember(tmp_path, "own", TASK).record.runs == ("early",)


def test_an_exploit_stays_in_the_pool_however_many_policies_are_scored_later(memory_folder: Path) -> None:
    later = RECORDINGS + 3
    scores = [
        Score(trial_id=f"r00{min(i, 1)}c{i}-s0", candidate_id=f"c{i}", outcome=Outcome.COMPLETED, episodes=(EPISODE,))
        for i in range(later + 1)
    ]
    hack = Diagnosis(candidate_id="c0", symptoms=(Symptom(name=EXPLOIT, severity=0.9, evidence="e", advice="a"),))
    with Book.create(memory_folder / "own", RunHeader.of(TASK, RunConfig())) as book:
        nothing = Description(state=(), action=(), max_steps=5, terminates=True, random_length=5)
        book.once(DESCRIPTION, lambda: nothing)
        for i, score in enumerate(scores):
            made = WithFiles(score, {"episodes.npz": batch(5, 1).to_bytes()})
            book.page(min(i, 1)).once(SCORES.of(score.trial_id), lambda made=made: made)  # type: ignore[misc]
        found = recorded(book, (a_round(0, scores[:1], (hack,)), a_round(1, scores[1:], ())))
    assert found is not None
    kinds = [p.kind for p in found.episodes]
    assert kinds[0] == "exploit r000c0-s0"
    assert kinds[1:] == [s.trial_id for s in scores[-RECORDINGS:]]


def a_round(number: int, scores: Sequence[Score], diagnoses: tuple[Diagnosis, ...]) -> Round:
    return Round(number=number, candidates=(), verdicts=(), screened=Screened(order=()), trials=(), scores=tuple(scores),
                 diagnoses=diagnoses)  # fmt: skip


def test_what_is_remembered_is_in_the_pool(tmp_path: Path) -> None:
    a_run(tmp_path, "early", episodes=3)
    with Book.create(tmp_path / "own", RunHeader.of(TASK, RunConfig())) as book:
        nothing = Description(state=(), action=(), max_steps=5, terminates=True, random_length=5)
        book.once(DESCRIPTION, lambda: nothing)
        assert recorded(book, ()) is None
        book.once(EARLIER_EXPLOITS, lambda: remember(tmp_path, "own", TASK))
        found = recorded(book, ())
    assert found is not None
    assert found.size == 15
    assert {p.kind for p in found.episodes} == {"exploit early/r000c0-s0"}


def a_candidate(identity: str, body: str) -> tuple[Candidate, Verdict]:
    source = f"def compute_reward(state, action, next_state, memory):\n    return {{{body}}}\n"
    made = Candidate(id=identity, source=source, thought="", origin="model", how="fresh")
    return made, Verdict(candidate_id=identity, accepted=True, outcome=Outcome.COMPLETED)


def test_a_round_is_screened_by_its_crew(memory_folder: Path, jail: Jail) -> None:
    """What fails is in the order; a duplicate is one of what was scored, and of nothing else."""
    episodes = tuple(ReferenceEpisode(kind="random", episode=EPISODE) for _ in range(8))
    won = ReferenceEpisode(kind="demo", episode=EPISODE.model_copy(update={"success": True, "progress": 1.0}))
    told = Description(
        state=(), action=(), max_steps=10, terminates=True, random_length=10, reference_episodes=(*episodes, won)
    )  # fmt: skip
    files = {"reference_episodes.npz": batch(10, 9).to_bytes()}
    x, v = '"a": next_state.x', '"a": next_state.v[:, 0]'
    first = [a_candidate("r000c0", x), a_candidate("r000c1", v)]
    score = Score(trial_id="r000c0-s0", candidate_id="r000c0", outcome=Outcome.COMPLETED)
    candidates, verdicts = zip(*first, strict=True)
    before = a_round(0, [score], ()).model_copy(update={"candidates": candidates, "verdicts": verdicts})
    made, checked = zip(
        *[a_candidate("fails", '"a": 1 / (next_state.step - 3)'), a_candidate("old", x), a_candidate("new", v)],
        strict=True,
    )
    with Book.create(memory_folder / "own", RunHeader.of(TASK, RunConfig())) as book, Workers(jail) as workers:
        book.once(DESCRIPTION, lambda: WithFiles(told, files))
        steps = RealSteps(TASK, RunConfig(), book, workers, print, None)
        found = steps.screen(made, checked, (before,))
    assert found.order == ("new", "fails")
    (why,) = next(i.screens for i in found.items if i.candidate_id == "fails")
    assert why.evidence == "the program fails on the recorded episodes: part 'a' became inf at step 3 of an episode"
    rejected = {i.candidate_id: [s.name for s in i.screens if s.decision == "rejected"] for i in found.items}
    assert rejected == {"old": ["duplicate"], "new": [], "fails": []}
