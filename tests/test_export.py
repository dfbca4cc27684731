"""What people take away gives the same numbers, and the same policy, as the run did."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from exports import load, unproven, written
from fake_steps import FakeSteps
from typer.testing import CliRunner

from autoreward.cli import app
from autoreward.cli.export import install_path, write_whole
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import UsageError
from autoreward.export.best import kept_files
from autoreward.export.build import packaging, reward_files
from autoreward.export.verify import Batch, prove
from autoreward.loop import improve, measure
from autoreward.records import Candidate, Score, Trial, TrialId, TrialJob, Verdict
from autoreward.report.reading import read_run
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.sandbox.jail import Jail
from autoreward.search.halving import leg, search_job
from autoreward.search.study import Study
from autoreward.session.reward_file import given_settings, read_program
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, task_names
from autoreward.worker.envs import make
from autoreward.worker.rollout.recorder import Recorder

STEPS = 10_000
MOUNTAIN = find_task("mountain-car", (envs_folder(),))
INSTALLED = [n for n in sorted(task_names((envs_folder(),))) if not n.startswith(("metaworld", "fetch"))]

ON_EVERY_CHANGE = ("doorkey-6x6", "lunar-lander", "mountain-car", "pendulum", "reacher")
"""One of each kind of environment; the others take their turn at night."""


def program(task: Task, memory: bool) -> str:
    """A program that reads every field, so that a wrong one shows."""
    state = " + ".join(f"flat(next_state.{n}) - 0.5 * flat(state.{n})" for n in task.state)
    action = " + ".join(f"flat(action.{n})" for n in task.action)
    lines = [
        "def flat(values):",
        "    return values.sum(axis=-1) if values.ndim == 2 else 1.0 * values",
        "def compute_reward(state, action, next_state, memory):",
        f"    main = {state}",
        f"    effort = {action}",
    ]
    if memory:
        lines += [
            '    best = np.maximum(memory.get("best", main), main)',
            '    memory["best"] = best',
            "    main = best",
        ]
    lines += ['    return {"main": main, "phi": 0.1 * flat(next_state.' + next(iter(task.state)) + "),"]
    lines += ['            "effort": 0.1 * effort, "end": 1.0 * next_state.terminated + 0.01 * next_state.step}']
    return "\n".join(lines) + "\n"


def test_exported_fields_may_hold_comparisons(tmp_path: Path) -> None:
    sources = {"position": "(obs[0] > 0.5) * obs[1]", "velocity": "not (0 < obs[0] < 1 or obs[1] < 0)"}
    state = {n: MOUNTAIN.state[n].model_copy(update={"source": text}) for n, text in sources.items()}
    task = MOUNTAIN.model_copy(update={"state": state})
    source = "def compute_reward(state, action, next_state, memory):\n    return {'x': next_state.position}\n"
    module = load(tmp_path, reward_files(task, written(source)))
    for observation in ([0.7, 3.0], [0.2, 3.0], [0.2, -3.0], [-1.0, 2.0]):
        found = module._state({"obs": np.array([observation])})
        for name, formula in task.state_sources.items():
            expected = formula.evaluate({"obs": np.array([observation])})
            assert found[name].tolist() == expected.tolist(), (name, observation)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Box2D's binding warns while it is imported, and dies if that is an error
@pytest.mark.parametrize(
    "name", [name if name in ON_EVERY_CHANGE else pytest.param(name, marks=pytest.mark.nightly) for name in INSTALLED]
)
def test_the_exported_reward_equals_the_training_reward(name: str, jail: Jail, tmp_path: Path) -> None:
    """10,000 transitions of random actions, to the bit; the compositions and memory take turns over the tasks."""
    task = find_task(name, (envs_folder(),))
    number = INSTALLED.index(name)
    composition = list(COMPOSITIONS)[number % len(COMPOSITIONS)]
    source = program(task, memory=number % 2 == 1)
    gamma = float(task.train.hyperparameters["gamma"])

    recorder = Recorder(make.vectorised(task, 1, seed=5), task)
    recorder.action_space.seed(7)
    recorder.reset()
    actions = [recorder.action_space.sample() for _ in range(STEPS)]
    for action in actions:
        recorder.step(np.stack([action]))
    recorded = recorder.take().transitions
    with jail.open(source) as room:
        parts = room.client.evaluate(recorded, stepped="memory[" in source)
    winner = written(source, composition, 'A "thought".')
    expected = COMPOSITIONS[composition].start(1, gamma, winner.setup)(parts, recorded)[:, 0]

    files = reward_files(task, winner)
    proof = prove(jail, winner, files, [Batch("episodes", recorded)], gamma)
    assert (proof.rows, proof.largest) == (STEPS, 0.0), "to the bit"
    module = load(tmp_path, files)
    given: dict[str, Any] = dict(task.kwargs) | ({"max_episode_steps": task.max_steps} if task.max_steps else {})
    env = module.AutoReward(gymnasium.make(task.env, **given))
    env.reset(seed=5)
    found = []
    for action in actions:
        _, reward, terminated, truncated, info = env.step(action)
        found.append(reward)
        assert set(info["reward_parts"]) == {"main", "phi", "effort", "end"}
        if terminated or truncated:
            env.reset()
    assert np.abs(np.array(found) - expected).max() <= 1e-9, "one row at a time"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_exported_folder_trains_the_same_policy_and_installs(tmp_path: Path) -> None:
    from stable_baselines3 import PPO

    settings = "--candidates 2 --rounds 1 --steps 8192 --finalist-seeds 0 --confirm-seeds 1 --model grammar --name r"
    run = [sys.executable, "-m", "autoreward", "run", "mountain-car", "--runs", str(tmp_path), *settings.split()]
    subprocess.run(run, check=True, capture_output=True)
    out = tmp_path / "out"
    export = [sys.executable, "-m", "autoreward", "export", str(tmp_path / "r"), "--to"]
    subprocess.run([*export, str(out)], check=True)
    subprocess.run([sys.executable, "train.py"], cwd=out, check=True, capture_output=True)
    one, other = (PPO.load(out / n, device="cpu").policy.state_dict() for n in ("policy.zip", "policy-again.zip"))
    assert all((one[k] == other[k]).all() for k in one), "bit for bit"
    card = (out / "card.md").read_text()
    assert "is the best of these trainings" in card
    assert "onnx" not in card
    subprocess.run([*export, str(tmp_path / "more"), "--onnx"], check=True)
    assert {p.name for p in (tmp_path / "more").iterdir()} - {p.name for p in out.iterdir()} == {"policy.onnx"}
    assert (tmp_path / "more" / "card.md").read_text().startswith(card)
    assert "\n- `policy.onnx`: " in (tmp_path / "more" / "card.md").read_text()


def test_the_folder_is_a_package() -> None:
    import tomllib

    made = tomllib.loads(packaging(find_task("reacher", (envs_folder(),))))
    assert made["project"]["name"] == "reacher-reward"
    assert made["project"]["dependencies"] == ["numpy"]


def test_the_program_in_an_exported_file_is_the_one_that_was_put_in(tmp_path: Path) -> None:
    head = "def compute_reward(state, action, next_state, memory):"
    source = f"WAY = 2.0  # m\n\n\n{head}\n    return {{'x': WAY * next_state.position}}\n"
    task = find_task("mountain-car", (envs_folder(),))
    winner = Candidate(id="c", source=source, thought="", origin="grammar", how="fresh")
    path = tmp_path / "reward.py"
    load(tmp_path, reward_files(task, winner))
    assert read_program(path).source == source
    path.write_text(source)
    assert read_program(path).source == source, "a file of one's own is taken as it is"


@pytest.mark.parametrize("kind", ["fifo", "device", "endless"])
def test_a_program_beside_a_reward_that_is_no_small_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    task = find_task("mountain-car", (envs_folder(),))
    winner = Candidate(id="c", source="x = 1\n", thought="", origin="grammar", how="fresh")
    for name, text in reward_files(task, winner).items():
        (tmp_path / name).write_text(text)
    program = tmp_path / "program.py"
    program.unlink()
    if kind == "fifo":
        os.mkfifo(program)
    elif kind == "device":
        program.symlink_to("/dev/zero")
    else:
        with program.open("wb") as file:
            file.truncate(1 << 40)
    with pytest.raises(UsageError, match=r"program\.py can't be read: it (is no plain file|has more than)"):
        read_program(tmp_path / "reward.py")


def test_an_exported_reward_comes_back_with_its_composition(tmp_path: Path) -> None:
    task = find_task("mountain-car", (envs_folder(),))
    path = tmp_path / "reward.py"
    head = "COMPOSITION = 3.0\n\n\ndef compute_reward(state, action, next_state, memory):"
    source = f"{head}\n    return {{'x': next_state.position}}\n"
    for composition in COMPOSITIONS:
        winner = Candidate(id="c", source=source, thought="", origin="model", how="fresh", composition=composition)
        load(tmp_path, reward_files(task, winner))
        assert read_program(path).composition == read_program(path, composition).composition == composition
    with pytest.raises(UsageError, match=f"says COMPOSITION = '{[*COMPOSITIONS][-1]}', not composition='sum': leave"):
        read_program(path, "sum")


def test_a_file_of_ones_own_may_say_its_composition(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def compute_reward(state, action, next_state, memory):\n    return {}\n")
    assert [read_program(path, c).composition for c in (None, "sign")] == ["sum", "sign"]
    path.write_text("COMPOSITION = 'product'  # of all\n" + path.read_text())
    assert read_program(path).composition == "product"
    path.write_text(path.read_text().replace("product", "mean"))
    with pytest.raises(UsageError, match="COMPOSITION = 'mean': write one of sum, bounded"):
        read_program(path)


@pytest.mark.parametrize(
    ("file", "identity"),
    [
        ("two-legs.py", "two_legs"),
        ("native-v2.py", "native_v2"),
        ("native.py", "native_reward"),
        ("sparse.py", "sparse_reward"),
        ("none.py", "none_reward"),
        ("a-s1-leg2.py", "a_s1_leg2"),
        ("my reward (2).py", "my_reward__2_"),
        ("größe.v2.py", "gr__e_v2"),
        ("x" * 200 + ".py", "x" * 60),
    ],
)
def test_a_file_may_have_any_name(file: str, identity: str, tmp_path: Path) -> None:
    """Its candidate's id is read back from the ids of its trainings."""
    path = tmp_path / file
    path.write_text("def compute_reward(state, action, next_state, memory):\n    return {}\n")
    made = read_program(path)
    assert made.id == identity
    task = find_task("mountain-car", (envs_folder(),))
    verdict = Verdict(candidate_id=made.id, accepted=True, outcome=Outcome.COMPLETED)
    job = search_job(RunConfig(), task, made, verdict)
    for one in (job, leg(job, 2, 0, 100)):
        assert TrialId.parse(one.id)[:2] == (identity, 0)


def test_ids_of_candidates_hold_no_hyphen() -> None:
    with pytest.raises(ValueError, match="pattern"):
        Candidate(id="two-legs", source="", thought="", origin="human", how="given")


def test_what_train_is_given() -> None:
    assert given_settings("native", 3, MOUNTAIN) == {"given": "native", "confirm_seeds": 3}
    with pytest.raises(UsageError, match="The reward native has no parts to combine"):
        given_settings("native", 3, MOUNTAIN, "sum")
    with pytest.raises(UsageError, match="composition='mean': write one of sum"):
        given_settings("reward.py", 3, MOUNTAIN, "mean")


def test_an_export_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"out can't be written: .*\. Choose another folder with --to\."):
        write_whole({"reward.py": b"", "no/folder": b""}, tmp_path / "out")
    assert not list(tmp_path.iterdir())
    write_whole({"reward.py": b"x"}, tmp_path / "new" / "out")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["out"]
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't be written: File exists"):
        write_whole({}, tmp_path / "file" / "out")


def finished(folder: Path, config: RunConfig, steps: FakeSteps) -> Path:
    """A run of fake steps, with its best/."""
    with Book.create(folder, RunHeader.of(MOUNTAIN, config)) as book:
        play = measure if config.given else improve
        play(Study(MOUNTAIN, config, steps, book, lambda event: None))
        kept = kept_files(book, read_run(folder), lambda task, weights: {"policy.zip": b""}, unproven)
        for name, data in kept.files.items():
            book.write(f"best/{name}", data)
    return folder


def exported(run: Path, to: Path, *options: str) -> str:
    done = CliRunner().invoke(app, ["export", str(run), "--to", str(to), *options])
    return done.output if done.exit_code == 0 else str(done.exception)


def test_what_is_said_of_an_export_is_what_is_in_it(memory_folder: Path) -> None:
    native = finished(memory_folder / "native", RunConfig(given="native", confirm_seeds=1), FakeSteps())
    said = exported(native, memory_folder / "a")
    assert "import AutoReward" not in said
    assert f"PPO.load('{memory_folder}/a/policy.zip') of stable_baselines3" in said
    searched = finished(memory_folder / "searched", RunConfig(rounds=1, candidates=3, confirm_seeds=1), FakeSteps())
    assert "from reward import AutoReward" in exported(searched, memory_folder / "b")
    told = json.loads(exported(searched, memory_folder / "d", "--json"))
    assert (told["kind"], told["folder"]) == ("Exported", str(memory_folder / "d"))
    assert told["files"] == sorted(path.name for path in (memory_folder / "d").iterdir())
    lost = finished(
        memory_folder / "lost", RunConfig(given="native", confirm_seeds=1), FakeSteps(fail=lambda job: Outcome.CRASHED)
    )
    assert "has nothing to keep. It could not be trained: native-s0 crashed" in exported(lost, memory_folder / "c")


def test_a_card_tells_of_failures_and_names_what_is_there(memory_folder: Path) -> None:
    def fail(job: TrialJob) -> Outcome:
        return Outcome.RAISED if "leg" not in job.id and job.id.endswith("-s0") else Outcome.COMPLETED

    class Lost(FakeSteps):
        def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
            made = super().score(page, trial, purpose)
            return WithFiles(made.record.model_copy(update={"success": 0.0, "mean_success": 0.0}), made.files)

    some = finished(memory_folder / "some", RunConfig(rounds=1, candidates=3, confirm_seeds=2), FakeSteps(fail=fail))
    card = (some / "best" / "card.md").read_text()
    assert "-s0 raised: " in card
    assert "none was found" not in card
    assert "`policy.zip`" in card
    none = finished(memory_folder / "none", RunConfig(rounds=1, candidates=3, confirm_seeds=1), FakeSteps(fail=fail))
    card = (none / "best" / "card.md").read_text()
    assert "`policy.zip`" not in card
    assert "`train.py`" not in card
    for seeds in (0, 1):
        config = RunConfig(rounds=1, candidates=3, confirm_seeds=seeds)
        card = (finished(memory_folder / f"lost{seeds}", config, Lost()) / "best" / "card.md").read_text()
        assert "- its kept policies reached the goal in no held-out episode" in card
        assert ("the interval above" in card) == (seeds == 1)


def test_the_command_to_install_a_folder_names_a_path() -> None:
    """`pip install NAME` would look for a package of that name elsewhere."""
    assert install_path(Path("mountain-car-reward")) == "./mountain-car-reward"
    assert install_path(Path("/abs/out")) == "/abs/out"
